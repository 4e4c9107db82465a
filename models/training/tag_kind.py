"""Kinds of tags that a model predicts: how each is trained."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from tagcast.models.definitions.model_tag import TagDefinition
from tagcast.models.training import amount, binary
from tagcast.models.training.dataset import TrainingFrame
from tagcast.models.training.result import AnyResult
from tagcast.models.training.splits import Split


@dataclass(frozen=True)
class TagKind:
    """One kind of tag.

    Parameters
    ----------
    train : callable
        As :func:`train`, for definitions of this kind.
    default_trials : int
        LightGBM settings to try where nobody asks for another number.
    """

    train: Callable[..., AnyResult]
    default_trials: int


TAG_KINDS: dict[str, TagKind] = {
    "model": TagKind(binary.train_tag, binary.DEFAULT_TRIALS),
    "amount": TagKind(amount.train_amount, amount.DEFAULT_TRIALS),
}
"""By :attr:`tagcast.models.definitions.model_tag.TagDefinition.kind`."""


def kind_of(definition: TagDefinition) -> TagKind:
    """Return the kind of a definition."""
    return TAG_KINDS[definition.kind]


def train(
    definition: TagDefinition,
    frame: TrainingFrame,
    split: Split,
    *,
    feature_set: str,
    trials: int | None = None,
    **search: Any,
) -> AnyResult:
    """Choose, fit, calibrate and measure one tag of any kind.

    Parameters
    ----------
    definition : TagDefinition
    frame : TrainingFrame
        Rows of every snapshot of ``split``.
    split : Split
    feature_set : str
        Kept with the model, so that scoring builds the same features.
    trials : int, optional
        LightGBM settings to try; default: :attr:`TagKind.default_trials`.
    **search
        ``seed``, ``timeout_s``, ``threads``, ``storage``, ``progress``: :func:`tagcast.models.training.binary.train_tag`.

    Raises
    ------
    ModelError
        Before any work, when there are too few cases to learn from or to measure on.
    """
    kind = kind_of(definition)
    asked = kind.default_trials if trials is None else trials
    return kind.train(definition, frame, split, feature_set=feature_set, trials=asked, **search)

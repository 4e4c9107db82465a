"""What training one tag gives: the model and all that is known about its quality."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from typing import Any, Generic, NamedTuple, TypeVar

import numpy as np

from tagcast.features.core.messages import Text
from tagcast.models.artifacts.amount_model import AmountModel
from tagcast.models.artifacts.binary_model import TagModel
from tagcast.models.artifacts.trained_model import TrainedModel
from tagcast.models.decisions.cases import Cases, Floats, TierCases
from tagcast.models.estimators.blend import Scorer
from tagcast.models.estimators.search import Trial
from tagcast.models.stats.metrics import Estimate
from tagcast.models.training.splits import Split


@dataclass(frozen=True)
class Choice:
    """The chosen recipe and what spoke for it.

    Parameters
    ----------
    recipe : Recipe or AmountRecipe
    name : str
        Of the winning candidate.
    losses : dict of str to float
        Mean validation loss of each candidate, uncalibrated (log loss, of an amount RMSE); empty where too few cases
        let a reference stand in.
    trials : tuple of Trial
        What was tried for the forest, in order.
    notes : tuple of Message or str
        Why, for people.
    fitted : tuple of Scorer
        The recipe fitted on what each fold learns from, where the choice took that to know.
    """

    recipe: Any
    name: str
    losses: Mapping[str, float]
    trials: tuple[Trial, ...]
    notes: tuple[Text, ...]
    fitted: tuple[Scorer, ...] = ()


@dataclass(frozen=True)
class TestScores(Cases):
    """The test snapshot of a yes or no.

    ``threshold`` is the score from which the tag says yes as far as it was known before the test snapshot; None
    where the snapshot's own scores decide.
    """

    __test__ = False  # no test class, whatever pytest makes of the name

    threshold: float | None


AmountTest = TierCases
"""The test snapshot of an amount."""


class Reference(NamedTuple):
    """What a model has to beat: what people call it, and its scores of the test snapshot, shape (n,)."""

    title: Text
    score: Floats


Measured = Mapping[str, Mapping[str, Estimate]]
"""By whose they are and by metric."""
AnyScores = TypeVar("AnyScores", TestScores, AmountTest)
Model = TypeVar("Model", bound=TrainedModel)
Tested = TypeVar("Tested")
HeldOut = TypeVar("HeldOut")


def joined(parts: Sequence[AnyScores]) -> AnyScores:
    """Return the rows of several test snapshots in one; what is no array is that of the first."""
    first = parts[0]
    arrays = [f.name for f in fields(first) if isinstance(getattr(first, f.name), np.ndarray)]
    whole: dict[str, Any] = {name: np.concatenate([getattr(p, name) for p in parts]) for name in arrays}
    return replace(first, **whole)


@dataclass(frozen=True)
class Trained(Generic[Model, Tested, HeldOut]):
    """A trained tag and all that is known about its quality.

    Parameters
    ----------
    model : TrainedModel
        Fitted on all snapshots.
    split : Split
    candidates, chosen, trials
        As of :class:`Choice`: losses, name and trials.
    references : dict of str to Message or str
        What the model has to beat, by the names of ``test``, and what people call it.
    best_params : dict
        Of the chosen candidate.
    test : dict of str to dict of str to Estimate
        ``tagcast`` and each of ``references``: metrics on the test snapshot.
    differences : dict of str to dict of str to Estimate
        By reference: tagcast minus it, over the same resamples.
    test_scores : TestScores or AmountTest
    held_out_scores : Cases or TierCases
        The out-of-time cases behind the model's calibration, scored by its final tables.
    cases : dict of str to int
        ``train_yes``, ``train_no`` (before the test snapshot), ``test_yes``, ``test_no``: outcomes that are true, of
        an amount profiles with any spend, and the others.
    notes : tuple of Message or str
        What a reader of the figures should know.
    out_of_time : bool
        Whether the parts were chosen, and the test scores calibrated, on snapshots after those learned from;
        else groups of profiles stood in.
    seconds : float
        How long it took: for the record alone.
    """

    model: Model
    split: Split
    candidates: Mapping[str, float]
    chosen: str
    references: Mapping[str, Text]
    best_params: Mapping[str, Any]
    trials: tuple[Trial, ...]
    test: Measured
    differences: Measured
    test_scores: Tested
    held_out_scores: HeldOut
    cases: Mapping[str, int]
    notes: tuple[Text, ...]
    out_of_time: bool = True
    seconds: float = field(default=0.0, compare=False, repr=False)


TrainingResult = Trained[TagModel, TestScores, Cases]
AmountResult = Trained[AmountModel, AmountTest, TierCases]
AnyResult = Trained[Any, Any, Any]
"""A training of any kind of tag."""

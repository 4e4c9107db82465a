"""Read a model whatever it predicts."""

from __future__ import annotations

from pathlib import Path

from tagcast.models.artifacts import files as bundle_files
from tagcast.models.artifacts.amount_model import AmountModel
from tagcast.models.artifacts.binary_model import TagModel
from tagcast.models.artifacts.files import ReadFiles
from tagcast.models.artifacts.trained_model import TrainedModel
from tagcast.models.artifacts.uplift_model import UpliftModel
from tagcast.models.definitions.model_tag import TagDefinition

MODELS: dict[str, type[TrainedModel]] = {model.kind: model for model in (TagModel, AmountModel, UpliftModel)}
"""By kind of the definition, which the bundle holds."""


def load_bundle(folder: Path) -> TrainedModel:
    """Return the model in ``folder``, of the class that goes with the kind of its definition.

    Raises
    ------
    ModelError
        When a file is missing, malformed or not the one that was saved; it is named.
    """
    return bundle_files.read(folder, _of_kind)


def _of_kind(files: ReadFiles) -> TrainedModel:
    kind = TagDefinition.model_validate(files.model["definition"]).kind
    return MODELS[kind].of_files(files)

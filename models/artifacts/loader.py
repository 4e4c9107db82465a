"""Read a model whatever it predicts."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from tagcast.models.artifacts import files as bundle_files
from tagcast.models.artifacts.amount_model import AmountModel
from tagcast.models.artifacts.binary_model import TagModel


def load_bundle(folder: Path) -> TagModel | AmountModel:
    """Return the model in ``folder``: an :class:`AmountModel` for an amount, else a :class:`TagModel`.

    Raises
    ------
    ModelError
        When a file is missing, malformed or not the one that was saved; it is named.
    """
    model: type[TagModel] | type[AmountModel] = bundle_files.read(folder, _kind)
    return model.load(folder)


def _kind(data: dict[str, Any], _calibration: Any, _forest: str | None) -> type[TagModel] | type[AmountModel]:
    return AmountModel if data["definition"]["outcome"]["kind"] == "amount" else TagModel

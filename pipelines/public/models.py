"""Models at the public door: read back from their files."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tagcast.models.artifacts.trained_model import TrainedModel


def load_model_bundle(folder: str | Path) -> TrainedModel:
    """Read the model of a version from its files; stored MLflow models call this, and nothing else of tagcast.

    Parameters
    ----------
    folder : str or Path
        The version's ``bundle``.

    Returns
    -------
    TrainedModel
        Of either kind: ``features``, ``predict``, ``contributions``.

    Raises
    ------
    ModelError
        When a file is missing, malformed or not the one that was saved; it is named.
    """
    from tagcast.models.artifacts.loader import load_bundle

    return load_bundle(Path(folder))

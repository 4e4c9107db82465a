"""Rivals' test scores, kept by what they were made from: a change of tagcast alone trains no rival again.

The key is the rows (``TaskData.digest``), the rival's name, code and seconds, and the versions of the libraries
it uses.
"""

from __future__ import annotations

import hashlib
from importlib.metadata import version
from pathlib import Path

import numpy as np

from benchmarks.quality.rivals import models as rivals
from benchmarks.quality.rivals.models import Floats
from benchmarks.quality.tasks import TaskData

LIBRARIES = {
    "flaml": ("flaml", "lightgbm", "scikit-learn", "xgboost-cpu"),
    "bgnbd": ("lifetimes",),
    "logistic": ("scikit-learn",),
    "lightgbm": ("lightgbm",),
    "lightgbm_tuned": ("lightgbm", "optuna"),
}
"""What each rival's scores depend on besides the code here."""


class Cache:
    """Scores under ``folder``.

    Parameters
    ----------
    folder : Path
        Made when first written to; removing it forgets everything.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def scores(self, data: TaskData, name: str, *, seconds: int = 0) -> Floats | None:
        """Return the test scores of one rival, computed where they are not kept; None where it does not apply.

        Parameters
        ----------
        data : TaskData
        name : str
            Of ``rivals.NAMES``.
        seconds : int
            FLAML's budget; of no concern to others.
        """
        if name == "three_voice":
            return rivals.three_voice(
                {v: self.scores(data, v) for v in ("logistic", "lightgbm_tuned", "bgnbd")}
            )
        key = _key(data, name, seconds)
        file = self.folder / f"{name}-{key}.npy"
        if file.is_file():
            kept = np.load(file)
            return kept if len(kept) else None
        found = rivals.flaml(data, seconds) if name == "flaml" else rivals.SINGLE[name](data)
        self.folder.mkdir(parents=True, exist_ok=True)
        aside = file.with_suffix(".part.npy")
        np.save(aside, np.empty(0) if found is None else rivals.bounded(found))
        aside.replace(file)
        return None if found is None else rivals.bounded(found)


def _key(data: TaskData, name: str, seconds: int) -> str:
    sha = hashlib.sha256(f"{data.digest} {name} {seconds}".encode())
    sha.update(rivals.code_of(name))
    for library in LIBRARIES.get(name, ()):
        sha.update(f"{library}=={version(library)}".encode())
    return sha.hexdigest()[:24]

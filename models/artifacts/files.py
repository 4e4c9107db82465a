"""A model as a folder of plain text files that know one another's digests: written, read, checked."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np
import numpy.typing as npt

from tagcast.features.core.errors import ModelError
from tagcast.features.core.messages import listed, msg

if TYPE_CHECKING:
    import pandas as pd

Floats = npt.NDArray[np.float64]
T = TypeVar("T")

FORMAT = 2
MODEL_FILE, FOREST_FILE, CALIBRATION_FILE = "model.json", "forest.txt", "calibration.json"
_FIX = msg("train the tag again, or promote an older version")
_OTHER_FEATURES = msg("build features with the feature set the model was trained on")


@dataclass(frozen=True)
class FeatureRange:
    """What training saw of a feature: extremes, .5 % and 99.5 % quantiles, and the share unknown (NaN)."""

    minimum: float
    low: float
    high: float
    maximum: float
    missing: float


def sealed(model: Mapping[str, Any], calibration: Mapping[str, Any], forest: str | None) -> dict[str, str]:
    """Return the files of a bundle, name to text: model.json holds the digests of the others."""
    files = {CALIBRATION_FILE: _dump(calibration)}
    if forest is not None:
        files[FOREST_FILE] = forest
    digests = {name: sha256(text) for name, text in files.items()}
    files[MODEL_FILE] = _dump({"format": FORMAT, **model, "digests": digests})
    return files


def write(files: Mapping[str, str], folder: Path) -> None:
    """Write the files into ``folder`` (made where it does not exist)."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in files.items():
        (folder / name).write_text(text, encoding="utf-8", newline="\n")


def read(folder: Path, build: Callable[[dict[str, Any], Any, str | None], T]) -> T:
    """Read what :func:`write` wrote.

    Parameters
    ----------
    folder : Path
    build : callable
        Makes the model of model.json, calibration.json and the forest's text (None where there is none).

    Raises
    ------
    ModelError
        When a file is missing, malformed or not the one that was saved; it is named.
    """
    place = folder / MODEL_FILE
    try:
        data = json.loads(place.read_text(encoding="utf-8"))
        if data["format"] != FORMAT:
            raise ModelError(
                msg(
                    "{file}: format {expected} expected, found {found!r}",
                    file=place,
                    expected=FORMAT,
                    found=data["format"],
                ),
                hint=msg("train the tag again with this version of tagcast"),
            )
        texts = {}
        for name, digest in data["digests"].items():
            place = folder / name
            texts[name] = place.read_bytes().decode("utf-8")
            # Before anything parses it: LightGBM may crash on a damaged text.
            if sha256(texts[name]) != digest:
                raise ModelError(msg("{file}: changed or damaged since it was saved", file=place), hint=_FIX)
        place = folder / CALIBRATION_FILE
        calibration = json.loads(texts[CALIBRATION_FILE])
        place = folder / MODEL_FILE
        return build(data, calibration, texts.get(FOREST_FILE))
    except FileNotFoundError:
        raise ModelError(msg("{file}: missing from the model", file=place), hint=_FIX) from None
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise ModelError(
            msg("{file}: not a model file of tagcast ({reason})", file=place, reason=reason), hint=_FIX
        ) from error


def matrix(tag: str, features: Sequence[str], X: Floats | pd.DataFrame) -> Floats:
    """Return X as a C-ordered float array with the columns ``features``.

    Raises
    ------
    ModelError
        When columns are missing or too many.
    """
    if not isinstance(X, np.ndarray):
        missing = [name for name in features if name not in X.columns]
        if missing:
            raise ModelError(
                msg("{tag}: the model's features {features} are missing", tag=tag, features=listed(missing)),
                hint=_OTHER_FEATURES,
            )
        X = X[list(features)].to_numpy(np.float64)
    if X.ndim != 2 or X.shape[1] != len(features):
        raise ModelError(
            msg(
                "{tag}: expected {expected} features, found shape {found}",
                tag=tag,
                expected=len(features),
                found=str(X.shape),
            ),
            hint=_OTHER_FEATURES,
        )
    return np.ascontiguousarray(X, dtype=np.float64)


def _dump(data: Mapping[str, Any]) -> str:
    return json.dumps(data, ensure_ascii=False, sort_keys=True, allow_nan=False, separators=(",", ":")) + "\n"


def sha256(text: str) -> str:
    """Return the digest of a file's text."""
    return hashlib.sha256(text.encode()).hexdigest()

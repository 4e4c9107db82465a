"""A model as a folder of plain text files that know one another's digests: written, read, checked."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
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


@dataclass(frozen=True)
class ReadFiles:
    """The files of a bundle, each what was saved.

    Parameters
    ----------
    model : dict
        Of model.json.
    calibration : Any
        Of calibration.json.
    forest : str or None
        LightGBM's text, where a forest has a part.
    foreign : mapping of str to bytes
        Models of others that are stored here, by the name of the candidate.
    """

    model: dict[str, Any]
    calibration: Any
    forest: str | None
    foreign: Mapping[str, bytes]


def sealed(
    model: Mapping[str, Any],
    calibration: Mapping[str, Any],
    forest: str | None,
    foreign: Mapping[str, bytes] = MappingProxyType({}),
) -> dict[str, str | bytes]:
    """Return the files of a bundle, name to content: model.json holds the digests of the others."""
    files: dict[str, str | bytes] = {CALIBRATION_FILE: _dump(calibration)}
    named = {f"foreign_{number}.skops": name for number, name in enumerate(foreign, start=1)}
    files |= {file: foreign[name] for file, name in named.items()}
    if forest is not None:
        files[FOREST_FILE] = forest
    digests = {name: sha256(content) for name, content in files.items()}
    kept = {"foreign_files": named} if named else {}
    files[MODEL_FILE] = _dump({"format": FORMAT, **model, **kept, "digests": digests})
    return files


def write(files: Mapping[str, str | bytes], folder: Path) -> None:
    """Write the files into ``folder`` (made where it does not exist)."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in files.items():
        (folder / name).write_bytes(content.encode() if isinstance(content, str) else content)


def read(folder: Path, build: Callable[[ReadFiles], T]) -> T:
    """Read what :func:`write` wrote.

    Parameters
    ----------
    folder : Path
    build : callable
        Makes the model of the files.

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
        contents = {}
        for name, digest in data["digests"].items():
            place = folder / name
            contents[name] = place.read_bytes()
            # Before anything parses it: LightGBM may crash on a damaged text.
            if sha256(contents[name]) != digest:
                raise ModelError(msg("{file}: changed or damaged since it was saved", file=place), hint=_FIX)
        place = folder / CALIBRATION_FILE
        calibration = json.loads(contents.pop(CALIBRATION_FILE))
        place = folder / FOREST_FILE
        forest = contents.pop(FOREST_FILE).decode("utf-8") if FOREST_FILE in contents else None
        place = folder / MODEL_FILE
        foreign = {name: contents[file] for file, name in data.get("foreign_files", {}).items()}
        return build(ReadFiles(data, calibration, forest, foreign))
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


def sha256(content: str | bytes) -> str:
    """Return the digest of a file's content."""
    return hashlib.sha256(content.encode() if isinstance(content, str) else content).hexdigest()

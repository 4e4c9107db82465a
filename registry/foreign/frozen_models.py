"""Registered models of others: found by alias or version, pinned by the digest of their files, opened as pyfunc.

A pyfunc model runs code of whoever registered it, and may be a pickle: opening one is as trusting as running a script of theirs.
Nothing here is called unless a tag's ``candidates`` name the model.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from difflib import get_close_matches
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from tagcast.features.core.errors import DefinitionError, ModelError
from tagcast.features.core.messages import listed, msg
from tagcast.features.core.raw_errors import raw_text
from tagcast.features.core.system import private_folder
from tagcast.models.candidates.frozen import OPENED, FrozenReference
from tagcast.models.candidates.names import MlflowName
from tagcast.models.candidates.raised import raised
from tagcast.registry.versions.mlflow_model import digests
from tagcast.registry.versions.tracking import Tracking, store_errors
from tagcast.registry.versions.versions import local_folder

if TYPE_CHECKING:
    import pandas as pd

Floats = npt.NDArray[np.float64]
_PICKLES = "MLFLOW_ALLOW_PICKLE_DESERIALIZATION"
_NO_SIGNATURE = msg(
    "log it with a signature of named columns: mlflow.models.infer_signature on a DataFrame of the tag's features"
)


def pin(tracking: Tracking, name: MlflowName) -> FrozenReference:
    """Return the version that a tag names today, opened.

    Parameters
    ----------
    tracking : Tracking
        Open MLflow of the project.
    name : MlflowName

    Raises
    ------
    DefinitionError
        When there is no such model, alias or version.
    ModelError
        When it cannot be read or opened, or has no signature of named columns.
    """
    version = _version_of(tracking, name)
    folder = _folder(tracking, name.text, name.model, version)
    digest = _digest(folder)
    for known in OPENED:
        if (known.text, known.version, known.digest) == (name.text, version, digest):
            return known
    model = _loaded(name.text, folder)
    inputs = model.metadata.get_input_schema()
    if inputs is None or not inputs.has_input_names():
        raise ModelError(
            msg(
                "{candidate}: version {version} has no signature that names its inputs",
                candidate=name.text,
                version=version,
            ),
            hint=_NO_SIGNATURE,
        )
    reference = FrozenReference(name.text, name.model, version, digest, tuple(inputs.input_names()))
    OPENED[reference] = _asked(reference, model)
    return reference


def open_frozen(tracking: Tracking, reference: FrozenReference) -> None:
    """Open the version that a tag's model was trained with, unless it is open already.

    Raises
    ------
    ModelError
        When it is gone or its files are others than at training.
    """
    if reference not in OPENED:
        open_copy(reference, _folder(tracking, reference.text, reference.model, reference.version))


def open_copy(reference: FrozenReference, folder: Path) -> None:
    """Open a version from a folder with its files, as :func:`open_frozen` does: where MLflow is out of reach."""
    if reference in OPENED:
        return
    if _digest(folder) != reference.digest:
        raise ModelError(
            msg("{candidate}: its files are not those of the training", candidate=reference.name),
            hint=msg("train the tag again, so that it is measured with the model as it is now"),
        )
    OPENED[reference] = _asked(reference, _loaded(reference.name, folder))


def copy_frozen(tracking: Tracking, reference: FrozenReference, target: Path) -> None:
    """Copy the files of a version to a folder, for :func:`open_copy` in processes that do not see the home."""
    shutil.copytree(_folder(tracking, reference.text, reference.model, reference.version), target)


def _version_of(tracking: Tracking, name: MlflowName) -> int:
    with store_errors(msg("{candidate}: the model registry cannot be read", candidate=name.text)):
        models = {model.name: model for model in tracking.reader.models()}
        numbers = [v.version for v in tracking.reader.versions(name.model)] if name.model in models else []
    if name.model not in models:
        near = get_close_matches(name.model, list(models), n=1)
        known = msg("registered models: {names}", names=listed(sorted(models)) or msg("none"))
        raise DefinitionError(
            msg("{candidate}: MLflow has no registered model {model}", candidate=name.text, model=name.model),
            hint=msg("did you mean {nearest!r}? {rest}", nearest=near[0], rest=known) if near else known,
        )
    aliases = models[name.model].aliases
    found = aliases.get(name.alias) if name.alias is not None else name.version
    if found is None or found not in numbers:
        raise DefinitionError(
            msg(
                "{candidate}: {model} has no {which}",
                candidate=name.text,
                model=name.model,
                which=f"@{name.alias}" if name.alias is not None else name.version,
            ),
            hint=msg(
                "aliases: {aliases}; versions: {versions}",
                aliases=listed(f"@{alias}" for alias in sorted(aliases)) or msg("none"),
                versions=listed(map(str, sorted(numbers))) or msg("none"),
            ),
        )
    return found


def _folder(tracking: Tracking, candidate: str, model: str, version: int) -> Path:
    """Return the folder of a version's files: MLflow's own, or a copy under the home from a server."""
    with store_errors(
        msg("{candidate}: version {version} cannot be read from MLflow", candidate=candidate, version=version)
    ):
        uri = tracking.client.get_model_version_download_uri(model, str(version))
        if (folder := local_folder(tracking, uri)) is not None:
            if not folder.is_dir():
                raise ModelError(
                    msg(
                        "{candidate}: the files of version {version} are gone",
                        candidate=candidate,
                        version=version,
                    ),
                    hint=msg("restore them, or train the tag again without this candidate"),
                )
            return folder
        from mlflow.artifacts import download_artifacts

        copies = tracking.home / "downloads" / "frozen" / f"{model}-{version}"
        private_folder(copies)
        return Path(download_artifacts(uri, dst_path=str(copies), tracking_uri=tracking.uri))


def _digest(folder: Path) -> str:
    return hashlib.sha256(json.dumps(digests(folder), sort_keys=True).encode()).hexdigest()


def _loaded(candidate: str, folder: Path) -> Any:
    import mlflow.pyfunc

    try:
        with _pickles_allowed(), warnings.catch_warnings():
            warnings.simplefilter(
                "ignore"
            )  # of versions that differ: what counts is whether it opens and answers
            return mlflow.pyfunc.load_model(str(folder))
    except Exception as error:
        raise ModelError(
            msg("{candidate} cannot be opened: {reason}", candidate=candidate, reason=raised(error)),
            hint=msg("install what its requirements.txt names, in the versions that go with tagcast"),
        ) from error


@contextmanager
def _pickles_allowed() -> Iterator[None]:
    """Let MLflow read pickles, which it may not otherwise: the tag names this model."""
    before = os.environ.get(_PICKLES)
    os.environ[_PICKLES] = "true"
    try:
        yield
    finally:
        if before is None:
            del os.environ[_PICKLES]
        else:
            os.environ[_PICKLES] = before


def _asked(reference: FrozenReference, model: Any) -> Callable[[pd.DataFrame], Floats]:
    """Return a function from a frame of its inputs to one number a row."""
    kinds = {column.name: column.type.name for column in model.metadata.get_input_schema().inputs}

    def scores(frame: pd.DataFrame) -> Floats:
        try:
            said = model.predict(_typed(frame, kinds))
        except Exception as error:
            raise ModelError(
                msg("{candidate}: predict raises {reason}", candidate=reference.name, reason=raised(error)),
                hint=msg(
                    "features may be unknown (NaN): the model has to take them as the signature names them"
                ),
            ) from error
        score = _one_number(said)
        if score is None or score.shape != (len(frame),) or not np.isfinite(score).all():
            raise ModelError(
                msg(
                    "{candidate}: expected one finite number a row, or probabilities of no and yes; found {found}",
                    candidate=reference.name,
                    found=raw_text(str(said)[:80]),
                ),
                hint=msg(
                    "register a model whose predict returns a score, or a DataFrame with a column score"
                ),
            )
        return score

    return scores


_CASTS = {"float": "float32", "integer": "int32", "long": "int64", "boolean": "bool"}


def _typed(frame: pd.DataFrame, kinds: dict[str, str]) -> pd.DataFrame:
    """Return features as the signature has them; whole numbers only where every value is one."""
    casts = {
        name: _CASTS[kind]
        for name, kind in kinds.items()
        if kind in _CASTS and (kind == "float" or bool((frame[name] % 1 == 0).all()))
    }
    return frame.astype(casts)


def _one_number(said: Any) -> Floats | None:
    """Return the score of each row: the column ``score``, the only one, or the probability of yes beside that of no."""
    import pandas as pd

    if isinstance(said, pd.DataFrame):
        said = said["score"] if "score" in said else said.to_numpy()
    try:
        found = np.asarray(said, np.float64)
    except (TypeError, ValueError):
        return None
    if found.ndim == 2 and found.shape[1] in {1, 2}:
        found = found[:, -1]
    return np.ascontiguousarray(found) if found.ndim == 1 else None

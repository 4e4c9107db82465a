"""The folder that MLflow stores for one model: written without pickle, its files' digests checked at load."""

from __future__ import annotations

import hashlib
import shutil
import warnings
from collections.abc import Mapping, Sequence
from importlib.metadata import version
from pathlib import Path

from tagcast.features.core.errors import ModelError
from tagcast.features.core.messages import msg
from tagcast.models.artifacts.wheel import wheel_name, write_wheel

BUNDLE = "artifacts/bundle"  # where MLflow's layout puts the bundle
REQUIREMENTS = ("lightgbm", "numba", "numpy", "pandas", "pydantic", "pyyaml", "scipy", "sqlglot")
"""What a prediction imports beside MLflow and the wheel of tagcast, pinned as it was at training: some decide the bits of a score."""
OF_OTHERS = ("scikit-learn", "skops")
"""What reads a model of others in a bundle, beside."""
PREVIOUS = "previous_value"
OUTPUTS = (
    *(("value", "string"), ("score", "double"), ("lower", "double"), ("upper", "double")),
    *(("confidence", "double"), ("unknown_because", "string")),
)
"""What a model gives, as the store names it, and MLflow's types."""
PARAMS = (("as_of", "string", ""), ("threshold", "double", -1.0))
"""Day of the features, and the score from which the tag says yes where a run's scores decide; -1 is the model's own."""


def write_model(folder: Path, bundle: Path, *, features: Sequence[str], run_id: str, model_id: str) -> None:
    """Write the MLflow model of ``bundle`` to ``folder``.

    Parameters
    ----------
    folder : Path
        Must not exist yet.
    bundle : Path
        Folder of the tag model's files; copied.
    features : sequence of str
        Input columns, in order; all are doubles.
    run_id, model_id : str
        MLflow's ids of the run and the logged model.
    """
    staged = folder.with_name("bundle")  # MLflow names the artifact's folder after the one it is given
    shutil.copytree(bundle, staged)
    required = {*REQUIREMENTS, *(OF_OTHERS if any(bundle.glob("*.skops")) else ())}
    with warnings.catch_warnings():
        # MLflow warns of its own type hints when imported, and wants an input example for each model,
        # which costs 6 s and adds nothing to a signature.
        warnings.filterwarnings("ignore", category=UserWarning, module="mlflow")
        import mlflow.pyfunc
        from mlflow.models import Model, ModelSignature
        from mlflow.types import ColSpec, ParamSchema, ParamSpec, Schema

        inputs = Schema(
            [*(ColSpec("double", name) for name in features), ColSpec("string", PREVIOUS, required=False)]
        )
        outputs = Schema([ColSpec(kind, name) for name, kind in OUTPUTS])
        params = ParamSchema([ParamSpec(name, kind, default) for name, kind, default in PARAMS])
        mlflow.pyfunc.save_model(
            str(folder),
            python_model=str(Path(__file__).with_name("pyfunc_model.py")),
            artifacts={"bundle": str(staged)},
            signature=ModelSignature(inputs, outputs, params),
            pip_requirements=[wheel_name(), *(f"{name}=={version(name)}" for name in sorted(required))],
            mlflow_model=Model(run_id=run_id, model_id=model_id, model_uuid=model_id),
        )
    write_wheel(folder)
    # MLflow copies it with the rights that it has as a part of this package.
    shutil.copymode(folder / "MLmodel", folder / "pyfunc_model.py")


def digests(folder: Path) -> dict[str, str]:
    """Return the SHA-256 of every file under ``folder``, by path relative to it."""
    files = sorted(p for p in folder.rglob("*") if p.is_file() and "__pycache__" not in p.parts)
    return {file.relative_to(folder).as_posix(): _sha256(file) for file in files}


def verify(folder: Path, recorded: Mapping[str, str], *, name: str) -> None:
    """Check that every recorded file is there and unchanged.

    Parameters
    ----------
    folder : Path
        The stored model.
    recorded : mapping
        As :func:`digests` gave it when the model was stored. Other files are nobody's business:
        MLflow adds some of its own.
    name : str
        The version, for the message.

    Raises
    ------
    ModelError
        Naming the first file that is missing or differs.
    """
    for relative, expected in recorded.items():
        file = folder / relative
        if not file.is_file():
            trouble = msg("is missing")
        elif _sha256(file) != expected:
            trouble = msg("is not what was recorded: it was changed or damaged")
        else:
            continue
        raise ModelError(
            msg(
                "{version}: the stored model file {file} {trouble} (in {folder})",
                version=name,
                file=relative,
                trouble=trouble,
                folder=folder,
            ),
            hint=msg("restore the folder from a backup, train the tag again, or promote an older version"),
        )


def _sha256(file: Path) -> str:
    with file.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()

"""What training left beside a version: documents and plots in the folder of its MLflow run."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tagcast.features.core.errors import ModelError
from tagcast.features.core.messages import msg
from tagcast.features.core.system import private_folder
from tagcast.registry.versions.tracking import Tracking, store_errors
from tagcast.registry.versions.versions import Version, local_folder

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def run_file(tracking: Tracking, version: Version, name: str) -> Path | None:
    """Return the file ``name`` (``trade_off.json``, ``plots/lift.png``) of a version's run.

    Parameters
    ----------
    tracking : Tracking
        Open MLflow.
    version : Version
    name : str
        Relative to the run.

    Returns
    -------
    Path or None
        MLflow's own file (or, from a server, a copy under the home): read it only. None where training
        left none of that name.

    Raises
    ------
    ModelError
        When the run or the server cannot be read.
    """
    with store_errors(msg("{version}: {file} cannot be read", version=version.name, file=name)):
        folder = local_folder(tracking, tracking.reader.artifact_uri(version.run_id))
        if folder is not None:
            return folder / name if (folder / name).is_file() else None
        parent = name.rpartition("/")[0] or None
        if name not in {f.path for f in tracking.client.list_artifacts(version.run_id, parent)}:
            return None
        copies = tracking.home / "downloads" / f"run-{version.run_id}"
        private_folder(copies)
        return Path(tracking.client.download_artifacts(version.run_id, name, str(copies)))


def document(tracking: Tracking, version: Version, name: str) -> Any:
    """Return the JSON document ``name`` (without its suffix) that training left.

    Raises
    ------
    ModelError
        When there is none, or it is damaged.
    """
    file = run_file(tracking, version, f"{name}.json")
    if file is None:
        raise ModelError(
            msg(
                "{version} has no {file}: it was trained before tagcast kept one",
                version=version.name,
                file=f"{name}.json",
            ),
            hint=f"tagcast train {version.tag}",
        )
    try:
        return json.loads(file.read_text(encoding="utf-8"))
    except ValueError as error:
        raise ModelError(
            msg("{file} is damaged: it is no JSON", file=file),
            hint=f"tagcast train {version.tag}",
        ) from error


def write_run_files(
    folder: Path, documents: Mapping[str, Any], figures: Mapping[str, Figure | bytes]
) -> None:
    """Write the files of a run into ``folder``: documents as JSON, figures as PNG below ``plots``."""
    from tagcast.models.plots.model import to_png

    (folder / "plots").mkdir(parents=True)
    for name, document in documents.items():
        text = json.dumps(document, indent=2, ensure_ascii=False, default=str)
        (folder / f"{name}.json").write_text(text, encoding="utf-8")
    for name, figure in figures.items():
        file = folder / "plots" / f"{name}.png"
        file.write_bytes(figure if isinstance(figure, bytes) else to_png(figure))

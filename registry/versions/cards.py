"""Cards stored with model versions: files beside the run's plots, one of each form and language, their digests on the version.

The card is written after the version, since it names it; a version without one is a version all the same.
"""

from __future__ import annotations

import hashlib
import json
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from tagcast.features.core.errors import ModelError
from tagcast.features.core.messages import Language, msg
from tagcast.registry.versions.tracking import Tracking, store_errors
from tagcast.registry.versions.versions import GRADE, local_folder

if TYPE_CHECKING:
    from tagcast.registry.versions.versions import Version

FOLDER = "card"
CARD = "tagcast.card"
_TRAIN_AGAIN = msg("train the tag again: every training writes a card")


def card_file(form: str, language: Language = "en") -> str:
    """Return the name of the file that a card has in a form, ``html`` or ``md``, and a language."""
    return f"card.{form}" if language == "en" else f"card.{language}.{form}"


def card_language(files: Mapping[str, str], language: Language) -> Language:
    """Return the language in which a card is there: English of one that was written before there were others."""
    return language if card_file("html", language) in files else "en"


def store_card(
    tracking: Tracking,
    version: Version,
    files: Mapping[str, str],
    *,
    grade: str | None = None,
    description: str = "",
) -> None:
    """Keep the files of a card with ``version``, in place of those it had.

    Parameters
    ----------
    tracking : Tracking
        Open MLflow.
    version : Version
    files : mapping of str to str
        Name to text: :func:`card_file` of each form and language, ``card.json``.
    grade : str, optional
        A to D, for listings.
    description : str
        The card in short, as Markdown: what MLflow's own pages show of the version and of its run.

    Raises
    ------
    ModelError
        When they cannot be stored.
    """
    model = tracking.model_name(version.tag)
    with (
        store_errors(msg("{version}: the card cannot be stored", version=version.name)),
        tempfile.TemporaryDirectory(prefix="tagcast-") as folder,
    ):
        for name, text in files.items():
            (Path(folder) / name).write_text(text, encoding="utf-8", newline="\n")
        tracking.client.log_artifacts(version.run_id, folder, FOLDER)
        if grade is not None:
            tracking.client.set_model_version_tag(model, str(version.version), GRADE, grade)
        if description:
            tracking.client.update_model_version(model, str(version.version), description)
            tracking.client.set_tag(version.run_id, "mlflow.note.content", description)
        # Last: a card counts only once its digests are known.
        recorded = json.dumps({name: _digest(text) for name, text in files.items()})
        tracking.client.set_model_version_tag(model, str(version.version), CARD, recorded)


def load_card(tracking: Tracking, version: Version) -> dict[str, str]:
    """Return the files of the card of ``version``, name to text, each checked against its digest.

    Raises
    ------
    ModelError
        When the version has no card, or a file is missing or was changed.
    """
    with store_errors(msg("{version}: the card cannot be read", version=version.name)):
        logged = tracking.reader.versions(tracking.model_name(version.tag))
        tags = next((v.tags for v in logged if v.version == version.version), {})
        if CARD not in tags:
            raise ModelError(msg("{version} has no card", version=version.name), hint=_TRAIN_AGAIN)
        recorded = json.loads(tags[CARD])
        found: dict[str, str] = {}
        with tempfile.TemporaryDirectory(prefix="tagcast-") as scratch:
            folder = _folder(tracking, version, Path(scratch))
            for name, digest in recorded.items():
                file = folder / name
                trouble = msg("is missing")
                if file.is_file():
                    found[name] = file.read_bytes().decode("utf-8", errors="replace")
                    trouble = msg("is not what was recorded: it was changed or damaged")
                if name not in found or _digest(found[name]) != digest:
                    raise ModelError(
                        msg(
                            "{version}: the card's file {file} {trouble}",
                            version=version.name,
                            file=name,
                            trouble=trouble,
                        ),
                        hint=_TRAIN_AGAIN,
                    )
    return found


def _folder(tracking: Tracking, version: Version, scratch: Path) -> Path:
    """Return where the card's files lie: MLflow's own folder, or a copy in ``scratch`` from a server."""
    uri = tracking.reader.artifact_uri(version.run_id)
    if (folder := local_folder(tracking, uri)) is not None:
        return folder / FOLDER
    from mlflow.artifacts import download_artifacts

    return Path(download_artifacts(f"{uri}/{FOLDER}", dst_path=str(scratch), tracking_uri=tracking.uri))


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()

"""The files of a new project: written aside, then renamed; nothing that exists is replaced, and nothing is left half."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Mapping
from pathlib import Path

from tagcast.features.core.errors import ConflictError
from tagcast.features.core.messages import msg


def check_free(folder: Path, names: tuple[str, ...]) -> None:
    """Refuse a folder that holds one of ``names``, which are files or folders.

    Raises
    ------
    ConflictError
        Naming what is there.
    """
    for name in names:
        if (folder / name).exists() or (folder / name).is_symlink():
            raise ConflictError(
                msg("{path} is there already", path=folder / name),
                hint=msg("give --into another folder; nothing that exists is replaced"),
            )
    if folder.exists() and not folder.is_dir():
        raise ConflictError(msg("{path} is no folder", path=folder), hint=msg("give --into another folder"))


def staging_folder(folder: Path) -> Path:
    """Return a new folder on the disk that ``folder`` lies on, or will."""
    above = next(place for place in (folder, *folder.parents) if place.is_dir())
    return Path(tempfile.mkdtemp(prefix=".tagcast-init-", dir=above))


def write_texts(folder: Path, texts: Mapping[str, str]) -> None:
    """Write texts under their relative names."""
    for name, text in texts.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text, encoding="utf-8")


def move_in(staged: Path, folder: Path, names: tuple[str, ...]) -> None:
    """Move ``names`` from where they were written to their folder; the last one makes it a project.

    Whatever fails, what was moved before is taken out again.
    """
    made = not folder.exists()
    moved: list[Path] = []
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name in names:
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (staged / name).rename(folder / name)
            moved.append(folder / name)
    except BaseException:
        for path in moved:
            shutil.rmtree(path) if path.is_dir() else path.unlink()
        if made:
            shutil.rmtree(folder, ignore_errors=True)
        raise

"""Files that are replaced whole or not at all: written aside under a name that is no file of the home, then renamed."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def replacing(file: Path, *, synced: bool = False) -> Iterator[Path]:
    """Yield where to write what takes the place of ``file`` once the block ends well; otherwise nothing of it is left.

    One writer at a time: what a killed one left is written over by the next.
    :class:`tagcast.features.core.engines.aside.Aside` is for several at once, and for folders.

    Parameters
    ----------
    file : Path
    synced : bool
        Bring it to the disk before it is renamed: for what must not be empty after a power cut, and cannot be computed again.
    """
    aside = file.with_name(f".{file.name}.aside")
    try:
        yield aside
        if synced:
            sync(aside)
        aside.replace(file)
    except BaseException:
        aside.unlink(missing_ok=True)
        raise


def write_synced(file: Path, text: str) -> None:
    """Replace ``file`` by ``text``, which is on the disk before it has the name."""
    with replacing(file, synced=True) as aside:
        aside.write_text(text, encoding="utf-8")


def sync(path: Path) -> None:
    """Bring a file or folder to the disk."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)

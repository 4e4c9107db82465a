"""What the system decides: on which one tagcast runs, how many processors it has, and who may read its files."""

from __future__ import annotations

import logging
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from tagcast.features.core.errors import TagcastError
from tagcast.features.core.messages import msg

log = logging.getLogger("tagcast")

_OWNER_ONLY, _OWNER_AND_GROUP = 0o077, 0o007
_GROUP_WRITES = 0o020


def check_system() -> None:
    """Refuse Windows at once: file locks and the way files are replaced there would fail halfway through a run.

    Raises
    ------
    TagcastError
        On Windows.
    """
    if sys.platform == "win32":
        raise TagcastError(
            "tagcast runs on Linux and macOS, found Windows",
            hint="use the Windows Subsystem for Linux: wsl --install, then install tagcast inside it",
        )


def available_processors() -> int:
    """Return how many processors this process may use: those it is bound to where the system says so, else all."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1  # macOS binds no process to processors


@contextmanager
def private_files() -> Iterator[None]:
    """Let this process and those it starts make files that their owner alone reads, whatever library makes them."""
    before = os.umask(_OWNER_ONLY)
    try:
        yield
    finally:
        os.umask(before)


def private_folder(folder: Path) -> None:
    """Make a folder, and those above it that are missing, for their owner alone.

    Raises
    ------
    OSError
        When it cannot be made.
    """
    missing = [one for one in (folder, *folder.parents) if not one.exists()]
    for one in reversed(missing):
        with suppress(FileExistsError):  # another process was first
            one.mkdir(mode=0o700)
    folder.mkdir(exist_ok=True)


def warn_of_open_home(home: Path) -> None:
    """Warn of a home that others than its owner can look into; it need not exist."""
    try:
        mode = home.stat().st_mode & 0o777
    except OSError:
        return
    if mode & _OWNER_ONLY:
        log.warning(
            msg(
                "other users of this machine can look into {home} (mode {mode}), which holds events, scores and accounts; "
                "close it: chmod 700 {home}",
                home=home,
                mode=f"{mode:o}",
            )
        )


def mode_in(folder: Path) -> int:
    """Return the mode of a new file in ``folder``: its group reads it where the folder was opened to them for writing."""
    return 0o666 & ~_mask_of(folder)


def adopt_home(home: Path) -> None:
    """Warn where a home is open, and within :func:`private_files` let its group read what it may write."""
    warn_of_open_home(home)
    os.umask(_mask_of(home))


def _mask_of(folder: Path) -> int:
    shared = folder.exists() and folder.stat().st_mode & _GROUP_WRITES
    return _OWNER_AND_GROUP if shared else _OWNER_ONLY

"""Folders for what is under way: of a process that was killed, the next one that makes such a folder removes what it left."""

from __future__ import annotations

import fcntl
import os
import shutil
import tempfile
import weakref
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from tagcast.features.core.errors import DataError
from tagcast.features.core.messages import msg
from tagcast.features.core.raw_errors import reason_of
from tagcast.features.core.system import private_folder

SCRATCH = "scratch/read"
"""In the home."""


class HeldFolder:
    """A folder of its own, removed when it is let go of or the process ends.

    Its name is new each time: a task elsewhere that outlives the process it works for meets nobody else's files, nor the
    folder itself.

    Parameters
    ----------
    parent : Path
        Of nothing but such folders; made where it is not there.

    Raises
    ------
    OSError
        When nothing can be written there.
    """

    def __init__(self, parent: Path) -> None:
        private_folder(parent)
        _sweep(parent)
        while True:
            self.folder = Path(tempfile.mkdtemp(dir=parent))
            # A killed process holds no lock: that tells its folder from one that is in use.
            with suppress(FileNotFoundError, BlockingIOError):  # swept before it was held
                held = _held(self.folder)
                if self.folder.is_dir():
                    break
                os.close(held)
        self._remove = weakref.finalize(self, _removed, self.folder, held)

    def __enter__(self) -> Path:
        return self.folder

    def __exit__(self, *_: object) -> None:
        self.remove()

    def remove(self) -> None:
        """Remove the folder and what is in it."""
        self._remove()


class Scratch(HeldFolder):
    """Such a folder in a home, for what one step of a command hands to the next.

    Parameters
    ----------
    home : Path

    Raises
    ------
    DataError
        When nothing can be written there.
    """

    def __init__(self, home: Path) -> None:
        with kept_in(home):
            super().__init__(home / SCRATCH)


@contextmanager
def kept_in(home: Path) -> Iterator[None]:
    """Say of a home that cannot be written what to do about it."""
    try:
        yield
    except OSError as error:
        raise DataError(
            msg("nothing can be kept in {home}: {reason}", home=home, reason=reason_of(error)),
            hint=msg(
                "give --home, or shared in [spark] where work is done on Spark, a folder that can be written"
            ),
        ) from error


def _held(folder: Path) -> int:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(descriptor)
        raise
    return descriptor


def _removed(folder: Path, held: int) -> None:
    shutil.rmtree(folder, ignore_errors=True)
    os.close(held)


def _sweep(folder: Path) -> None:
    for left in folder.iterdir():
        with suppress(OSError):  # somebody works in it, or has just removed it
            _removed(left, _held(left))

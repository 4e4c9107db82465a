"""Work for tasks of Spark that goes wrong in its way."""

from __future__ import annotations

import os
import signal
from dataclasses import dataclass
from pathlib import Path

import tagcast
from tagcast.features.core.errors import DataError, StoreError
from tagcast.features.core.home.disk_errors import disk_errors
from tagcast.features.core.messages import msg


def where(number: int) -> tuple[int, str, int]:
    """Return the number, whose code this is, and which process."""
    return number, str(tagcast.__file__), os.getpid()


def refuse(number: int) -> int:
    """Refuse one item, as bad input is refused."""
    if number == 2:
        raise DataError(
            msg("no profile has an event before {as_of}", as_of=number), hint=msg("choose a later date")
        )
    return number


def full_disk(_number: int) -> None:
    """Find the disk full."""
    raise OSError(28, "No space left on device")


def said_full_disk(_number: int) -> None:
    """Find the disk full, and say so."""
    with disk_errors(Path("/mnt/lake"), msg("the last published run stays active"), StoreError):
        full_disk(_number)


def duckdb_said_full_disk(_number: int) -> None:
    """Let DuckDB find the disk full."""
    import duckdb

    with disk_errors(Path("/mnt/lake"), msg("the last published run stays active"), StoreError):
        duckdb.execute("COPY (SELECT range FROM range(100000)) TO '/dev/full' (FORMAT csv)")


@dataclass(frozen=True)
class FailsAtFirst:
    """Fails so many times an item, or dies of it.

    Parameters
    ----------
    folder : Path
        Where attempts are counted.
    times : int
    killed : bool
    """

    folder: Path
    times: int
    killed: bool = False

    def __call__(self, number: int) -> int:
        """Return the attempt that came to an end."""
        attempt = len(list(self.folder.glob(f"{number}-*")))
        (self.folder / f"{number}-{attempt}").touch()
        if attempt < self.times:
            if self.killed:
                os.kill(os.getpid(), signal.SIGKILL)
            raise RuntimeError(f"attempt {attempt} of {number}")
        return attempt

"""From when a run becomes active until all that belongs to it is on record: a backup is taken before or after, never between.

Whoever publishes shares a lock of the home for that stretch, and a backup has it alone for the moment in which it takes hold of
everything. So a backup waits for what is being put on record, and a night waits for that moment at most.
"""

from __future__ import annotations

import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from contextvars import ContextVar
from pathlib import Path

from tagcast.features.core.errors import StoreBusyError
from tagcast.features.core.messages import msg
from tagcast.features.core.system import private_folder

LOCK = "publication.lock"
"""In the home of the whole project."""
CHECK_EVERY_SECONDS = 0.1

_held: ContextVar[dict[Path, int] | None] = ContextVar("held", default=None)


@contextmanager
def publication() -> Iterator[None]:
    """Let what is published within the block be on record at its end; within another one it is part of that one.

    The lock is taken by :func:`publishing`, once there is something to wait for.
    """
    if _held.get() is not None:
        yield
        return
    held: dict[Path, int] = {}
    token = _held.set(held)
    try:
        yield
    finally:
        _held.reset(token)
        for descriptor in held.values():
            os.close(descriptor)


def publishing(home: Path) -> None:
    """Keep backups from being taken until the :func:`publication` ends that this is in.

    Parameters
    ----------
    home : Path
        Of the whole project.

    Raises
    ------
    ValueError
        Outside of a publication: nothing would say when it ends.
    """
    held = _held.get()
    if held is None:
        raise ValueError("publishing() belongs into a publication()")
    if home not in held:
        held[home] = _locked(home, fcntl.LOCK_SH)


@contextmanager
def between_publications(home: Path, wait_seconds: float) -> Iterator[None]:
    """Hold the moment in which nothing is being published; only what is quick belongs into the block.

    Parameters
    ----------
    home : Path
    wait_seconds : float
        How long to wait for what is being put on record.

    Raises
    ------
    StoreBusyError
        When that takes longer.
    """
    with ExitStack() as stack:
        waited = 0.0
        while True:
            try:
                stack.callback(os.close, _locked(home, fcntl.LOCK_EX | fcntl.LOCK_NB))
                break
            except BlockingIOError:
                if waited >= wait_seconds:
                    raise StoreBusyError(
                        msg(
                            "a run is still being put on record after {waited:,.0f} s of waiting",
                            waited=waited,
                        ),
                        hint=msg("run again when it has ended"),
                    ) from None
            time.sleep(CHECK_EVERY_SECONDS)
            waited += CHECK_EVERY_SECONDS
        yield


def _locked(home: Path, how: int) -> int:
    private_folder(home)
    descriptor = os.open(home / LOCK, os.O_RDWR | os.O_CREAT, 0o666)
    try:
        fcntl.flock(descriptor, how)
    except OSError:
        os.close(descriptor)
        raise
    return descriptor

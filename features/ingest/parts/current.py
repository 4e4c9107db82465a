"""Which of the event logs in a home is active, how another one becomes it, and which are kept."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tagcast.features.core.home.replaced_files import replacing
from tagcast.features.ingest.parts.layout import EVENTS

KEEP_LOGS = 2
_CURRENT = "current.json"


def current_log(root: Path) -> dict[str, Any]:
    """Return what :func:`make_current` wrote; nothing where no log was built."""
    try:
        return dict(json.loads((root / _CURRENT).read_text(encoding="utf-8")))
    except (OSError, ValueError):
        return {}


def make_current(root: Path, log: dict[str, Any]) -> None:
    """Name the log that is active from now on.

    Parameters
    ----------
    root : Path
        The folder of all logs.
    log : dict
        Its ``id``, the ``fingerprint`` of what it was made of, and :func:`marked_by` of whom it leaves out.
    """
    with replacing(root / _CURRENT) as aside:
        aside.write_text(json.dumps(log), encoding="utf-8")


def marked_by(suppressed: str) -> dict[str, str]:
    """Return what says whom a log leaves out, by the version of the list; nothing of one that leaves out nobody."""
    return {"suppressed": suppressed} if suppressed else {}


def link_events(link: Path, current: str) -> None:
    """Let a link lead to the events of the active log: entities read them there."""
    aside, target = link.with_name(f".{link.name}"), Path(current) / EVENTS
    if not link.is_symlink() or link.readlink() != target:
        aside.unlink(missing_ok=True)
        aside.symlink_to(target)  # relative: a home that is moved takes it along
        if link.is_dir() and not link.is_symlink():
            shutil.rmtree(link)  # a home was copied with what its links led to
        aside.replace(link)


def forget_old(root: Path, current: str) -> None:
    """Remove logs but the current one and the newest beside it."""
    logs = sorted(
        (f for f in root.iterdir() if f.is_dir() and not f.is_symlink() and not f.name.startswith(".")),
        key=lambda f: f.stat().st_mtime,
    )
    for old in [f for f in logs if f.name != current][: -(KEEP_LOGS - 1) or None]:
        shutil.rmtree(old, ignore_errors=True)


@contextmanager
def locked(file: Path) -> Iterator[None]:
    """Wait for whoever builds: two builds at once would read the sources twice and race for the name."""
    import fcntl

    with file.open("a") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        handle.truncate(0)
        handle.write(str(os.getpid()))
        handle.flush()
        yield

"""The head of the chain is kept beside the database: it tells of lines that are removed at the end."""

from __future__ import annotations

import fcntl
import json
import os
from contextlib import suppress
from dataclasses import asdict

from tagcast.features.core.system import mode_in, private_folder
from tagcast.registry.access.chain.digests import Head
from tagcast.registry.state.database import State

FILE = "audit-head.json"
_BYTES = 127


def kept_head(state: State) -> Head | None:
    """Return the head that was kept in the home, None where there is none or it cannot be read."""
    if state.home is None:
        return None
    try:
        return _read((state.home / FILE).read_bytes())
    except OSError:
        return None


def keep_head(state: State, head: Head) -> None:
    """Keep the head beside the database, where it tells of lines that are removed at the end.

    It is written in place, at one length: a file that is renamed for each line would cost more than the line. A home that
    cannot be written keeps the one it has: it is still a line of the chain.
    """
    if state.home is None:
        return
    with suppress(OSError):
        private_folder(state.home)
        opened = os.open(state.home / FILE, os.O_RDWR | os.O_CREAT, mode_in(state.home))
        with os.fdopen(opened, "r+b", buffering=0) as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            before = _read(file.read())
            if before is None or before.number < head.number:  # of two writers the later one may come first
                os.pwrite(file.fileno(), json.dumps(asdict(head)).ljust(_BYTES).encode() + b"\n", 0)


def _read(text: bytes) -> Head | None:
    try:
        data = json.loads(text)
        return Head(int(data["number"]), str(data["digest"]))
    except (ValueError, KeyError, TypeError):
        return None

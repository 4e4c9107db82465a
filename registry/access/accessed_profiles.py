"""Which profiles a line of the access log showed: keyed digests of their ids beside it, which the line seals.

"Who looked at 1740?" can be answered with the key of the home; who has the database alone learns of nobody that they were looked
at. A line seals its digests rather than holding them, so that those of one person can be taken out without breaking the
chain.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from hashlib import blake2b, sha256
from threading import Lock
from typing import Any
from weakref import WeakKeyDictionary

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Connection, select

from tagcast.registry.access.audit_log import record
from tagcast.registry.access.chain.verification import FORGOTTEN
from tagcast.registry.state.database import State
from tagcast.registry.state.tables import ACCESS_PROFILES

Digests = NDArray[np.int64]
NOBODY: Digests = np.empty(0, dtype=np.int64)
PART = 50_000
_keys: WeakKeyDictionary[State, bytes] = WeakKeyDictionary()
_lock = Lock()


def _parts(digests: Digests) -> list[Digests]:
    return [digests[start : start + PART] for start in range(0, len(digests), PART)]


def all_of(parts: Sequence[Digests]) -> Digests:
    """Return digests that were taken one batch after the other as one array."""
    return np.concatenate([NOBODY, *parts])


def rows_of(line: int, digests: Digests) -> list[dict[str, Any]]:
    """Return rising digests as rows of the table beside the log."""
    return [
        {"line": line, "part": place, "least": int(part[0]), "most": int(part[-1]), "digests": _packed(part)}
        for place, part in enumerate(_parts(digests))
    ]


def _packed(part: Digests) -> bytes:
    return part.astype("<i8").tobytes()


def seals_of(digests: Digests) -> list[str]:
    """Return the digests of those rows, which a line holds."""
    return [sha256(_packed(part)).hexdigest() for part in _parts(digests)]


def digests_of(state: State, ids: Iterable[str]) -> Digests:
    """Return keyed digests of profile ids, in their order: 8 bytes each, so that two of a million hardly ever are alike.

    Raises
    ------
    DataError
        When the key of the home can be neither read nor made.
    """
    key = _key(state)
    found = b"".join(blake2b(one.encode("utf-8", "replace"), digest_size=8, key=key).digest() for one in ids)
    return np.frombuffer(found, dtype="<i8").astype(np.int64)


def _key(state: State) -> bytes:
    """Return the key of the home, made at its first use."""
    from tagcast.features.ingest.suppression.suppressed import with_key

    with _lock:
        known = _keys.get(state)
    if known is None:
        assert state.home is not None  # noqa: S101 - whoever shows profiles has a home
        known = bytes.fromhex(with_key(state.home).key)
        with _lock:
            _keys[state] = known
    return known


def lines_with(connection: Connection, wanted: Digests) -> set[int]:
    """Return the lines whose lists hold one of the digests ``wanted``."""
    table, found = ACCESS_PROFILES, set[int]()
    for digest in wanted.tolist():
        query = select(table).where(table.c.least <= digest, table.c.most >= digest)
        for part in connection.execute(query.execution_options(yield_per=100)):
            held = np.frombuffer(part.digests, dtype="<i8")
            place = int(np.searchsorted(held, digest))
            if place < len(held) and held[place] == digest:
                found.add(part.line)
    return found


def forget_profiles(state: State, ids: Sequence[str], *, by: str, now: datetime) -> int:
    """Take the digests of profiles out of the access log: lines stay, and no longer tell that these were among them.

    A line of the audit log names the lines whose lists became shorter and seals them anew, so that the chain stays whole.

    Parameters
    ----------
    state : State
    ids : sequence of str
    by : str
        Who erases them.
    now : datetime

    Returns
    -------
    int
        How many lines had shown them.
    """
    with state.writing() as connection:
        gone = digests_of(state, ids)
        found = lines_with(connection, gone)
        seals = {}
        for line in sorted(found):
            query = (
                select(ACCESS_PROFILES).where(ACCESS_PROFILES.c.line == line).order_by(ACCESS_PROFILES.c.part)
            )
            held = [np.frombuffer(part.digests, dtype="<i8") for part in connection.execute(query).all()]
            left = np.concatenate(held)
            left = left[~np.isin(left, gone)].astype(np.int64)
            connection.execute(ACCESS_PROFILES.delete().where(ACCESS_PROFILES.c.line == line))
            if rows := rows_of(line, left):
                connection.execute(ACCESS_PROFILES.insert(), rows)
            seals[str(line)] = seals_of(left)
        if seals:
            record(state, now=now, who=by, action=FORGOTTEN, detail={"lines": len(seals), "seals": seals})
    return len(seals)

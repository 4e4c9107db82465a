"""Lists of profile ids, stored in compressed parts: one of millions is written while others hardly wait."""

from __future__ import annotations

import json
import zlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from itertools import islice

from sqlalchemy import Connection, delete, select

from tagcast.registry.state.database import State
from tagcast.registry.state.tables import ID_LISTS

PART_IDS = 50_000


@dataclass(frozen=True)
class IdList:
    """Ids ready to be stored.

    Parameters
    ----------
    count : int
    parts : tuple of bytes
    """

    count: int
    parts: tuple[bytes, ...] = field(repr=False)


def packed(ids: Iterable[str]) -> IdList:
    """Return ``ids`` in their order, ready to be stored; what takes long is done here, before anything is locked."""
    count, rest, parts = 0, iter(ids), []
    while part := list(islice(rest, PART_IDS)):
        count += len(part)
        parts.append(zlib.compress(json.dumps(part, ensure_ascii=False, separators=(",", ":")).encode(), 1))
    return IdList(count, tuple(parts))


def save_ids(connection: Connection, name: str, ids: IdList) -> None:
    """Store ``ids`` as the list ``name``, in place of the one it was."""
    delete_ids(connection, name)
    rows = [{"list": name, "part": number, "ids": part} for number, part in enumerate(ids.parts)]
    if rows:
        connection.execute(ID_LISTS.insert(), rows)


def delete_ids(connection: Connection, name: str) -> None:
    """Delete the list ``name``; one that is not there is none already."""
    connection.execute(delete(ID_LISTS).where(ID_LISTS.c.list == name))


def ids_of(state: State, name: str) -> Iterator[str]:
    """Yield the ids of the list ``name`` as they were given; memory holds a part of them."""
    query = select(ID_LISTS.c.ids).where(ID_LISTS.c.list == name).order_by(ID_LISTS.c.part)
    with state.reading() as connection:
        for part in connection.execution_options(yield_per=1).scalars(query):
            yield from json.loads(zlib.decompress(part))

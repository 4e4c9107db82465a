"""Lists of profile ids, stored in compressed parts: one of millions is written while others hardly wait."""

from __future__ import annotations

import json
import zlib
from collections import Counter
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass, field
from itertools import islice

from sqlalchemy import Connection, delete, select, update

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
        parts.append(_packed(part))
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
            yield from _unpacked(part)


def lists_with(state: State, ids: Collection[str]) -> list[str]:
    """Return the names of the lists that hold any of some ids, sorted."""
    wanted = frozenset(ids)
    return sorted({name for name, _, part in _parts(state) if not wanted.isdisjoint(_unpacked(part))})


def every_listed_id(state: State) -> Iterator[str]:
    """Yield every id that any list holds, some again and again."""
    for _, _, part in _parts(state):
        yield from _unpacked(part)


def erase_ids(state: State, ids: Collection[str]) -> Counter[str]:
    """Take ids out of every list, and return how many of them each held that held any.

    What takes long is done while nothing is locked; a list that somebody replaces meanwhile is looked at once more.
    """
    wanted, gone = frozenset(ids), Counter[str]()
    while found := [one for one in _parts(state) if not wanted.isdisjoint(_unpacked(one[2]))]:
        for name, number, part in found:
            held = _unpacked(part)
            staying = [one for one in held if one not in wanted]
            same = (ID_LISTS.c.list == name) & (ID_LISTS.c.part == number) & (ID_LISTS.c.ids == part)
            with state.writing() as connection:
                changed = connection.execute(update(ID_LISTS).where(same).values(ids=_packed(staying)))
            if changed.rowcount:
                gone[name] += len(held) - len(staying)
    return gone


def _parts(state: State) -> Iterator[tuple[str, int, bytes]]:
    with state.reading() as connection:
        names = select(ID_LISTS.c.list, ID_LISTS.c.part).order_by(ID_LISTS.c.list, ID_LISTS.c.part)
        keys = connection.execute(names).all()
    for name, number in keys:
        query = select(ID_LISTS.c.ids).where(ID_LISTS.c.list == name, ID_LISTS.c.part == number)
        with state.reading() as connection:
            part = connection.scalar(query)
        if part is not None:
            yield name, number, part


def _packed(ids: list[str]) -> bytes:
    return zlib.compress(json.dumps(ids, ensure_ascii=False, separators=(",", ":")).encode(), 1)


def _unpacked(part: bytes) -> list[str]:
    ids: list[str] = json.loads(zlib.decompress(part))
    return ids

"""The buckets of a place as they are now: all of them compared, or those alone that a load has touched since.

A bucket without a touched line holds nothing but lines that were there at the last load. Where it holds as many as then, it holds the
same ones. So one count of all lines proves for all of these buckets together that no line was deleted or has moved to
another bucket; where it does not come out, the lines of each bucket are counted, and those with fewer or more are compared.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from tagcast.features.ingest.readers.databases.buckets import WHOLE, Content
from tagcast.features.ingest.readers.databases.contract import Database
from tagcast.features.ingest.readers.databases.pieces import Pieces
from tagcast.features.ingest.readers.databases.touched.load_mark import LoadMark, day_of, future_from


@dataclass(frozen=True)
class Compared:
    """What a load found.

    Parameters
    ----------
    contents : dict of str to Content
        All buckets.
    mark : LoadMark
        For the next load.
    since : str
        First day whose lines count as touched; empty where all was compared.
    unchecked : frozenset of str
        Buckets that were not compared: they are taken for what they were.
    """

    contents: Mapping[str, Content]
    mark: LoadMark
    since: str = ""
    unchecked: frozenset[str] = field(default_factory=frozenset)


def compare(database: Database, kept: Pieces, column: str | None, now: datetime | None) -> Compared:
    """Ask for the buckets that may be others than those that are kept, or for all.

    Parameters
    ----------
    database : Database
    kept : Pieces
    column : str, optional
        That says when a line was loaded.
    now : datetime, optional
        With a timezone.
    """
    found = _touched(database, kept, column, now)
    return found if found is not None else compare_all(database, column, now)


def compare_all(database: Database, column: str | None, now: datetime | None) -> Compared:
    """Ask for every bucket."""
    contents = database.contents()
    if column is None or now is None or not database.method or WHOLE in contents:
        return Compared(contents, LoadMark())
    return Compared(
        contents, LoadMark(column, _newest(database.touched(None, future_from(now))), str(day_of(now)))
    )


def _touched(database: Database, kept: Pieces, column: str | None, now: datetime | None) -> Compared | None:
    """Return what differs by what was loaded since; None where all has to be compared."""
    since = kept.mark.since(column, now)
    before = kept.contents()
    if since is None or now is None or not before or WHOLE in before:
        return None
    touched = database.touched(since, future_from(now))
    # Lines that came while the last load read its bucket, on a server without snapshots.
    asked = {*touched, *(one for one, (_, digest) in before.items() if digest is None)}
    found = database.contents(asked, {*before, *asked}, kept.method)
    rest = {one: content for one, content in before.items() if one not in asked}
    if database.method == kept.method and _lines(found) + _lines(rest) != database.count():
        counts = database.counts()
        differ = {
            one for one in {*rest, *counts} - asked if counts.get(one, 0) != rest.get(one, (0, None))[0]
        }
        found |= database.contents(differ & {*counts}, {*before, *counts}, kept.method)
        rest = {one: content for one, content in rest.items() if one not in differ}
    if database.method != kept.method:
        return None
    newest = max(kept.mark.newest, _newest(touched))
    mark = LoadMark(kept.mark.column, newest, kept.mark.compared)
    return Compared({**rest, **found}, mark, str(since), frozenset(rest))


def _lines(contents: Mapping[str, Content]) -> int:
    return sum(rows for rows, _ in contents.values())


def _newest(touched: Mapping[str, str | None]) -> str:
    return max((day for day in touched.values() if day is not None), default="")

"""What was fetched of databases, kept in the home: of each bucket of lines its digest, so that only what differs is read again.

``<home>/sources/<key>/`` is of one place and the columns that are read of it: pieces, which are folders of Parquet, and
``pieces.json``, which says what each holds of which bucket. It is replaced last: whatever breaks off before leaves the pieces that
were whole. A piece never changes; of a bucket that was fetched again its lines count no more.
"""

from __future__ import annotations

import json
import shutil
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from hashlib import sha256
from pathlib import Path

from tagcast.features.core.errors import DataError
from tagcast.features.core.messages import msg
from tagcast.features.core.schema.sources import Place
from tagcast.features.core.system import private_folder
from tagcast.features.core.urls import expand_url
from tagcast.features.ingest.readers.databases import buckets
from tagcast.features.ingest.readers.databases.buckets import LABEL, Content
from tagcast.features.ingest.readers.databases.chunk_types import write_chunks
from tagcast.features.ingest.readers.databases.contract import (
    Chunk,
    Database,
    LostConnectionError,
    UnreachableError,
)
from tagcast.features.ingest.readers.databases.duckdb_files import file_of, open_duckdb
from tagcast.features.ingest.readers.databases.pieces import LOCK, Fetched, Piece, Pieces, locked
from tagcast.features.ingest.readers.databases.postgres_adbc import AdbcError
from tagcast.features.ingest.readers.databases.session import sqlite_file
from tagcast.features.ingest.readers.databases.sql import open_sql
from tagcast.features.ingest.readers.databases.touched.touched_buckets import compare, compare_all
from tagcast.features.ingest.readers.databases.warehouses.table import is_warehouse, open_warehouse
from tagcast.features.ingest.readers.wanted import Wanted
from tagcast.features.ingest.suppression.left_out import LeaveOut

FETCHED = "sources"
"""In the home."""
WAITS_SECONDS = (1, 5, 20)
"""Before a connection that broke off is made again."""
MOST_CHANGED = 0.3
"""Of the lines that were known, in buckets that differ: beyond it all is read anew."""
_SETTLED_NS = 2_000_000_000
GROUP_ROWS, MOST_GROUPS = 1_000_000, 8
"""A first load is read in groups of days, few enough that a server without an index is not searched often."""


def fetch(
    place: Place,
    where: str,
    folder: Path,
    wanted: Wanted,
    root: Path,
    progress: Callable[[int, int], None],
    now: datetime | None = None,
    leave_out: LeaveOut | None = None,
) -> Fetched:
    """Bring what is kept of a place to what its database holds now; a connection that breaks off is made again.

    Parameters
    ----------
    place : Place
        With a ``url``.
    where : str
        Names the place in errors.
    folder : Path
        Where the path of a file in the URL starts.
    wanted : Wanted
    root : Path
        Where all places are kept.
    progress : callable
        ``(days done, days in all)``, of what differs and what is there.
    now : datetime, optional
        With a timezone; without it every line is compared, whatever ``wanted.loaded_at`` says.
    leave_out : callable, optional
        Takes erased profiles out of lines that were read; digests are compared of all.

    Raises
    ------
    DataError
        When it cannot be read; what was kept stays.
    """
    target = root / _key(place, wanted)
    private_folder(target)
    with locked(target):
        seen = _seen(place, where, folder, target)
        kept = Pieces.read(target)
        compared = not kept.unchecked or kept.mark.since(wanted.loaded_at, now) is not None
        if seen and kept.seen == seen and compared:
            return Fetched(target, kept)
        waits = list(WAITS_SECONDS)
        fast, broke_off = True, False
        while True:
            try:
                with _opened(place, where, folder, wanted, fast=fast) as database:
                    return Fetched(
                        target,
                        _brought(database, target, where, progress, seen, wanted.loaded_at, now, leave_out),
                    )
            except LostConnectionError as lost:
                # A server that was never reached will not be by waiting: its address is wrong, or the password.
                if not waits or (isinstance(lost, UnreachableError) and not broke_off):
                    raise lost.error from lost
                broke_off = True
                time.sleep(waits.pop(0))
            except AdbcError:
                # psycopg names the column that cannot be read, and goes on where the connection was lost.
                fast, broke_off = False, True


def _key(place: Place, wanted: Wanted) -> str:
    # The URL as it is written: passwords are in the environment.
    named = [
        place.url,
        place.table,
        place.query,
        sorted(map(str.lower, wanted.needed)),
        wanted.whole,
        wanted.time,
    ]
    return sha256(json.dumps(named).encode()).hexdigest()[:16]


def _seen(place: Place, where: str, folder: Path, target: Path) -> str:
    """Return size and time of a database that is a file; empty where it is none, or was written a moment ago."""
    file = file_of(place.url or "", where, folder) or sqlite_file(expand_url(place.url or "", where), folder)
    if file is None or not file.is_file():
        return ""
    # Lines that were committed lie in a file beside it until SQLite moves them.
    found = [one.stat() for one in (file, file.with_name(f"{file.name}-wal")) if one.is_file()]
    # Of two writes within a tick of the file system's clock, the later one leaves no trace.
    if (target / LOCK).stat().st_mtime_ns - max(about.st_mtime_ns for about in found) < _SETTLED_NS:
        return ""
    return "|".join([str(file), *(f"{about.st_size}|{about.st_mtime_ns}" for about in found)])


@contextmanager
def _opened(place: Place, where: str, folder: Path, wanted: Wanted, *, fast: bool) -> Iterator[Database]:
    file = file_of(place.url or "", where, folder)
    if file is not None:
        with open_duckdb(place, where, file, wanted) as database:
            yield database
    elif is_warehouse(expand_url(place.url or "", where)):
        with open_warehouse(place, where, wanted) as database:
            yield database
    else:
        with open_sql(place, where, folder, wanted, fast=fast) as database:
            yield database


def _brought(
    database: Database,
    target: Path,
    where: str,
    progress: Callable[[int, int], None],
    seen: str,
    loaded_at: str | None,
    now: datetime | None,
    leave_out: LeaveOut | None,
) -> Pieces:
    """Fetch the buckets that differ, in groups; each counts as soon as it is whole."""
    kept = Pieces.read(target)
    _drop_strays(target, kept)
    found = compare(database, kept, loaded_at, now)
    before = kept.contents() if database.method and kept.method == database.method else {}
    wanted = buckets.changed(before, found.contents)
    differ = sum(before[one][0] for one in {*before} - {*found.contents} | {*before} & {*wanted})
    if differ > MOST_CHANGED * sum(rows for rows, _ in before.values()):
        # What is fetched bears the digest of its lines: a bucket that was not compared would bear an old one.
        found = compare_all(database, loaded_at, now) if found.unchecked else found
        wanted = buckets.ordered(list(found.contents))
    there = found.contents
    kept.method, kept.seen = database.method, ""
    # Before anything is read: a bucket whose lines are of another digest must not be taken for one of this.
    kept.current = {one: piece for one, piece in kept.current.items() if one in before}
    if not there:
        raise _empty(where)
    done = len(there) - len(wanted)
    for group in _groups(wanted, there):
        progress(done, len(there))
        _fetch_group(database, target, kept, group, there, where, leave_out)
        done += len(group)
    if wanted:
        progress(len(there), len(there))
    kept.current = {one: piece for one, piece in kept.current.items() if one in there}
    # Last of all: a load that breaks off leaves the mark of the one before, and what was touched since is asked for again.
    kept.seen, kept.mark = seen, found.mark
    kept.since, kept.unchecked = found.since, sorted(found.unchecked)
    kept.write(target)
    return kept


def _fetch_group(
    database: Database,
    target: Path,
    kept: Pieces,
    group: Sequence[str],
    there: Mapping[str, Content],
    where: str,
    leave_out: LeaveOut | None,
) -> None:
    aside = target / ".aside"
    shutil.rmtree(aside, ignore_errors=True)
    counted: dict[str, int] = {}
    _, untyped = write_chunks(_of_group(database.lines(group, there), group, counted, leave_out), aside)
    if not counted:
        shutil.rmtree(aside)
        if there[group[0]][1] is None:
            raise _empty(where)
        return
    name = kept.next_name()
    aside.rename(target / name)
    # Lines that came and went between digest and fetch, on a server without snapshots, are fetched again by the next load.
    found = {one: (n, there[one][1] if n == there[one][0] else None) for one, n in counted.items()}
    kept.pieces[name] = Piece(found, sorted(untyped))
    kept.current |= dict.fromkeys(found, name)
    kept.write(target)


def _of_group(
    chunks: Iterator[Chunk], group: Sequence[str], counted: dict[str, int], leave_out: LeaveOut | None
) -> Iterator[Chunk]:
    """Yield the lines of some buckets that are kept, and count all of them by bucket."""
    import pyarrow as pa
    import pyarrow.compute as pc

    wanted = frozenset(group)
    for batch, names in chunks:
        found = {one["values"]: one["counts"] for one in pc.value_counts(batch.column(LABEL)).to_pylist()}
        lines = batch
        if not wanted.issuperset(found):
            lines = batch.filter(pc.is_in(batch.column(LABEL), pa.array(group, pa.string())))
        for one in wanted.intersection(found):
            counted[one] = counted.get(one, 0) + found[one]
        if lines.num_rows:
            yield leave_out(lines) if leave_out else lines, names


def _groups(wanted: Sequence[str], there: Mapping[str, Content]) -> Iterator[list[str]]:
    size = max(GROUP_ROWS, sum(there[one][0] for one in wanted) // MOST_GROUPS)
    group: list[str] = []
    rows = 0
    for one in wanted:
        group.append(one)
        rows += there[one][0]
        if rows >= size:
            yield group
            group, rows = [], 0
    if group:
        yield group


def _empty(where: str) -> DataError:
    return DataError(
        msg("{where}: the table is empty, no rows were read", where=where),
        hint=msg("check table, query and the rights of the user"),
    )


def _drop_strays(target: Path, kept: Pieces) -> None:
    """Remove what a load that was killed left behind."""
    for there in target.iterdir():
        if there.is_dir() and there.name not in kept.pieces:
            shutil.rmtree(there, ignore_errors=True)

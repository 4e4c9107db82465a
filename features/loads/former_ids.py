"""Who former profile ids are today: accounts that were merged, renamed or taken apart since something was stored of them.

Runs, frozen audiences and holdouts hold ids of the day they were made. Each load compares where every source id was
placed with where it is placed now; an id that is no profile any more leads to the profiles that its source ids belong to
today. ``<home>/identity/`` keeps that for good, beside the last placements: the sources do not remember it, so that it
cannot be made anew as the event log can.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import cached_property
from glob import escape
from hashlib import sha256
from pathlib import Path
from typing import Any

from tagcast.features.core.home.replaced_files import replacing
from tagcast.features.core.system import private_folder

PLACEMENTS = "identity.parquet"
"""In the folder of an event log, and that of the last one in the home: ``source``, ``source_id`` and ``profile_id``, where an identity table is configured."""
FOLDER = "identity"
FORMER_IDS = "former_ids.parquet"

_OF_TABLE = "SELECT source, source_id, profile_id FROM read_parquet(?) WHERE profile_id IS NOT NULL"
# Without an identity table the id of a source is the profile.
_OF_EVENTS = "SELECT DISTINCT source, profile_id AS source_id, profile_id FROM read_parquet(?)"
_FOLLOWED = """
WITH moved AS (
    SELECT b.profile_id AS former, n.profile_id, count(*) AS ids
    FROM placed_before b JOIN placed_now n USING (source, source_id)
    WHERE b.profile_id NOT IN (SELECT profile_id FROM placed_now) GROUP BY ALL
), step AS (
    SELECT former, profile_id,
           row_number() OVER (PARTITION BY former ORDER BY ids DESC, profile_id) = 1 AS main
    FROM moved
), every AS (
    SELECT * FROM step
    UNION ALL
    SELECT k.former, coalesce(s.profile_id, k.profile_id), k.main AND coalesce(s.main, true)
    FROM known_before k LEFT JOIN step s ON s.former = k.profile_id
)
SELECT former, profile_id, bool_or(main) AS main FROM every
WHERE former NOT IN (SELECT profile_id FROM placed_now) GROUP BY ALL ORDER BY ALL
"""


@dataclass(frozen=True)
class FormerIds:
    """Former ids and the profiles that they are today.

    Parameters
    ----------
    persons : mapping of str to tuple of str
        Former id to today's profiles: mostly one, first that with most of its source ids; an account that was taken
        apart is several.
    """

    persons: dict[str, tuple[str, ...]] = field(default_factory=dict)

    @cached_property
    def formers(self) -> dict[str, tuple[str, ...]]:
        """Profile to its former ids, sorted."""
        found: dict[str, list[str]] = {}
        for former, persons in sorted(self.persons.items()):
            for person in persons:
                found.setdefault(person, []).append(former)
        return {person: tuple(formers) for person, formers in found.items()}

    def person(self, profile_id: str) -> str:
        """Return the profile that ``profile_id`` is today, itself where nothing else is known."""
        return self.persons.get(profile_id, (profile_id,))[0]

    @cached_property
    def digest(self) -> str:
        """Name these former ids: what was decided by them can be distinguished from what was decided by others."""
        return sha256(repr(sorted(self.persons.items())).encode()).hexdigest()[:16]

    def other_ids(self, profile_id: str) -> tuple[str, ...]:
        """Return the other ids of a person, today's first; of most persons there is none."""
        if profile_id not in self.persons and profile_id not in self.formers:
            return ()
        return tuple(one for one in self.same_person([profile_id]) if one != profile_id)

    def same_person(self, ids: Iterable[str]) -> dict[str, None]:
        """Return ``ids`` and every other id, of today or former, of the same persons, in order and each once.

        A run may be older than a merge or newer: whichever id it holds of a person is among them.
        """
        found: dict[str, None] = {}
        for one in ids:
            found[one] = None
            for person in self.persons.get(one, (one,)):
                found[person] = None
                found.update(dict.fromkeys(self.formers.get(person, ())))
        return found


def read_former_ids(home: Path) -> FormerIds:
    """Return the former ids that the loads of a home have met; none where there was no load."""
    import pyarrow.parquet as pq

    file = home / FOLDER / FORMER_IDS
    if not file.is_file():
        return FormerIds()
    rows = pq.read_table(file).sort_by([("former", "ascending"), ("main", "descending")])
    persons: dict[str, list[str]] = {}
    for former, person in zip(rows["former"].to_pylist(), rows["profile_id"].to_pylist(), strict=True):
        persons.setdefault(former, []).append(person)
    return FormerIds({former: tuple(of_former) for former, of_former in persons.items()})


def last_written(home: Path) -> int | None:
    """Return a number that is another one whenever the former ids of a home may be; None where there are none."""
    try:
        return (home / FOLDER / FORMER_IDS).stat().st_mtime_ns
    except OSError:
        return None


def follow_ids(connection: Any, now: Path, last: Path | None, home: Path) -> None:
    """Add to a home's former ids whoever has another id in the log ``now`` than in the one before.

    Repeated after an interruption it gives the same: whoever was followed is nobody who could move on.

    Parameters
    ----------
    connection : duckdb.DuckDBPyConnection
    now : Path
        Folder of an event log.
    last : Path, optional
        Folder of the one before.
    home : Path
    """
    folder = home / FOLDER
    kept, placed = folder / FORMER_IDS, folder / PLACEMENTS
    if not any(file.is_file() for file in (kept, placed, now / PLACEMENTS)):
        return  # without an identity table no source says who somebody became
    private_folder(folder)
    if placed.is_file():
        _make(connection, "placed_before", _OF_TABLE, placed)
    elif last is not None:
        _make(connection, "placed_before", _OF_EVENTS, _events(last))
    else:
        connection.execute("CREATE TEMP TABLE placed_before (source TEXT, source_id TEXT, profile_id TEXT)")
    if (now / PLACEMENTS).is_file():
        _make(connection, "placed_now", _OF_TABLE, now / PLACEMENTS)
    else:
        _make(connection, "placed_now", _OF_EVENTS, _events(now))
    if kept.is_file():
        _make(connection, "known_before", "FROM read_parquet(?)", kept)
    else:
        connection.execute("CREATE TEMP TABLE known_before (former TEXT, profile_id TEXT, main BOOLEAN)")
    _write(connection.sql(_FOLLOWED), kept)
    if (now / PLACEMENTS).is_file():
        _write(connection.sql("FROM placed_now"), placed)
    else:
        placed.unlink(missing_ok=True)


def _events(folder: Path) -> str:
    return f"{escape(str(folder / 'events'))}/*.parquet"


def _make(connection: Any, name: str, query: str, file: Path | str) -> None:
    connection.sql(query, params=[str(file)]).create(name)


def _write(rows: Any, file: Path) -> None:
    with replacing(file) as aside:
        rows.write_parquet(str(aside))

"""What came of a tag's population, counted for one range of profiles: sent to wherever ranges are worked on."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from datetime import date
from glob import escape
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tagcast.features.compute.building.label_statements import POPULATION, top_share_cut
from tagcast.features.compute.building.range_tables import RangeTables
from tagcast.features.compute.dated_statements import Statement
from tagcast.features.compute.window_aggregates import wrong_values
from tagcast.features.core.engines.aside import Aside
from tagcast.features.core.engines.key_ranges import EVERYONE, PART_FILES, KeyRange
from tagcast.features.core.errors import DataError
from tagcast.features.core.home.disk_errors import disk_errors
from tagcast.features.core.messages import msg
from tagcast.pipelines.project.label_rules import members_at
from tagcast.pipelines.training.labelling.approached import REACHED

if TYPE_CHECKING:
    from tagcast.features.compute.snapshot_reader import SnapshotFiles
    from tagcast.models.definitions.model_tag import TagDefinition

Counts = tuple[tuple[date, bool, int, int, int], ...]
"""Of each snapshot, whether approached, and outcome: how many rows, and how many of them were treated."""
GIVEN = "given"
"""The table of those whose labels or treatments are known: ``day`` that features are as of, ``as_of`` that the row is of."""
_OF_GIVEN = """
CREATE OR REPLACE TABLE members AS SELECT * EXCLUDE (day), day FROM population JOIN given USING (profile_id) WHERE day = $day
"""
_OF_ALL = (
    "CREATE OR REPLACE TABLE members AS SELECT *, $day::DATE AS as_of, $day::DATE AS day FROM population"
)
_OUTCOMES, _ALONE = "(SELECT * FROM members JOIN outcomes USING (profile_id))", "members"
_LABELLED = "CREATE OR REPLACE TABLE labelled AS SELECT *, {reached} AS approached FROM {rows} AS asked"
# In no order, and packed lightly: whoever takes rows sorts these alone, and the files are gone soon.
_WRITTEN = """
COPY (SELECT COLUMNS(lambda name: name NOT IN ('bound', 'day', 'approached')), approached FROM labelled)
TO $path (FORMAT parquet, COMPRESSION lz4)
"""
_SUMS = """
COPY (SELECT net, count(*) AS n FROM labelled WHERE net > 0 GROUP BY net) TO $path (FORMAT parquet, COMPRESSION lz4)
"""
_CUT = """
CREATE OR REPLACE TABLE labelled AS
SELECT * EXCLUDE (net), (net >= $cut AND net > 0)::TINYINT AS y FROM read_parquet($path, hive_partitioning = false)
"""


@dataclass(frozen=True)
class LabelPlace:
    """Where the labels of each day lie, a file a range, and with what they are read.

    Parameters
    ----------
    folder : Path
    tables : RangeTables
    """

    folder: Path
    tables: RangeTables

    def file(self, day: date, within: KeyRange) -> Path:
        """Return the file of a range at a day that features are as of."""
        return self.folder / f"labels-{day}" / within.file_name

    def files(self, days: Sequence[date], within: KeyRange) -> list[Path]:
        """Return the files of a range at several days."""
        return [self.file(day, within) for day in days]

    def nets(self, day: date, within: KeyRange) -> Path:
        """Return the file that stands for it where a share of everybody decides: net spend in place of outcomes."""
        return self.folder / f"nets-{day}" / within.file_name

    def sums(self, day: date, within: KeyRange) -> Path:
        """Return the file of how many have each net spend."""
        return self.folder / f"sums-{day}" / within.file_name

    @contextmanager
    def opened(self, within: KeyRange) -> Iterator[Any]:
        """Yield a DuckDB connection with the tables of a range."""
        stays = msg("nothing that was published has changed")
        with disk_errors(self.folder, stays, DataError), self.tables.opened(within) as connection:
            yield connection


@dataclass(frozen=True)
class RangeLabels:
    """What was found of a range.

    Parameters
    ----------
    members : dict of date to int
        How many rows of each day.
    counts : Counts
        None of a share of everybody, which is not known yet.
    given : int
        Rows of :data:`GIVEN` of these days.
    left_out : int
        Of the population, whose bound is unknown.
    """

    members: Mapping[date, int]
    counts: Counts
    given: int
    left_out: int


@dataclass(frozen=True)
class CountOutcomes:
    """Work for an engine: write the labels of a range.

    Parameters
    ----------
    place : LabelPlace
    definition : TagDefinition
    population : Statement or dict of date to SnapshotFiles
        What makes the population; or the snapshots by which it, or what outcomes are held against, is known.
    outcomes : dict of date to Statement or None
        Of each day that features are as of, what makes outcomes; None where labels are given.
    given : bool
        Whether only those in :data:`GIVEN` count.
    checked : bool
        Whether outcomes have conditions of the tag's own, which may be wrong.
    """

    place: LabelPlace
    definition: TagDefinition
    population: Statement | Mapping[date, SnapshotFiles]
    outcomes: Mapping[date, Statement | None]
    given: bool
    checked: bool

    def __call__(self, within: KeyRange) -> RangeLabels:
        """Write a file a day."""
        members: dict[date, int] = {}
        counts: Counts = ()
        given = left_out = 0
        with self.place.opened(within) as connection:
            for day, outcome in self.outcomes.items():
                left_out += self._members(connection, day, within)
                if outcome is not None:
                    with wrong_values(self.definition.name) if self.checked else nullcontext():
                        outcome.run(connection, day)
                labelled = _LABELLED.format(reached=REACHED, rows=_ALONE if outcome is None else _OUTCOMES)
                connection.execute(labelled, {"horizon_days": self.definition.horizon_days})
                (members[day],) = connection.execute("SELECT count(*) FROM labelled").fetchone()
                if self.given:
                    of_day = connection.execute("SELECT count(*) FROM given WHERE day = $day", {"day": day})
                    given += of_day.fetchone()[0]
                if "net" in connection.table("labelled").columns:
                    _write(connection, _WRITTEN, self.place.nets(day, within))
                    _write(connection, _SUMS, self.place.sums(day, within))
                else:
                    _write(connection, _WRITTEN, self.place.file(day, within))
                    counts += _counted(connection)
        return RangeLabels(members, counts, given, left_out)

    def _members(self, connection: Any, day: date, within: KeyRange) -> int:
        """Make the table of whom outcomes are asked of; return how many more the population has."""
        left_out = 0
        if isinstance(self.population, Statement):
            self.population.run(connection, day)
        else:
            found = members_at(self.population[day], self.definition, within)
            connection.register(POPULATION, found.table)
            left_out = found.left_out
        connection.execute(_OF_GIVEN if self.given else _OF_ALL, {"day": day})
        return left_out


@dataclass(frozen=True)
class CutOutcomes:
    """Work for an engine: tell who of a range is inside a share of everybody.

    Parameters
    ----------
    place : LabelPlace
    cuts : dict of date to float
        Of each day, the net spend from which on they are (:func:`cuts`).
    """

    place: LabelPlace
    cuts: Mapping[date, float]

    def __call__(self, within: KeyRange) -> Counts:
        """Write a file a day."""
        counts: Counts = ()
        with self.place.opened(within) as connection:
            for day, cut in self.cuts.items():
                connection.execute(_CUT, {"cut": cut, "path": escape(str(self.place.nets(day, within)))})
                _write(connection, _WRITTEN, self.place.file(day, within))
                counts += _counted(connection)
        return counts


def cuts(place: LabelPlace, members: Mapping[date, int], share: float) -> dict[date, float]:
    """Return where a top share of the members of each day ends."""
    found = {}
    with place.opened(EVERYONE) as connection:
        for day, count in members.items():
            files = f"{escape(str(place.sums(day, EVERYONE).parent))}/{PART_FILES}"
            found[day] = top_share_cut(connection, files, count, share)
    return found


def write_aside(target: Path, write: Callable[[str], Any]) -> None:
    """Write a file, which takes its name once it is whole."""
    target.parent.mkdir(exist_ok=True)
    with Aside(target) as aside:
        write(str(aside.path))
        aside.finish()


def _write(connection: Any, statement: str, target: Path) -> None:
    write_aside(target, lambda path: connection.execute(statement, {"path": path}))


def _counted(connection: Any) -> Counts:
    treated = "sum(treated)::BIGINT" if "treated" in connection.table("labelled").columns else "0"
    counts = f"SELECT as_of, approached, y, count(*), {treated} FROM labelled GROUP BY ALL ORDER BY ALL"  # noqa: S608
    return tuple(connection.execute(counts).fetchall())

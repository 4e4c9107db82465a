"""One range of ids of the snapshots at some dates, built: sent to wherever ranges are worked on."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import date, datetime
from glob import escape
from pathlib import Path
from typing import Any

from tagcast.features.compute.aggregates.derived import added_totals
from tagcast.features.compute.aggregates.queries import TOTALS
from tagcast.features.compute.building.range_tables import RangeTable, RangeTables
from tagcast.features.compute.building.snapshot_plan import SnapshotPlan
from tagcast.features.compute.dated_statements import Statement
from tagcast.features.core.engines.aside import Aside
from tagcast.features.core.engines.key_ranges import EVERYONE, PART_FILES, KeyRange
from tagcast.features.core.errors import DataError
from tagcast.features.core.home.disk_errors import disk_errors
from tagcast.features.core.messages import msg


@dataclass
class BuiltRange:
    """What was written of a range.

    Parameters
    ----------
    sizes : dict
        Of each date and file: rows and bytes.
    several : dict
        Of each date: of how many entities each view gave several rows. After a date with any, nothing more was written.
    """

    sizes: dict[date, dict[str, tuple[int, int]]] = field(default_factory=dict)
    several: dict[date, dict[str, int]] = field(default_factory=dict)


@dataclass(frozen=True)
class BuildPlace:
    """Where and with what snapshots are built.

    Parameters
    ----------
    dates : tuple of date
    folders : tuple of Path
        Of each date, where its files go: in a folder each, a file a range. What else lies there is under way, and goes.
    tables : RangeTables
        What statements read.
    """

    dates: tuple[date, ...]
    folders: tuple[Path, ...]
    tables: RangeTables

    @contextmanager
    def opened(self, within: KeyRange) -> Iterator[Any]:
        """Yield a DuckDB connection with the tables of a range."""
        with self.writing(), self.tables.opened(within) as connection:
            yield connection

    def writing(self) -> AbstractContextManager[None]:
        """Say of what cannot be written there what to do about it."""
        return disk_errors(self.folders[0].parent, msg("snapshots that are built stay"), DataError)


@dataclass(frozen=True)
class WholeBuild:
    """The rows of a view whose query needs all events at once.

    Parameters
    ----------
    place : BuildPlace
    written : dict of str to tuple of Statement
        Of each view and date.
    """

    place: BuildPlace
    written: Mapping[str, tuple[Statement, ...]]

    def __call__(self, item: tuple[str, int]) -> None:
        """Write the rows of a view at the date of a place, for every range to take its own."""
        view, number = item
        target = whole_file(self.place.folders[number], view)
        with self.place.opened(EVERYONE) as connection, Aside(target) as aside:
            self.written[view][number].run(connection, max(self.place.dates), path=str(aside.path))
            aside.finish()


@dataclass(frozen=True)
class RangeBuild:
    """What is written of each range.

    Parameters
    ----------
    place : BuildPlace
    plan : SnapshotPlan
    starts : tuple of datetime
        When each date begins.
    whole : tuple of str
        Views whose rows lie in a file of everybody's (:class:`WholeBuild`).
    step : callable, optional
        Told of each date that is done, where work stays in this process.
    """

    place: BuildPlace
    plan: SnapshotPlan
    starts: tuple[datetime, ...]
    whole: tuple[str, ...] = ()
    step: Callable[[int], None] | None = None

    def __call__(self, within: KeyRange) -> BuiltRange:
        """Write the files of a range."""
        import pyarrow.parquet as pq

        found = BuiltRange()
        place = self.place
        with place.opened(within) as connection:
            self.plan.share(connection, place.dates)
            for number, (as_of, folder) in enumerate(zip(place.dates, place.folders, strict=True)):
                for view in self.whole:
                    everybody = f"{escape(str(folder))}/{whole_file(folder, view).name}"
                    RangeTable(view, everybody, "profile_id").open(connection, within)
                read = {name: _read_from(folder / name, within) for name in self._read - {*self.plan.files}}
                with ExitStack() as stack:
                    asides = {}
                    for name in self.plan.files:
                        (folder / name).mkdir(exist_ok=True)
                        asides[name] = stack.enter_context(Aside(folder / name / within.file_name))
                    files = {**read, **{name: aside.path for name, aside in asides.items()}}
                    several = self.plan.write(connection, place.dates, as_of, self.starts[number], files)
                    found.several[as_of] = several
                    if several:
                        break
                    found.sizes[as_of] = {}
                    for name, aside in asides.items():
                        rows = int(pq.read_metadata(aside.path).num_rows)
                        found.sizes[as_of][name] = rows, aside.path.stat().st_size
                        aside.finish()
                if self.step is not None:
                    self.step(number)
        return found

    @property
    def _read(self) -> set[str]:
        return {name for names in self.plan.reads.values() for name in names}


def whole_file(folder: Path, view: str) -> Path:
    """Return the file of the rows of a view of everybody."""
    return folder / f".whole-{view}"


def put_totals_together(folder: Path, plan: SnapshotPlan) -> None:
    """Add up the totals of all ranges in one file: each range reads them, and would open as many files as there are ranges."""
    import pyarrow.parquet as pq

    for name in plan.files:
        if name.startswith(TOTALS):
            parts = sorted((folder / name).glob(PART_FILES))
            pq.write_table(added_totals(pq.ParquetDataset(parts).read()), whole_file(folder, name))


def _read_from(folder: Path, within: KeyRange) -> Path:
    """Return the file of a view of this range, or of totals that of all."""
    if folder.name.startswith(TOTALS):
        return whole_file(folder.parent, folder.name)
    return folder / within.file_name

"""What the places of a configuration hold at one moment: in one command each is listed, asked and fetched once."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Collection
from dataclasses import replace
from datetime import datetime
from functools import cached_property
from pathlib import Path

from tagcast.features.core.engines.choice import open_engine
from tagcast.features.core.engines.engine import Engine
from tagcast.features.core.home.scratch import Scratch
from tagcast.features.core.schema.sources import Place, Source
from tagcast.features.core.settings import Settings
from tagcast.features.ingest.readers.arrow.spark_tables import SparkTable
from tagcast.features.ingest.readers.databases.fetched import FETCHED, fetch
from tagcast.features.ingest.readers.databases.pieces import Fetched, forget
from tagcast.features.ingest.readers.databases.tidying import tidy
from tagcast.features.ingest.readers.remote.fetched import Progress
from tagcast.features.ingest.readers.units import Listing, listing_of
from tagcast.features.ingest.readers.wanted import Wanted
from tagcast.features.ingest.suppression.left_out import id_columns, leave_out_of
from tagcast.features.ingest.suppression.suppressed import Suppression, read_suppression


class Places:
    """The places of a project, as of when each was first asked for: handed on from step to step of a command.

    Parameters
    ----------
    settings : Settings
    home : Path, optional
        Where lines of databases are kept from load to load; by default the home of the project.
    now : datetime, optional
        When they are asked, with a timezone. Without it every line of a database is compared, whatever ``loaded_at`` says.
    engine : Engine, optional
        Whose session has tables; by default the one that the settings name.
    """

    def __init__(
        self,
        settings: Settings,
        home: Path | None = None,
        now: datetime | None = None,
        engine: Engine | None = None,
    ) -> None:
        self._settings, self._now = settings, now
        self._engine = engine or open_engine(settings)
        self._kept = (home or settings.home) / FETCHED
        self._listings: dict[str, tuple[Place, Listing | None]] = {}
        self._fetched: dict[tuple[str, Wanted], Fetched] = {}
        self._unfiltered: set[Path] = set()
        self._written: dict[tuple[str, Wanted, frozenset[str]], list[Path]] = {}
        self._scratch: Scratch | None = None
        self._shared: Scratch | None = None
        self.made: dict[str, object] = {}
        """What a step has made of the lines of a place, by its name in errors, for a step after it; it lies in :attr:`scratch`."""

    @cached_property
    def suppression(self) -> Suppression:
        """Who was erased, and is left out of all that is read."""
        return read_suppression(self._settings.home)

    @property
    def scratch(self) -> Path:
        """A folder for what one step reads and another may use; DataError where none can be made."""
        if self._scratch is None:
            self._scratch = Scratch(self._settings.data)
        return self._scratch.folder

    def clear(self) -> None:
        """Let go of what steps have made."""
        self.made.clear()
        self._written.clear()
        for scratch in (self._scratch, self._shared):
            if scratch is not None:
                scratch.remove()
        self._scratch = self._shared = None

    def listing(self, place: Place, where: str) -> Listing | None:
        """Return what a place was made of when this was first asked, None of a database; all of it is read as of then.

        Raises
        ------
        ConfigError, DataError
            When its store, its catalogue or the table of a lake cannot be opened.
        """
        known = self._listings.get(where)
        if known is None or known[0] != place:
            known = self._listings[where] = place, listing_of(place, where, self._settings, self._engine)
        return known[1]

    def fetched(
        self,
        place: Place,
        where: str,
        needed: Collection[str],
        *,
        whole: bool,
        progress: Callable[[int, int], None],
    ) -> Fetched:
        """Return what is kept of a database's place; its server is asked once.

        Parameters
        ----------
        place : Place
        where : str
            Names the place in errors.
        needed : collection of str
            Columns.
        whole : bool
            Fetch all columns.
        progress : callable
            ``(days done, days in all)``.

        Raises
        ------
        ConfigError, DataError
            When it cannot be read.
        """
        wanted = Wanted(frozenset(needed), whole)
        if isinstance(place, Source):
            wanted = replace(wanted, time=place.columns.get("event_time"), loaded_at=place.loaded_at)
        key = place.model_dump_json(include={"url", "table", "query"}), wanted
        known = self._fetched.get(key)
        # Another command may have tidied what this one has fetched.
        if known is None or not known.is_there:
            label = f"{self._settings.path.name}: {where}"
            ids = id_columns(self._settings, place, where)
            leave_out = leave_out_of(ids or (), read_suppression(self._settings.whole.home))
            known = fetch(
                place, label, self._settings.folder, wanted, self._kept, progress, self._now, leave_out
            )
            self._fetched[key] = known
            if ids is None and self.suppression:
                self._unfiltered.add(known.folder)
        return known

    def written(
        self, table: SparkTable, where: str, names: Collection[str], wanted: Wanted, progress: Progress
    ) -> list[Path]:
        """Return lines of a table of Spark's catalogue as Parquet files, written once for all steps of a command.

        Parameters
        ----------
        table : SparkTable
        where : str
            Names the place.
        names : collection of str
            Of its units.
        wanted : Wanted
        progress : callable
            ``(stage, done, total)``.

        Raises
        ------
        DataError, MachineError
            When they cannot be read.
        """
        key = where, wanted, frozenset(names)
        if key not in self._written:
            progress(table.reading, 0, 1)
            self._shared = self._shared or Scratch(self._settings.data)
            folder = Path(tempfile.mkdtemp(dir=self._shared.folder))
            self._written[key] = table.write(names, wanted, folder)
            progress(table.reading, 1, 1)
        return self._written[key]

    def forget(self) -> None:
        """Let everything be asked anew: a source was refused, and may be put right before the next step."""
        self._listings.clear()
        self._fetched.clear()
        self.clear()

    def tidy(self) -> None:
        """Remove what is kept of databases and no load needs any more."""
        tidied = tidy(self._kept, self._fetched.values())
        self._fetched = dict(zip(self._fetched, tidied, strict=True))
        for folder in self._unfiltered:  # no column says which of its lines are of erased profiles
            forget(folder)

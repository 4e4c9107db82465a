"""The tables behind declared views: those that the event log holds, and those that are fetched from another Feast repo.

What another store holds has no digest, so it is asked once a process for each day that somebody needs, and what it answers is
kept: a snapshot is built anew where the answer differs from the one that it was built of.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from datetime import date
from functools import cached_property
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING

from tagcast.features.catalog.feast_views import FeastDeclaration
from tagcast.features.catalog.view_files import declared_views
from tagcast.features.core.errors import DataError, DefinitionError
from tagcast.features.core.home.disk_errors import disk_errors
from tagcast.features.core.messages import msg
from tagcast.features.core.settings import Settings
from tagcast.features.core.system import private_folder

if TYPE_CHECKING:
    import pyarrow as pa

    from tagcast.features.feast_store.other_repo import OtherRepo
    from tagcast.features.ingest.event_log import EventLog

FOLDER = "fetched"
"""In the project's home: what other Feast repos answered, a file a view and day."""


class OtherRepos:
    """The other Feast repos that views name.

    Parameters
    ----------
    settings : Settings
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings

    @cached_property
    def by_view(self) -> Mapping[str, OtherRepo]:
        """Each view that is of another repo, and that repo; none where no view is, and then Feast is not imported."""
        declared = [view for view in declared_views(self._settings) if isinstance(view, FeastDeclaration)]
        if not declared:
            return {}
        from tagcast.features.feast_store.other_repo import OtherRepo

        return {view.view: OtherRepo(self._settings, view) for view in declared}

    def declared(self, view: FeastDeclaration) -> FeastDeclaration:
        """Return a view with the columns that it has where it declares none."""
        filled = view.model_copy(update={"columns": self.by_view[view.view].columns})
        filled.read_from(Path(view.file))
        return filled

    def check(self) -> None:
        """Check that features can be fetched, before any source is read.

        Raises
        ------
        DefinitionError, DataError
            Naming the view, what was found and what would be right.
        """
        for repo in self.by_view.values():
            repo.check()
        owners = {
            name: view.view
            for view in declared_views(self._settings)
            if view.view not in self.by_view
            for name in view.column_names
        }
        for view, repo in self.by_view.items():
            for name in repo.columns:
                if (other := owners.setdefault(name, view)) != view:
                    raise DefinitionError(
                        msg(
                            "{place}: the service gives {name!r}, and {other} has a feature of that name",
                            place=repo.view.place,
                            name=name,
                            other=other,
                        ),
                        hint=msg(
                            "list columns, each under a name of your own: {example}",
                            example="nps: {kind: number, column: NPS}",
                        ),
                    )


class ViewTables:
    """The tables of views, wherever they are from: what snapshots need of an event log.

    Parameters
    ----------
    settings : Settings
    events : callable
        Gives the event log, which is built once somebody needs it.
    """

    def __init__(self, settings: Settings, events: Callable[[], EventLog]) -> None:
        self.repos = OtherRepos(settings)
        self._settings = settings
        self._log = events
        self._fetched: dict[tuple[str, date], str] = {}

    @property
    def _events(self) -> EventLog:
        return self._log()

    @property
    def first_day(self) -> date:
        """Local day of the first event."""
        return self._events.first_day

    @property
    def glob(self) -> str:
        """Parquet files of the log."""
        return self._events.glob

    def id_before(self, as_of: date) -> str:
        """Content id of the events of local days before ``as_of``."""
        return self._events.id_before(as_of)

    def view_file(self, view: str) -> Path:
        """Return the table of a view; of one of another repo, all that was fetched of it.

        Raises
        ------
        DataError
            Where no view is declared so.
        """
        if view not in self.repos.by_view:
            return self._events.view_file(view)
        return self._folder(view) / "as_of=*.parquet"

    def view_file_at(self, view: str, as_of: date) -> Path:
        """Return the table of a view with what is known before ``as_of``, fetched where it is of another repo."""
        if view not in self.repos.by_view:
            return self._events.view_file(view)
        self.view_id_before(view, as_of)
        return self._folder(view) / f"as_of={as_of}.parquet"

    def view_id_before(self, view: str, as_of: date) -> str:
        """Return the content id of what was known of a view before ``as_of``; another repo is asked once a process."""
        if view not in self.repos.by_view:
            return self._events.view_id_before(view, as_of)
        if (view, as_of) not in self._fetched:
            self._fetched[view, as_of] = self._fetch(view, as_of)
        return self._fetched[view, as_of]

    def _folder(self, view: str) -> Path:
        repo = self.repos.by_view[view]
        columns = {name: given.model_dump(exclude={"title"}) for name, given in repo.columns.items()}
        text = f"{repo.view.source}|{repo.key}|{columns}|{self._settings.timezone}"
        return self._settings.data / FOLDER / f"{view}-{sha256(text.encode()).hexdigest()[:12]}"

    def _fetch(self, view: str, as_of: date) -> str:
        import pyarrow.parquet as pq

        from tagcast.features.feast_store.other_features import fetch

        table = fetch(self.repos.by_view[view], self._profiles(as_of), as_of)
        folder = self._folder(view)
        with disk_errors(folder, msg("snapshots that are built stay"), DataError):
            private_folder(folder)
            file = folder / f"as_of={as_of}.parquet"
            aside = folder / f".{file.name}.{os.getpid()}"
            pq.write_table(table, aside)
            content = sha256(aside.read_bytes()).hexdigest()[:16]
            aside.replace(file)
        return content

    def _profiles(self, as_of: date) -> pa.Array:
        """Return the ids of profiles with an event before ``as_of``, rising."""
        import duckdb

        with duckdb.connect(config={"memory_limit": self._settings.memory_limit}) as connection:
            found: pa.Table = connection.sql(
                "SELECT DISTINCT profile_id FROM read_parquet(?) WHERE event_day < ? ORDER BY profile_id",
                params=[self._events.glob, as_of],
            ).to_arrow_table()
        return found.column("profile_id").combine_chunks()

"""Snapshots: the feature tables of all profiles at one ``as_of``, as Parquet, built once and streamed.

``<home>/features/<feature set>/as_of=2017-12-02/`` holds one file a view, sorted by entity, and
``snapshot.json`` that records from which events it was built: the content id of those before ``as_of``, so that a
new day makes no older partition stale and a late event does. A partition is written aside and renamed, so a killed
build leaves nothing that looks finished.
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable, Collection, Iterator, Sequence
from datetime import date, datetime
from functools import partial
from pathlib import Path
from typing import Any, Protocol

from tagcast.features.catalog.feature_set import PROFILE_VIEW, SHIPPED, FeatureSet
from tagcast.features.catalog.related.view import RelatedView
from tagcast.features.catalog.repo_contents import RepoContents
from tagcast.features.compute.snapshot_reader import FeatureBatch, stream_views
from tagcast.features.core.duckdb import connect, instant
from tagcast.features.core.errors import DataError
from tagcast.features.core.home.disk_errors import disk_errors
from tagcast.features.core.messages import Text, msg
from tagcast.features.core.system import private_folder
from tagcast.features.entities.pair import Pair

Progress = Callable[[Text, int, int], None]
Others = Callable[[str, FeatureSet], "Snapshots"]
"""Of another entity, by its name and the features that are read."""

RELATED = "related"
"""Folder of a home: the snapshots of other entities that views were made of, each entity with a folder like a home."""
DATES_TOGETHER = 8
"""Snapshots built from one pass over the events: more would cut time into finer cells, and hold more of them."""


class Events(Protocol):
    """What snapshots need of an event log."""

    def id_before(self, as_of: date) -> str:
        """Content id of the events of local days before ``as_of``."""
        ...

    @property
    def first_day(self) -> date:
        """Local day of the first event."""
        ...

    @property
    def glob(self) -> str:
        """Parquet files of the log."""
        ...

    def view_file(self, view: str) -> Path:
        """Table of a view that the company declares; DataError where the log has none."""
        ...

    def view_id_before(self, view: str, as_of: date) -> str:
        """Content id of the rows of such a view that were known before ``as_of``."""
        ...


class Snapshots:
    """Builds and reads the snapshots of one feature set.

    Parameters
    ----------
    home : Path
    events : Events
        The event log that the snapshots are built from.
    feature_set : FeatureSet
    timezone : str
        Whose midnight ``as_of`` is.
    memory_limit : str
        For DuckDB, as in ``2GB``.
    threads : int, optional
    contents : RepoContents
        Of the Feast repo over them.
    others : callable, optional
        Where views are made of features of other entities: the snapshots of those.
    """

    def __init__(
        self,
        home: Path,
        events: Events,
        feature_set: FeatureSet,
        timezone: str,
        *,
        memory_limit: str = "2GB",
        threads: int | None = None,
        contents: RepoContents | None = None,
        others: Others | None = None,
    ) -> None:
        self._others = others
        self.contents = contents or RepoContents()
        self.root = home / "features"
        self.events = events
        self.feature_set = feature_set
        self.timezone = timezone
        self.memory_limit = memory_limit
        self.threads = threads

    @property
    def folder(self) -> Path:
        """Where the partitions of this feature set lie."""
        return self.root / self.feature_set.id

    def path(self, view: str, as_of: date) -> Path:
        """Return the file of ``view`` at ``as_of``."""
        return self.folder / f"as_of={as_of}" / f"{view}.parquet"

    def ensure(
        self, dates: Sequence[date], progress: Progress | None = None, views: Collection[str] | None = None
    ) -> list[date]:
        """Build the partitions among ``dates`` that are not there yet; return those built.

        Parameters
        ----------
        dates : sequence of date
        progress : callable, optional
        views : collection of str, optional
            Those that will be read; all by default. A partition that lacks one is built again, with those that it holds. That of
            profiles is always there.
        """
        needed = {v for v in self.feature_set.views if views is None or v in views or v == PROFILE_VIEW}
        needed |= {other for view in needed for other in self.feature_set.beside(view)}
        held = {day: self._held(day) for day in sorted(set(dates))}
        missing = [day for day, there in held.items() if not needed <= there]
        with disk_errors(self.root, msg("snapshots that are built stay"), DataError):
            if missing:
                private_folder(self.folder)
            for first in range(0, len(missing), DATES_TOGETHER):
                if progress:
                    progress(msg("snapshots"), first, len(missing))
                together = missing[first : first + DATES_TOGETHER]
                # What somebody else needed stays: nobody builds a partition again for a view that was there.
                wanted = needed.union(*(held[day] for day in together))
                ordered = [view for view in self.feature_set.views if view in wanted]
                self._build_together(together, ordered, progress, first, len(missing))
            if progress and missing:
                progress(msg("snapshots"), len(missing), len(missing))
            self._point_feast_here()
        return missing

    def rows(self, as_of: date) -> int:
        """Return how many profiles the snapshot at ``as_of`` holds."""
        return int(self._manifest(as_of)["rows"][PROFILE_VIEW])

    def stream(
        self, as_of: date, pairs: Sequence[Pair] = (), batch_rows: int = 65_536
    ) -> Iterator[FeatureBatch]:
        """Yield the features of every profile in rising order of id.

        Memory holds one batch of each view, however many profiles there are.

        Parameters
        ----------
        as_of : date
        pairs : sequence of Pair
            Whose features are wanted beside those of profiles.
        batch_rows : int
            Profiles a batch.
        """
        read_keys = {SHIPPED[PROFILE_VIEW], *(("profile_id", pair.entity) for pair in pairs)}
        read = {view for view, keys in self.feature_set.views.items() if keys in read_keys}
        if not read <= self._held(as_of):
            raise DataError(
                msg("no whole snapshot at {as_of} in {folder}", as_of=as_of, folder=self.folder),
                hint=msg("build it with {command}", command="tagcast features build"),
            )
        yield from stream_views(
            {view: self.path(view, as_of) for view in self.feature_set.views},
            self.feature_set,
            pairs,
            batch_rows,
        )

    def _build_together(
        self, dates: Sequence[date], views: Sequence[str], progress: Progress | None, done: int, total: int
    ) -> None:
        """Build ``views`` at ``dates`` from one pass over the events."""
        from tagcast.features.compute.aggregates.related_tables import ensure_beside, open_beside
        from tagcast.features.compute.dated_statements import EVENTS
        from tagcast.features.compute.snapshot_plan import snapshot_plan

        related = [view for view in self.feature_set.related if view.name in views]
        beside = {view.name: self._beside(view) for view in related}
        for view in related:
            ensure_beside(view, beside[view.name], dates)
        scratch = self.root / f".scratch-{os.getpid()}"
        connection = connect(memory_limit=self.memory_limit, threads=self.threads, scratch=scratch)
        try:
            # Partitions are sorted by the query; keeping insertion order would only cost memory.
            connection.con.execute("SET preserve_insertion_order = false")
            schema = connection.read_parquet(self.events.glob, table_name=EVENTS).schema()
            for table in self.feature_set.tables:
                if table.name in views:
                    connection.read_parquet(self.events.view_file(table.name), table_name=table.name)
            for view in related:
                open_beside(connection, view, beside[view.name], dates)
            plan = snapshot_plan(schema, self.feature_set, dates, views)
            plan.share(connection.con, dates)
            for number, as_of in enumerate(dates):
                self._build(partial(plan.write, connection.con, dates, as_of), as_of, views)
                if progress:
                    progress(msg("snapshots"), done + number + 1, total)
        finally:
            connection.disconnect()
            shutil.rmtree(scratch, ignore_errors=True)

    def _build(
        self, write: Callable[[datetime, dict[str, Path]], None], as_of: date, views: Sequence[str]
    ) -> None:
        final = self.folder / f"as_of={as_of}"
        aside = self.folder / f".as_of={as_of}.{os.getpid()}"
        shutil.rmtree(aside, ignore_errors=True)
        aside.mkdir()
        files = {view: aside / f"{view}.parquet" for view in views}
        write(instant(as_of, self.timezone), files)
        rows = {view: {"rows": _count(file), "bytes": file.stat().st_size} for view, file in files.items()}
        if not rows[PROFILE_VIEW]["rows"]:
            shutil.rmtree(aside)
            raise DataError(
                msg("no profile has an event before {as_of}", as_of=as_of), hint=msg("choose a later date")
            )
        manifest = {
            "as_of": str(as_of),
            **self.content(as_of),
            "starts_at": instant(as_of, self.timezone).isoformat(),
            "spec": self.feature_set.spec,
            "rows": {view: r["rows"] for view, r in rows.items()},
            "bytes": {view: r["bytes"] for view, r in rows.items()},
        }
        (aside / "snapshot.json").write_text(json.dumps(manifest, indent=1), encoding="utf-8")
        shutil.rmtree(final, ignore_errors=True)
        aside.rename(final)

    def content(self, as_of: date) -> dict[str, Any]:
        """Return from what a partition is built, by content id."""
        own = {view.name: self.events.view_id_before(view.name, as_of) for view in self.feature_set.tables}
        related = {view.name: self._beside(view).content(as_of) for view in self.feature_set.related}
        return {
            "events": self.events.id_before(as_of),
            **({"views": own} if own else {}),
            **({"related": related} if related else {}),
        }

    def _beside(self, view: RelatedView) -> Snapshots:
        """Return the snapshots of the other entity of a view."""
        if self._others is None:
            raise ValueError(f"{view.name} is made of features of {view.entity}: give others")
        return self._others(view.entity, FeatureSet.parse(view.source))

    def _manifest(self, as_of: date) -> dict[str, Any]:
        text = (self.folder / f"as_of={as_of}" / "snapshot.json").read_text(encoding="utf-8")
        manifest: dict[str, Any] = json.loads(text)
        return manifest

    def _held(self, as_of: date) -> frozenset[str]:
        """Return the views of the partition; none where it is not there, incomplete, or built from another past.

        Later days of the log do not matter: a new day leaves every older partition as it is.
        """
        # First of all: what another store holds is fetched where its content is asked for, and read by what is built.
        content = self.content(as_of)
        try:
            manifest = self._manifest(as_of)
            sizes = {view: self.path(view, as_of).stat().st_size for view in manifest["bytes"]}
            whole = (
                content.items() <= manifest.items()
                and manifest["starts_at"] == instant(as_of, self.timezone).isoformat()
                and sizes == manifest["bytes"]
            )
            return frozenset(sizes) if whole else frozenset()
        except (OSError, ValueError, KeyError):
            return frozenset()

    def _point_feast_here(self) -> None:
        current = self.root / "current.json"
        text = json.dumps({"spec": self.feature_set.spec, **self.contents.to_json()})
        if current.is_file() and current.read_text(encoding="utf-8") == text:
            return
        aside = current.with_suffix(f".{os.getpid()}")
        aside.write_text(text, encoding="utf-8")
        aside.replace(current)


def _count(file: Path) -> int:
    import pyarrow.parquet as pq

    return int(pq.read_metadata(file).num_rows)

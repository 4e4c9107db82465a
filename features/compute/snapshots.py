"""Snapshots: the feature tables of all profiles at one ``as_of``, as Parquet, built once and streamed.

``<home>/features/<feature set>/as_of=2017-12-02/`` holds a folder a view with a file for each range of ids, sorted by entity, and
``snapshot.json`` that records from which events it was built: the content id of those before ``as_of``, so that a
new day makes no older partition stale and a late event does. A partition is written aside and renamed, so a killed
build leaves nothing that looks finished.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from datetime import date
from glob import escape
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tagcast.features.catalog.feature_set import PROFILE_VIEW, FeatureSet
from tagcast.features.catalog.related.view import RelatedView
from tagcast.features.catalog.repo_contents import RepoContents
from tagcast.features.compute.building.range_build import BuildPlace
from tagcast.features.compute.building.range_tables import RangeTables
from tagcast.features.compute.snapshot_reader import FeatureBatch, SnapshotFiles
from tagcast.features.core.duckdb import DuckDbConfig, instant
from tagcast.features.core.engines.engine import ONE_MACHINE, Engine, Progress
from tagcast.features.core.engines.key_ranges import EVERYONE, PART_FILES, KeyRange, ranges_between
from tagcast.features.core.errors import DataError
from tagcast.features.core.home.disk_errors import disk_errors
from tagcast.features.core.home.layouts import KEY, SNAPSHOTS, layout_of
from tagcast.features.core.home.scratch import HeldFolder
from tagcast.features.core.messages import msg
from tagcast.features.core.system import private_folder
from tagcast.features.core.telemetry.traces import traced
from tagcast.features.entities.pair import Pair

if TYPE_CHECKING:
    from tagcast.features.compute.building.builder import Events

Others = Callable[[str, FeatureSet], "Snapshots"]
"""Of another entity, by its name and the features that are read."""

RELATED = "related"
"""Folder of a home: the snapshots of other entities that views were made of, each entity with a folder like a home."""
UNDER_WAY = ".under-way"
"""In the folder of snapshots: what is being built; of a build that was killed, the next one removes it."""
DATES_TOGETHER = 8
"""Snapshots built from one pass over the events: more would cut time into finer cells, and hold more of them."""


class Snapshots:
    """Builds and reads the snapshots of one feature set.

    Parameters
    ----------
    data : Path
        Of the settings: they lie in a folder there.
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
    engine : Engine
        Where they are built.
    """

    def __init__(
        self,
        data: Path,
        events: Events,
        feature_set: FeatureSet,
        timezone: str,
        *,
        memory_limit: str = "2GB",
        threads: int | None = None,
        contents: RepoContents | None = None,
        others: Others | None = None,
        engine: Engine = ONE_MACHINE,
    ) -> None:
        self._others, self.engine = others, engine
        self.contents = contents or RepoContents()
        self.root = data / "features"
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
        """Return the folder of the files of ``view`` at ``as_of``."""
        return self.folder / f"as_of={as_of}" / view

    def files(self, view: str, as_of: date) -> list[Path]:
        """Return the files of ``view`` at ``as_of``, by rising id; none where it is not there."""
        return sorted(self.path(view, as_of).glob(PART_FILES))

    def pattern(self, view: str, as_of: date) -> str:
        """Return the pattern of these files, for DuckDB and ibis."""
        return f"{escape(str(self.path(view, as_of)))}/{PART_FILES}"

    @traced("features")
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
        return sum(map(int, self._manifest(as_of)["rows"][PROFILE_VIEW]))

    def ranges(self, as_of: date) -> tuple[KeyRange, ...]:
        """Return the ranges of ids whose files lie by themselves."""
        return ranges_between(self._manifest(as_of)["borders"])

    def at(self, as_of: date) -> SnapshotFiles:
        """Return the snapshot at ``as_of`` as a value that any process can read."""
        files = {view: self.files(view, as_of) for view in self._held(as_of)}
        rows = self.rows(as_of) if files else 0
        return SnapshotFiles(self.feature_set, self.folder / f"as_of={as_of}", files, rows)

    def stream(
        self,
        as_of: date,
        pairs: Sequence[Pair] = (),
        batch_rows: int = 65_536,
        within: KeyRange = EVERYONE,
    ) -> Iterator[FeatureBatch]:
        """Yield the features of every profile in rising order of id (:meth:`SnapshotFiles.stream`)."""
        yield from self.at(as_of).stream(pairs, batch_rows, within)

    def _build_together(
        self, dates: Sequence[date], views: Sequence[str], progress: Progress | None, done: int, total: int
    ) -> None:
        """Build ``views`` at ``dates`` from one pass over the events."""
        from tagcast.features.compute.building.builder import Builder

        related = [view for view in self.feature_set.related if view.name in views]
        beside = {view.name: self._beside(view) for view in related}
        builder = Builder(self.engine, self.feature_set, self.events, self.timezone)
        tables = builder.tables(views, dates, beside)
        with HeldFolder(self.root / UNDER_WAY) as own:
            scratch = None if self.engine.elsewhere else own
            folders = {as_of: own / f"as_of={as_of}" for as_of in dates}
            for folder in folders.values():
                folder.mkdir()
            opened = DuckDbConfig(self.memory_limit, self.threads, scratch)
            place = BuildPlace(tuple(dates), tuple(folders.values()), RangeTables(tables, opened))
            built = builder.build(place, views, progress, done, total)
            for as_of, folder in folders.items():
                self._finish(as_of, folder, built.ranges, built.sizes[as_of])

    def _finish(
        self,
        as_of: date,
        aside: Path,
        ranges: Sequence[KeyRange],
        sizes: Mapping[str, Sequence[tuple[int, int]]],
    ) -> None:
        """Put a partition in its place."""
        if not any(rows for rows, _ in sizes[PROFILE_VIEW]):
            raise DataError(
                msg("no profile has an event before {as_of}", as_of=as_of), hint=msg("choose a later date")
            )
        for left in aside.iterdir():
            if left.name not in sizes:
                shutil.rmtree(left) if left.is_dir() else left.unlink()
        for left in aside.glob("*/.*"):  # of tasks that were killed while they wrote
            shutil.rmtree(left, ignore_errors=True)
        manifest = {
            "as_of": str(as_of),
            **self.content(as_of),
            KEY: SNAPSHOTS,
            "starts_at": instant(as_of, self.timezone).isoformat(),
            "spec": self.feature_set.spec,
            "borders": [within.first for within in ranges[1:]],
            "rows": {view: [rows for rows, _ in files] for view, files in sizes.items()},
            "bytes": {view: [size for _, size in files] for view, files in sizes.items()},
        }
        (aside / "snapshot.json").write_text(json.dumps(manifest, indent=1), encoding="utf-8")
        final = self.folder / f"as_of={as_of}"
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
            sizes = {
                view: [file.stat().st_size for file in self.files(view, as_of)] for view in manifest["bytes"]
            }
            whole = (
                content.items() <= manifest.items()
                and layout_of(manifest) == SNAPSHOTS
                and "borders" in manifest
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
        with HeldFolder(self.root / UNDER_WAY) as own:
            aside = own / current.name
            aside.write_text(text, encoding="utf-8")
            aside.replace(current)

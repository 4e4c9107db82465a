"""Snapshots: the feature tables of all profiles at one ``as_of``, as Parquet, built once and streamed.

``<home>/features/<feature set>/as_of=2017-12-02/`` holds one file a view, sorted by entity, and
``snapshot.json`` that says from which events it was built. A partition is written aside and renamed, so
a killed build leaves nothing that looks finished.
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol
from zoneinfo import ZoneInfo

from features.errors import DataError
from features.windows import VIEWS, FeatureSet, View

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt
    import pyarrow as pa

Progress = Callable[[str, int, int], None]


class Events(Protocol):
    """What snapshots need of an event log."""

    @property
    def id(self) -> str:
        """Content id."""
        ...

    @property
    def glob(self) -> str:
        """Parquet files of the log."""
        ...


def instant(as_of: date, timezone: str) -> datetime:
    """Return the UTC moment at which the local day ``as_of`` begins.

    Examples
    --------
    >>> instant(date(2017, 12, 2), "America/New_York").isoformat()
    '2017-12-02T05:00:00+00:00'
    """
    return datetime.combine(as_of, time(), ZoneInfo(timezone)).astimezone(UTC)


def connect(*, memory_limit: str = "2GB", threads: int | None = None, scratch: Path | None = None) -> Any:
    """Return an ibis connection to an in-memory DuckDB that spills to ``scratch``."""
    import ibis

    options: dict[str, Any] = {"memory_limit": memory_limit}
    if threads:
        options["threads"] = threads
    if scratch is not None:
        options["temp_directory"] = str(scratch)
    return ibis.duckdb.connect(**options)


@dataclass(frozen=True)
class FeatureBatch:
    """Features of some profiles, profiles in rising order of id.

    Parameters
    ----------
    profile_id : ndarray of str, shape (n,)
    profile : ndarray of float64, shape (n, p)
        Columns of ``profile_activity``.
    category : dict of str to ndarray of float64, shape (n, q)
        Columns of ``profile_category`` for each category asked for.
    """

    profile_id: npt.NDArray[np.object_]
    profile: npt.NDArray[np.float64]
    category: dict[str, npt.NDArray[np.float64]]


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
    ) -> None:
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

    def path(self, view: View, as_of: date) -> Path:
        """Return the file of ``view`` at ``as_of``."""
        return self.folder / f"as_of={as_of}" / f"{view}.parquet"

    def ensure(self, dates: Sequence[date], progress: Progress | None = None) -> list[date]:
        """Build the partitions among ``dates`` that are not there yet; return those built."""
        missing = [d for d in sorted(set(dates)) if not self._is_whole(d)]
        if missing:
            self.folder.mkdir(parents=True, exist_ok=True)
            scratch = self.root / f".scratch-{os.getpid()}"
            connection = connect(memory_limit=self.memory_limit, threads=self.threads, scratch=scratch)
            try:
                events = connection.read_parquet(self.events.glob)
                for done, as_of in enumerate(missing):
                    if progress:
                        progress("snapshots", done, len(missing))
                    self._build(connection, events, as_of)
                if progress:
                    progress("snapshots", len(missing), len(missing))
            finally:
                connection.disconnect()
                shutil.rmtree(scratch, ignore_errors=True)
        self._point_feast_here()
        return missing

    def rows(self, as_of: date) -> int:
        """Return how many profiles the snapshot at ``as_of`` holds."""
        return int(self._manifest(as_of)["rows"]["profile_activity"])

    def stream(
        self, as_of: date, categories: Sequence[str] = (), batch_rows: int = 65_536
    ) -> Iterator[FeatureBatch]:
        """Yield the features of every profile in rising order of id.

        Memory holds one batch of each view, however many profiles there are.

        Parameters
        ----------
        as_of : date
        categories : sequence of str
            Categories whose pair features are wanted.
        batch_rows : int
            Profiles a batch.
        """
        import pyarrow.parquet as pq

        if not self._is_whole(as_of):
            raise DataError(
                f"no whole snapshot at {as_of} in {self.folder}", mend="build it with tagcast features build"
            )
        pairs = (
            _Pairs(self.path("profile_category", as_of), categories, self.feature_set) if categories else None
        )
        columns = [f.name for f in self.feature_set.features("profile_activity")]
        with pq.ParquetFile(self.path("profile_activity", as_of)) as file:
            for batch in file.iter_batches(batch_rows, columns=["profile_id", *columns]):
                ids = batch.column(0).to_numpy(zero_copy_only=False)
                matrix = _matrix(batch, columns)
                yield FeatureBatch(ids, matrix, pairs.take(ids) if pairs else {})

    def _build(self, connection: Any, events: Any, as_of: date) -> None:
        import ibis

        from features.compile import compile_view

        final = self.folder / f"as_of={as_of}"
        aside = self.folder / f".as_of={as_of}.{os.getpid()}"
        shutil.rmtree(aside, ignore_errors=True)
        aside.mkdir()
        moment = ibis.literal(instant(as_of, self.timezone), type="timestamp('UTC', 6)")
        rows = {}
        for view, keys in VIEWS.items():
            if not self.feature_set.features(view):
                continue
            table = compile_view(view, events, self.feature_set, as_of)
            table = table.mutate(event_timestamp=moment, created_timestamp=moment).order_by(list(keys))
            file = aside / f"{view}.parquet"
            connection.to_parquet(table, str(file), compression="zstd")
            rows[view] = {"rows": _count(file), "bytes": file.stat().st_size}
        if not rows["profile_activity"]["rows"]:
            shutil.rmtree(aside)
            raise DataError(f"no profile has an event before {as_of}", mend="choose a later date")
        manifest = {
            "as_of": str(as_of),
            "events": self.events.id,
            "spec": self.feature_set.spec,
            "rows": {view: r["rows"] for view, r in rows.items()},
            "bytes": {view: r["bytes"] for view, r in rows.items()},
        }
        (aside / "snapshot.json").write_text(json.dumps(manifest, indent=1), encoding="utf-8")
        shutil.rmtree(final, ignore_errors=True)
        aside.rename(final)

    def _manifest(self, as_of: date) -> dict[str, Any]:
        text = (self.folder / f"as_of={as_of}" / "snapshot.json").read_text(encoding="utf-8")
        manifest: dict[str, Any] = json.loads(text)
        return manifest

    def _is_whole(self, as_of: date) -> bool:
        """Say whether the partition is there, built from these events and not cut short since."""
        try:
            manifest = self._manifest(as_of)
            sizes = {view: self.path(view, as_of).stat().st_size for view in manifest["bytes"]}
        except (OSError, ValueError, KeyError):
            return False
        return bool(manifest["events"] == self.events.id and sizes == manifest["bytes"])

    def _point_feast_here(self) -> None:
        current = self.root / "current.json"
        text = json.dumps({"spec": self.feature_set.spec})
        if current.is_file() and current.read_text(encoding="utf-8") == text:
            return
        aside = current.with_suffix(f".{os.getpid()}")
        aside.write_text(text, encoding="utf-8")
        aside.replace(current)


class _Pairs:
    """Reads the pair view beside the profile view: both are sorted by profile, so one pass serves both."""

    def __init__(self, path: Path, categories: Sequence[str], feature_set: FeatureSet) -> None:
        import pyarrow as pa
        import pyarrow.parquet as pq

        declared = feature_set.features("profile_category")
        self.columns = [f.name for f in declared]
        self.absent = [float("nan") if f.absent is None else f.absent for f in declared]
        self.categories = list(categories)
        wanted = pa.array(self.categories)
        self._batches = (
            batch.filter(_is_in(batch.column(1), wanted))
            for batch in pq.ParquetFile(path).iter_batches(
                262_144, columns=["profile_id", "category", *self.columns]
            )
        )
        self._held: pa.RecordBatch | None = next(self._batches, None)

    def take(self, ids: npt.NDArray[np.object_]) -> dict[str, npt.NDArray[np.float64]]:
        """Return one matrix a category for profiles ``ids``, which rise from call to call."""
        import numpy as np

        filled = {c: np.tile(np.asarray(self.absent), (len(ids), 1)) for c in self.categories}
        while self._held is not None:
            held_ids = self._held.column(0).to_numpy(zero_copy_only=False)
            here = int(np.searchsorted(held_ids, ids[-1], side="right"))
            if here:
                part = self._held.slice(0, here)
                rows = np.searchsorted(ids, held_ids[:here])
                names = part.column(1).to_numpy(zero_copy_only=False)
                matrix = _matrix(part, self.columns)
                for category, target in filled.items():
                    mine = names == category
                    target[rows[mine]] = matrix[mine]
            if here < len(held_ids):
                self._held = self._held.slice(here)
                break
            self._held = next(self._batches, None)
        return filled


def _is_in(column: pa.Array, wanted: pa.Array) -> pa.Array:
    import pyarrow.compute as pc

    return pc.is_in(column, value_set=wanted)


def _matrix(batch: pa.RecordBatch, columns: Sequence[str]) -> npt.NDArray[np.float64]:
    import numpy as np

    matrix = np.empty((batch.num_rows, len(columns)))
    for position, name in enumerate(columns):
        matrix[:, position] = batch.column(batch.schema.get_field_index(name)).to_numpy(zero_copy_only=False)
    return matrix


def _count(file: Path) -> int:
    import pyarrow.parquet as pq

    return int(pq.read_metadata(file).num_rows)

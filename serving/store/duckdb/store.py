"""The embedded profile store: a run is one DuckDB file, or several by rising ids.

::

    <store>/CURRENT                     JSON: the entry of the log that is active
    <store>/log/000012.json             what was activated, and when
    <store>/snapshots/000012.duckdb     a published run
    <store>/snapshots/000013/           one in parts: 00000.duckdb, 00001.duckdb, …
    <store>/history/000012.parquet      what it changed
    <store>/staging/, .lock             what a writer has under way; held by it

A run is activated by the atomic rename of CURRENT; what lies beyond its number is of a writer that was killed, and is
cleared by the next. Readers attach a file read-only to a connection of their own; one that holds an old file keeps it.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tagcast.features.core.errors import StoreError
from tagcast.features.core.home.replaced_files import sync, write_synced
from tagcast.features.core.messages import Message, msg
from tagcast.features.core.raw_errors import reason_of
from tagcast.serving.store.base import ProfileStore
from tagcast.serving.store.duckdb.erasing import ids_in, without_changes, write_editions
from tagcast.serving.store.duckdb.kept_history import DuckDbHistory
from tagcast.serving.store.duckdb.layout import LEAST_MEMORY, write_snapshot
from tagcast.serving.store.duckdb.profile_index import RowIndex
from tagcast.serving.store.duckdb.reader import AGAIN, DuckDbReader, attach, catalog, read_errors, use
from tagcast.serving.store.duckdb.run_files import DuckDbParts, RunFiles, remove
from tagcast.serving.store.erased import Taken, renewed, stored_manifests
from tagcast.serving.store.lock_and_sync import disk_errors, only_writer
from tagcast.serving.store.manifest import Entry, Manifest, read_entry
from tagcast.serving.store.schema import RunInfo

if TYPE_CHECKING:
    import pyarrow as pa

CURRENT = "CURRENT"
_LAST = 999_999


class DuckDbStore(ProfileStore):
    """The store in ``folder``, made by the first writer."""

    def __init__(self, folder: Path, *, memory_limit: str = "1GB") -> None:
        super().__init__(folder)
        self.memory_limit = memory_limit
        self._runs = RunFiles(folder / "snapshots")
        self._writing = False

    @property
    def place(self) -> str:
        """The folder."""
        return str(self.folder)

    def snapshot(self, number: int) -> Path:
        """Return the file of a run of one part."""
        return self._runs.file(number)

    @property
    def parts(self) -> DuckDbParts:
        """Runs may come as finished files, one a range of ids."""
        return DuckDbParts(self._runs, self.memory_limit)

    def _log(self, number: int) -> Path:
        return self.folder / "log" / f"{number:06}.json"

    def _history(self, number: int) -> Path:
        return self.folder / "history" / f"{number:06}.parquet"

    def log(self) -> list[Entry]:
        """Return what was activated, oldest first."""
        current = self._active()
        if current is None:
            return []
        numbers = [n for n in _numbers(self.folder / "log", ".json") if n < current.number]
        return [
            *(_entry(self._log(n), msg("delete {file} there", file=self._log(n).name)) for n in numbers),
            current,
        ]

    def current(self) -> Manifest | None:
        """Return the active manifest."""
        entry = self._active()
        return entry.manifest if entry else None

    def _active(self) -> Entry | None:
        file = self.folder / CURRENT
        return _entry(file, AGAIN) if file.exists() else None

    def stored(self) -> set[int]:
        """Return the numbers of the runs whose files are there."""
        return set(self._runs.numbers())

    @contextmanager
    def open(self, manifest: Manifest) -> Iterator[DuckDbReader]:
        """Open the files of a run."""
        import duckdb

        files = self._runs.whole(manifest)
        place = files[0] if len(files) == 1 else files[0].parent
        with (
            read_errors(place),
            duckdb.connect(config={"autoinstall_known_extensions": "false"}) as connection,
        ):
            if self._writing:  # the last run is read once, in order: cached blocks would be of no use
                connection.execute(f"SET memory_limit = '{LEAST_MEMORY} bytes'")
            attach(connection, files)
            connection.execute("SET enable_external_access = false")
            connection.execute("SET lock_configuration = true")
            yield DuckDbReader(manifest, connection, place)

    @contextmanager
    def sharing(self, manifest: Manifest) -> Iterator[Callable[[], AbstractContextManager[DuckDbReader]]]:
        """Yield cursors of one connection: they share what it has read of the files."""
        with self.open(manifest) as first:
            parts = len(manifest.parts or (manifest.bytes,))
            row_index = RowIndex([catalog(place) for place in range(parts)])

            @contextmanager
            def another() -> Iterator[DuckDbReader]:
                with read_errors(first.place), first.connection.cursor() as cursor:
                    use(cursor, parts)
                    yield DuckDbReader(manifest, cursor, first.place, row_index)

            yield another

    @contextmanager
    def lock(self, run_id: str, wait_seconds: float) -> Iterator[Path]:
        """Hold the lock file, and clear what a killed writer left."""
        with only_writer(self.folder, run_id, wait_seconds) as staging:
            current = self._active_or_none()
            if current is not None:
                for folder in ("log", "snapshots", "history"):
                    for file in (self.folder / folder).glob("*"):
                        if not file.name[:6].isdigit() or int(file.name[:6]) > current.number:
                            remove(file)
            self._writing = True
            try:
                yield staging
            finally:
                self._writing = False

    def _active_or_none(self) -> Entry | None:
        """Return the active entry; None too where CURRENT is damaged: then nothing is cleared, and a run fixes it."""
        try:
            return self._active()
        except StoreError:
            return None

    def next_number(self) -> int:
        """Return one more than any number that is there."""
        there = [
            *_numbers(self.folder / "log", ".json"),
            *self._runs.numbers(),
            *_numbers(self.folder / "history", ".parquet"),
        ]
        return max(there, default=0) + 1

    def write(
        self, number: int, run: RunInfo, schema: pa.Schema, batches: Iterator[pa.RecordBatch], folder: Path
    ) -> tuple[int, ...]:
        """Write the file of a run aside."""
        aside = folder / "final.duckdb"
        write_snapshot(aside, run, schema, batches, folder, self.memory_limit)
        return self._runs.take_over(number, [aside], folder)

    def activate(self, entry: Entry, changes: Path) -> None:
        """Rename CURRENT; each step before it leaves the last active run."""
        sync(changes)
        self._history(entry.number).parent.mkdir(exist_ok=True)
        changes.rename(self._history(entry.number))
        self._log(entry.number).parent.mkdir(exist_ok=True)
        write_synced(self._log(entry.number), entry.text())
        for folder in ("snapshots", "history", "log"):
            sync(self.folder / folder)
        write_synced(self.folder / CURRENT, entry.text())
        sync(self.folder)

    def drop(self, numbers: Collection[int]) -> list[int]:
        """Delete files; a reader that holds one open keeps it until it is closed."""
        for number in numbers:
            self._runs.drop(number)
        return list(numbers)

    def changes_of(self, profile_id: str, after: int) -> list[Mapping[str, Any]]:
        """Read the history of one profile from the files above ``after``."""
        import pyarrow.parquet as pq

        found: list[Mapping[str, Any]] = []
        current = self._active()
        for number in reversed(_numbers(self.folder / "history", ".parquet")):
            if number > after and current is not None and number <= current.number:
                with read_errors(self._history(number)):
                    rows = pq.read_table(
                        self._history(number), filters=[("profile_id", "=", profile_id)]
                    ).to_pylist()
                found += [{**row, "entry": number} for row in rows]
        return found

    def every_id(self) -> Iterator[str]:
        """Yield the ids in the files of runs and of the history."""
        import pyarrow.parquet as pq

        for run in stored_manifests(self).values():
            for file in self._runs.whole(run):
                yield from ids_in(file)
        for number in _numbers(self.folder / "history", ".parquet"):
            column = pq.read_table(self._history(number), columns=["profile_id"]).column(0)
            yield from column.unique().to_pylist()

    def take_out(self, ids: Collection[str], runs: Mapping[int, Manifest], folder: Path) -> Taken:
        """Write the files of the runs anew, let the log lead to them, and delete those that were."""
        written = write_editions(self._runs, ids, runs, folder, self.memory_limit)
        entries = {entry.number: renewed(entry, written) for entry in self.log()}
        if written:
            for number, entry in entries.items():
                write_synced(self._log(number), entry.text())
            sync(self.folder / "log")
            write_synced(self.folder / CURRENT, entries[max(entries)].text())
            sync(self.folder)
        named = {self._runs.place(run) for entry in entries.values() for run in (entry.manifest, entry.run)}
        for there in self._runs.folder.iterdir():
            if there not in named:
                self._runs.forget(there)
        numbers = _numbers(self.folder / "history", ".parquet")
        return Taken(changes=without_changes([self._history(number) for number in numbers], ids))

    def newest_line(self) -> str | None:
        """Return what stands in CURRENT."""
        file = self.folder / CURRENT
        return file.read_text(encoding="utf-8") if file.exists() else None

    def files(self) -> list[Path]:
        """Return the files of published runs; of those that are being written none is named yet."""
        current = self.folder / CURRENT
        if not current.exists():
            return []
        found = [current]
        try:  # whatever layout it has
            last = int(json.loads(current.read_text(encoding="utf-8"))["number"])
        except (ValueError, KeyError, TypeError):
            last = _LAST  # damaged: what is there is kept
        for folder in ("log", "history", "snapshots"):
            for one in sorted((self.folder / folder).glob("*")):
                if one.name[:6].isdigit() and int(one.name[:6]) <= last:
                    found += sorted(one.iterdir()) if one.is_dir() else [one]
        return found

    @property
    def history(self) -> DuckDbHistory:
        """How far back files of changes are there."""
        return DuckDbHistory(
            self.folder / "history", lambda: active.number if (active := self._active()) else 0
        )

    def errors(self) -> AbstractContextManager[None]:
        """Turn what the disk and DuckDB raise into one StoreError."""
        return disk_errors(self.folder)


def _numbers(folder: Path, suffix: str) -> list[int]:
    return sorted(int(f.name[:6]) for f in folder.glob(f"*{suffix}") if f.name[:6].isdigit())


def _entry(file: Path, hint: Message) -> Entry:
    try:
        text = file.read_text(encoding="utf-8")
    except (OSError, ValueError) as error:
        raise StoreError(
            msg("{file} cannot be read: {reason}", file=file, reason=reason_of(error)), hint=hint
        ) from error
    return read_entry(text, str(file), hint)

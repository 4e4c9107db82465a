"""The embedded profile store: one DuckDB file a run.

::

    <store>/CURRENT                     JSON: the entry of the log that is active
    <store>/log/000012.json             what was activated, and when
    <store>/snapshots/000012.duckdb     a published run
    <store>/history/000012.parquet      what it changed
    <store>/staging/, .lock             what a writer has under way; held by it

A run is activated by the atomic rename of CURRENT; what lies beyond its number is of a writer that was killed, and is
cleared by the next. Readers attach a file read-only to a connection of their own; one that holds an old file keeps it.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sqlglot import exp

from tagcast.features.core.engines.key_ranges import EVERYONE, KeyRange
from tagcast.features.core.errors import StoreError
from tagcast.features.core.messages import Message, msg
from tagcast.features.core.raw_errors import reason_of
from tagcast.serving.store.base import ProfileStore
from tagcast.serving.store.duckdb.layout import LEAST_MEMORY, write_snapshot
from tagcast.serving.store.duckdb.profile_index import RowIndex, row_statement
from tagcast.serving.store.errors import RunGoneError
from tagcast.serving.store.lock_and_sync import disk_errors, only_writer, sync, write_synced
from tagcast.serving.store.manifest import Entry, Manifest, read_entry
from tagcast.serving.store.schema import RunInfo

if TYPE_CHECKING:
    import pyarrow as pa


CURRENT = "CURRENT"
BATCH_ROWS = 65_536
_AGAIN = msg("publish again: {command}", command="tagcast score --all")


class DuckDbReader:
    """One snapshot, open for reading.

    Parameters
    ----------
    manifest : Manifest
    connection : duckdb.DuckDBPyConnection
        Table ``profiles``, a row a profile.
    file : Path
    landmarks : RowIndex, optional
        Where ids lie, for a reader that looks up many profiles.
    """

    def __init__(
        self, manifest: Manifest, connection: Any, file: Path, row_index: RowIndex | None = None
    ) -> None:
        self.manifest = manifest
        self.connection = connection
        self._file = file
        self._landmarks = row_index

    sample_rows = 0
    """Counting is quick enough."""

    def query(self, select: exp.Select, *, sample: bool = False) -> pa.RecordBatchReader:
        """Return the answer to ``select`` over the table ``profiles``."""
        relation = self.connection.sql(select.sql("duckdb", copy=False))
        answer: pa.RecordBatchReader = relation.to_arrow_reader(BATCH_ROWS)
        return answer

    def figures(self, select: exp.Select, *, sample: bool = False) -> dict[str, Any]:
        """Return the only row of an answer: planned once, where an Arrow reader has it planned twice."""
        return _rows(self.connection.execute(select.sql("duckdb", copy=False)))[0]

    def row(self, profile_id: str) -> dict[str, Any] | None:
        """Return all columns of one profile."""
        first = self._landmarks.before(self.connection, profile_id) if self._landmarks else None
        return next(iter(_rows(self.connection.execute(row_statement(profile_id, first)))), None)

    def stream(self, columns: Sequence[str], within: KeyRange = EVERYONE) -> Iterator[pa.RecordBatch]:
        """Yield ``profile_id`` and ``columns`` of every profile by rising id, or of those in a range, as they were written."""
        quoted = [exp.column(exp.to_identifier(name, quoted=True)) for name in columns]
        with _read_errors(self._file):
            everyone = exp.select("profile_id", *quoted, copy=False).from_("profiles", copy=False)
            yield from self.query(everyone.where(*within.conditions(), copy=False))

    def let_go(self) -> None:
        """Do nothing: an answer goes with whoever reads it."""


def _rows(answer: Any) -> list[dict[str, Any]]:
    names = [column[0] for column in answer.description]
    return [dict(zip(names, row, strict=True)) for row in answer.fetchall()]


class DuckDbStore(ProfileStore):
    """The store in ``folder``, made by the first writer."""

    def __init__(self, folder: Path, *, memory_limit: str = "1GB") -> None:
        super().__init__(folder)
        self.memory_limit = memory_limit
        self._writing = False

    @property
    def place(self) -> str:
        """The folder."""
        return str(self.folder)

    def snapshot(self, number: int) -> Path:
        """Return the file of a run."""
        return self.folder / "snapshots" / f"{number:06}.duckdb"

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
        return _entry(file, _AGAIN) if file.exists() else None

    def stored(self) -> set[int]:
        """Return the numbers of the runs whose files are there."""
        return set(_numbers(self.folder / "snapshots", ".duckdb"))

    @contextmanager
    def open(self, manifest: Manifest) -> Iterator[DuckDbReader]:
        """Open the file of a run."""
        import duckdb

        file = self.snapshot(manifest.number)
        with (
            _read_errors(file),
            duckdb.connect(config={"autoinstall_known_extensions": "false"}) as connection,
        ):
            if self._writing:  # the last run is read once, in order: cached blocks would be of no use
                connection.execute(f"SET memory_limit = '{LEAST_MEMORY} bytes'")
            try:
                size = file.stat().st_size
            except FileNotFoundError as error:
                raise RunGoneError(msg("{file} is missing", file=file), hint=_AGAIN) from error
            if size != manifest.bytes:
                raise StoreError(
                    msg(
                        "{file} is half-written or damaged: {size:,} bytes, {published:,} were published",
                        file=file,
                        size=size,
                        published=manifest.bytes,
                    ),
                    hint=_AGAIN,
                )
            connection.execute("ATTACH ? AS store (READ_ONLY)", [str(file)])
            connection.execute("USE store")
            connection.execute("SET enable_external_access = false")
            connection.execute("SET lock_configuration = true")
            yield DuckDbReader(manifest, connection, file)

    @contextmanager
    def sharing(self, manifest: Manifest) -> Iterator[Callable[[], AbstractContextManager[DuckDbReader]]]:
        """Yield cursors of one connection: they share what it has read of the file."""
        with self.open(manifest) as first:
            row_index = RowIndex()

            @contextmanager
            def another() -> Iterator[DuckDbReader]:
                file = self.snapshot(manifest.number)
                with _read_errors(file), first.connection.cursor() as cursor:
                    cursor.execute("USE store")
                    yield DuckDbReader(manifest, cursor, file, row_index)

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
                            file.unlink(missing_ok=True)
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
        kinds = {"log": ".json", "snapshots": ".duckdb", "history": ".parquet"}
        there = (n for name, kind in kinds.items() for n in _numbers(self.folder / name, kind))
        return max(there, default=0) + 1

    def write(
        self, number: int, run: RunInfo, schema: pa.Schema, batches: Iterator[pa.RecordBatch], folder: Path
    ) -> int:
        """Write the file of a run aside."""
        aside = folder / "final.duckdb"
        write_snapshot(aside, run, schema, batches, folder, self.memory_limit)
        sync(aside)
        size = aside.stat().st_size
        self._move(aside, self.snapshot(number))
        return size

    def activate(self, entry: Entry, changes: Path) -> None:
        """Rename CURRENT; each step before it leaves the last active run."""
        sync(changes)
        self._move(changes, self._history(entry.number))
        self._log(entry.number).parent.mkdir(exist_ok=True)
        write_synced(self._log(entry.number), entry.text())
        for folder in ("snapshots", "history", "log"):
            sync(self.folder / folder)
        write_synced(self.folder / CURRENT, entry.text())
        sync(self.folder)

    @staticmethod
    def _move(aside: Path, file: Path) -> None:
        file.parent.mkdir(exist_ok=True)
        aside.rename(file)

    def drop(self, numbers: Collection[int]) -> list[int]:
        """Delete files; a reader that holds one open keeps it until it is closed."""
        for number in numbers:
            self.snapshot(number).unlink(missing_ok=True)
        return list(numbers)

    def changes_of(self, profile_id: str, after: int) -> list[Mapping[str, Any]]:
        """Read the history of one profile from the files above ``after``."""
        import pyarrow.parquet as pq

        found: list[Mapping[str, Any]] = []
        current = self._active()
        for number in reversed(_numbers(self.folder / "history", ".parquet")):
            if number > after and current is not None and number <= current.number:
                with _read_errors(self._history(number)):
                    rows = pq.read_table(
                        self._history(number), filters=[("profile_id", "=", profile_id)]
                    ).to_pylist()
                found += [{**row, "entry": number} for row in rows]
        return found

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


@contextmanager
def _read_errors(file: Path) -> Iterator[None]:
    import duckdb
    import pyarrow as pa

    try:
        yield
    except (duckdb.Error, pa.ArrowException) as error:
        raise StoreError(
            msg("{file} cannot be read: {reason}", file=file, reason=reason_of(error)), hint=_AGAIN
        ) from error

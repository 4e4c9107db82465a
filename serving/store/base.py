"""The profile store: runs that are published whole, read without waiting, kept for a while.

What every store does is here; where the rows lie is :mod:`tagcast.serving.store.duckdb.store` and :mod:`tagcast.serving.store.postgres.store`.
A run is written aside, checked, and put active by one atomic step that also writes a line of the log; readers hold on
to the run they opened.
"""

from __future__ import annotations

import logging
from abc import ABC, abstractmethod
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from tagcast.features.core.errors import StoreError
from tagcast.serving.store.manifest import Entry, Manifest, last_before
from tagcast.serving.store.schema import RunInfo

if TYPE_CHECKING:
    import pyarrow as pa
    from sqlglot import exp

    from tagcast.serving.publishing.staging import Staging

log = logging.getLogger("tagcast")

POSTGRES = ("postgresql://", "postgres://")


class StoreReader(Protocol):
    """One run, open for reading."""

    @property
    def manifest(self) -> Manifest:
        """The run that is read."""
        ...

    @property
    def sample_rows(self) -> int:
        """How many profiles the sample has that the store keeps for quick estimates; 0 where it keeps none."""
        ...

    def query(self, select: exp.Select, *, sample: bool = False) -> pa.RecordBatchReader:
        """Return the answer to ``select`` over the one table ``profiles``, or over a sample of it.

        Its columns are ``profile_id``, the attributes, and :func:`tagcast.serving.store.schema.column_name` of every tag and
        part; words (value, band, …) that are selected plainly come as dictionaries.
        """
        ...

    def row(self, profile_id: str) -> Mapping[str, Any] | None:
        """Return all columns of one profile as Python values, None where there is none of that id."""
        ...

    def stream(self, columns: Sequence[str]) -> Iterator[pa.RecordBatch]:
        """Yield ``profile_id`` and ``columns`` of every profile by rising id; memory holds one batch."""
        ...


class ProfileStore(ABC):
    """A store.

    Parameters
    ----------
    folder : Path
        For what a writer has under way; made by the first.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    # What each kind of store knows how to do.

    @property
    @abstractmethod
    def place(self) -> str:
        """Where it is, for messages: without secrets."""

    @abstractmethod
    def log(self) -> list[Entry]:
        """Return what was put active, oldest first; the last entry is active."""

    @abstractmethod
    def current(self) -> Manifest | None:
        """Return the manifest active, None where nothing was published."""

    @abstractmethod
    def stored(self) -> set[int]:
        """Return the numbers of the runs whose rows are there."""

    @abstractmethod
    def open(self, manifest: Manifest) -> AbstractContextManager[StoreReader]:
        """Open a run; it stays as it is until it is closed, whatever is published or pruned.

        Raises
        ------
        RunGoneError
            When its rows are not there any more.
        StoreError
            When they cannot be read.
        """

    @contextmanager
    def sharing(self, manifest: Manifest) -> Iterator[Callable[[], AbstractContextManager[StoreReader]]]:
        """Yield a function that opens the run for one more reader, to be closed before this is.

        Readers share what a store can share between them; each is for one thread at a time.
        """
        yield lambda: self.open(manifest)

    @abstractmethod
    def lock(self, run_id: str, wait_seconds: float) -> AbstractContextManager[Path]:
        """Hold the writer's lock, clear what a killed writer left, and yield an empty folder.

        Raises
        ------
        StoreBusyError
            When another run still writes after ``wait_seconds``.
        """

    @abstractmethod
    def next_number(self) -> int:
        """Return the number of the next entry of the log; under the lock."""

    @abstractmethod
    def write(
        self, number: int, run: RunInfo, schema: pa.Schema, batches: Iterator[pa.RecordBatch], folder: Path
    ) -> int:
        """Write rows aside under ``number``, and return how many bytes they take; under the lock."""

    @abstractmethod
    def activate(self, entry: Entry, changes: Path) -> None:
        """Add ``entry`` to the log and put its run active, in one atomic step; under the lock.

        ``changes`` is a Parquet file of :data:`tagcast.serving.publishing.run_diff.CHANGES`.
        """

    @abstractmethod
    def drop(self, numbers: Collection[int]) -> list[int]:
        """Delete the rows of runs, and return which; one that readers hold may stay until the next call."""

    @abstractmethod
    def changes_of(self, profile_id: str, after: int) -> list[Mapping[str, Any]]:
        """Return the changes of one profile in entries above ``after``, each with its ``entry``, newest first."""

    @abstractmethod
    def errors(self) -> AbstractContextManager[None]:
        """Turn what goes wrong while writing into one clear StoreError."""

    # What they have in common.

    def kept(self) -> list[Manifest]:
        """Return the published runs whose rows are there, in order of publication."""
        stored = self.stored()
        return [e.manifest for e in self.log() if e.action == "publish" and e.number in stored]

    @contextmanager
    def reader(self) -> Iterator[StoreReader]:
        """Yield the run active.

        Raises
        ------
        StoreError
            When there is none, or it is missing, cut short or cannot be read.
        """
        with ExitStack() as stack:
            for last_try in (False, True):
                manifest = self.current()
                if manifest is None:
                    raise StoreError("nothing has been published yet", hint="run tagcast score --all first")
                try:
                    reader = stack.enter_context(self.open(manifest))
                except RunGoneError:
                    if last_try:
                        raise
                    continue  # Between reading which is active and opening it newer runs may have displaced it.
                break
            yield reader

    @contextmanager
    def writer(self, run_id: str, *, wait_seconds: float = 0.0) -> Iterator[Staging]:
        """Yield a place to collect a run; nothing is active before its ``publish`` returns.

        Raises
        ------
        StoreBusyError
            When another run is writing.
        """
        from tagcast.serving.publishing.staging import Staging

        with self.lock(run_id, wait_seconds) as folder:
            staging = Staging(self, folder)
            try:
                yield staging
            finally:
                staging.close()

    def rollback(self, number: int | None, at: datetime, reason: str = "") -> Manifest:
        """Put an earlier run that is kept active again.

        Parameters
        ----------
        number : int or None
            Of the run; None takes the one active before.
        at : datetime
        reason : str

        Raises
        ------
        StoreError
            When there is no such run.
        """
        from tagcast.serving.publishing.run_diff import changes_between

        with self.lock(f"rollback {number or ''}".strip(), 0.0) as folder:
            current = self.current()
            kept = {m.number: m for m in self.kept() if current is None or m.number != current.number}
            if number is None and kept and current is not None:
                number = max((n for n in kept if n < current.number), default=None)
            if number not in kept or current is None:
                shown = ", ".join(str(n) for n in sorted(kept)) or "none"
                raise StoreError(
                    f"there is no earlier run {'' if number is None else number} to go back to; kept beside the one "
                    f"active: {shown}".replace("  ", " "),
                    hint="tagcast run list shows what is kept",
                )
            target, changes = kept[number], folder / "changes.parquet"
            with self.errors():
                changes_between(self, current, target, changes)
                entry = Entry(self.next_number(), "rollback", at, target, reason)
                self.activate(entry, changes)
            return target

    def prune(self, keep: int) -> list[int]:
        """Delete runs beyond the newest ``keep``, and return which.

        The past of each tag active stays, however often the day itself was scored again: hysteresis holds on to
        it. So does the run active.
        """
        with self.lock("prune", 0.0), self.errors():
            return self.forget_old(keep)

    def forget_old(self, keep: int) -> list[int]:
        """As :meth:`prune`, under the lock."""
        current, kept = self.current(), self.kept()
        staying = {m.number for m in kept[-keep:]}
        if current is not None:
            pasts = [last_before(kept, t.tag, current.run.as_of) for t in current.run.tags]
            staying |= {m.number for m in (current, *pasts) if m}
        return self.drop(sorted(self.stored() - staying))


class RunGoneError(StoreError):
    """The rows of a run are not there any more."""


def open_store(store: str | None, home: Path, project: str, *, memory_limit: str = "1GB") -> ProfileStore:
    """Return the store of a project.

    Parameters
    ----------
    store : str or None
        ``postgresql://…``, or a folder; None is ``store`` in the home.
    home : Path
    project : str
        Keeps projects in one database apart.
    memory_limit : str
        For DuckDB; beyond it data spill to the disk.
    """
    if store is not None and store.startswith(POSTGRES):
        try:
            from tagcast.serving.store.postgres.store import PostgresStore
        except ImportError as error:
            raise StoreError(
                f"a store in PostgreSQL needs {error.name}, which is not installed",
                hint="pip install 'tagcast[postgres]'",
            ) from error
        return PostgresStore(store, home / "store", project)
    from tagcast.serving.store.duckdb.store import DuckDbStore

    return DuckDbStore(Path(store) if store else home / "store", memory_limit=memory_limit)

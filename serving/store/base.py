"""The profile store: runs that are published whole, read without waiting, retained for a while.

What every store does is here; where the rows lie is :mod:`tagcast.serving.store.duckdb.store` and :mod:`tagcast.serving.store.postgres.store`.
A run is written aside, checked, and put active by one atomic step that also writes a line of the log; readers hold on
to the run they opened.
"""

from __future__ import annotations

import logging
from abc import ABC, abstractmethod
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from tagcast.features.core.engines.key_ranges import EVERYONE, KeyRange
from tagcast.features.core.errors import StoreError
from tagcast.features.core.messages import msg
from tagcast.serving.store.errors import RunGoneError
from tagcast.serving.store.manifest import Entry, Manifest, last_before, stored_layout
from tagcast.serving.store.schema import RunInfo

if TYPE_CHECKING:
    import pyarrow as pa
    from sqlglot import exp

    from tagcast.serving.store.erased import Taken
    from tagcast.serving.store.history import KeptHistory


log = logging.getLogger("tagcast")


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

    @property
    def shown(self) -> str:
        """Which profiles it shows, for what is remembered of them; empty: all of the run."""
        ...

    def query(self, select: exp.Select, *, sample: bool = False) -> pa.RecordBatchReader:
        """Return the answer to ``select`` over the one table ``profiles``, or over a sample of it.

        Its columns are ``profile_id``, the attributes, the facts (``manifest.run.facts``, each by its ``name``), and
        :func:`tagcast.serving.store.schema.column_name` of every tag and part; words (value, band, …) that are selected
        plainly come as dictionaries.
        """
        ...

    def figures(self, select: exp.Select, *, sample: bool = False) -> Mapping[str, Any]:
        """Return the only row of the answer to ``select``, as of :meth:`query`, by column."""
        ...

    def row(self, profile_id: str) -> Mapping[str, Any] | None:
        """Return the columns of one profile but its facts, as Python values; None where there is none of that id."""
        ...

    def facts_of(self, profile_id: str) -> Mapping[str, Any] | None:
        """Return the facts of one profile by name, none where the run has none; None where there is nobody of that id."""
        ...

    def stream(self, columns: Sequence[str], within: KeyRange = EVERYONE) -> Iterator[pa.RecordBatch]:
        """Yield ``profile_id`` and ``columns`` of every profile by rising id, or of those in a range; memory holds one batch."""
        ...

    def let_go(self) -> None:
        """Let go of the last answer, read or not."""
        ...


class WritePart(Protocol):
    """Writes one part of a run; can be pickled, and called in any process that sees the files of the store."""

    def __call__(self, file: Path, batches: Iterator[pa.RecordBatch], scratch: Path) -> None:
        """Write ``batches``, by rising id, to ``file``, which is there once it is whole; spill to ``scratch``, a folder of its own."""
        ...


class RunParts(Protocol):
    """How a store takes a run whose ranges of ids were written apart from one another."""

    def writer(self, run: RunInfo, schema: pa.Schema) -> WritePart:
        """Return what writes one part with the columns of ``schema``."""
        ...

    def take_over(self, number: int, files: Sequence[Path], folder: Path) -> tuple[int, ...]:
        """Put finished parts in place under ``number``, as :meth:`ProfileStore.write` does, and return their sizes.

        Parameters
        ----------
        number : int
        files : sequence of Path
            One or more, by rising ids, in ``folder``.
        folder : Path
            The one that the lock has yielded.
        """
        ...


class ProfileStore(ABC):
    """A store, with ``folder`` for what a writer has under way; made by the first."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    # What each kind of store knows how to do.

    @property
    @abstractmethod
    def place(self) -> str:
        """Where it is, for messages: without secrets."""

    @abstractmethod
    def log(self) -> list[Entry]:
        """Return what was activated, oldest first; the last entry is active."""

    @abstractmethod
    def current(self) -> Manifest | None:
        """Return the active manifest, None where nothing was published."""

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
    ) -> tuple[int, ...]:
        """Write rows aside under ``number``, and return how many bytes each file of them takes; under the lock."""

    @property
    def parts(self) -> RunParts | None:
        """How it takes runs in parts; None where all rows have to come through :meth:`write`."""
        return None

    @abstractmethod
    def activate(self, entry: Entry, changes: Path) -> None:
        """Add ``entry`` to the log and activate its run, in one atomic step; under the lock.

        ``changes`` is a Parquet file of :data:`tagcast.serving.store.changes_schema.CHANGES`.
        """

    @abstractmethod
    def drop(self, numbers: Collection[int]) -> list[int]:
        """Delete the rows of runs, and return which; one that readers hold may stay until the next call."""

    @abstractmethod
    def every_id(self) -> Iterator[str]:
        """Yield every id of a profile that the rows of runs or the history hold, some again and again."""

    @abstractmethod
    def take_out(self, ids: Collection[str], runs: Mapping[int, Manifest], folder: Path) -> Taken:
        """Take profiles out of the history and of some runs, each of which has an edition more from then on; under the lock.

        Whoever has opened a run reads it as it was. What another call that was killed has left is cleared.

        Parameters
        ----------
        ids : collection of str
        runs : mapping of int to Manifest
            The runs that hold any of them, by number, as :func:`tagcast.serving.store.erased.erase_profiles` counts them.
        folder : Path
            The one that the lock has yielded.
        """

    @abstractmethod
    def changes_of(self, profile_id: str, after: int) -> list[Mapping[str, Any]]:
        """Return the changes of one profile in entries above ``after``, each with its ``entry``, newest first."""

    @property
    @abstractmethod
    def history(self) -> KeptHistory:
        """How far back changes of values are kept."""

    @abstractmethod
    def newest_line(self) -> str | None:
        """Return the newest line of the log as it was written, whatever layout it has; None where nothing was published."""

    @abstractmethod
    def errors(self) -> AbstractContextManager[None]:
        """Turn what goes wrong while writing into one clear StoreError."""

    # What they have in common.

    def files(self) -> list[Path]:
        """Return the files of all that was published, in :attr:`folder`; what is being written is none of it, and what a server keeps neither."""
        return []

    @property
    def layout(self) -> int | None:
        """The layout that it says it has, whatever this version knows; None where nothing was published."""
        line = self.newest_line()
        return None if line is None else stored_layout(line, self.place)

    def kept(self) -> list[Manifest]:
        """Return the published runs whose rows are there, in order of publication, those of older days among them."""
        stored = self.stored()
        return [e.run for e in self.log() if e.action != "rollback" and e.number in stored]

    @contextmanager
    def reader(self) -> Iterator[StoreReader]:
        """Yield the active run.

        Raises
        ------
        StoreError
            When there is none, or it is missing, cut short or cannot be read.
        """
        with ExitStack() as stack:
            for last_try in (False, True):
                manifest = self.current()
                if manifest is None:
                    raise StoreError(
                        msg("nothing has been published yet"),
                        hint=msg("run {command} first", command="tagcast score --all"),
                    )
                try:
                    reader = stack.enter_context(self.open(manifest))
                except RunGoneError:
                    if last_try:
                        raise
                    continue  # Between reading which is active and opening it newer runs may have displaced it.
                break
            yield reader

    def prune(self, keep: int) -> list[int]:
        """Delete runs beyond the newest ``keep``, and return which.

        The past of each active tag stays, however often the day itself was scored again: hysteresis holds on to
        it. So does the active run.
        """
        with self.lock("prune", 0.0), self.errors():
            return self.forget_old(keep)

    def forget_old(self, keep: int) -> list[int]:
        """As :meth:`prune`, under the lock."""
        return self.drop(self.unneeded_runs(keep))

    def unneeded_runs(self, keep: int) -> list[int]:
        """Return which runs :meth:`prune` deletes."""
        current, kept = self.current(), self.kept()
        beside = {e.number for e in self.log() if e.action == "keep"}
        # Days scored afterwards displace one another, never the runs to go back to.
        staying = {m.number for m in [m for m in kept if m.number not in beside][-keep:]}
        staying |= {m.number for m in [m for m in kept if m.number in beside][-keep:]}
        if current is not None:
            pasts = [last_before(kept, t.tag, current.run.as_of) for t in current.run.tags]
            staying |= {m.number for m in (current, *pasts) if m}
        return sorted(self.stored() - staying)

"""A staged part on its way into the store: percentiles are added, every batch is checked and compared with the last run."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from tagcast.features.core.engines.aside import Aside
from tagcast.features.core.engines.engine import local_scratch
from tagcast.features.core.errors import StoreError
from tagcast.serving.publishing.last_run import LastRun
from tagcast.serving.publishing.percentiles import Percentiles
from tagcast.serving.publishing.run_checks import RunChecks
from tagcast.serving.publishing.run_diff import Transitions, added
from tagcast.serving.store.changes_schema import CHANGES
from tagcast.serving.store.schema import RunInfo, column_name

if TYPE_CHECKING:
    from tagcast.features.core.messages import Joined, Text
    from tagcast.serving.publishing.parts.joined_parts import JoinedParts
    from tagcast.serving.store.base import ProfileStore, WritePart
    from tagcast.serving.store.manifest import Manifest


@dataclass(frozen=True)
class LaidOut:
    """How a part came out.

    Parameters
    ----------
    checks : RunChecks
    changes : Path
        What changed against the last run.
    transitions : mapping, optional
        Who moved from which value to which; None where nothing was compared.
    problem : Message or str, optional
        Why the last run could not be read.
    """

    checks: RunChecks
    changes: Path
    transitions: Transitions | None
    problem: Text | Joined | None


class PartLayout:
    """Lays out one part; a context.

    Parameters
    ----------
    part : JoinedParts
    run : RunInfo
    percentiles : mapping of str to Percentiles
        Of everybody, by tag.
    store : ProfileStore
    last : Manifest, optional
        The run that this one follows.
    changes : Path
        File to be written.
    """

    def __init__(
        self,
        part: JoinedParts,
        run: RunInfo,
        percentiles: Mapping[str, Percentiles],
        store: ProfileStore,
        last: Manifest | None,
        changes: Path,
    ) -> None:
        self.part = part
        self._percentiles = percentiles
        self._changes = changes
        self._checks = RunChecks(run, part.profiles)
        self._last = LastRun(store, last, [tag.tag for tag in run.tags], changes, part.within)
        self._stack = ExitStack()

    def __enter__(self) -> Self:
        self._batches = self._stack.enter_context(self.part.open())
        self._stack.enter_context(self._last)
        return self

    def __exit__(
        self, _type: type[BaseException] | None, _error: BaseException | None, _at: TracebackType | None
    ) -> None:
        """Let go of the files and of the last run."""
        self._stack.close()

    def batches(self) -> Iterator[pa.RecordBatch]:
        """Yield the staged batches with percentiles, each checked and compared on the way."""
        for batch in self._batches:
            if not batch.num_rows:
                continue
            self._checks.observe(batch)
            if not self._checks.failing:
                self._last.observe(batch)
            columns = list(batch.columns)
            for tag, percentile in self._percentiles.items():
                score = batch.column(column_name(tag, "score"))
                found = percentile(score.to_numpy(zero_copy_only=False))
                columns.append(pa.array(found, mask=np.isnan(found)))
            yield pa.record_batch(columns, schema=with_percentiles(batch.schema, list(self._percentiles)))
        self._last.finish()

    @property
    def found(self) -> LaidOut:
        """What was seen so far."""
        return LaidOut(self._checks, self._changes, self._last.transitions, self._last.problem)


@dataclass(frozen=True)
class LayOut:
    """Work for an engine, a part an item: lays it out, and writes it for the store.

    Parameters
    ----------
    run : RunInfo
    percentiles : mapping of str to Path
        File of each tag's percentiles of everybody.
    store : ProfileStore
    last : Manifest, optional
        The run that this one follows.
    folder : Path
        Where what changed is written, a file a part.
    files : Path
        Folder of the store's writer, where parts are written.
    write : WritePart, optional
        None where the store takes rows one after the other (:meth:`in_order`).
    """

    run: RunInfo
    percentiles: Mapping[str, Path]
    store: ProfileStore
    last: Manifest | None
    folder: Path
    files: Path
    write: WritePart | None

    def __call__(self, item: tuple[int, JoinedParts]) -> tuple[LaidOut, Path | None]:
        """Lay a part out; return how it came out, and its file: None where it is wrong."""
        assert self.write is not None  # noqa: S101 - whoever has none asks for the rows in order
        place, part = item
        changes, file = self._changes(place), self.files / f"rows-{place:05}"
        with Aside(changes) as aside:
            with self._layout(part, aside.path) as layout:
                try:
                    with self.store.errors(), local_scratch() as scratch:
                        self.write(file, layout.batches(), scratch)
                except StoreError:
                    if not layout.found.checks.failing:  # a store may stumble over what the checks have seen
                        raise
                found = layout.found
            aside.finish()
        return replace(found, changes=changes), None if found.checks.failing else file

    def in_order(self, parts: Sequence[JoinedParts], found: list[LaidOut]) -> Iterator[pa.RecordBatch]:
        """Yield the rows of all parts, and note in ``found`` how each came out, the one under way too."""
        for place, part in enumerate(parts):
            with self._layout(part, self._changes(place)) as layout:
                found.append(layout.found)
                yield from layout.batches()
                found[-1] = layout.found

    def _layout(self, part: JoinedParts, changes: Path) -> PartLayout:
        return PartLayout(part, self.run, self._loaded, self.store, self.last, changes)

    @cached_property
    def _loaded(self) -> Mapping[str, Percentiles]:
        """The percentiles, read once a process: every part needs all of them, for its scores are anybody's."""
        return {tag: Percentiles.load(file) for tag, file in self.percentiles.items()}

    def __getstate__(self) -> dict[str, Any]:
        """Return what other processes need: they read the files themselves."""
        return {name: value for name, value in self.__dict__.items() if name != "_loaded"}

    def _changes(self, place: int) -> Path:
        return self.folder / f"changes-{place:05}.parquet"


def with_percentiles(staged: pa.Schema, tags: Sequence[str]) -> pa.Schema:
    """Return the columns of a part as they go into the store."""
    return pa.schema([*staged, *(pa.field(column_name(tag, "percentile"), pa.float64()) for tag in tags)])


def together(parts: Sequence[LaidOut], run: RunInfo, staged: int, changes: Path) -> LaidOut:
    """Return how a run of several parts came out, in their order.

    Parameters
    ----------
    parts : sequence of LaidOut
    run : RunInfo
    staged : int
        Profiles that were staged.
    changes : Path
        File to be written; it holds nothing where one of the parts could not be compared.
    """
    checks = RunChecks(run, staged)
    for part in parts:
        checks.add(part.checks)
    problem = next((part.problem for part in parts if part.problem is not None), None)
    compared = [part.transitions for part in parts if part.transitions is not None]
    whole = bool(parts) and len(compared) == len(parts)
    if whole and len(parts) == 1:
        parts[0].changes.rename(changes)
    else:
        with pq.ParquetWriter(changes, CHANGES, compression="zstd") as writer:
            for part in parts if whole else ():
                with pq.ParquetFile(part.changes) as file:
                    for batch in file.iter_batches():
                        writer.write_batch(batch)
    return LaidOut(checks, changes, added(compared) if whole else None, problem)

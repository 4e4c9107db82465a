"""The active run beside a new one: what changes for whom, written while the new one streams by."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.parquet as pq

from tagcast.features.core.errors import StoreError
from tagcast.features.core.messages import msg
from tagcast.serving.publishing.run_diff import RunDiff
from tagcast.serving.store.changes_schema import CHANGES

if TYPE_CHECKING:
    from tagcast.serving.store.base import ProfileStore
    from tagcast.serving.store.manifest import Manifest

log = logging.getLogger("tagcast")


class LastRun:
    """The active run, read beside the new one; changes go to a Parquet file.

    Where it is damaged, the new run is published without knowing what changed.

    Parameters
    ----------
    store : ProfileStore
    tags : sequence of str
        Of the new run.
    changes : Path
        File of :data:`tagcast.serving.store.changes_schema.CHANGES`, to be written.
    compare : bool
        Whether the new run follows it; the file stays empty where it is only kept beside.
    """

    def __init__(self, store: ProfileStore, tags: Sequence[str], changes: Path, *, compare: bool) -> None:
        self.compare = compare
        self.store = store
        self.tags = tags
        self.changes = changes
        self.manifest: Manifest | None = None
        self.movement: RunDiff | None = None
        self._stack = ExitStack()

    def __enter__(self) -> LastRun:
        with self._damage():
            self.manifest = self.store.current()
            if self.manifest is not None and self.compare:
                reader = self._stack.enter_context(self.store.open(self.manifest))
                self.movement = RunDiff(reader, self.tags)
        self._writer = pq.ParquetWriter(self.changes, CHANGES, compression="zstd")
        return self

    def __exit__(self, *error: object) -> None:
        self._writer.close()
        self._stack.close()

    def observe(self, batch: pa.RecordBatch) -> None:
        """Compare the next profiles."""
        if self.movement is not None:
            with self._damage():
                self._writer.write_batch(self.movement.observe(batch))

    def finish(self) -> None:
        """Compare what is left of the last run."""
        if self.movement is not None:
            with self._damage():
                self._writer.write_batch(self.movement.rest())
        if self.movement is None:
            self._writer.close()
            pq.write_table(CHANGES.empty_table(), self.changes)

    @contextmanager
    def _damage(self) -> Iterator[None]:
        try:
            yield
        except StoreError as error:
            self.movement = None
            log.warning(
                msg(
                    "the active run is damaged, what changed since is not recorded: {problem}",
                    problem=error.message,
                )
            )

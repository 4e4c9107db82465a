"""The active run beside a new one: what changes for whom, written while the new one streams by."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.parquet as pq

from tagcast.features.core.engines.key_ranges import EVERYONE, KeyRange
from tagcast.features.core.errors import StoreError
from tagcast.serving.publishing.run_diff import RunDiff, Transitions
from tagcast.serving.store.changes_schema import CHANGES

if TYPE_CHECKING:
    from tagcast.features.core.messages import Joined, Text
    from tagcast.serving.store.base import ProfileStore
    from tagcast.serving.store.manifest import Manifest


class LastRun:
    """The active run, read beside the new one; changes go to a Parquet file.

    Where it is damaged, nothing is known of what changed.

    Parameters
    ----------
    store : ProfileStore
    last : Manifest, optional
        The active run; None where the new run follows none, or is only kept beside it: the file stays empty.
    tags : sequence of str
        Of the new run.
    changes : Path
        File of :data:`tagcast.serving.store.changes_schema.CHANGES`, to be written.
    within : KeyRange
        Of the profiles that are compared.
    """

    def __init__(
        self,
        store: ProfileStore,
        last: Manifest | None,
        tags: Sequence[str],
        changes: Path,
        within: KeyRange = EVERYONE,
    ) -> None:
        self.problem: Text | Joined | None = None
        """What is wrong with it."""
        self._changes = changes
        self._open = store, last, tags, within
        self._movement: RunDiff | None = None
        self._stack = ExitStack()

    def __enter__(self) -> LastRun:
        store, last, tags, within = self._open
        self._writer = pq.ParquetWriter(self._changes, CHANGES, compression="zstd")
        if last is not None:
            with self._damage():
                self._movement = RunDiff(self._stack.enter_context(store.open(last)), tags, within)
        return self

    def __exit__(self, *error: object) -> None:
        self._writer.close()
        self._stack.close()

    @property
    def transitions(self) -> Transitions | None:
        """Who moved from which value to which; None where nothing was compared."""
        return None if self._movement is None else self._movement.transitions

    def observe(self, batch: pa.RecordBatch) -> None:
        """Compare the next profiles."""
        if self._movement is not None:
            with self._damage():
                self._writer.write_batch(self._movement.observe(batch))

    def finish(self) -> None:
        """Compare what is left of the last run."""
        if self._movement is not None:
            with self._damage():
                self._writer.write_batch(self._movement.rest())
        self._writer.close()

    @contextmanager
    def _damage(self) -> Iterator[None]:
        try:
            yield
        except StoreError as error:
            self._movement = None
            self.problem = error.message

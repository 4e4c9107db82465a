"""A run on its way into the store: collected aside batch by batch, checked, laid out for filters, published whole."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from features.errors import StoreError
from serving.duckdb_layout import write_snapshot
from serving.percentiles import Percentiles
from serving.predictions import RunInfo, column_name
from serving.run_checks import RunChecks
from serving.store_files import Manifest, disk_errors, forget_old, put_in_force

if TYPE_CHECKING:
    from models.tag import TagDefinition

_KINDS = {
    pa.string(): "text",
    pa.large_string(): "text",
    pa.float64(): "number",
    pa.bool_(): "boolean",
}


class Staging:
    """Collects one run; made by :meth:`ProfileStore.writer`.

    Batches go to an Arrow file, each tag's scores to a file of their own: what depends on everyone (cuts of a top share,
    percentiles) is worked out for one tag after the other.

    Parameters
    ----------
    store, folder : Path
        The store, and the writer's own folder in it.
    memory_limit : str
        For DuckDB; beyond it data spill to ``folder``.
    """

    def __init__(self, store: Path, folder: Path, memory_limit: str) -> None:
        self.store = store
        self.folder = folder
        self.memory_limit = memory_limit
        self._staged = folder / "staged.arrow"
        self._sink: Any = None
        self._tags: list[str] = []
        self._ranked: dict[str, Path] = {}
        self._profiles = 0

    def close(self) -> None:
        """Let go of the staged file."""
        if self._sink is not None:
            self._sink.close()
            self._sink = None

    def add(self, batch: pa.RecordBatch) -> None:
        """Add profiles by rising id.

        Parameters
        ----------
        batch : RecordBatch
            ``profile_id``, attributes (text, number, boolean), then the staged columns of each tag
            (:func:`serving.predictions.tag_fields`); the first batch fixes them.
        """
        with disk_errors(self.store):
            if self._sink is None:
                self._tags = [n.rpartition(":")[0] for n in batch.schema.names if n.endswith(":score")]
                self._sink = pa.ipc.new_stream(str(self._staged), batch.schema)
            self._sink.write_batch(batch)
            for place, tag in enumerate(self._tags):
                column = batch.column(column_name(tag, "score"))
                _append(self.folder / f"scores-{place}", column.drop_null().to_numpy(zero_copy_only=False))
        self._profiles += batch.num_rows

    def add_scores(self, tag: str, scores: npt.NDArray[np.float64]) -> None:
        """Add scores of a first pass, for tags whose cut depends on everyone's score."""
        file = self._ranked.setdefault(tag, self.folder / f"ranked-{len(self._ranked)}")
        with disk_errors(self.store):
            _append(file, scores)

    def cut(self, definition: TagDefinition) -> float:
        """Return the score from which ``definition`` says yes, given the scores of the first pass."""
        from models.decision import NEVER, cut_from_scores

        if definition.name not in self._ranked:
            return NEVER
        with disk_errors(self.store):
            return cut_from_scores(definition.decision, np.fromfile(self._ranked[definition.name]))

    def publish(self, run: RunInfo, *, keep: int) -> Manifest:
        """Lay the run out, check it, and put it in force.

        Parameters
        ----------
        run : RunInfo
        keep : int
            Published runs kept, this one among them.

        Raises
        ------
        StoreError
            With the figures of the check that failed, or when it cannot be written. The run in force
            stays.
        """
        if not self._profiles or {t.tag for t in run.tags} != set(self._tags):
            raise StoreError(
                f"the run is empty: it has {self._profiles:,} profiles and the tags {sorted(self._tags)}",
                mend="check the population of the tags",
            )
        final = self.folder / "final.duckdb"
        checks = RunChecks(run, self._profiles)
        with disk_errors(self.store):
            self._sink.close()
            percentiles = {
                tag: Percentiles.of(np.fromfile(self.folder / f"scores-{place}"))
                for place, tag in enumerate(self._tags)
            }
            with pa.OSFile(str(self._staged)) as source, pa.ipc.open_stream(source) as reader:
                schema = reader.schema
                write_snapshot(
                    final, run, schema, _checked(reader, checks, percentiles), self.folder, self.memory_limit
                )
            if failed := checks.failed():
                raise StoreError(
                    "the run was not published: " + "; ".join(failed),
                    mend="tagcast score again; if it stays, check the feature tables",
                )
            said = sum(tag.population for tag in run.tags)
            attributes = {
                f.name: _KINDS[f.type] for f in schema if ":" not in f.name and f.name != "profile_id"
            }
            name = self._free_name(run.run_id)
            manifest = Manifest(run, name, final.stat().st_size, self._profiles, said, attributes)
            put_in_force(self.store, final, manifest)
        forget_old(self.store, keep)
        return manifest

    def _free_name(self, run_id: str) -> str:
        """Return a file name not taken: the same run published again does not touch what readers hold."""
        snapshots = self.store / "snapshots"
        number = sum(1 for _ in snapshots.glob("*.json")) if snapshots.is_dir() else 0
        while (snapshots / f"{run_id}-{number}.duckdb").exists():
            number += 1
        return f"{run_id}-{number}.duckdb"


def _append(file: Path, values: npt.NDArray[np.float64]) -> None:
    with file.open("ab") as handle:
        handle.write(np.ascontiguousarray(values, np.float64).data)


def _checked(
    batches: Iterator[pa.RecordBatch], checks: RunChecks, percentiles: dict[str, Percentiles]
) -> Iterator[pa.RecordBatch]:
    """Yield the staged batches with percentiles, each looked at on the way."""
    for batch in batches:
        checks.look(batch)
        columns = list(batch.columns)
        fields = list(batch.schema)
        for tag, percentile in percentiles.items():
            score = batch.column(column_name(tag, "score"))
            found = percentile(score.to_numpy(zero_copy_only=False))
            columns.append(pa.array(found, mask=np.isnan(found)))
            fields.append(pa.field(column_name(tag, "percentile"), pa.float64()))
        yield pa.record_batch(columns, schema=pa.schema(fields))

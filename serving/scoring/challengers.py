"""The challengers of a run: scored beside its champions over the same encoded features, and kept aside for the judge alone.

Nobody sees what they predict, and the run does not know of them: whatever fails of a challenger is said and left out.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from datetime import date
from pathlib import Path
from types import MappingProxyType, TracebackType
from typing import TYPE_CHECKING, Any, Self

import numpy as np
import numpy.typing as npt

from tagcast.features.core.errors import TagcastError
from tagcast.features.core.messages import Joined, Message, Text, msg
from tagcast.features.core.raw_errors import raw_text
from tagcast.models.decisions.policy import NEVER, needs_population
from tagcast.models.filters.fields import UNKNOWN
from tagcast.serving.scoring.explanations import member_features
from tagcast.serving.scoring.model_columns import Decided, TagColumns
from tagcast.serving.store.schema import column_name

if TYPE_CHECKING:
    import pyarrow as pa

    from tagcast.features.compute.snapshot_reader import FeatureBatch
    from tagcast.models.inference.engine import EncodedBatch
    from tagcast.serving.scoring.loaded_tag import LoadedTag
    from tagcast.serving.scoring.ranges.compiled_tags import CompiledTags

LEAST_PROFILES = 10_000
"""Where a tag speaks of more, its challenger scores every n-th, at least so many: enough to tell two models apart, at little cost."""


class Challengers:
    """What challenges the champions of a run, one a tag, for one range of its profiles; a context that leaves nothing open.

    Parameters
    ----------
    tags : sequence of LoadedTag
        Of the same names, questions, feature sets and pairs as champions of the run.
    as_of : date
    populations : mapping of str to int
        About how many profiles each tag speaks of; of one that is missing everyone is scored.
    thresholds : mapping of str to float
        From which score on a value is yes, of :attr:`ranked`.
    file : Path, optional
        What they predict is written there.
    """

    def __init__(
        self,
        tags: Sequence[LoadedTag],
        as_of: date,
        populations: Mapping[str, int] = MappingProxyType({}),
        thresholds: Mapping[str, float] = MappingProxyType({}),
        file: Path | None = None,
    ) -> None:
        self.tags = {tag.definition.name: tag for tag in tags}
        self.left_out: dict[str, Message] = {}
        """Those that failed, and why."""
        self._columns: dict[str, TagColumns] = {}
        self._thresholds: dict[str, float | None] = {}
        for tag in tags:
            name = tag.definition.name
            try:
                self._columns[name] = TagColumns(tag, as_of)
                self._thresholds[name] = thresholds.get(name, tag.threshold)
            except Exception as error:  # noqa: BLE001 - nothing of a challenger fails a run
                self.leave_out(name, error)
        self._every = {name: stands_for(populations.get(name, 0)) for name in self._columns}
        self._file = file
        self._writer: Any = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, _type: type[BaseException] | None, _error: BaseException | None, _at: TracebackType | None
    ) -> None:
        """Close the file."""
        if self._writer is not None:
            with suppress(OSError):  # a full disk takes no last words either
                self._writer.close()
            self._writer = None

    @property
    def ranked(self) -> dict[str, str]:
        """The feature set of each whose decision depends on all scores of the run."""
        return {
            name: tag.model.feature_set
            for name, tag in self.tags.items()
            if needs_population(tag.definition.decision)
        }

    def leave_out(self, name: str, error: Exception) -> None:
        """Go on without one, and remember why."""
        if (tag := self.tags.pop(name, None)) is not None:
            self.left_out[name] = because_of(tag, error)

    def decide(
        self,
        compiled: CompiledTags,
        coded: Mapping[str, EncodedBatch],
        batches: Mapping[str, FeatureBatch],
        champions: Mapping[str, Decided],
        first: int,
    ) -> dict[str, Decided]:
        """Return what challengers predict of those whom their champions speak of, or of every n-th of them.

        Parameters
        ----------
        compiled : CompiledTags
        coded, batches : mapping of str to EncodedBatch, FeatureBatch
            The same profiles, by feature set.
        champions : mapping of str to Decided
            Of these profiles.
        first : int
            How many profiles of the snapshot come before them.
        """
        found = {}
        members = [(spec, k, tag) for spec in coded for k, tag in compiled.challenging.get(spec, ())]
        for spec, k, tag in members:
            name = tag.definition.name
            if name not in champions or name not in self.tags:
                continue
            engine, batch = compiled.engines[spec], batches[spec]
            rows = champions[name].rows
            rows = rows[(first + rows) % self._every[name] == 0]
            threshold = self._thresholds[name]
            try:
                whole = len(rows) == len(batch.profile_id)
                found[name] = self._columns[name].decide(
                    rows,
                    member_features(engine.members[k], batch, rows),
                    engine.known(k, coded[spec], None if whole else rows),
                    NEVER if threshold is None else threshold,
                    None,
                )
            except Exception as error:  # noqa: BLE001 - models of others raise what they like
                self.leave_out(name, error)
        return found

    def add(self, ids: pa.StringArray, decided: Mapping[str, Decided]) -> None:
        """Write a batch."""
        if not self.tags or self._file is None:
            return
        import pyarrow as pa
        import pyarrow.parquet as pq

        kept = {name: decided[name] for name in self._columns if name in decided}
        rows = np.unique(np.concatenate([np.empty(0, np.int64), *(one.rows for one in kept.values())]))
        columns = [ids.take(pa.array(rows))]
        for name in self._columns:
            columns += self._laid_out(name, kept.get(name), rows)
        try:
            batch = pa.record_batch(columns, schema=self._schema())
            if self._writer is None:
                self._writer = pq.ParquetWriter(self._file, batch.schema, compression="zstd")
            self._writer.write_batch(batch)
        except (OSError, pa.ArrowException) as error:
            for name in list(self.tags):
                self.leave_out(name, error)

    def _schema(self) -> pa.Schema:
        import pyarrow as pa

        types = {
            "value": pa.dictionary(pa.int8(), pa.string()),
            "score": pa.float64(),
            "confidence": pa.float64(),
        }
        fields = [(column_name(name, part), kind) for name in self._columns for part, kind in types.items()]
        return pa.schema([("profile_id", pa.string()), *fields])

    def _laid_out(self, name: str, decided: Decided | None, rows: npt.NDArray[np.int64]) -> list[pa.Array]:
        """Return value, score and confidence of ``rows``; null of whom the tag does not speak, and where it was left out."""
        import pyarrow as pa

        missing = np.ones(len(rows), bool)
        place = np.searchsorted(rows, decided.rows if decided is not None else rows[:0])
        missing[place] = False

        def spread(values: npt.NDArray[Any]) -> pa.Array:
            whole = np.zeros(len(rows), values.dtype)
            whole[place] = values
            return pa.array(whole, mask=missing)

        none = np.empty(0)
        words = pa.array([*self._columns[name].tag.definition.values, UNKNOWN])
        value = none.astype(np.int8) if decided is None else decided.value
        return [
            pa.DictionaryArray.from_arrays(spread(value), words),
            spread(none if decided is None else decided.score),
            spread(none if decided is None else decided.confidence),
        ]


def stands_for(population: int) -> int:
    """Return how many profiles each stands for whom a challenger scores, where its tag speaks of about so many."""
    return max(1, population // LEAST_PROFILES)


def because_of(tag: LoadedTag, error: Exception) -> Message:
    """Say that a challenger is left out of a run because of ``error``."""
    problem = error.message if isinstance(error, TagcastError) else raw_text(error)
    return not_scored(tag.definition.name, tag.version, problem)


def not_scored(tag: str, version: str | int, problem: Text | Joined) -> Message:
    """Say that a challenger is left out of a run, and why."""
    return msg(
        "{tag}: its challenger, version {version}, is not scored in the shadow: {problem}",
        tag=tag,
        version=version,
        problem=problem,
    )

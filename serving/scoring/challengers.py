"""The challengers of a run: scored beside its champions over the same encoded features, and kept aside for the judge alone.

Nobody sees what they predict, and the run does not know of them: whatever fails of a challenger is said and left out.
"""

from __future__ import annotations

import logging
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
from tagcast.models.decisions.policy import NEVER, needs_population, threshold_from_scores
from tagcast.models.filters.fields import UNKNOWN
from tagcast.serving.scoring.explanations import member_features
from tagcast.serving.scoring.loaded_tag import engine_of
from tagcast.serving.scoring.model_columns import Decided, TagColumns
from tagcast.serving.store.schema import column_name

if TYPE_CHECKING:
    import pyarrow as pa

    from tagcast.features.compute.snapshot_reader import FeatureBatch
    from tagcast.models.inference.engine import EncodedBatch, Engine
    from tagcast.serving.scoring.loaded_tag import LoadedTag

log = logging.getLogger("tagcast")

LEAST_PROFILES = 10_000
"""Where a tag speaks of more, its challenger scores every n-th, at least so many: enough to tell two models apart, at little cost."""


class Challengers:
    """What challenges the champions of a run, one a tag; a context that leaves nothing open.

    Parameters
    ----------
    tags : sequence of LoadedTag
        Of the same names, questions, feature sets and pairs as champions of the run.
    as_of : date
    folder : Path
        The writer's own: what they predict goes to a file there.
    populations : mapping of str to int
        About how many profiles each tag speaks of; of one that is missing everyone is scored.
    """

    def __init__(
        self,
        tags: Sequence[LoadedTag],
        as_of: date,
        folder: Path = Path(),
        populations: Mapping[str, int] = MappingProxyType({}),
    ) -> None:
        self.tags = {tag.definition.name: tag for tag in tags}
        # Fixed from here on: threads read them, while one that fails leaves ``tags``.
        self.ranked = {
            tag.definition.name: tag.model.feature_set
            for tag in tags
            if needs_population(tag.definition.decision)
        }
        """The feature set of each whose decision depends on all scores of the run."""
        self._columns: dict[str, TagColumns] = {}
        self._thresholds: dict[str, float | None] = {}
        for tag in tags:
            try:
                self._columns[tag.definition.name] = TagColumns(tag, as_of)
                self._thresholds[tag.definition.name] = tag.threshold
            except Exception as error:  # noqa: BLE001 - nothing of a challenger fails a run
                self.leave_out(tag.definition.name, error)
        self._every = {name: max(1, populations.get(name, 0) // LEAST_PROFILES) for name in self._columns}
        self._scores: dict[str, list[npt.NDArray[np.float64]]] = {name: [] for name in self.ranked}
        self._members: dict[str, list[tuple[int, LoadedTag]]] = {}
        self._file = folder / "challengers.parquet"
        self._writer: Any = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, _type: type[BaseException] | None, _error: BaseException | None, _at: TracebackType | None
    ) -> None:
        """Let go of the file."""
        if self._writer is not None:
            with suppress(OSError):  # a full disk takes no last words either
                self._writer.close()
            self._writer = None

    def engine(self, spec: str, champions: Sequence[LoadedTag]) -> Engine:
        """Return the champions over a feature set compiled together with what challenges them; without, where that fails."""
        challenging = [tag for tag in self.tags.values() if tag.model.feature_set == spec]
        try:
            engine = engine_of(spec, champions, challenging)
        except Exception as error:
            if not challenging:
                raise
            for tag in challenging:
                self.leave_out(tag.definition.name, error)
            return engine_of(spec, champions)
        self._members[spec] = list(enumerate(challenging, start=len(champions)))
        return engine

    def leave_out(self, name: str, error: Exception) -> None:
        """Go on without one, and say why."""
        if (tag := self.tags.pop(name, None)) is not None:
            problem = error.message if isinstance(error, TagcastError) else raw_text(error)
            log.warning(not_scored(name, tag.version, problem))

    def decide(
        self,
        engines: Mapping[str, Engine],
        coded: Mapping[str, EncodedBatch],
        batches: Mapping[str, FeatureBatch],
        champions: Mapping[str, Decided],
        first: int,
    ) -> dict[str, Decided]:
        """Return what challengers predict of those whom their champions speak of, or of every n-th of them.

        Parameters
        ----------
        engines, coded, batches : mapping of str to Engine, EncodedBatch, FeatureBatch
            Those of :meth:`engine` and the same profiles, by feature set.
        champions : mapping of str to Decided
            Of these profiles.
        first : int
            How many profiles come before them.
        """
        found = {}
        members = [(spec, k, tag) for spec in coded for k, tag in self._members.get(spec, ())]
        for spec, k, tag in members:
            name = tag.definition.name
            if name not in champions or name not in self.tags:
                continue
            engine, batch = engines[spec], batches[spec]
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

    def rank(self, decided: Mapping[str, Decided]) -> None:
        """Take in a batch of the first pass: scores that decide from which of them on a value is yes."""
        for name in decided.keys() & self._scores.keys():
            self._scores[name].append(decided[name].score)

    def set_thresholds(self) -> None:
        """End the first pass."""
        for name, parts in self._scores.items():
            if parts and name in self.tags:
                scores = np.concatenate(parts)
                stands_for = (
                    None if self._every[name] == 1 else np.full(len(scores), float(self._every[name]))
                )
                decision = self.tags[name].definition.decision
                self._thresholds[name] = threshold_from_scores(decision, scores, stands_for)
        self._scores = {}

    def add(self, ids: pa.StringArray, decided: Mapping[str, Decided]) -> None:
        """Write a batch of the second pass."""
        if not self.tags:
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

    @property
    def versions(self) -> dict[str, int]:
        """The version of each that was not left out."""
        return {name: int(tag.version) for name, tag in self.tags.items()}

    def finish(self, about: Mapping[bytes, str]) -> Path | None:
        """Close the file with ``about`` as its metadata, and return it; None where there is nothing to be kept."""
        if self._writer is None or not self.tags:
            return None
        writer, self._writer = self._writer, None
        try:
            writer.add_key_value_metadata(dict(about))
            writer.close()
        except OSError as error:
            for name in list(self.tags):
                self.leave_out(name, error)
            return None
        return self._file

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


def not_scored(tag: str, version: str | int, problem: Text | Joined) -> Message:
    """Say that a challenger is left out of a run, and why."""
    return msg(
        "{tag}: its challenger, version {version}, is not scored in the shadow: {problem}",
        tag=tag,
        version=version,
        problem=problem,
    )

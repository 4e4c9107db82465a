"""What changed between two runs: who entered and left each value, and the history that as-of questions read.

The history holds changes only: of each profile whose value or band is another, what it was and what it became. Read
backwards from the active run it gives every earlier time (:mod:`tagcast.serving.store.history`).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from tagcast.features.core.engines.key_ranges import EVERYONE, KeyRange
from tagcast.features.core.messages import msg
from tagcast.serving.store.changes_schema import CHANGES, VALUE_COLUMNS
from tagcast.serving.store.manifest import Manifest
from tagcast.serving.store.merge_join import MergeJoin, places
from tagcast.serving.store.schema import column_name

if TYPE_CHECKING:
    from tagcast.serving.store.base import ProfileStore, StoreReader


Transitions = dict[str, dict[tuple[str | None, str | None], int]]


def most_first(transitions: Transitions) -> Transitions:
    """Return transitions with the most frequent of each tag first."""
    return {
        tag: dict(sorted(found.items(), key=lambda item: (-item[1], str(item[0]))))
        for tag, found in transitions.items()
    }


def added(parts: Sequence[Transitions]) -> Transitions:
    """Return the transitions of a run from those of its parts."""
    whole: dict[str, Counter[tuple[str | None, str | None]]] = {}
    for part in parts:
        for tag, found in part.items():
            whole.setdefault(tag, Counter()).update(found)
    return most_first({tag: dict(found) for tag, found in whole.items()})


def changing_columns(tags: Sequence[str]) -> list[str]:
    """Return the columns that are compared."""
    return [column_name(tag, part) for tag in tags for part, _ in VALUE_COLUMNS]


class RunDiff:
    """Compares a run that comes batch by batch with the last one.

    Parameters
    ----------
    last : StoreReader
    tags : sequence of str
        Of the new run.
    within : KeyRange
        Of the profiles that are compared.
    """

    def __init__(self, last: StoreReader, tags: Sequence[str], within: KeyRange = EVERYONE) -> None:
        before = [tag.tag for tag in last.manifest.run.tags]
        self._common = [tag for tag in tags if tag in before]
        self._gone = [tag for tag in before if tag not in tags]
        what = msg("the run {run}", run=last.manifest.number)
        self._last = MergeJoin(last.stream(changing_columns([*self._common, *self._gone]), within), what)
        self._transitions: dict[str, dict[tuple[str | None, str | None], int]] = {
            tag: {} for tag in self._common
        }

    @property
    def transitions(self) -> Transitions:
        """Profiles by value before and value now, of the tags in both runs; most first."""
        return most_first(self._transitions)

    def observe(self, batch: pa.RecordBatch) -> pa.RecordBatch:
        """Compare the next profiles of the new run, and return their changes by id."""
        ids = batch.column("profile_id")
        before = self._last.up_to(str(ids[-1]))
        if before is None:  # nobody of the range was there
            return self._changes(ids, None, None, batch, pa.array(np.arange(len(ids))))
        here = places(ids, before)
        left = np.flatnonzero(~_bools(pc.is_in(before.column(0), value_set=ids)))
        # Who left stands after who is there: one order of rows for both.
        profile = pa.concat_arrays([ids, before.column(0).take(pa.array(left)).combine_chunks()])
        old_rows = pa.concat_arrays([here.cast(pa.int64()), pa.array(left, pa.int64())])
        new_rows = pa.array(np.arange(len(ids) + len(left)), mask=np.arange(len(profile)) >= len(ids))
        return self._changes(profile, before, old_rows, batch, new_rows)

    def rest(self) -> pa.RecordBatch:
        """Return the changes of those who stand after the last profile of the new run: they left."""
        before = self._last.up_to(None)
        if before is None or not before.num_rows:
            return _none()
        rows = pa.array(np.arange(before.num_rows))
        return self._changes(before.column(0).combine_chunks(), before, rows, None, None)

    def _changes(
        self, profile: pa.Array, before: pa.Table | None, old_rows: Any, batch: Any, new_rows: Any
    ) -> pa.RecordBatch:
        parts = []
        for tag in (*self._common, *self._gone):
            was = _RunValues(before, tag, old_rows, len(profile))
            now = _RunValues(batch if tag in self._common else None, tag, new_rows, len(profile))
            self._count(tag, was, now)
            changed = np.flatnonzero(was.differs(now))
            if len(changed):
                take = pa.array(changed)
                columns = [profile.take(take), pa.array([tag]).take(pa.array(np.zeros(len(changed), int)))]
                parts.append(pa.record_batch([*columns, *was.rows(take), *now.rows(take)], schema=CHANGES))
        if not parts:
            return _none()
        table = pa.Table.from_batches(parts).sort_by([("profile_id", "ascending"), ("tag", "ascending")])
        return table.combine_chunks().to_batches()[0]

    def _count(self, tag: str, was: _RunValues, now: _RunValues) -> None:
        if tag not in self._transitions:
            return
        wide = len(now.words) + 1
        pairs = np.bincount((was.value + 1) * wide + now.value + 1, minlength=(len(was.words) + 1) * wide)
        for pair in np.flatnonzero(pairs):
            key = was.word(int(pair) // wide - 1), now.word(int(pair) % wide - 1)
            if key != (None, None):
                self._transitions[tag][key] = self._transitions[tag].get(key, 0) + int(pairs[pair])


class _RunValues:
    """The values of some profiles by one tag in one run; codes are -1 where there is none."""

    def __init__(self, table: Any, tag: str, rows: Any, count: int = 0) -> None:
        self.words: list[str] = []
        self.bands: list[str] = []
        if table is None:
            self.value = self.band = np.full(count, -1, np.int64)
            self._confidence = pa.nulls(count, pa.float64())
            return
        self.value, self.words = _codes(table.column(column_name(tag, "value")), rows)
        self.band, self.bands = _codes(table.column(column_name(tag, "band")), rows)
        self._confidence = _whole(table.column(column_name(tag, "confidence"))).take(rows)

    def word(self, code: int) -> str | None:
        return self.words[code] if code >= 0 else None

    def differs(self, other: _RunValues) -> npt.NDArray[np.bool_]:
        return _unlike(self.value, self.words, other.value, other.words) | _unlike(
            self.band, self.bands, other.band, other.bands
        )

    def rows(self, take: pa.Array) -> list[pa.Array]:
        taken = take.to_numpy()
        return [
            _spelled(self.value[taken], self.words),
            _spelled(self.band[taken], self.bands),
            self._confidence.take(take),
        ]


def _codes(column: Any, rows: pa.Array) -> tuple[npt.NDArray[np.int64], list[str]]:
    column = _whole(column)
    codes = pc.fill_null(column.indices.take(rows).cast(pa.int64()), -1)
    return codes.to_numpy(zero_copy_only=False), column.dictionary.to_pylist()


def _whole(column: Any) -> Any:
    return column.combine_chunks() if isinstance(column, pa.ChunkedArray) else column


def _unlike(
    a: npt.NDArray[np.int64], a_words: list[str], b: npt.NDArray[np.int64], b_words: list[str]
) -> npt.NDArray[np.bool_]:
    """Compare codes by their words."""
    known = {word: place for place, word in enumerate(b_words)}
    extra = range(len(b_words), len(b_words) + len(a_words))
    translated = np.array([-1, *(known.get(w, e) for w, e in zip(a_words, extra, strict=True))], np.int64)
    return np.asarray(translated[a + 1] != b)


def _spelled(codes: npt.NDArray[np.int64], words: list[str]) -> pa.Array:
    return pa.array(words, pa.string()).take(pa.array(codes, mask=codes < 0))


def _bools(column: Any) -> npt.NDArray[np.bool_]:
    return np.asarray(_whole(column).to_numpy(zero_copy_only=False), bool)


def _none() -> pa.RecordBatch:
    return pa.record_batch([pa.array([], f.type) for f in CHANGES], schema=CHANGES)


def changes_between(store: ProfileStore, old: Manifest, new: Manifest, file: Path) -> Transitions:
    """Write to ``file`` (Parquet) what changes when ``new`` follows ``old``, and return the transitions."""
    tags = [tag.tag for tag in new.run.tags]
    with store.open(old) as before, store.open(new) as after:
        diff = RunDiff(before, tags)
        write_changes(diff, after.stream(changing_columns(tags)), file)
        return diff.transitions


def write_changes(diff: RunDiff, batches: Iterator[pa.RecordBatch], file: Path) -> None:
    """Compare all ``batches`` and write the changes to ``file``."""
    import pyarrow.parquet as pq

    with pq.ParquetWriter(file, CHANGES, compression="zstd") as writer:
        for batch in batches:
            if batch.num_rows:
                writer.write_batch(diff.observe(batch))
        writer.write_batch(diff.rest())

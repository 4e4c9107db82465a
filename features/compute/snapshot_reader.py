"""Read a snapshot batch by batch: memory holds one batch of each view, however many profiles there are."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from tagcast.features.catalog.feature_set import PAIR_VIEW, PROFILE_VIEW, SHIPPED, FeatureSet
from tagcast.features.core.errors import DataError
from tagcast.features.core.messages import Message, msg
from tagcast.features.core.raw_errors import reason_of

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt
    import pyarrow as pa

_PAIR_ROWS = 262_144


@dataclass(frozen=True)
class FeatureBatch:
    """Features of some profiles, profiles in rising order of id.

    Parameters
    ----------
    profile_id : pyarrow.StringArray of n
    profile : ndarray of float64, shape (n, p)
        :attr:`tagcast.features.catalog.feature_set.FeatureSet.of_profile`.
    category : dict of str to ndarray of float64, shape (n, q)
        :attr:`tagcast.features.catalog.feature_set.FeatureSet.of_pair` for each category requested.
    """

    profile_id: pa.StringArray
    profile: npt.NDArray[np.float64]
    category: dict[str, npt.NDArray[np.float64]]

    def take(self, rows: npt.NDArray[np.int64]) -> FeatureBatch:
        """Return some of the profiles."""
        import pyarrow as pa

        own = {name: matrix[rows] for name, matrix in self.category.items()}
        return FeatureBatch(self.profile_id.take(pa.array(rows)), self.profile[rows], own)


def stream_views(
    files: Mapping[str, Path], feature_set: FeatureSet, categories: Sequence[str], batch_rows: int
) -> Iterator[FeatureBatch]:
    """Yield the features of every profile in rising order of id.

    Parameters
    ----------
    files : mapping of str to Path
        Each view of one snapshot, sorted by entity.
    feature_set : FeatureSet
    categories : sequence of str
        Categories whose pair features are wanted; with none the pair file is not opened.
    batch_rows : int
        Profiles a batch.
    """
    import numpy as np
    import pyarrow.parquet as pq

    pairs = _Pairs(files[PAIR_VIEW], categories, feature_set) if categories else None
    beside = [
        _Beside(files[view.name], [f.name for f in view.features()])
        for view in feature_set.own
        if view.keys == SHIPPED[PROFILE_VIEW]
    ]
    columns, file_path = [f.name for f in feature_set.features(PROFILE_VIEW)], files[PROFILE_VIEW]
    # Read ahead, Arrow would keep the bytes of the whole file until the end.
    with _read_errors(file_path), pq.ParquetFile(file_path, pre_buffer=False) as file:
        _check(file_path, file.schema_arrow, ["profile_id"], columns)
        for batch in file.iter_batches(batch_rows, columns=["profile_id", *columns]):
            ids, profile = batch.column(0), _matrix(batch, columns)
            if beside:
                profile = np.hstack([profile, *(view.take(ids) for view in beside)])
            yield FeatureBatch(ids, profile, pairs.take(ids) if pairs else {})


@contextmanager
def _read_errors(file: Path) -> Iterator[None]:
    import pyarrow as pa

    try:
        yield
    except (OSError, pa.ArrowException) as error:
        raise DataError(
            msg("{file} is damaged: {reason}", file=file, reason=reason_of(error)), hint=_rebuild(file)
        ) from error


def _rebuild(file: Path) -> Message:
    return msg("delete the folder {folder}: it is built again", folder=file.parent)


def _check(file: Path, schema: pa.Schema, keys: Sequence[str], features: Sequence[str]) -> None:
    """Refuse a table that lost a column, or has one of another type."""
    import pyarrow as pa

    for names, is_key in ((keys, True), (features, False)):
        for name in names:
            place = schema.get_field_index(name)
            kind = schema.field(place).type if place >= 0 else None
            text = kind is not None and (pa.types.is_string(kind) or pa.types.is_large_string(kind))
            if kind is None or not (text if is_key else kind == pa.float64()):
                wanted = msg("texts") if is_key else msg("numbers")
                found = msg("there is none") if kind is None else msg("found {type}", type=str(kind))
                raise DataError(
                    msg(
                        "{file}: the column {column} should hold {wanted}, {found}",
                        file=file,
                        column=name,
                        wanted=wanted,
                        found=found,
                    ),
                    hint=_rebuild(file),
                )


class _Beside:
    """Reads a view of profiles beside the one that leads: both are sorted by profile, so one pass serves both."""

    def __init__(self, path: Path, columns: Sequence[str]) -> None:
        self.columns = list(columns)
        self._batches = self._read(path)
        self._held: pa.RecordBatch | None = next(self._batches, None)

    def _read(self, path: Path) -> Iterator[pa.RecordBatch]:
        import pyarrow.parquet as pq

        with _read_errors(path), pq.ParquetFile(path, pre_buffer=False) as file:
            _check(path, file.schema_arrow, ["profile_id"], self.columns)
            yield from file.iter_batches(_PAIR_ROWS, columns=["profile_id", *self.columns])

    def take(self, ids: pa.StringArray) -> npt.NDArray[np.float64]:
        """Return a row for each of ``ids``, which rise from call to call; who is not there is unknown."""
        import numpy as np
        import pyarrow.compute as pc

        filled = np.full((len(ids), len(self.columns)), np.nan)
        while self._held is not None:
            here = pc.sum(pc.less_equal(self._held.column(0), ids[-1])).as_py() or 0
            if here:
                part = self._held.slice(0, here)
                place = pc.index_in(part.column(0), value_set=ids)
                known = place.is_valid().to_numpy(zero_copy_only=False)
                rows = place.drop_null().to_numpy()
                filled[rows] = _matrix(part, self.columns)[known]
            if here < self._held.num_rows:
                self._held = self._held.slice(here)
                break
            self._held = next(self._batches, None)
        return filled


class _Pairs:
    """Reads the pair view beside the profile view: both are sorted by profile, so one pass serves both."""

    def __init__(self, path: Path, categories: Sequence[str], feature_set: FeatureSet) -> None:
        import pyarrow as pa

        declared = feature_set.features(PAIR_VIEW)
        self.columns = [f.name for f in declared]
        self.absent = [float("nan") if f.absent is None else f.absent for f in declared]
        self.categories = list(categories)
        self._batches = self._read(path, pa.array(self.categories))
        self._held: pa.RecordBatch | None = next(self._batches, None)

    def _read(self, path: Path, wanted: pa.Array) -> Iterator[pa.RecordBatch]:
        import pyarrow.parquet as pq

        keys = ["profile_id", "category"]
        with _read_errors(path), pq.ParquetFile(path, pre_buffer=False) as file:
            _check(path, file.schema_arrow, keys, self.columns)
            for batch in file.iter_batches(_PAIR_ROWS, columns=[*keys, *self.columns]):
                yield batch.filter(_is_in(batch.column(1), wanted))

    def take(self, ids: pa.StringArray) -> dict[str, npt.NDArray[np.float64]]:
        """Return one matrix a category for profiles ``ids``, which rise from call to call."""
        import numpy as np
        import pyarrow as pa
        import pyarrow.compute as pc

        filled = {c: np.tile(np.asarray(self.absent), (len(ids), 1)) for c in self.categories}
        wanted = pa.array(self.categories)
        while self._held is not None:
            # Bytes of UTF-8 have the order of the letters: the first that lies beyond the last profile ends the part.
            here = pc.sum(pc.less_equal(self._held.column(0), ids[-1])).as_py() or 0
            if here:
                part = self._held.slice(0, here)
                rows = pc.index_in(part.column(0), value_set=ids).to_numpy()
                place = pc.index_in(part.column(1), value_set=wanted).to_numpy()
                matrix = _matrix(part, self.columns)
                for k, target in enumerate(filled.values()):
                    of_category = place == k
                    target[rows[of_category]] = matrix[of_category]
            if here < self._held.num_rows:
                self._held = self._held.slice(here)
                break
            self._held = next(self._batches, None)
        return filled


def _is_in(column: pa.Array, wanted: pa.Array) -> pa.Array:
    import pyarrow.compute as pc

    return pc.is_in(column, value_set=wanted)


def _matrix(batch: pa.RecordBatch, columns: Sequence[str]) -> npt.NDArray[np.float64]:
    import numpy as np

    matrix = np.empty((batch.num_rows, len(columns)))
    for position, name in enumerate(columns):
        matrix[:, position] = batch.column(batch.schema.get_field_index(name)).to_numpy(zero_copy_only=False)
    return matrix

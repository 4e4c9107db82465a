"""Read a snapshot batch by batch: memory holds one batch of each view, however many profiles there are."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from tagcast.features.catalog.feature import Feature
from tagcast.features.catalog.feature_set import PROFILE_VIEW, SHIPPED, FeatureSet
from tagcast.features.compute.sorted_files import even, read_batches, rows_below
from tagcast.features.core.engines.key_ranges import EVERYONE, KeyRange
from tagcast.features.core.errors import DataError
from tagcast.features.core.messages import msg
from tagcast.features.entities.pair import Pair

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt
    import pyarrow as pa

_ROWS_BESIDE = 262_144


@dataclass(frozen=True)
class FeatureBatch:
    """Features of some profiles, profiles in rising order of id.

    Parameters
    ----------
    profile_id : pyarrow.StringArray of n
    profile : ndarray of float64, shape (n, p)
        :attr:`tagcast.features.catalog.feature_set.FeatureSet.of_profile`.
    pairs : dict of Pair to ndarray of float64, shape (n, q)
        For each pair requested the features of a profile with its entity
        (:attr:`tagcast.features.catalog.feature_set.FeatureSet.of_pairs`).
    """

    profile_id: pa.StringArray
    profile: npt.NDArray[np.float64]
    pairs: dict[Pair, npt.NDArray[np.float64]]

    def take(self, rows: npt.NDArray[np.int64]) -> FeatureBatch:
        """Return some of the profiles."""
        import pyarrow as pa

        own = {pair: matrix[rows] for pair, matrix in self.pairs.items()}
        return FeatureBatch(self.profile_id.take(pa.array(rows)), self.profile[rows], own)


@dataclass(frozen=True)
class SnapshotFiles:
    """The files of one snapshot: whoever sees them can read them.

    Parameters
    ----------
    feature_set : FeatureSet
    folder : Path
        Where they should lie, for messages.
    files : mapping of str to sequence of Path
        Of each view that is there, sorted by entity over all of its files.
    rows : int
        How many profiles it holds.
    """

    feature_set: FeatureSet
    folder: Path
    files: Mapping[str, Sequence[Path]]
    rows: int

    @property
    def profiles(self) -> Sequence[Path]:
        """The files that hold everybody, by rising id."""
        return self.files[PROFILE_VIEW]

    def rows_below(self, first: str | None) -> int:
        """Return how many profiles come before the id ``first``; nobody where it is None."""
        return rows_below(self.profiles, "profile_id", first)

    def stream(
        self, pairs: Sequence[Pair], batch_rows: int, within: KeyRange = EVERYONE
    ) -> Iterator[FeatureBatch]:
        """Yield the features of every profile in rising order of id.

        Memory holds one batch of each view, however many profiles there are.

        Parameters
        ----------
        pairs : sequence of Pair
            Whose features are wanted beside those of profiles.
        batch_rows : int
            Profiles a batch.
        within : KeyRange
            Of whom.

        Raises
        ------
        DataError
            When a view is not there that is needed.
        """
        read_keys = {SHIPPED[PROFILE_VIEW], *(("profile_id", pair.entity) for pair in pairs)}
        read = {view for view, keys in self.feature_set.views.items() if keys in read_keys}
        if not read <= self.files.keys():
            day = self.folder.name.partition("=")[2]
            raise DataError(
                msg("no whole snapshot at {as_of} in {folder}", as_of=day, folder=self.folder.parent),
                hint=msg("build it with {command}", command="tagcast features build"),
            )
        yield from stream_views(self.files, self.feature_set, pairs, batch_rows, within)


def stream_views(
    files: Mapping[str, Sequence[Path]],
    feature_set: FeatureSet,
    pairs: Sequence[Pair],
    batch_rows: int,
    within: KeyRange = EVERYONE,
) -> Iterator[FeatureBatch]:
    """Yield the features of every profile in rising order of id.

    Parameters
    ----------
    files : mapping of str to sequence of Path
        Each view of one snapshot, sorted by entity over all of its files.
    feature_set : FeatureSet
    pairs : sequence of Pair
        Whose features are wanted; with none of an entity, no file of pairs with it is opened.
    batch_rows : int
        Profiles a batch.
    within : KeyRange
        Of whom.
    """
    import numpy as np

    leading, *beside = [view for view, keys in feature_set.views.items() if keys == SHIPPED[PROFILE_VIEW]]
    profiles = [
        _Profiles(files[view], feature_set.features(view), SHIPPED[PROFILE_VIEW], within) for view in beside
    ]
    seconds = {pair.entity: [one.value for one in pairs if one.entity == pair.entity] for pair in pairs}
    beside_pairs = {
        entity: [
            _Pairs(files[view], feature_set.features(view), keys, within, values)
            for view, keys in feature_set.views.items()
            if keys[1:] == (entity,)
        ]
        for entity, values in seconds.items()
    }
    columns = [f.name for f in feature_set.features(leading)]
    for batch in even(read_batches(files[leading], ["profile_id"], columns, batch_rows, within), batch_rows):
        ids = batch.column(0)
        of_profile = [_matrix(batch, columns), *(view.take(ids) for view in profiles)]
        of_pair = {}
        for entity, views in beside_pairs.items():
            taken = zip(*(view.take(ids) for view in views), strict=True)
            for value, parts in zip(seconds[entity], taken, strict=False):  # without a view there is none
                of_pair[Pair(entity, value)] = np.hstack(parts) if len(parts) > 1 else parts[0]
        yield FeatureBatch(ids, np.hstack(of_profile) if profiles else of_profile[0], of_pair)


class _Beside:
    """Reads a view beside the one that leads: both are sorted by profile, so one pass serves both.

    Parameters
    ----------
    files : sequence of Path
    features : sequence of Feature
    keys : sequence of str
        Of the view, ``profile_id`` first.
    within : KeyRange
    wanted : pyarrow.Array, optional
        Values of the second key whose rows are read.
    """

    def __init__(
        self,
        files: Sequence[Path],
        features: Sequence[Feature],
        keys: Sequence[str],
        within: KeyRange,
        wanted: pa.Array | None = None,
    ) -> None:
        self.columns = [f.name for f in features]
        self.absent = [float("nan") if f.absent is None else f.absent for f in features]
        read = read_batches(files, keys, self.columns, _ROWS_BESIDE, within)
        self._batches = (
            batch if wanted is None else batch.filter(_is_in(batch.column(1), wanted)) for batch in read
        )
        self._held: pa.RecordBatch | None = next(self._batches, None)

    def until(self, last: pa.StringScalar) -> Iterator[pa.RecordBatch]:
        """Yield the rows of profiles up to ``last``, which rises from call to call."""
        import pyarrow.compute as pc

        while self._held is not None:
            # Bytes of UTF-8 have the order of the letters: the first that lies beyond the last profile ends the part.
            here = pc.sum(pc.less_equal(self._held.column(0), last)).as_py() or 0
            if here:
                yield self._held.slice(0, here)
            if here < self._held.num_rows:
                self._held = self._held.slice(here)
                return
            self._held = next(self._batches, None)

    def empty(self, rows: int) -> npt.NDArray[np.float64]:
        """Return what so many entities without any history hold."""
        import numpy as np

        return np.tile(np.asarray(self.absent, dtype=np.float64), (rows, 1))


class _Profiles(_Beside):
    """A view of profiles."""

    def take(self, ids: pa.StringArray) -> npt.NDArray[np.float64]:
        """Return a row for each of ``ids``, which rise from call to call."""
        import pyarrow.compute as pc

        filled = self.empty(len(ids))
        for part in self.until(ids[-1]):
            place = pc.index_in(part.column(0), value_set=ids)
            known = place.is_valid().to_numpy(zero_copy_only=False)
            filled[place.drop_null().to_numpy()] = _matrix(part, self.columns)[known]
        return filled


class _Pairs(_Beside):
    """A view of profiles and a second entity."""

    def __init__(
        self,
        files: Sequence[Path],
        features: Sequence[Feature],
        keys: Sequence[str],
        within: KeyRange,
        values: Sequence[str],
    ) -> None:
        import pyarrow as pa

        self.values = pa.array(values)
        super().__init__(files, features, keys, within, self.values)

    def take(self, ids: pa.StringArray) -> list[npt.NDArray[np.float64]]:
        """Return one matrix a value for profiles ``ids``, which rise from call to call."""
        import pyarrow.compute as pc

        filled = [self.empty(len(ids)) for _ in self.values]
        for part in self.until(ids[-1]):
            place = pc.index_in(part.column(0), value_set=ids)
            # A view may know profiles that the leading one does not.
            known = place.is_valid().to_numpy(zero_copy_only=False)
            rows, matrix = place.drop_null().to_numpy(), _matrix(part, self.columns)[known]
            which = pc.index_in(part.column(1), value_set=self.values).to_numpy()[known]
            for k, target in enumerate(filled):
                target[rows[which == k]] = matrix[which == k]
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

"""Feast's offline store over snapshots: the DuckDB store with a point-in-time join that reads wide rows once.

Feast's own join carries every feature column through a join, a window over all candidates and a second join. Here
the keys alone are matched (ASOF), then each snapshot is streamed once past the matches. The same rows come back,
in the order of the entities. What this does not cover (created timestamps as a cut, on-demand views, aliases, SQL
entities) is left to the DuckDB store. Feast imports this module by name, when the store is opened.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from feast.infra.offline_stores.duckdb import DuckDBOfflineStore, DuckDBOfflineStoreConfig
from feast.infra.offline_stores.offline_store import RetrievalJob, RetrievalMetadata

from tagcast.features.core.duckdb import connect

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa

TYPE = f"{__name__}.SnapshotOfflineStore"
_ROW, _TIME = "__row", "__time"


class SnapshotOfflineStoreConfig(DuckDBOfflineStoreConfig):  # type: ignore[misc]
    """The keys that ``offline_store`` of ``feature_store.yaml`` may have.

    Parameters
    ----------
    memory_limit : str
        For DuckDB while it joins, as in ``2GB``; the rows returned come on top.
    threads : int, optional
    """

    type: str = TYPE
    memory_limit: str = "2GB"
    threads: int | None = None


class SnapshotOfflineStore(DuckDBOfflineStore):  # type: ignore[misc]
    """The DuckDB store with a faster ``get_historical_features``."""

    @staticmethod
    def get_historical_features(
        config: Any,
        feature_views: list[Any],
        feature_refs: list[str],
        entity_df: pd.DataFrame | str,
        registry: Any,
        project: str,
        full_feature_names: bool = False,
        **options: Any,
    ) -> RetrievalJob:
        """Return a job that fetches the newest row of each view at or before each entity's time.

        Parameters are Feast's own. A row older than the view's ``ttl`` is not taken: its features are missing.
        """
        from feast.infra.offline_stores.offline_utils import infer_event_timestamp_from_entity_df

        if (
            isinstance(entity_df, str)
            or full_feature_names
            or any(options.values())
            or not all(_is_plain(view) for view in feature_views)
            or {ref.split(":")[0] for ref in feature_refs} != {view.name for view in feature_views}
        ):
            return DuckDBOfflineStore.get_historical_features(
                config,
                feature_views,
                feature_refs,
                entity_df,
                registry,
                project,
                full_feature_names,
                **options,
            )
        time_column = infer_event_timestamp_from_entity_df(dict(entity_df.dtypes))
        return _SnapshotJob(config.offline_store, feature_views, feature_refs, entity_df, time_column)


def _is_plain(view: Any) -> bool:
    """Say whether a view is a Parquet file or glob read under its own names."""
    from feast import FileSource
    from feast.data_format import ParquetFormat

    source, projection = view.batch_source, view.projection
    return (
        isinstance(source, FileSource)
        and isinstance(source.file_format, ParquetFormat | None)
        and source.path.endswith(".parquet")
        and not source.field_mapping
        and not source.s3_endpoint_override
        and not projection.join_key_map
        and projection.name_to_use() == view.name
    )


class _SnapshotJob(RetrievalJob):  # type: ignore[misc]
    """The point-in-time join, run when its rows are requested."""

    def __init__(
        self,
        settings: SnapshotOfflineStoreConfig,
        views: Sequence[Any],
        refs: Sequence[str],
        entities: pd.DataFrame,
        time_column: str,
    ) -> None:
        self._settings = settings
        self._views = views
        self._refs = list(refs)
        self._entities = entities
        self._time_column = time_column

    @property
    def full_feature_names(self) -> bool:
        """Whether names carry their view: never here."""
        return False

    @property
    def on_demand_feature_views(self) -> list[Any]:
        """Views computed on demand: none here."""
        return []

    @property
    def metadata(self) -> RetrievalMetadata:
        """What was requested."""
        times = self._entities[self._time_column]
        keys = [c for c in self._entities.columns if c != self._time_column]
        return RetrievalMetadata(
            features=self._refs,
            keys=keys,
            min_event_timestamp=times.min().to_pydatetime(),
            max_event_timestamp=times.max().to_pydatetime(),
        )

    def _to_df_internal(self, timeout: int | None = None) -> pd.DataFrame:
        frame: pd.DataFrame = self._to_arrow_internal(timeout).to_pandas()
        return frame

    def _to_arrow_internal(self, timeout: int | None = None) -> pa.Table:
        import ibis
        import numpy as np
        import pandas as pd
        import pyarrow as pa

        times = pd.to_datetime(self._entities[self._time_column], utc=True).astype("datetime64[us, UTC]")
        found = pa.Table.from_pandas(
            self._entities.assign(**{self._time_column: times}), preserve_index=False
        )
        requested = found.rename_columns([_TIME if c == self._time_column else c for c in found.column_names])
        requested = requested.append_column(_ROW, pa.array(np.arange(found.num_rows)))
        settings = self._settings
        with TemporaryDirectory() as scratch:
            connection = connect(
                memory_limit=settings.memory_limit, threads=settings.threads, scratch=Path(scratch)
            )
            try:
                entities = connection.create_table("entities", ibis.memtable(requested))
                for view in self._views:
                    names = [ref.split(":")[1] for ref in self._refs if ref.split(":")[0] == view.name]
                    for name, column in _features_at(connection, view, names, entities, found.num_rows):
                        found = found.append_column(name, column)
            finally:
                connection.disconnect()
        return found


def _features_at(
    connection: Any, view: Any, names: Sequence[str], entities: Any, count: int
) -> list[tuple[str, Any]]:
    """Return the columns ``names`` of ``view`` in the order of the rows of ``entities``."""
    import ibis

    source, keys = view.batch_source, [column.name for column in view.entity_columns]
    table = connection.read_parquet(source.path)
    event_time = table[source.timestamp_field].cast("timestamp('UTC', 6)")
    known = table.select(**{f"known_{key}": table[key] for key in keys}, known_at=event_time)
    # The join below holds and sorts what it looks through: of everybody only who is asked for gets there.
    asked = entities.select(**{f"known_{key}": entities[key] for key in keys}).distinct()
    known = known.semi_join(asked, list(asked.columns))
    newest = entities.select(*keys, _TIME, _ROW).asof_join(
        known,
        on=entities[_TIME] >= known.known_at,
        predicates=[entities[key] == known[f"known_{key}"] for key in keys],
    )
    newest = newest.filter(newest.known_at.notnull())
    if view.ttl:
        newest = newest.filter(newest.known_at + ibis.literal(view.ttl) >= newest[_TIME])
    matched = newest.select(_ROW, "known_at", **{f"known_{key}": newest[key] for key in keys})
    same = [event_time == matched.known_at, *(table[key] == matched[f"known_{key}"] for key in keys)]
    created = source.created_timestamp_column
    wanted = [_ROW, *([created] if created else []), *names]
    rows = table.inner_join(matched, same).select(*wanted).to_pyarrow()
    place = _places(rows, created, count)
    return [(name, rows[name].take(place)) for name in names]


def _places(rows: pa.Table, created: str, count: int) -> pa.Array:
    """Return where each of ``count`` entities lies in ``rows``, null for none; of several the one created last."""
    import numpy as np
    import pyarrow as pa

    number = rows[_ROW].to_numpy()
    lies = np.arange(len(number))
    if created and len(number) > len(np.unique(number)):
        lies = np.argsort(rows[created].to_numpy(), kind="stable")
    place = np.full(count, -1)
    place[number[lies]] = lies
    return pa.array(place, mask=place < 0)

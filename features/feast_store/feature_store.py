"""Feast as tagcast uses it: apply the definitions, fetch training rows, materialize to the online store."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any
from weakref import finalize

from tagcast.features.catalog.feature_set import PROFILE_VIEW, FeatureSet
from tagcast.features.compute.snapshots import Snapshots
from tagcast.features.core.duckdb import instant
from tagcast.features.core.errors import DataError
from tagcast.features.core.messages import listed, msg
from tagcast.features.core.schema.operation import Feast
from tagcast.features.feast_store.moved_home import ROOT
from tagcast.features.feast_store.ownership import check_names, own_views, stale
from tagcast.features.feast_store.place import FeastPlace
from tagcast.features.feast_store.quiet import feast_errors, quiet_feast, release

if TYPE_CHECKING:
    import pandas as pd


def _distinct_sorted(entities: pd.DataFrame, keys: Sequence[str], dates: Sequence[date]) -> pd.DataFrame:
    """Return each distinct key once, sorted by date and entity; ``_place`` is the place of its date in ``dates``."""
    import numpy as np
    import pandas as pd
    import pyarrow as pa

    codes, uniques = pd.factorize(entities["as_of"])
    place = {d: k for k, d in enumerate(dates)}
    number = np.array([place[d] for d in uniques], np.int32)[codes]
    table = pa.table({"_place": number, **{k: pa.array(entities[k], pa.string()) for k in keys}})
    names = ["_place", *keys]
    sorted_table = table.group_by(names).aggregate([]).sort_by([(name, "ascending") for name in names])
    frame: pd.DataFrame = sorted_table.select(names).to_pandas()
    return frame


class FeatureRepo:
    """The Feast repo over the snapshots of one feature set.

    Parameters
    ----------
    home : Path
        Feast's registry and online store lie in ``home/feast`` unless ``feast`` names others, with a
        ``feature_store.yaml`` for ``feast --feature-store-yaml``.
    snapshots : Snapshots
    feast : Feast
        The table ``[feast]`` of the configuration.
    file : str
        Name of the configuration, for messages.
    """

    def __init__(
        self, home: Path, snapshots: Snapshots, feast: Feast | None = None, file: str = "tagcast.toml"
    ) -> None:
        self.root = home / ROOT
        self.snapshots = snapshots
        self.place = FeastPlace(self.root, feast or Feast(), file)
        self._opened: tuple[Any, list[Any]] | None = None
        self._store: Any = None

    @property
    def feature_set(self) -> FeatureSet:
        """What the views hold."""
        return self.snapshots.feature_set

    def check(self) -> None:
        """Open registry and online store, and change nothing.

        Raises
        ------
        ConfigError
            When they cannot be opened.
        ConflictError
            When somebody else's object has the name of one of tagcast's.
        """
        self._checked()

    def store(self) -> Any:
        """Return the ``feast.FeatureStore``, with the definitions of this feature set applied.

        Raises
        ------
        ConfigError, ConflictError
            As :meth:`check`; nothing was changed then.
        """
        if self._store is None:
            store, wanted = self._checked()
            with feast_errors(self.place), quiet_feast():
                # What others have put beside ours stays as it is.
                store.apply(wanted, objects_to_delete=stale(store, wanted, self._project), partial=False)
            self._store = store
        return self._store

    @property
    def _project(self) -> str:
        return self.snapshots.contents.project

    def _checked(self) -> tuple[Any, list[Any]]:
        if self._opened is None:
            offline = {
                "type": "tagcast.features.feast_store.offline_store.SnapshotOfflineStore",
                "memory_limit": self.snapshots.memory_limit,
                "threads": self.snapshots.threads,
            }
            written = self.place.written(offline)
            filled_in = self.place.filled_in(written)
            self.place.write(written)
            with feast_errors(self.place), quiet_feast():
                from feast import FeatureStore, RepoConfig

                from tagcast.features.definitions import make_objects

                store = FeatureStore(config=RepoConfig(**filled_in))
                finalize(self, release, store.registry)
                wanted = make_objects(self.snapshots.root, self.feature_set, self.snapshots.contents)
                check_names(store, wanted, self.place, self._project)
            self._opened = store, wanted
        return self._opened

    def training_rows(self, service: str, entities: pd.DataFrame) -> pd.DataFrame:
        """Fetch features by a point-in-time join through a FeatureService.

        Parameters
        ----------
        service : str
        entities : DataFrame
            ``as_of`` (date) and the keys of the service's views. They need not be unique.

        Returns
        -------
        DataFrame
            One row a distinct key, sorted by ``as_of`` and entity: the keys, then the service's columns
            as float64 in declared order. A pair without history holds the values that the declarations give.

        Raises
        ------
        DataError
            When a snapshot is missing: the join would silently take an older one.
        """
        import numpy as np
        import pandas as pd

        chosen = self.snapshots.contents.services[service]
        keys = list(dict.fromkeys(k for own in self.feature_set.views_of(chosen).values() for k in own))
        dates: list[date] = sorted(entities["as_of"].unique())
        views = (PROFILE_VIEW, *self.feature_set.views_of(chosen))
        missing = [str(d) for d in dates if not all(self.snapshots.files(v, d) for v in views)]
        if missing:
            raise DataError(
                msg("no feature snapshot at {missing}", missing=listed(missing)),
                hint=msg("run {command}", command="tagcast features build"),
            )
        wanted = _distinct_sorted(entities, keys, dates)
        moments = pd.DatetimeIndex([instant(d, self.snapshots.timezone) for d in dates]).as_unit("us")
        requested = wanted[keys].assign(event_timestamp=moments.take(wanted["_place"].to_numpy()))
        store = self.store()
        with quiet_feast():
            rows = store.get_historical_features(
                entity_df=requested, features=store.get_feature_service(service)
            ).to_arrow()
        columns = self.feature_set.names(chosen)
        titles = self.feature_set.titles()
        # One block of memory, filled column by column, is what pandas keeps as it is.
        matrix = np.empty((len(columns), len(requested)))
        for position, name in enumerate(columns):
            absent = titles[name].absent
            matrix[position] = rows[name].to_numpy()
            if absent is not None:
                matrix[position][np.isnan(matrix[position])] = absent
        frame = pd.DataFrame(matrix.T, columns=list(columns), copy=False)
        found = pd.DataFrame({"as_of": np.array(dates, object)[wanted["_place"]], **requested[keys]})
        return pd.concat([found, frame], axis=1)

    def materialize(self, as_of: date) -> list[str]:
        """Write the snapshot at ``as_of`` to the online store; return the views written, tagcast's own alone."""
        starts_at = instant(as_of, self.snapshots.timezone)
        store = self.store()
        with feast_errors(self.place), quiet_feast():
            views = own_views(store, self._project)
            store.materialize(
                starts_at - timedelta(seconds=1),
                starts_at,
                feature_views=views,
                disable_event_timestamp=False,
            )
        return views

    def online(self, service: str, entities: Sequence[dict[str, str]]) -> dict[str, list[Any]]:
        """Return ``get_online_features`` of ``service`` for ``entities`` as a dictionary of columns."""
        store = self.store()
        with feast_errors(self.place), quiet_feast():
            result: dict[str, list[Any]] = store.get_online_features(
                features=store.get_feature_service(service), entity_rows=list(entities)
            ).to_dict()
        return result

"""Feast as tagcast uses it: apply the definitions, fetch training rows, materialize to the online store."""

from __future__ import annotations

import os
import sys
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, redirect_stdout
from datetime import date, timedelta
from io import StringIO
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tagcast.features.catalog.feature_set import PROFILE_VIEW, FeatureSet
from tagcast.features.compute.snapshots import Snapshots
from tagcast.features.core.duckdb import instant
from tagcast.features.core.errors import DataError
from tagcast.features.core.messages import listed, msg
from tagcast.features.core.system import private_folder
from tagcast.features.feast_store.moved_home import CONFIG, ROOT, registry_url

if TYPE_CHECKING:
    import pandas as pd

PROJECT = "tagcast"


@contextmanager
def quiet_feast() -> Iterator[None]:
    """Use Feast without its warnings about libraries, and without what it prints: stdout is a command's answer."""
    os.environ.setdefault("FEAST_USAGE", "False")
    with warnings.catch_warnings(), redirect_stdout(StringIO()), _modules_as_written():
        warnings.simplefilter("ignore")
        yield
        _forget_import_error()


def _forget_import_error() -> None:
    """Let go of whoever imported Feast.

    It keeps the error of importing torch for good, whose traceback holds the frames down to the command, and the training rows in
    them.
    """
    error = getattr(sys.modules.get("feast.torch_wrapper"), "_torch_import_error", None)
    if error is not None:
        error.__traceback__ = None


@contextmanager
def _modules_as_written() -> Iterator[None]:
    """Import Feast's modules as they are written.

    Each asks typeguard to rewrite it so that arguments are checked as it runs: 5 of the 7 CPU-s that Feast takes to import,
    for calls that are written here and checked by mypy.
    """
    try:
        import typeguard
    except ImportError:  # Feast's, not ours: a version without it has nothing to skip
        yield
        return

    def typechecked(target: Any = None, **_: Any) -> Any:
        return typechecked if target is None else target

    asked = typeguard.typechecked
    setattr(typeguard, "typechecked", typechecked)  # noqa: B010
    try:
        yield
    finally:
        setattr(typeguard, "typechecked", asked)  # noqa: B010


def _config_of(root: Path, snapshots: Snapshots) -> dict[str, Any]:
    return {
        "project": PROJECT,
        "provider": "local",
        "registry": {
            "registry_type": "sql",
            "path": registry_url(root),
            "cache_ttl_seconds": 0,
        },
        "offline_store": {
            "type": "tagcast.features.feast_store.offline_store.SnapshotOfflineStore",
            "memory_limit": snapshots.memory_limit,
            "threads": snapshots.threads,
        },
        "online_store": {"type": "sqlite", "path": str(root / "online_store.db")},
        "entity_key_serialization_version": 3,
    }


def _distinct_sorted(entities: pd.DataFrame, keys: Sequence[str], dates: Sequence[date]) -> pd.DataFrame:
    """Return each distinct key once, sorted by date and entity; ``number`` is the place of its date in ``dates``."""
    import numpy as np
    import pandas as pd
    import pyarrow as pa

    codes, uniques = pd.factorize(entities["as_of"])
    place = {d: k for k, d in enumerate(dates)}
    number = np.array([place[d] for d in uniques], np.int32)[codes]
    table = pa.table({"number": number, **{k: pa.array(entities[k], pa.string()) for k in keys}})
    names = ["number", *keys]
    sorted_table = table.group_by(names).aggregate([]).sort_by([(name, "ascending") for name in names])
    frame: pd.DataFrame = sorted_table.select(names).to_pandas()
    return frame


class FeatureRepo:
    """The Feast repo over the snapshots of one feature set.

    Parameters
    ----------
    home : Path
        Feast's registry and online store lie in ``home/feast``, with a ``feature_store.yaml`` for
        ``feast --feature-store-yaml``.
    snapshots : Snapshots
    """

    def __init__(self, home: Path, snapshots: Snapshots) -> None:
        self.root = home / ROOT
        self.snapshots = snapshots
        self._store: Any = None

    @property
    def feature_set(self) -> FeatureSet:
        """What the views hold."""
        return self.snapshots.feature_set

    def store(self) -> Any:
        """Return the ``feast.FeatureStore``, with the definitions of this feature set applied."""
        if self._store is None:
            import yaml

            private_folder(self.root)
            config = _config_of(self.root, self.snapshots)
            (self.root / CONFIG).write_text(yaml.safe_dump(config, sort_keys=False), encoding="utf-8")
            with quiet_feast():
                from feast import FeatureStore, RepoConfig

                from tagcast.features.definitions import is_ours, make_objects

                store = FeatureStore(config=RepoConfig(**config))
                wanted = make_objects(self.snapshots.root, self.feature_set, self.snapshots.contents)
                names = {o.name for o in wanted}
                # What others have put beside ours stays as it is.
                there = [*store.list_feature_services(), *store.list_feature_views()]
                stale = [o for o in there if o.name not in names and is_ours(o)]
                store.apply(wanted, objects_to_delete=stale, partial=False)
                self._store = store
        return self._store

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
        missing = [str(d) for d in dates if not all(self.snapshots.path(v, d).is_file() for v in views)]
        if missing:
            raise DataError(
                msg("no feature snapshot at {missing}", missing=listed(missing)),
                hint=msg("run {command}", command="tagcast features build"),
            )
        wanted = _distinct_sorted(entities, keys, dates)
        moments = pd.DatetimeIndex([instant(d, self.snapshots.timezone) for d in dates]).as_unit("us")
        requested = wanted[keys].assign(event_timestamp=moments.take(wanted["number"].to_numpy()))
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
        found = pd.DataFrame({"as_of": np.array(dates, object)[wanted["number"]], **requested[keys]})
        return pd.concat([found, frame], axis=1)

    def materialize(self, as_of: date) -> list[str]:
        """Write the snapshot at ``as_of`` to the online store; return the views written."""
        starts_at = instant(as_of, self.snapshots.timezone)
        store = self.store()
        with quiet_feast():
            store.materialize(starts_at - timedelta(seconds=1), starts_at, disable_event_timestamp=False)
        return [view.name for view in store.list_feature_views()]

    def online(self, service: str, entities: Sequence[dict[str, str]]) -> dict[str, list[Any]]:
        """Return ``get_online_features`` of ``service`` for ``entities`` as a dictionary of columns."""
        store = self.store()
        with quiet_feast():
            result: dict[str, list[Any]] = store.get_online_features(
                features=store.get_feature_service(service), entity_rows=list(entities)
            ).to_dict()
        return result

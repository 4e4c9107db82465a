"""Build feature snapshots by hand, read one batch by batch, and write one to the online store."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import TYPE_CHECKING, Any

from tagcast.features.catalog.feature_set import FeatureSet
from tagcast.features.core.errors import DefinitionError
from tagcast.features.core.home.extras import require_extra
from tagcast.features.core.messages import msg
from tagcast.features.core.validation import near, suggested
from tagcast.features.entities.pair import CATEGORY, Pair
from tagcast.pipelines.project.project import Project

if TYPE_CHECKING:
    import pyarrow as pa

    from tagcast.features.compute.snapshot_reader import FeatureBatch


def _snapshots_at(project: Project, as_of: date | None) -> tuple[date, FeatureSet]:
    as_of = project.resolve_as_of(as_of)
    feature_set = project.feature_set(project.definitions(as_of), as_of)
    project.snapshots(feature_set).ensure([as_of], project.progress)
    return as_of, feature_set


def build_snapshot(project: Project, as_of: date | None) -> dict[str, Any]:
    """Build the snapshot at ``as_of`` (default: after the last event) and say where it lies."""
    as_of, feature_set = _snapshots_at(project, as_of)
    snapshots = project.snapshots(feature_set)
    folder = snapshots.path("profile_activity", as_of).parent
    return {
        "as_of": as_of,
        "rows": snapshots.rows(as_of),
        "folder": folder,
        "windows_days": feature_set.windows,
    }


def materialize_snapshot(project: Project, as_of: date | None) -> dict[str, Any]:
    """Write the snapshot at ``as_of`` to Feast's online store and say which views it holds."""
    require_extra("train")
    as_of = project.resolve_as_of(as_of)
    repo = project.repo(project.feature_set(project.definitions(as_of), as_of))
    repo.check()  # before snapshots are built
    repo.snapshots.ensure([as_of], project.progress)
    project.progress(msg("online store"), 0, 1)
    views = repo.materialize(as_of)
    project.progress(msg("online store"), 1, 1)
    return {"as_of": as_of, "views": sorted(views)}


def snapshot_batches(
    project: Project,
    as_of: date | None,
    *,
    views: Sequence[str] | None = None,
    columns: Sequence[str] | None = None,
    pair: Pair | None = None,
    batch_rows: int = 65_536,
) -> pa.RecordBatchReader:
    """Return the snapshot at ``as_of``, one row a profile by rising id; memory holds one batch.

    Parameters
    ----------
    project : Project
    as_of : date, optional
        Default: the day after the last event.
    views, columns : sequence of str, optional
        Views, and features, that are wanted; default: all.
    pair : Pair, optional
        Read the features of profiles in this category, or with this one of an entity, too.
    batch_rows : int
        Profiles a batch.

    Raises
    ------
    DefinitionError
        For a view, feature, entity or value that is not there, with the nearest name.
    """
    import pyarrow as pa

    as_of, feature_set = _snapshots_at(project, as_of)
    if pair is not None:
        _check_pair(project, feature_set, as_of, pair)
    names = _chosen(feature_set, views, columns, pair.entity if pair else None)
    schema = pa.schema([("profile_id", pa.string()), *((name, pa.float64()) for name in names)])
    stored = project.snapshots(feature_set).stream(as_of, [pair] if pair else [], batch_rows)
    batches = (_batch(batch, feature_set, pair, schema) for batch in stored)
    return pa.RecordBatchReader.from_batches(schema, batches)


def _check_pair(project: Project, feature_set: FeatureSet, as_of: date, pair: Pair) -> None:
    from tagcast.features.compute.labels import values_before

    paired = pair.entity in feature_set.of_pairs
    if not paired and pair.entity != CATEGORY:
        raise DefinitionError(
            msg("there is no view of pairs with a {entity}", entity=pair.entity),
            hint=suggested(pair.entity, list(feature_set.of_pairs)),
        )
    known = values_before(project.event_table, pair.entity, as_of) if paired else []
    if pair.value not in known:
        raise DefinitionError(
            msg(
                "there is no {entity} {value!r} before {as_of}",
                entity=pair.entity,
                value=pair.value,
                as_of=as_of,
            ),
            hint=near(pair.value, known),
        )


def _chosen(
    feature_set: FeatureSet, views: Sequence[str] | None, columns: Sequence[str] | None, second: str | None
) -> list[str]:
    """Return the features that are wanted, in the order of the snapshot."""
    there = feature_set.columns_with(second)
    keys = {view: own for view, own in feature_set.views.items() if own[1:] in {(), (second,)}}
    for view in views or ():
        if view not in keys:
            problem = msg("there is no view {view!r}", view=view)
            if view in feature_set.views:
                entity = feature_set.views[view][1]
                problem = msg(
                    "the view {view} is of pairs with a {entity}: say which one, as in {example}",
                    view=view,
                    entity=entity,
                    example="category='TEA'" if entity == CATEGORY else f"of={{'{entity}': 'F001'}}",
                )
            raise DefinitionError(problem, hint=suggested(view, list(keys)))
    wanted = set(there) if views is None else set(feature_set.names(views))
    for name in columns or ():
        if name not in wanted:
            raise DefinitionError(
                msg("there is no feature {name!r}", name=name),
                hint=near(name, [one for one in there if one in wanted]),
            )
    if columns is not None:
        wanted = set(columns)
    return [name for name in there if name in wanted]


def _batch(
    batch: FeatureBatch, feature_set: FeatureSet, pair: Pair | None, schema: pa.Schema
) -> pa.RecordBatch:
    """Return the columns of ``schema``; what is not known of a profile is null."""
    import pyarrow as pa

    place = {name: (batch.profile, number) for number, name in enumerate(feature_set.of_profile)}
    if pair is not None:
        own = batch.pairs[pair]
        place |= {name: (own, number) for number, name in enumerate(feature_set.of_pairs[pair.entity])}
    columns = [pa.array(place[name][0][:, place[name][1]], from_pandas=True) for name in schema.names[1:]]
    return pa.record_batch([batch.profile_id.cast(pa.string()), *columns], schema=schema)

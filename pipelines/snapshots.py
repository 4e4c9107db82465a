"""Build feature snapshots by hand, read one batch by batch, and write one to the online store."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import TYPE_CHECKING, Any

from tagcast.features.catalog.feature_set import PAIR_VIEW, FeatureSet
from tagcast.features.core.errors import DefinitionError
from tagcast.features.core.messages import msg
from tagcast.features.core.validation import near, suggested
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
    category: str | None = None,
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
    category : str, optional
        Read the features of profiles in this category, too.
    batch_rows : int
        Profiles a batch.

    Raises
    ------
    DefinitionError
        For a view, feature or category that is not there, with the nearest name.
    """
    import pyarrow as pa

    as_of, feature_set = _snapshots_at(project, as_of)
    if category is not None:
        _check_category(project, feature_set, as_of, category)
    names = _chosen(feature_set, views, columns, pairs=category is not None)
    schema = pa.schema([("profile_id", pa.string()), *((name, pa.float64()) for name in names)])
    categories = () if category is None else (category,)
    stored = project.snapshots(feature_set).stream(as_of, categories, batch_rows)
    batches = (_batch(batch, feature_set, category, schema) for batch in stored)
    return pa.RecordBatchReader.from_batches(schema, batches)


def _check_category(project: Project, feature_set: FeatureSet, as_of: date, category: str) -> None:
    from tagcast.features.compute.labels import categories_before

    known = categories_before(project.event_table, as_of) if PAIR_VIEW in feature_set.views else []
    if category not in known:
        raise DefinitionError(
            msg("there is no category {category!r} before {as_of}", category=category, as_of=as_of),
            hint=near(category, known),
        )


def _chosen(
    feature_set: FeatureSet, views: Sequence[str] | None, columns: Sequence[str] | None, *, pairs: bool
) -> list[str]:
    """Return the features that are wanted, in the order of the snapshot."""
    there = feature_set.of_profile + (feature_set.of_pair if pairs else ())
    keys = {view: own for view, own in feature_set.views.items() if pairs or len(own) == 1}
    for view in views or ():
        if view not in keys:
            problem = msg("there is no view {view!r}", view=view)
            if view in feature_set.views:
                problem = msg("the view {view} is of profiles and categories: give a category", view=view)
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
    batch: FeatureBatch, feature_set: FeatureSet, category: str | None, schema: pa.Schema
) -> pa.RecordBatch:
    """Return the columns of ``schema``; what is not known of a profile is null."""
    import pyarrow as pa

    place = {name: (batch.profile, number) for number, name in enumerate(feature_set.of_profile)}
    if category is not None:
        own = batch.category[category]
        place |= {name: (own, number) for number, name in enumerate(feature_set.of_pair)}
    columns = [pa.array(place[name][0][:, place[name][1]], from_pandas=True) for name in schema.names[1:]]
    return pa.record_batch([batch.profile_id.cast(pa.string()), *columns], schema=schema)

"""Build feature snapshots by hand, and write one to the online store."""

from __future__ import annotations

from datetime import date
from typing import Any

from tagcast.features.core.messages import msg
from tagcast.pipelines.project.project import Project


def _snapshots_at(project: Project, as_of: date | None) -> tuple[date, Any]:
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
    as_of, feature_set = _snapshots_at(project, as_of)
    project.progress(msg("online store"), 0, 1)
    views = project.repo(feature_set).materialize(as_of)
    project.progress(msg("online store"), 1, 1)
    return {"as_of": as_of, "views": sorted(views)}

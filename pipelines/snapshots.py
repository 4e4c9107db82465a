"""Build feature snapshots by hand, and write one to the online store."""

from __future__ import annotations

from datetime import date
from typing import Any

from tagcast.features.core.messages import msg
from tagcast.pipelines.project.project import Project


def _snapshots_at(project: Project, as_of: date | None) -> tuple[date, Any]:
    day = project.now(as_of)
    feature_set = project.feature_set(project.definitions(day), day)
    project.snapshots(feature_set).ensure([day], project.progress)
    return day, feature_set


def build_snapshot(project: Project, as_of: date | None) -> dict[str, Any]:
    """Build the snapshot at ``as_of`` (default: after the last event) and say where it lies."""
    day, feature_set = _snapshots_at(project, as_of)
    snapshots = project.snapshots(feature_set)
    folder = snapshots.path("profile_activity", day).parent
    return {"as_of": day, "rows": snapshots.rows(day), "folder": folder, "windows_days": feature_set.windows}


def materialize_snapshot(project: Project, as_of: date | None) -> dict[str, Any]:
    """Write the snapshot at ``as_of`` to Feast's online store and say which views it holds."""
    day, feature_set = _snapshots_at(project, as_of)
    project.progress(msg("online store"), 0, 1)
    views = project.repo(feature_set).materialize(day)
    project.progress(msg("online store"), 1, 1)
    return {"as_of": day, "views": sorted(views)}

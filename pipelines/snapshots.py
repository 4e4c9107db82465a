"""Build feature snapshots by hand, and write one to the online store."""

from __future__ import annotations

from datetime import date
from typing import Any

from tagcast.features.core.messages import msg
from tagcast.pipelines.project.project import Project


def build_snapshot(project: Project, as_of: date | None) -> dict[str, Any]:
    """Build the snapshot at ``as_of`` (default: after the last event) and say where it lies."""
    as_of = project.resolve_as_of(as_of)
    feature_set = project.feature_set(project.definitions(as_of), as_of)
    snapshots = project.snapshots(feature_set)
    snapshots.ensure([as_of], project.progress)
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

"""Build feature snapshots by hand, and write one to the online store."""

from __future__ import annotations

from datetime import date
from typing import Any

from tagcast.pipelines.project.workspace import Workspace


def _snapshots_at(workspace: Workspace, as_of: date | None) -> tuple[date, Any]:
    day = workspace.now(as_of)
    feature_set = workspace.feature_set(workspace.definitions(day), day)
    workspace.snapshots(feature_set).ensure([day], workspace.progress)
    return day, feature_set


def build_snapshot(workspace: Workspace, as_of: date | None) -> dict[str, Any]:
    """Build the snapshot at ``as_of`` (default: after the last event) and say where it lies."""
    day, feature_set = _snapshots_at(workspace, as_of)
    snapshots = workspace.snapshots(feature_set)
    folder = snapshots.path("profile_activity", day).parent
    return {"as_of": day, "rows": snapshots.rows(day), "folder": folder, "windows_days": feature_set.windows}


def materialize_snapshot(workspace: Workspace, as_of: date | None) -> dict[str, Any]:
    """Write the snapshot at ``as_of`` to Feast's online store and say which views it holds."""
    day, feature_set = _snapshots_at(workspace, as_of)
    workspace.progress("online store", 0, 1)
    views = workspace.repo(feature_set).materialize(day)
    workspace.progress("online store", 1, 1)
    return {"as_of": day, "views": sorted(views)}

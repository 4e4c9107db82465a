"""One profile: what the active run predicts for it, and what was predicted at the end of an earlier day."""

from __future__ import annotations

from dataclasses import asdict
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

from tagcast.pipelines.project.project import Project


def look_up(project: Project, profile_id: str) -> dict[str, Any]:
    """Return one profile: attributes, tags with reasons, key features with their titles."""
    from tagcast.serving.profiles.profile_details import key_features
    from tagcast.serving.profiles.profile_query import profile

    with project.store.reader() as reader:
        view = asdict(profile(reader, profile_id))
        as_of = reader.manifest.run.as_of
    return {**view, "as_of": as_of, "features": key_features(project.settings.home, profile_id, as_of)}


def profile_on(project: Project, profile_id: str, as_of: date) -> dict[str, Any]:
    """Return what was predicted of a profile at the end of ``as_of`` (UTC), and by which models."""
    from tagcast.serving.store.history import tags_at

    then = tags_at(project.store, profile_id, datetime.combine(as_of + timedelta(days=1), time(), UTC))
    return {
        "profile_id": profile_id,
        "as_of": as_of,
        "number": then.entry.number,
        "run_id": then.entry.manifest.run.run_id,
        "active_since": then.entry.at,
        "exact": then.exact,
        "predictions": then.predictions,
    }

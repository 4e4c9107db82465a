"""One profile: what the active run predicts for it, and what was predicted at the end of an earlier day."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

from tagcast.pipelines.project.project import Project


def look_up(project: Project, profile_id: str, now: datetime) -> dict[str, Any]:
    """Return one profile: attributes, tags with reasons and whether they have expired, key features with their titles."""
    from tagcast.serving.profiles.profile_details import key_features
    from tagcast.serving.profiles.profile_query import profile

    with project.store.reader() as reader:
        view = asdict(profile(reader, profile_id))
        as_of = reader.manifest.run.as_of
    return {
        **view,
        "predictions": _dated(view["predictions"], now),
        "as_of": as_of,
        "features": key_features(project.settings.home, profile_id, as_of),
    }


def profile_on(project: Project, profile_id: str, as_of: date) -> dict[str, Any]:
    """Return what was predicted of a profile at the end of ``as_of`` (UTC), and by which models."""
    from tagcast.serving.store.history import tags_at

    end = datetime.combine(as_of + timedelta(days=1), time(), UTC)
    then = tags_at(project.store, profile_id, end)
    return {
        "profile_id": profile_id,
        "as_of": as_of,
        "number": then.entry.number,
        "run_id": then.entry.manifest.run.run_id,
        "active_since": then.entry.at,
        "exact": then.exact,
        "predictions": _dated(then.predictions, end),
    }


def _dated(predictions: Sequence[Mapping[str, Any]], now: datetime) -> list[dict[str, Any]]:
    """Return predictions, each with whether its time is over."""
    return [{**row, "expired": row["expires_at"] <= now} for row in predictions]

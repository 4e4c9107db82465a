"""One profile: what the active run predicts for it, and what was predicted at the end of an earlier day."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from datetime import UTC, date, datetime, time, timedelta
from typing import TYPE_CHECKING, Any

from tagcast.features.loads.former_ids import read_former_ids
from tagcast.pipelines.project.project import Project
from tagcast.registry.access.access_log import record_access
from tagcast.registry.access.origin import check_purpose

if TYPE_CHECKING:
    from tagcast.models.filters.names import Names
    from tagcast.registry.access.roles import Person
    from tagcast.serving.profiles.profile_query import ProfileView
    from tagcast.serving.store.reader_pool import Seen


def look_up(
    project: Project, person: Person, profile_id: str, now: datetime, seen: Seen, visible: Names | None = None
) -> dict[str, Any]:
    """Return one profile: attributes, tags with reasons and whether they have expired, key features with their titles.

    Parameters
    ----------
    project : Project
    person : Person
        Who is shown it, for the access log.
    profile_id : str
    now : datetime
    seen : callable
        Takes a reader of the active run, and returns what of it may be shown.
    visible : Names, optional
        Tags and attributes that may be shown; None shows all.
    """
    from tagcast.serving.profiles.profile_details import key_features

    secret = _hidden(project, person) if visible is not None else frozenset()
    found, as_of = active_view(project, person, profile_id, now, seen, visible)
    view = asdict(found)
    return {
        **view,
        "predictions": _dated(view["predictions"], now),
        "as_of": as_of,
        "features": key_features(project.settings.data, view["profile_id"], as_of, secret),
    }


def active_view(
    project: Project, person: Person, profile_id: str, now: datetime, seen: Seen, visible: Names | None = None
) -> tuple[ProfileView, date]:
    """Return what the active run says of one profile, under the id that it has now, and the day of that run's data.

    All arguments are as for :func:`look_up`.
    """
    check_purpose(needed=project.settings.access.ask_purpose)
    hidden = _hidden(project, person) if visible is not None else frozenset()
    view, as_of = _seen_view(project, profile_id, seen, visible, hidden)
    record_access(project.state, now=now, who=person.name, kind="profile", ids=[view.profile_id])
    if visible is None:
        return view, as_of
    shown = {n: value for n, value in view.attributes.items() if n in visible.attributes}
    return replace(view, attributes=shown), as_of


def _hidden(project: Project, person: Person) -> frozenset[str]:
    """Return the features that are marked sensitive and not for ``person``."""
    from tagcast.serving.filters.sensitive_fields import sensitive_names

    run = project.store.current()
    if run is None or person.may("sensitive"):
        return frozenset()
    return sensitive_names(project.settings, {tag.feature_set for tag in run.run.tags})


def _seen_view(
    project: Project,
    profile_id: str,
    seen: Seen,
    visible: Names | None = None,
    hidden: frozenset[str] = frozenset(),
) -> tuple[ProfileView, date]:
    """Return one profile of the active run and its day, on no record yet; whoever is not to be seen is not there."""
    from tagcast.serving.profiles.profile_query import profile

    former = read_former_ids(project.settings.home)
    with project.store.reader() as reader:
        tags = None if visible is None else visible.tags
        view = profile(seen(reader), profile_id, tags=tags, hidden=hidden, other_ids=former.other_ids)
        return view, reader.manifest.run.as_of


def profile_on(
    project: Project,
    person: Person,
    profile_id: str,
    as_of: date,
    now: datetime,
    seen: Seen,
    visible: Names | None = None,
) -> dict[str, Any]:
    """Return what was predicted of a profile at the end of ``as_of`` (UTC), under the id of then, and by which models.

    All other arguments are as for :func:`look_up`: whom somebody may see is decided by the active run.
    """
    from tagcast.serving.store.history import tags_at
    from tagcast.serving.store.reader_pool import whole

    check_purpose(needed=project.settings.access.ask_purpose)
    if seen is not whole:
        _seen_view(project, profile_id, seen)
    end = datetime.combine(as_of + timedelta(days=1), time(), UTC)
    then = tags_at(project.store, profile_id, end)
    for other in read_former_ids(project.settings.home).other_ids(profile_id):
        if then.predictions:
            break
        before = tags_at(project.store, other, end)
        if before.predictions:
            profile_id, then = other, before
    detail = {"on": as_of}
    record_access(project.state, now=now, who=person.name, kind="profile", ids=[profile_id], detail=detail)
    shown = [row for row in then.predictions if visible is None or row["tag"] in visible.tags]
    return {
        "profile_id": profile_id,
        "as_of": as_of,
        "number": then.entry.number,
        "run_id": then.entry.manifest.run.run_id,
        "active_since": then.entry.at,
        "exact": then.exact,
        "predictions": _dated(shown, end),
    }


def _dated(predictions: Sequence[Mapping[str, Any]], now: datetime) -> list[dict[str, Any]]:
    """Return predictions, each with whether its time is over."""
    return [{**row, "expired": row["expires_at"] <= now} for row in predictions]

"""All that is known of one profile, from everything that a project keeps, in one document that says what each part of it is."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict
from datetime import datetime
from typing import TYPE_CHECKING, Any

from tagcast.features.core.errors import NotFoundError
from tagcast.features.core.messages import Message, msg
from tagcast.features.core.schema.entities import PROFILE
from tagcast.pipelines.entities import every
from tagcast.pipelines.privacy.erase import check_people
from tagcast.pipelines.privacy.home_files import rows_kept

if TYPE_CHECKING:
    from tagcast.pipelines.project.project import Project
    from tagcast.registry.access.access_log import Access
    from tagcast.registry.access.roles import Person

Rows = list[dict[str, Any]]


def export_profile(project: Project, profile_id: str, *, by: Person, now: datetime) -> dict[str, Any]:
    """Return all that is known of one profile, under every id of theirs; nothing is loaded or built.

    Parameters
    ----------
    project : Project
        Of profiles.
    profile_id : str
    by : Person
    now : datetime

    Returns
    -------
    dict
        ``profile_id``, ``ids``, ``exported_at``, and ``sections``: of each what it is (``about``) and its ``rows``.

    Raises
    ------
    NotAllowedError
        Where the person has no right to it.
    PurposeNeededError
        Where one is asked for and was not given.
    NotFoundError
        When nothing is known of such a profile.
    """
    from tagcast.features.ingest.suppression.suppressed import with_key
    from tagcast.features.loads.former_ids import read_former_ids
    from tagcast.registry.access.access_log import record_access
    from tagcast.registry.access.audit_log import record
    from tagcast.registry.access.origin import check_purpose
    from tagcast.registry.access.roles import require

    require(by, "erase")
    check_people(project)
    check_purpose(needed=project.settings.access.ask_purpose)
    ids = [*read_former_ids(project.settings.home).same_person([profile_id])]
    digest = with_key(project.settings.home).digest(profile_id)
    # What is not on record must not happen.
    record(project.state, now=now, who=by.name, action="profile.export", subject=digest)
    sections = {
        name: {"about": about, "rows": read(project, ids)} for name, (about, read) in _SECTIONS.items()
    }
    if not any(section["rows"] for name, section in sections.items() if name not in _ALWAYS):
        raise NotFoundError(
            msg("nothing is known of a profile {profile!r}", profile=profile_id),
            hint=msg("ids are as in the sources, upper and lower case as well"),
        )
    detail = {"sections": sorted(sections)}
    record_access(project.state, now=now, who=by.name, kind="profile", ids=ids, detail=detail)
    return {"profile_id": profile_id, "ids": ids, "exported_at": now, "sections": sections}


def _source_ids(project: Project, ids: Sequence[str]) -> Rows:
    from tagcast.features.ingest.suppression.erased_log import source_ids

    return [{"source": source, "id": one} for source, one in source_ids(project.settings, ids)]


def _events(project: Project, ids: Sequence[str]) -> Rows:
    from tagcast.features.ingest.event_log import active_log
    from tagcast.features.ingest.parts.layout import parts_of

    log = active_log(project.settings.data)
    rows = [] if log is None else _of_files(parts_of(log.folder), ids)
    return sorted(rows, key=lambda row: (row["event_time"], str(row)))


def _attributes(project: Project, ids: Sequence[str]) -> Rows:
    from tagcast.features.ingest.event_log import active_log

    log = active_log(project.settings.data)
    return [] if log is None or log.profiles_path is None else _of_files([log.profiles_path], ids)


def _views(project: Project, ids: Sequence[str]) -> Rows:
    from tagcast.features.ingest.event_log import active_log

    log = active_log(project.settings.data)
    views = {} if log is None else log.views
    return [
        {"view": view, **row}
        for view in sorted(views)
        if log
        for row in _of_files([log.view_file(view)], ids)
    ]


def _features(project: Project, ids: Sequence[str]) -> Rows:
    from tagcast.features.compute.building.erased_rows import snapshot_rows

    return snapshot_rows(project.settings.data, ids)


def _tags(project: Project, ids: Sequence[str]) -> Rows:
    from tagcast.serving.store.erased import stored_manifests
    from tagcast.serving.store.long_form import predictions_of

    current, found = project.store.current(), []
    for number, run in sorted(stored_manifests(project.store).items()):
        with project.store.open(run) as reader:
            about = {"run": number, "active": current is not None and current.number == number}
            found += [{**about, **row} for one in ids for row in predictions_of(reader, one)]
    return found


def _facts(project: Project, ids: Sequence[str]) -> Rows:
    from tagcast.serving.store.erased import stored_manifests

    found = []
    for number, run in sorted(stored_manifests(project.store).items()):
        if run.run.facts:
            with project.store.open(run) as reader:
                rows = ((one, reader.facts_of(one)) for one in ids)
                about = {"run": number, "as_of": run.run.as_of}
                found += [{**about, "profile_id": one, **row} for one, row in rows if row is not None]
    return found


def _history(project: Project, ids: Sequence[str]) -> Rows:
    return [dict(row) for one in ids for row in project.store.changes_of(one, 0)]


def _kept(folder: str) -> Callable[[Project, Sequence[str]], Rows]:
    def read(project: Project, ids: Sequence[str]) -> Rows:
        kept = rows_kept(project.settings.home, ids)
        return [{"of": name, **row} for place, name, row in kept if place == folder]

    return read


def _lists(project: Project, ids: Sequence[str]) -> Rows:
    from tagcast.registry.operations.campaigns import all_campaigns, given_list, holdout_list
    from tagcast.registry.operations.contacts import contact_days
    from tagcast.registry.state.id_lists import lists_with

    campaigns = {
        given_list(export): {"export": export, "channel": channel, "starts": day, "approached": True}
        for export, (day, channel) in contact_days(project.state).items()
    }
    for one in all_campaigns(project.state):
        about = {
            "campaign": one.id,
            "name": one.name,
            "channel": one.channel,
            "starts": one.starts,
            "days": one.days,
        }
        campaigns[given_list(one.id)] = {**about, "approached": True}
        campaigns[holdout_list(one.id)] = {**about, "approached": False}
    return [{"list": name, **campaigns.get(name, {})} for name in lists_with(project.state, ids)]


def _online(project: Project, ids: Sequence[str]) -> Rows:
    from tagcast.features.feast_store.online_profiles import OnlineProfiles

    return [
        {"entity": part.settings.entity, **row}
        for part in every(project)
        for row in OnlineProfiles(part.settings, "profile_id" if part is project else PROFILE).rows(ids)
    ]


def _entities(project: Project, ids: Sequence[str]) -> Rows:
    return [*_of_entities(project, ids)]


def _of_entities(project: Project, ids: Sequence[str]) -> Iterator[dict[str, Any]]:
    """Yield each of another entity that the profile's events name, and how many do."""
    from collections import Counter

    from tagcast.features.ingest.event_log import active_log
    from tagcast.features.ingest.parts.layout import parts_of

    for part in every(project)[1:]:
        log = active_log(part.settings.data)
        rows = [] if log is None else _of_files(parts_of(log.folder), ids, (PROFILE,))
        for one, events in sorted(Counter(row["profile_id"] for row in rows).items()):
            yield {"entity": part.settings.entity, "id": one, "events": events}


def _requests(project: Project, ids: Sequence[str]) -> Rows:
    from tagcast.features.ingest.suppression.suppressed import with_key
    from tagcast.registry.access.audit_log import entries

    key = with_key(project.settings.home)
    found = [line for one in ids for line in entries(project.state, subject=key.digest(one), limit=1_000)]
    return [{name: value for name, value in asdict(line).items() if name != "subject"} for line in found]


def _accesses(project: Project, ids: Sequence[str]) -> Rows:
    return [asdict(line) for line in _looks(project, ids)]


def _looks(project: Project, ids: Sequence[str]) -> Iterator[Access]:
    """Yield every line of the access log on a profile, newest first."""
    from tagcast.registry.access.access_log import MOST_ENTRIES, accesses

    before = None
    while page := accesses(project.state, profiles=ids, limit=MOST_ENTRIES, before=before):
        yield from page
        before = page[-1].id


def _of_files(files: Any, ids: Sequence[str], columns: Sequence[str] = ("profile_id",)) -> Rows:
    from tagcast.features.ingest.suppression.filtered_files import rows_of

    return [row for file in files for row in rows_of(file, ids, columns).to_pylist()]


_ALWAYS = frozenset({"source_ids", "requests", "accesses"})
"""Sections that say something of whoever is asked for."""
_SECTIONS: dict[str, tuple[Message, Callable[[Project, Sequence[str]], Rows]]] = {
    "source_ids": (msg("what the sources know the profile by"), _source_ids),
    "events": (msg("what the sources said that the profile did, in order of time"), _events),
    "attributes": (msg("what the table of profiles says of it"), _attributes),
    "views": (msg("what declared tables say of it, with the time from which it was known"), _views),
    "features": (
        msg("what was computed of its events for each kept snapshot, by the day that it is as of"),
        _features,
    ),
    "tags": (msg("what each kept run predicted, with its confidence and its reasons"), _tags),
    "facts": (msg("what each kept run keeps of what was computed of its events"), _facts),
    "history": (msg("how its tags changed from run to run"), _history),
    "predictions": (msg("what runs predicted, kept until the outcome is judged"), _kept("predictions")),
    "lists": (msg("the frozen audiences, campaigns and control groups that it is in"), _lists),
    "campaigns": (msg("what was known of it when it became a member of a campaign"), _kept("campaigns")),
    "online": (msg("what the online store holds of it"), _online),
    "entities": (msg("what else its events name, and how often"), _entities),
    "requests": (msg("who asked for all that is known of it, and when"), _requests),
    "accesses": (
        msg("who was shown it, or everybody, when, from where and what for"),
        _accesses,
    ),
}

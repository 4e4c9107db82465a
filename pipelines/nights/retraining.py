"""Which models are trained anew: by age, or because they broke their promise, as each tag's ``retrain`` says."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from tagcast.features.core.messages import Message, msg, nmsg
from tagcast.models.definitions.model_tag import TagDefinition
from tagcast.registry.governance.observed_accuracy import observed_promises

if TYPE_CHECKING:
    from tagcast.pipelines.project.project import Project
    from tagcast.registry.versions.versions import Version


def to_retrain(project: Project, now: datetime) -> dict[str, Message]:
    """Return the tags to be trained anew, and why each.

    Whatever became of the newest version, nothing is trained twice for one reason: a version that the gate refused counts.

    Parameters
    ----------
    project : Project
    now : datetime
    """
    from tagcast.registry.versions.tracking import tracking_exists, tracking_of
    from tagcast.registry.versions.versions import versions

    asked = [d for d in project.definitions(project.resolve_as_of(None)) if d.retrain is not None]
    if not asked:
        return {}
    settings = project.settings
    newest: dict[str, Version] = {}
    champions: dict[str, Version] = {}
    if tracking_exists(settings.whole.home, settings.mlflow):
        for version in versions(tracking_of(settings)):
            newest.setdefault(version.tag, version)
            if "champion" in version.aliases:
                champions[version.tag] = version
    found = {}
    for definition in asked:
        name = definition.name
        if why := _why(project, definition, newest.get(name), champions.get(name), now):
            found[name] = why
    return found


def _why(
    project: Project,
    definition: TagDefinition,
    newest: Version | None,
    champion: Version | None,
    now: datetime,
) -> Message | None:
    policy, zone = definition.retrain, ZoneInfo(project.settings.timezone)
    if policy is None:
        return None
    if newest is None:
        return msg("it has no version yet")
    # Days of the calendar: a night that begins a minute earlier than the last one is a day later all the same.
    days = (now.astimezone(zone).date() - newest.created.astimezone(zone).date()).days
    if policy.every_days is not None and days >= policy.every_days:
        return nmsg("its newest version is {n} day old", "its newest version is {n} days old", days)
    if "promise_broken" in policy.when and champion is not None:
        # Of runs since the newest version: what was predicted before it asks for the same training once more, night after night.
        since = newest.created.astimezone(zone).date()
        for row in observed_promises(project.state, definition.name, since=since):
            if row.version == champion.version and row.is_broken:
                return msg(
                    "its champion broke its promise of {as_of}: {promised:.3f} promised, {right:.3f} right",
                    as_of=row.as_of,
                    promised=row.promised,
                    right=row.right,
                )
    return None

"""Which models are trained anew, as each tag's ``retrain`` says: by age, a broken promise, an AUC that fell, a season that is known now."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from tagcast.features.core.messages import Message, msg, nmsg
from tagcast.models.definitions.model_tag import TagDefinition
from tagcast.registry.governance.observed_accuracy import observed_promises
from tagcast.registry.operations.floors import observed_floors
from tagcast.serving.campaigns.words import floor_words
from tagcast.serving.publishing.quality_over_runs import (
    auc_fall,
    quality_of_tags,
    quality_over_runs,
    retraining_advice,
)

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
    asked = [d for d in project.definitions(project.resolve_as_of(None)) if d.retrain is not None]
    if not asked:
        return {}
    newest, champions = _versions(project)
    found = {}
    for definition in asked:
        name = definition.name
        if why := _why(project, definition, newest.get(name), champions.get(name), now):
            found[name] = why
    return found


def advised(project: Project, now: datetime) -> list[Message]:
    """Return which tags that no night trains should be trained anew, and why."""
    alone = [d.name for d in project.definitions(project.resolve_as_of(None)) if d.retrain is None]
    if not alone:
        return []
    newest, champions = _versions(project)
    quality, found = quality_of_tags(project.store.log(), set(alone) & set(champions)), []
    for tag, runs in sorted(quality.items()):
        if advice := retraining_advice(runs, champions[tag], newest[tag], now):
            found.append(msg("{tag}: {note}", tag=tag, note=advice))
    return found


def _versions(project: Project) -> tuple[dict[str, Version], dict[str, Version]]:
    """Return the newest version of each tag, and its champion."""
    from tagcast.registry.versions.tracking import tracking_exists, tracking_of
    from tagcast.registry.versions.versions import versions

    settings = project.settings
    newest: dict[str, Version] = {}
    champions: dict[str, Version] = {}
    if tracking_exists(settings.whole.home, settings.mlflow):
        for version in versions(tracking_of(settings)):
            newest.setdefault(version.tag, version)
            if "champion" in version.aliases:
                champions[version.tag] = version
    return newest, champions


def trained_since(project: Project, moment: datetime) -> list[Version]:
    """Return the newest version of each tag that asks to be trained anew, where it was trained at ``moment`` or later; by tag."""
    asked = {d.name for d in project.definitions(project.resolve_as_of(None)) if d.retrain is not None}
    newest, _ = _versions(project) if asked else ({}, {})
    return [newest[tag] for tag in sorted(asked & newest.keys()) if newest[tag].created >= moment]


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
    if newest.decision is None:
        return msg("its newest version was never judged: the training was killed")
    # Days of the calendar: a night that begins a minute earlier than the last one is a day later all the same.
    days = (now.astimezone(zone).date() - newest.created.astimezone(zone).date()).days
    if policy.every_days is not None and days >= policy.every_days:
        return nmsg("its newest version is {n} day old", "its newest version is {n} days old", days)
    if champion is None:
        return None
    if "promise_broken" in policy.when:
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
        for floor in observed_floors(project.state, definition.name, since=since):
            if floor.version == champion.version and floor.is_broken:
                return msg(
                    "the floor of its champion did not hold on the campaign {name}: {figures}",
                    name=floor.name,
                    figures=floor_words(floor),
                )
    if policy.estimated_auc_drop is not None and (
        lost := _auc_lost(project, champion, newest.created, policy.estimated_auc_drop, now)
    ):
        return lost
    if "season_covered" in policy.when and _season_covered(project, definition, newest):
        return msg("it is unsure of the season ahead, which history shows by now")
    return None


def _auc_lost(
    project: Project, champion: Version, tried: datetime, most: float, now: datetime
) -> Message | None:
    """Return what the estimated AUC of a champion has fallen to; None while it holds, and where it had fallen before the last try."""
    runs = quality_over_runs(project.store.log(), champion.tag)
    fall = auc_fall(runs, champion.version, tried, most)
    if fall is None:
        return None
    return msg(
        "its champion is {days} days old, and its estimated AUC fell from {first:.3f} to {now:.3f}",
        days=(now.date() - champion.created.date()).days,
        first=fall.first,
        now=fall.now,
    )


def _season_covered(project: Project, definition: TagDefinition, newest: Version) -> bool:
    """Return whether the newest version knows the season ahead too little, and one that is trained now would know it."""
    from tagcast.models.stats.season_coverage import UNSURE, unseen_share
    from tagcast.pipelines.project.champions import load_versions

    as_of = project.resolve_as_of(None)
    ((tag, _),) = load_versions(project, {definition.name: newest.version})
    if tag.model.unseen_season(as_of) < UNSURE:
        return False
    now = project.plan(definition, as_of).split.snapshots
    return unseen_share(now, as_of, definition.horizon_days) < UNSURE

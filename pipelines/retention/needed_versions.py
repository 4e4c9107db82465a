"""Which model versions runs, predictions, judgements and campaigns refer to, in every entity of a project."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tagcast.features.core.schema.entities import PROFILE
from tagcast.pipelines.entities import every
from tagcast.registry.governance.observed_accuracy import judged
from tagcast.registry.operations.campaigns import all_campaigns
from tagcast.registry.operations.floors import observed_floors
from tagcast.registry.pruning.deletion import delete_versions
from tagcast.registry.pruning.unneeded import unneeded
from tagcast.registry.versions.tracking import tracking_exists, tracking_of
from tagcast.registry.versions.versions import versions
from tagcast.serving.campaigns.members import floors_of
from tagcast.serving.publishing.kept_predictions import (
    can_be_judged,
    challengers_in,
    judged_versions,
    seen_runs,
    versions_in,
)

if TYPE_CHECKING:
    from datetime import datetime

    from tagcast.pipelines.project.project import Project
    from tagcast.registry.versions.versions import Version


def referred_versions(project: Project) -> set[tuple[str, int]]:
    """Return tag and number of each version that something refers to.

    These are the versions of kept runs, to which one may roll back; of runs whose predictions wait to be judged, with what challenged
    them; of promises and floors on record; and of campaigns that are not measured yet.

    Parameters
    ----------
    project : Project
        The whole, or an entity of it.
    """
    found: set[tuple[str, int]] = set()
    for part in every(project.of(PROFILE)):  # all share one MLflow
        store, state, home = part.store, part.state, part.settings.home
        active = store.current()
        for run in (*store.kept(), *([active] if active is not None else [])):
            found |= set(versions_in(run).items())
        done = judged(state)
        found |= {(tag, version) for tag, _, version in done}
        for run in seen_runs(store):
            waiting = {(t, v) for t, v in judged_versions(run).items() if (t, run.run.as_of, v) not in done}
            if waiting and can_be_judged(store, home, run):
                found |= waiting | set(challengers_in(home, run).items())
        found |= {(row.tag, row.version) for row in observed_floors(state)}
        for campaign in all_campaigns(state):
            if campaign.measured_at is None:
                found |= floors_of(home, campaign.id)
    return found


def prune_versions(project: Project, *, keep: int, now: datetime, dry_run: bool = False) -> list[Version]:
    """Delete the model versions that nothing needs, and return them, by tag, newest first.

    Parameters
    ----------
    project : Project
        The whole.
    keep : int
        Newest versions of each tag that stay in any case.
    now : datetime
    dry_run : bool
        Whether they are only returned.

    Raises
    ------
    ModelError
        When MLflow cannot be read or written.
    """
    settings = project.settings.whole
    if not tracking_exists(settings.home, settings.mlflow):
        return []
    tracking = tracking_of(settings)
    gone = unneeded(versions(tracking), referred_versions(project), keep=keep)
    return gone if dry_run else delete_versions(tracking, gone, now)

"""Which feature snapshots are still needed: by kept runs, by models, by the next training; the others are deleted."""

from __future__ import annotations

from collections import defaultdict
from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING

from tagcast.features.core.errors import DataError, TagcastError
from tagcast.features.core.messages import msg, nmsg
from tagcast.features.core.raw_errors import reason_of
from tagcast.pipelines.project.progress import log

if TYPE_CHECKING:
    from tagcast.pipelines.project.project import Project
    from tagcast.pipelines.scoring.run_tags import RunTags


def needed_snapshots(project: Project, chosen: RunTags, as_of: date) -> dict[str, set[date]]:
    """Return the days that something reads, by feature set.

    Of each kept run the day itself: its profiles and what moved since are explained by it. Of each model the days it
    learned from. Of the next training the days whose windows it would read as of ``as_of``.

    Parameters
    ----------
    project : Project
    chosen : RunTags
        All tags that are scored.
    as_of : date
        Of the newest run.
    """
    needed: dict[str, set[date]] = defaultdict(set)
    active = project.store.current()
    for manifest in (*project.store.kept(), *([active] if active is not None else [])):
        for tag in manifest.run.tags:
            if tag.feature_set:
                needed[tag.feature_set].add(manifest.run.as_of)
    for model in (tag.model for tag in chosen.models):
        needed[model.feature_set].update({*model.snapshots, as_of})
    for rule in chosen.rules:
        needed[rule.feature_set.spec].add(as_of)
    definitions = project.definitions(as_of)
    following = project.feature_set(definitions, as_of).spec
    for definition in definitions:
        try:
            needed[following].update(project.plan(definition, as_of).split.feature_days)
        except DataError:
            continue  # it cannot be trained, so training reads nothing for it
    return needed


def forget_snapshots(project: Project, chosen: RunTags, as_of: date, now: datetime) -> None:
    """Delete what nothing needs; where that fails the run stands all the same, and the next one tries again."""
    from tagcast.features.compute.snapshot_sweep import sweep_related, sweep_snapshots

    try:
        young = timedelta(days=project.settings.keep.snapshots_days)
        gone = sweep_snapshots(project.settings.data, needed_snapshots(project, chosen, as_of), now, young)
        sweep_related(project.settings.data, now)
    except (OSError, TagcastError) as error:
        why = reason_of(error) if isinstance(error, OSError) else error.message
        log.warning(
            msg("old snapshots could not be deleted, the next run tries again: {problem}", problem=why)
        )
    else:
        if gone:
            log.info(nmsg("{n} old snapshot deleted", "{n} old snapshots deleted", len(gone)))

"""`tagcast score`: every champion and rule over the whole population, published as one new snapshot of the store."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from datetime import UTC, date, datetime
from functools import partial
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING

from tagcast.features.core.errors import DefinitionError, StoreError, TagcastError
from tagcast.features.core.home.publication import publication, publishing
from tagcast.features.core.home.scratch import Scratch
from tagcast.features.core.messages import msg
from tagcast.models.definitions.diff import deciding_id
from tagcast.models.inference.abstention import RANGE_DRIFT
from tagcast.models.stats.season_coverage import UNSURE
from tagcast.pipelines.project.data_quality import check_spend, warn_of_load
from tagcast.pipelines.project.own_views import attributes_at
from tagcast.pipelines.project.progress import log
from tagcast.pipelines.project.project import Project
from tagcast.pipelines.scoring.lost_tags import check_tags_stay, lost_tags
from tagcast.pipelines.scoring.movement import keep_causes, movements
from tagcast.pipelines.scoring.needed_snapshots import forget_snapshots
from tagcast.pipelines.scoring.notes import range_note, season_note
from tagcast.pipelines.scoring.past_runs import past_runs
from tagcast.pipelines.scoring.run_summary import ScoringRun, scored_tags, tag_runs
from tagcast.pipelines.scoring.run_tags import RunTags, facts_of_run, record_first_use, run_tags
from tagcast.pipelines.scoring.validity import Validity, validity

if TYPE_CHECKING:
    from tagcast.pipelines.scoring.ranges.ranged_run import RangedRun
    from tagcast.serving.scoring.rule_columns import LoadedRule
    from tagcast.serving.scoring.scorer import LoadedTag, Reasons
    from tagcast.serving.store.base import ProfileStore
    from tagcast.serving.store.manifest import Manifest


def score_tags(
    project: Project,
    names: Sequence[str] | None,
    *,
    as_of: date | None,
    now: datetime,
    out: Path | None = None,
    reasons: Reasons = "all",
    wait_seconds: float = 0.0,
    force_reason: str = "",
) -> ScoringRun:
    """Score everyone known at ``as_of`` and publish.

    Parameters
    ----------
    project : Project
    names : sequence of str or None
        Tags or families; None for every champion and rule.
    as_of : date, optional
        Default: the as_of after the last event.
    now : datetime
        When the run happens; becomes ``scored_at``. The tags' life starts with the day of the data.
    out : Path, optional
        Long form of the predictions as Parquet.
    reasons : {"all", "none"}
        Whether to say why.
    wait_seconds : float
        How long to wait for another run that is writing the store.
    force_reason : str
        Why the run may differ from the last one by more than the configuration allows, lack tags of it, or be of an
        older day. Without it a run of an older day is kept for the history, and the active one stays.
    """
    from tagcast.pipelines.scoring.ranges.foreign_models import ForeignModels
    from tagcast.pipelines.scoring.ranges.ranged_run import RangedRun
    from tagcast.pipelines.scoring.ranges.work import RunWork
    from tagcast.serving.delivery.predictions import export_predictions
    from tagcast.serving.publishing.publication import stage_run
    from tagcast.serving.publishing.run_checks import Bounds
    from tagcast.serving.scoring.previous_values import open_past
    from tagcast.serving.store.schema import RunInfo

    _check_out(out)
    as_of = project.resolve_as_of(as_of)
    warn_of_load(project)
    chosen = run_tags(project, names, as_of)
    tags = chosen.models
    check_spend(project, [t.definition for t in tags], [r.rule for r in chosen.rules], as_of)
    store, publish = project.store, project.settings.publish
    bounds = Bounds(
        publish.base_change,
        publish.population_change,
        publish.share_change,
        publish.psi,
        publish.reference_days,
    )
    with publication(), ExitStack() as stack:
        own = project.settings.data == project.settings.home
        shared = None if own else stack.enter_context(Scratch(project.settings.data))
        # First of all: a store that cannot be written is known before long work, and the past stays as it is.
        staging = stack.enter_context(
            stage_run(store, f"of {as_of}", wait_seconds=wait_seconds, engine=project.engine, shared=shared)
        )
        last = _readable(store)
        older = last is not None and as_of < last.run.as_of and not force_reason
        lost = [] if older else lost_tags(project, chosen, last, as_of)
        check_tags_stay(lost, last, asked=names is not None, force_reason=force_reason)
        snapshots = chosen.snapshots(project)
        for one in snapshots.values():
            one.ensure([as_of], project.progress)
        for tag in tags:
            if (share := tag.model.unseen_season(as_of)) >= UNSURE:
                log.warning(
                    msg(
                        "{tag}: {note}",
                        tag=tag.definition.name,
                        note=season_note(share, as_of, tag.definition.horizon_days),
                    )
                )
        attributes = attributes_at(project, as_of)
        for note in attributes.unknown:
            log.warning(note)
        facts = facts_of_run(project, chosen, attributes)
        pasts = past_runs(store, tags, as_of)
        run_id = _run_id(project, chosen, as_of, pasts)
        open_runs = partial(open_past, store, pasts, project.former_ids)
        past = stack.enter_context(open_runs())
        # Beside everything that names or makes up the run: it is the same with and without.
        challengers = tuple([] if older else _challengers(project, tags))
        foreign = ForeignModels()
        if project.engine.elsewhere:
            foreign = ForeignModels.brought(project, [*tags, *challengers], staging.shared)
        run = RangedRun(
            project.engine,
            RunWork(
                tuple(tags),
                tuple(chosen.rules),
                {spec: one.at(as_of) for spec, one in snapshots.items()},
                as_of,
                staging.shared,
                open_runs,
                attributes.together(),
                challengers,
                {tag.tag: tag.population for tag in last.run.tags} if last is not None else {},
                foreign,
                facts,
                # A task has a processor of its own.
                project.settings.threads or (1 if project.engine.elsewhere else None),
                reasons,
                project.progress,
            ),
        )
        thresholds = run.thresholds()
        figures = run.score(thresholds)
        staging.take(run.parts)
        project.progress(msg("publishing"), 0, 1)
        scored_at = now.astimezone(UTC)
        valid = validity(store.log() if last else [], as_of, scored_at, project.settings.timezone)
        _warn_of_expired(chosen, valid)
        info = RunInfo(
            run_id=run_id,
            as_of=as_of,
            scored_at=scored_at,
            tags=tag_runs(figures, chosen, as_of, valid, chosen.sensitive(project.settings)),
            second_person=project.settings.review.second_person,
            facts=facts.every,
        )
        manifest = staging.publish(
            info,
            keep=publish.keep,
            thresholds=_finite(thresholds),
            bounds=bounds,
            accept=force_reason,
            beside=older,
            activating=partial(publishing, project.settings.whole.home),
        )
        _keep_challengers(project, run, manifest)
        record_first_use(project, chosen, now)
        project.progress(msg("publishing"), 1, 1)
        # Under the lock still: the run before may be needed, and must not be pruned meanwhile.
        moved = movements(project, chosen, as_of, last, manifest, past)
        keep_causes(project, run_id, moved)
        if names is None and not older:
            forget_snapshots(project, chosen, as_of, now)
    for tag in tags:
        share, because = figures.unlike_training(tag.definition.name)
        if share >= RANGE_DRIFT:
            log.warning(msg("{tag}: {note}", tag=tag.definition.name, note=range_note(share, because)))
    if out is not None:
        with store.open(manifest) as reader:
            export_predictions(reader, out)
    return ScoringRun(
        run_id,
        as_of,
        manifest.profiles,
        scored_tags(figures, chosen, manifest, as_of),
        str(out) if out else None,
        last.run.run_id if last else None,
        moved,
        last.run.as_of if last and older else None,
    )


def _challengers(project: Project, tags: Sequence[LoadedTag]) -> list[LoadedTag]:
    from tagcast.pipelines.project.champions import load_challengers

    try:
        return load_challengers(project, tags)
    except TagcastError as error:
        log.warning(msg("no challenger is scored in the shadow: {problem}", problem=error.message))
        return []


def _keep_challengers(project: Project, run: RangedRun, published: Manifest) -> None:
    """Keep what was scored in the shadow; what fails is said, and the run stands."""
    from tagcast.registry.governance.shadows import record_shadows
    from tagcast.serving.publishing.kept_predictions import about_challengers, keep_challengers

    try:
        versions = run.challengers
        file = run.challengers_file(about_challengers(published.run.run_id, versions))
        if file is not None:
            keep_challengers(file, project.settings.home, published)
            champions = {tag.definition.name: int(tag.version) for tag in run.work.tags}
            record_shadows(
                project.state,
                published.run.as_of,
                {name: (n, champions[name]) for name, n in versions.items()},
            )
    except TagcastError as error:
        log.warning(msg("what challengers predicted is not kept: {problem}", problem=error.message))


def _readable(store: ProfileStore) -> Manifest | None:
    """Return the active run, None where there is none or it is damaged: a new run fixes that."""
    try:
        return store.current()
    except StoreError:
        return None


def _warn_of_expired(chosen: RunTags, valid: Validity) -> None:
    tags: list[LoadedTag | LoadedRule] = [*chosen.models, *chosen.rules]
    for tag in tags:
        if note := valid.note(tag.expires_after):
            log.warning(msg("{tag}: {note}", tag=tag.definition.name, note=note))


def _check_out(out: Path | None) -> None:
    if out is None:
        return
    if out.suffix != ".parquet":
        raise DefinitionError(
            msg("--out writes Parquet, found {file!r}", file=out.name),
            hint=msg("give a name that ends in .parquet"),
        )
    if not out.parent.is_dir():
        raise DefinitionError(
            msg("--out: there is no folder {folder}", folder=out.parent), hint=msg("make it first")
        )


def coming_run(project: Project) -> str:
    """Return the id that a run of all tags would have now: that of the active run where nothing is new.

    Raises
    ------
    TagcastError
        As :func:`score_tags` does before it scores.
    """
    as_of = project.resolve_as_of(None)
    chosen = run_tags(project, None, as_of)
    return _run_id(project, chosen, as_of, past_runs(project.store, chosen.models, as_of))


def _run_id(project: Project, chosen: RunTags, as_of: date, pasts: Sequence[tuple[str, Manifest]]) -> str:
    """Name the run by what goes into it: the same events, models, rules, as_of and past make the same run."""
    former = project.former_ids
    parts = [
        project.events.id,
        str(as_of),
        *(f"{t.definition.name}:{t.version}:{t.model.digest()}" for t in chosen.models),
        *(f"{t.definition.name}:{deciding_id(t.applied)}" for t in chosen.models if t.applied),
        *(f"{r.definition.name}:{r.definition.question}" for r in chosen.rules),
        *(f"{tag}<{past.run.run_id}" for tag, past in pasts),
        *([former.digest] if pasts and former.persons else []),
        *attributes_at(project, as_of).runs,
    ]
    return f"{as_of}-{sha256('|'.join(parts).encode()).hexdigest()[:10]}"


def _finite(thresholds: Mapping[str, float]) -> dict[str, float]:
    """Return the thresholds that anyone reaches: JSON knows no infinity."""
    return {tag: threshold for tag, threshold in thresholds.items() if math.isfinite(threshold)}

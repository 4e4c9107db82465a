"""`tagcast train`: label, fetch features, learn, version, let the gate decide.

Tags are independent of one another, so they are trained side by side in processes; each model is the
same as if it were trained alone on one thread.
"""

from __future__ import annotations

import gc
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import date, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from tagcast.features.core.errors import DataError, DefinitionError, ModelError, TagcastError
from tagcast.features.core.home.extras import require_extra
from tagcast.features.core.messages import Joined, Text, listed, msg
from tagcast.models.definitions.loader import select
from tagcast.pipelines.evidence.gate_inputs import GateInputs
from tagcast.pipelines.project.data_quality import (
    TagProblem,
    check_data,
    check_purchases,
    project_quality,
    warn_of_load,
)
from tagcast.pipelines.project.own_views import check_chosen
from tagcast.pipelines.project.project import Project, TagPlan
from tagcast.pipelines.training.candidates import candidates_of
from tagcast.pipelines.training.frames import training_frames, views_read
from tagcast.pipelines.training.labelling.approached import Reached, notes_on_approached
from tagcast.pipelines.training.labelling.counts import OutcomeCounts, check_cases
from tagcast.pipelines.training.labelling.labels import labelled
from tagcast.pipelines.training.registration import TrainedTag, register
from tagcast.pipelines.training.studies import check_studies
from tagcast.pipelines.training.workers import Job, Workers

if TYPE_CHECKING:
    import pandas as pd

    from tagcast.models.definitions.model_tag import TagDefinition
    from tagcast.models.training.dataset import TrainingFrame
    from tagcast.models.training.result import AnyResult

Observe = Callable[[Job, "AnyResult", TrainedTag], None]
"""Is given each training once it is a version: what it learned from, all that it gave, and what came of it."""
ROWS_AT_ONCE = 500_000
"""Training rows whose features are fetched together: about 4 GB on the way through Feast."""
NEW_OBJECTS = 10_000
"""After so many, garbage is collected."""


def train_tags(
    project: Project,
    names: Sequence[str] | None,
    *,
    as_of: date | None,
    now: datetime,
    trials: int | None = None,
    timeout_s: float | None = None,
    threads: int = 2,
    observe: Observe | None = None,
) -> list[TrainedTag]:
    """Train tags as if today were ``as_of`` and version the models.

    Parameters
    ----------
    project : Project
    names : sequence of str or None
        Tags or families; None for all.
    as_of : date, optional
        Nothing at or after it is read. Default: the day after the last event.
    now : datetime
        When this happens, for the records.
    trials : int, optional
        LightGBM settings to try for each tag; default: :attr:`tagcast.models.training.tag_kind.TagKind.default_trials`.
    timeout_s : float, optional
        Seconds after which to stop trying.
    threads : int
        Tags trained at once.
    observe : callable, optional
        Is given each training as soon as it is a version.

    Returns
    -------
    list of TrainedTag
        In order of name; a tag that cannot be trained is among them with the reason.

    Raises
    ------
    TagcastError
        When no tag at all can be trained, or the extra ``train`` is not installed.
    """
    require_extra("train")
    as_of = project.resolve_as_of(as_of)
    warn_of_load(project)
    every = project.definitions(as_of)
    chosen = every if names is None else select(every, names)
    if not chosen:
        return []  # an entity whose tags are all rules
    # A file a tag: processes that create one SQLite file together race for its tables.
    studies = project.settings.home / "optuna"
    check_studies(studies)
    _check_model_names(project, chosen)
    trained = []
    with (
        _seldom_collected(),
        TemporaryDirectory(prefix="tagcast-train-") as scratch,
        Workers(threads, len(chosen)) as workers,
    ):
        plans, labels, reached, refused = _labelled(project, chosen, as_of)
        # Not before the workers have started: they load the same libraries meanwhile.
        from tagcast.models.training.tag_kind import kind_of

        feature_set = project.feature_set(every, as_of)
        inputs = GateInputs(project, as_of, feature_set, Path(scratch) / "recounted")
        project.progress(msg("training"), 0, len(plans))
        for some in _portions(plans, labels):
            frames = training_frames(project, some, labels, feature_set, views_read(every))
            jobs = [
                Job(
                    plan,
                    frame,
                    feature_set.spec,
                    project.settings.seed,
                    trials or kind_of(plan.definition).default_trials,
                    timeout_s,
                    f"sqlite:///{studies / f'{plan.definition.name}.db'}",
                    Path(scratch) / plan.definition.name,
                    candidates_of(project, plan.definition),
                    notes_on_approached(project, plan, frame, reached[plan.definition.name], feature_set),
                )
                for plan in some
                for frame in [frames.pop(plan.definition.name)]
            ]
            for job, result in workers.run(jobs):
                if isinstance(result, TagcastError):
                    trained.append(_refusal(job.plan.definition, result))
                else:
                    trained.append(register(project, job, result, inputs, now))
                    if observe is not None:
                        observe(job, result, trained[-1])
                project.progress(msg("training"), len(trained), len(plans))
            del frames, jobs, job, result  # before the features of the next portion are fetched
    if not any(t.version for t in trained):
        reasons = [msg("{tag}: {reason}", tag=t.tag, reason=t.reason) for t in [*trained, *refused]]
        raise ModelError(msg("no tag could be trained: {reasons}", reasons=listed(reasons, "sentences")))
    return sorted([*trained, *refused], key=lambda t: t.tag)


@contextmanager
def _seldom_collected() -> Iterator[None]:
    """Let Python look for unreachable cycles after ten thousand new objects instead of some hundreds.

    Importing MLflow, matplotlib and SHAP makes half a million that stay: looking at them again and again is a tenth of what
    recording ten versions takes.
    """
    before = gc.get_threshold()
    gc.set_threshold(max(before[0], NEW_OBJECTS) if before[0] else 0, *before[1:])
    try:
        yield
    finally:
        gc.set_threshold(*before)


def tag_frame(project: Project, name: str, as_of: date | None) -> tuple[TagPlan, TrainingFrame]:
    """Return the snapshots of one tag, and the rows that :func:`train_tags` would learn it from.

    Parameters
    ----------
    project : Project
    name : str
        One tag.
    as_of : date, optional
        As of :func:`train_tags`.

    Raises
    ------
    TagcastError
        Where the tag cannot be trained.
    """
    as_of = project.resolve_as_of(as_of)
    every = project.definitions(as_of)
    definition = one_tag(every, name)
    (plan,), labels, _, _ = _labelled(project, [definition], as_of)
    feature_set = project.feature_set(every, as_of)
    return plan, training_frames(project, [plan], labels, feature_set, views_read(every))[definition.name]


def one_tag(every: Sequence[TagDefinition], name: str) -> TagDefinition:
    """Return the tag called ``name``.

    Raises
    ------
    DefinitionError
        Where there is none, or it is a family of several.
    """
    chosen = select(every, [name])
    if len(chosen) > 1:
        raise DefinitionError(
            msg(
                "{name} is a family of {count} tags, and one is worked on at a time",
                name=name,
                count=len(chosen),
            ),
            hint=msg("name one of {names}", names=listed(d.name for d in chosen)),
        )
    return chosen[0]


def _check_model_names(project: Project, definitions: Sequence[TagDefinition]) -> None:
    """Check, before anything is computed, that MLflow answers and holds no model of somebody else by one of our names.

    Raises
    ------
    ModelError
        As of ``registry.versions.versions.check_names``.
    """
    from tagcast.registry.versions.tracking import tracking_exists, tracking_of
    from tagcast.registry.versions.versions import check_names

    settings = project.settings
    if tracking_exists(settings.whole.home, settings.mlflow):
        check_names(tracking_of(settings), [definition.name for definition in definitions])


def _portions(plans: Sequence[TagPlan], labels: dict[str, pd.DataFrame]) -> Iterator[list[TagPlan]]:
    """Yield the plans in portions of at most ``ROWS_AT_ONCE`` training rows (one plan at least).

    Memory grows with a portion, not with how many tags are trained.
    """
    portion: list[TagPlan] = []
    rows = 0
    for plan in plans:
        more = len(labels[plan.definition.name])
        if portion and rows + more > ROWS_AT_ONCE:
            yield portion
            portion, rows = [], 0
        portion.append(plan)
        rows += more
    yield portion


def _refusal(definition: TagDefinition, error: TagcastError) -> TrainedTag:
    reason: Text | Joined = error.message
    if error.hint:
        reason = msg("{problem} (hint: {hint})", problem=reason, hint=error.hint)
    return TrainedTag(definition.name, definition.kind, None, "", reason=reason)


def _labelled(
    project: Project, definitions: Sequence[TagDefinition], now: date
) -> tuple[list[TagPlan], dict[str, pd.DataFrame], dict[str, Reached], list[TrainedTag]]:
    """Plan and label every tag; one that cannot be labelled does not hold the others back.

    Beside the rows of each tag are those of whom campaigns approached.

    Raises
    ------
    TagcastError
        The first reason, when no tag can be labelled.
    """
    plans, labels, reached, refused, errors = [], {}, {}, [], []
    quality = project_quality(project, now)
    for done, definition in enumerate(definitions):
        project.progress(msg("outcomes"), done, len(definitions))
        try:
            check_chosen(project, definition)
            candidates_of(project, definition)
            check_purchases(definition, quality)
            plan = project.plan(definition, now)
            with labelled(project, plan, now) as found:
                found.check()
                _check_cases(plan, found.counts, check_data(plan, quality, now))
                rows, approached = found.drawn(), found.reached()
        except (DataError, DefinitionError, ModelError) as error:
            errors.append(error)
            refused.append(_refusal(definition, error))
            continue
        plans.append(plan)
        labels[definition.name], reached[definition.name] = rows, approached
    project.progress(msg("outcomes"), len(definitions), len(definitions))
    if not plans:
        raise errors[0]
    return plans, labels, reached, refused


def _check_cases(plan: TagPlan, counts: OutcomeCounts, problem: TagProblem | None) -> None:
    """Refuse a tag with too few cases, with the cause in the data where one is known."""
    try:
        check_cases(plan, counts)
    except ModelError as error:
        if problem is None or not problem.explains:
            raise
        text = msg(
            "{tag}: {cause}; {effect}", tag=plan.definition.name, cause=problem.message, effect=error.message
        )
        raise ModelError(text, hint=problem.hint) from error

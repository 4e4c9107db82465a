"""`tagcast model evaluate`: train a tag again before each of several past snapshots, and measure it on them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date
from itertools import pairwise
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from tagcast.features.core.errors import DataError, ModelError, TagcastError
from tagcast.features.core.home.extras import require_extra
from tagcast.features.core.messages import Joined, Text, listed, msg
from tagcast.models.definitions.model_tag import TagDefinition
from tagcast.pipelines.evidence.weak_segments import profile_attributes
from tagcast.pipelines.project.project import Project, TagPlan
from tagcast.pipelines.training.candidates import candidates_of
from tagcast.pipelines.training.frames import training_frames, views_read
from tagcast.pipelines.training.labelling.counts import OutcomeCounts, check_cases
from tagcast.pipelines.training.labelling.labels import labelled
from tagcast.pipelines.training.studies import check_studies
from tagcast.pipelines.training.train import one_tag
from tagcast.pipelines.training.workers import Job, Workers

if TYPE_CHECKING:
    from tagcast.models.evaluation.backtest import Pooled, Window

AUDIENCES = 1000
"""Random audiences a window, of at least 200 members each."""


@dataclass(frozen=True)
class Evaluation:
    """A tag evaluated out of time.

    Parameters
    ----------
    definition : TagDefinition
    windows : tuple of Window
        Test snapshots rising.
    pooled : Pooled
    trials, seed : int
        Of each training.
    notes : tuple of Message or str
        What a reader of the figures should know.
    """

    definition: TagDefinition
    windows: tuple[Window[Any], ...]
    pooled: Pooled
    trials: int
    seed: int
    notes: tuple[Text, ...]


def evaluate_tag(
    project: Project,
    name: str,
    *,
    windows: int = 3,
    as_of: date | None = None,
    trials: int | None = None,
    timeout_s: float | None = None,
    threads: int = 2,
) -> Evaluation:
    """Evaluate one tag on its last ``windows`` snapshots, each by a model trained on what lay before it.

    Parameters
    ----------
    project : Project
    name : str
        One tag.
    windows : int
    as_of : date, optional
        Nothing at or after it is read. Default: the day after the last event.
    trials : int, optional
        LightGBM settings to try for each window; default: :attr:`tagcast.models.training.tag_kind.TagKind.default_trials`.
    timeout_s : float, optional
        Seconds a window after which to stop trying.
    threads : int
        Windows trained side by side; the figures are the same for any number.

    Raises
    ------
    DefinitionError
        When ``name`` is unknown or means several tags.
    DataError
        Before any training, when fewer windows fit.
    ModelError
        When a window's model cannot be trained.
    """
    require_extra("train")
    studies = project.settings.home / "optuna"
    check_studies(studies)
    as_of = project.resolve_as_of(as_of)
    every = project.definitions(as_of)
    definition = one_tag(every, name)
    foreign = candidates_of(project, definition)
    plan = project.plan(definition, as_of)
    project.progress(msg("outcomes"), 0, 1)
    with labelled(project, plan, as_of) as labels:
        labels.check()
        plans = fitting_windows(plan, labels.counts, windows)
        rows = {definition.name: labels.drawn()}
    project.progress(msg("outcomes"), 1, 1)
    feature_set = project.feature_set(every, as_of)
    frame = training_frames(project, [plan], rows, feature_set, views_read(every))[definition.name]

    from tagcast.models.evaluation.backtest import pool, until, window_of
    from tagcast.models.training.tag_kind import kind_of

    attributes, seed = profile_attributes(project), project.settings.seed
    asked = trials or kind_of(definition).default_trials
    measured: dict[date, Window[Any]] = {}
    with TemporaryDirectory(prefix="tagcast-evaluate-") as scratch, Workers(threads, len(plans)) as workers:
        jobs = [
            Job(
                each,
                until(frame, each.split.test),
                feature_set.spec,
                seed,
                asked,
                timeout_s,
                # A file a window: processes that create one SQLite file together race for its tables.
                f"sqlite:///{studies / f'{definition.name}-until-{each.split.test}.db'}",
                Path(scratch) / str(each.split.test),
                foreign,
            )
            for each in plans
        ]
        project.progress(msg("windows"), 0, len(jobs))
        for done, (job, result) in enumerate(workers.run(jobs), start=1):
            test = job.plan.split.test
            if isinstance(result, TagcastError):
                raise ModelError(
                    msg("window {test}: {problem}", test=test, problem=result.message), hint=result.hint
                ) from result
            measured[test] = window_of(result, job.frame, attributes, audiences=AUDIENCES, seed=seed)
            project.progress(msg("windows"), done, len(jobs))
    found = tuple(measured[test] for test in sorted(measured))
    project.progress(msg("segments"), 0, 1)
    pooled = pool(found, seed=seed)
    project.progress(msg("segments"), 1, 1)
    return Evaluation(definition, found, pooled, asked, seed, _notes(definition, found))


def fitting_windows(plan: TagPlan, counts: OutcomeCounts, windows: int) -> list[TagPlan]:
    """Return a plan for each of the last ``windows`` test snapshots that can be trained for and measured.

    Parameters
    ----------
    plan : TagPlan
        All snapshots.
    counts : OutcomeCounts
        Of all of them.
    windows : int

    Raises
    ------
    DataError
        When fewer fit; it says how many, and why the next one does not.
    """
    definition, split = plan.definition, plan.split
    plans: list[TagPlan] = []
    refused: Text | Joined = ""
    for count in range(len(split.snapshots), 0, -1):
        if len(plans) == windows:
            break
        try:
            each = TagPlan(definition, replace(split, snapshots=split.snapshots[:count]))
            check_cases(each, counts)
        except (DataError, ModelError) as error:
            refused = refused or error.message
        else:
            plans.insert(0, each)
    if len(plans) < windows:
        fit = msg("{count} fit", count=len(plans))
        hint = msg("give more history, a shorter horizon_days or a smaller snapshots.min_history_days")
        if plans:
            fit = msg("{fit} ({tests})", fit=fit, tests=listed(str(p.split.test) for p in plans))
            hint = msg("give --windows {count}, or {hint}", count=len(plans), hint=hint)
        raise DataError(
            msg(
                "{tag}: {windows} windows were asked for, {fit}; the next: {refused}",
                tag=definition.name,
                windows=windows,
                fit=fit,
                refused=refused,
            ),
            hint=hint,
        )
    return plans


def _notes(definition: TagDefinition, windows: Sequence[Window[Any]]) -> tuple[Text, ...]:
    notes: list[Text] = []
    gaps = [(b.test - a.test).days for a, b in pairwise(windows)]
    overlap = definition.horizon_days - min(gaps, default=definition.horizon_days)
    if overlap > 0:
        notes.append(
            msg(
                "the outcome windows of neighbouring snapshots share up to {overlap} of {horizon} days: "
                "their figures are not independent of one another",
                overlap=overlap,
                horizon=definition.horizon_days,
            )
        )
    said: dict[Text, list[str]] = {}
    for window in windows:
        for note in window.notes:
            said.setdefault(note, []).append(str(window.test))
    of_windows = (msg("{tests}: {note}", tests=listed(tests), note=note) for note, tests in said.items())
    return (*notes, *of_windows)

"""`tagcast check`: are the sources ready to train on, and what can each tag learn from them?"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from datetime import date
from typing import TYPE_CHECKING, Any

from tagcast.features.core.errors import DataError, DefinitionError, ModelError
from tagcast.features.core.messages import NOTHING, Joined, Text, msg
from tagcast.pipelines.project.data_quality import (
    missing_purchases,
    model_problem,
    project_quality,
    rule_problem,
    spending_features,
)
from tagcast.pipelines.project.own_views import check_chosen
from tagcast.pipelines.project.project import Project
from tagcast.pipelines.scoring.run_tags import resolved_rules
from tagcast.pipelines.training.candidates import candidates_of
from tagcast.pipelines.training.labelling.counts import check_cases
from tagcast.pipelines.training.labelling.labels import labelled
from tagcast.pipelines.training.view_readiness import ViewReadiness, view_readiness
from tagcast.pipelines.training.yes_outlook import yes_outlook
from tagcast.serving.catalog.category_size_checks import leaf_warnings

if TYPE_CHECKING:
    from tagcast.features.ingest.data_checks import Readiness
    from tagcast.features.quality.examine_log import LogQuality
    from tagcast.features.quality.finding import Finding
    from tagcast.models.definitions.rule_tag import RuleDefinition


@dataclass(frozen=True)
class TagReadiness:
    """What one tag finds in the data.

    Parameters
    ----------
    tag : str
    snapshots : tuple of date
        Training and test snapshots; empty when none fits.
    population, positives : int
        Cases of the test snapshot, and those with a true outcome.
    level : str
        ``ok``, ``warning`` or ``error``.
    message, hint : Message, Joined or str
    kind : str
        What predicts it; a rule learns nothing, and is ready when the data bear what it speaks of.
    yes_at_most : int or None
        Profiles of the test snapshot that can get a yes; None of an amount, a rule, and without a test snapshot.
    """

    tag: str
    snapshots: tuple[date, ...]
    population: int
    positives: int
    level: str
    message: Text | Joined
    hint: Text | Joined
    kind: str = "model"
    yes_at_most: int | None = None


@dataclass(frozen=True)
class ProjectReadiness:
    """The report of `tagcast check`."""

    as_of: date | None
    sources: Readiness
    tags: tuple[TagReadiness, ...]
    tree: tuple[Text, ...] = ()
    """What is wrong with the tag tree: nothing that would spoil a model."""
    views: tuple[ViewReadiness, ...] = ()
    """Views that the company declares."""

    @property
    def has_errors(self) -> bool:
        """Whether something would spoil a model."""
        levels = [
            *(f.level for f in self.sources.findings), *(t.level for t in self.tags), *(v.level for v in self.views)
        ]  # fmt: skip
        return "error" in levels

    def to_dict(self) -> dict[str, Any]:
        """Return the report by name, its sentences as messages."""
        return {**{one.name: getattr(self, one.name) for one in fields(self)}, "ready": not self.has_errors}


def check_project(project: Project, as_of: date | None) -> ProjectReadiness:
    """Read the sources and report; nothing of them is changed."""
    from tagcast.features.ingest.data_checks import examine

    project.ready_sources()
    sources = examine(project.settings, places=project.places, now=as_of, engine=project.engine)
    if any(f.level == "error" for f in sources.findings):
        return ProjectReadiness(as_of, sources, ())
    as_of = project.resolve_as_of(as_of)
    quality = project_quality(project, as_of)
    sources = replace(sources, findings=_all_findings(sources.findings, quality.findings))
    tags = [_tag(project, definition, as_of, quality) for definition in project.definitions(as_of)]
    rules = [_rule(project, definition, as_of, quality) for definition in project.rules(as_of)]
    leaves = leaf_warnings(tag.path for tag in project.tags(as_of))
    views = tuple(view_readiness(project, as_of))
    return ProjectReadiness(as_of, sources, (*tags, *rules), tuple(leaf.text for leaf in leaves), views)


def _all_findings(of_sources: Sequence[Finding], of_log: Sequence[Finding]) -> tuple[Finding, ...]:
    """Return both; of the same thing in the same place, what the event log shows, which names days."""
    known = {(finding.code, finding.where) for finding in of_log}
    return (*(f for f in of_sources if (f.code, f.where) not in known), *of_log)


def _tag(project: Project, definition: Any, as_of: date, quality: LogQuality) -> TagReadiness:
    if absent := missing_purchases(definition, quality):
        return TagReadiness(
            definition.name, (), 0, 0, absent.level, absent.message, absent.hint, definition.kind
        )
    try:
        check_chosen(project, definition)
        candidates_of(project, definition)
        plan = project.plan(definition, as_of)
        with labelled(project, plan, as_of) as labels:
            labels.check()
    except (DataError, DefinitionError) as error:
        return TagReadiness(definition.name, (), 0, 0, "error", error.message, error.hint, definition.kind)
    split = plan.split
    positives, negatives = labels.counts.cases([split.test])
    population = positives + negatives
    level: str = "ok"
    message: Text | Joined = NOTHING
    hint: Text | Joined = NOTHING
    try:
        check_cases(plan, labels.counts)
    except ModelError as error:
        level, message, hint = "error", error.message, error.hint
    problem = model_problem(definition, split, quality, as_of)
    if problem and level == "ok":
        level, message, hint = problem.level, problem.message, problem.hint
    elif problem and problem.explains:  # The cause, with what follows of it.
        message = msg("{cause}; {effect}", cause=problem.message, effect=message)
        hint = problem.hint
    if level == "ok" and split.one_day:
        level = "warning"
        message = msg(
            "all labels are as of {day}: a fifth of the profiles is held back to measure on", day=split.test
        )
        hint = msg("labels as of a second day would show how outcomes drift")
    if level == "ok" and not split.validation_folds:
        level = "warning"
        message = msg("history is too short to choose a model over time; folds of profiles stand in")
        hint = msg("give more history, or a shorter horizon_days")
    outlook = yes_outlook(definition, population, positives)
    if level == "ok" and outlook and outlook.message:
        level, message, hint = "warning", outlook.message, outlook.hint
    return TagReadiness(
        definition.name,
        split.feature_days,
        population,
        positives,
        level,
        message,
        hint,
        definition.kind,
        yes_at_most=outlook.most if outlook else None,
    )


def _rule(project: Project, definition: RuleDefinition, as_of: date, quality: LogQuality) -> TagReadiness:
    try:
        (rule,) = resolved_rules(project, [definition], as_of)
    except DefinitionError as error:
        return TagReadiness(definition.name, (), 0, 0, "error", error.message, error.hint, "rule")
    if problem := rule_problem(rule, quality, as_of, spending_features(project, as_of)):
        return TagReadiness(definition.name, (), 0, 0, problem.level, problem.message, problem.hint, "rule")
    return TagReadiness(definition.name, (), 0, 0, "ok", msg("a rule: nothing to train"), NOTHING, "rule")

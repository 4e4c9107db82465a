"""`tagcast check`: are the sources ready to train on, and what can each tag learn from them?"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import date
from typing import TYPE_CHECKING, Any

from tagcast.features.core.errors import DataError, DefinitionError, ModelError
from tagcast.pipelines.project.project import Project
from tagcast.pipelines.reports.terminal import say, table
from tagcast.pipelines.scoring.run_tags import resolved_rules
from tagcast.pipelines.training.frames import check_cases, label_rows
from tagcast.serving.catalog.category_size_checks import leaf_warnings

if TYPE_CHECKING:
    from tagcast.features.ingest.data_checks import Readiness
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
    message, hint : str
    kind : str
        What says it; a rule learns nothing, and is ready when the data bear what it speaks of.
    """

    tag: str
    snapshots: tuple[date, ...]
    population: int
    positives: int
    level: str
    message: str
    hint: str
    kind: str = "model"


@dataclass(frozen=True)
class ProjectReadiness:
    """The report of `tagcast check`."""

    now: date | None
    sources: Readiness
    tags: tuple[TagReadiness, ...]
    tree: tuple[str, ...] = ()
    """What is wrong with the tag tree: nothing that would spoil a model."""

    @property
    def has_errors(self) -> bool:
        """Whether something would spoil a model."""
        return any(f.level == "error" for f in self.sources.findings) or any(
            t.level == "error" for t in self.tags
        )

    def to_dict(self) -> dict[str, Any]:
        """Return the report as JSON values."""
        return {**asdict(self), "ready": not self.has_errors}


def check_project(project: Project, now: date | None) -> ProjectReadiness:
    """Read the sources and report; nothing of them is changed."""
    from tagcast.features.ingest.data_checks import examine

    sources = examine(project.settings, now=now)
    if any(f.level == "error" for f in sources.findings):
        return ProjectReadiness(now, sources, ())
    day = project.now(now)
    tags = [_tag(project, definition, day) for definition in project.definitions(day)]
    rules = [_rule(project, definition, day) for definition in project.rules(day)]
    leaves = leaf_warnings(tag.path for tag in project.tags(day))
    return ProjectReadiness(day, sources, (*tags, *rules), tuple(str(leaf.text) for leaf in leaves))


def _tag(project: Project, definition: Any, now: date) -> TagReadiness:
    try:
        plan = project.plan(definition, now)
        labels = label_rows(project, plan, now)
    except DataError as error:
        return TagReadiness(definition.name, (), 0, 0, "error", error.message, error.hint)
    split = plan.split
    test = labels[labels["as_of"] == split.test]
    population, positives = len(test), int(test["y"].sum())
    level, message, hint = "ok", "", ""
    try:
        check_cases(plan, labels)
    except ModelError as error:
        level, message, hint = "error", error.message, error.hint
    if level == "ok" and not split.validation_folds:
        level = "warning"
        message = "history is too short to choose a model over time; folds of profiles stand in"
        hint = "more history, or a shorter horizon_days"
    return TagReadiness(definition.name, split.snapshots, population, positives, level, message, hint)


def _rule(project: Project, definition: RuleDefinition, now: date) -> TagReadiness:
    try:
        resolved_rules(project, [definition], now)
    except DefinitionError as error:
        return TagReadiness(definition.name, (), 0, 0, "error", error.message, error.hint, "rule")
    return TagReadiness(definition.name, (), 0, 0, "ok", "a rule: nothing to train", "", "rule")


def render_check(report: ProjectReadiness) -> None:
    """Print the report."""
    sources = report.sources
    table(
        "Sources",
        ("source", "rows", "profiles", "first", "last", "no id", "bad time", "future", "duplicates", "returns", "amount ≤ 0", "categories"),
        [
            (s.name, s.rows, s.profiles, s.first_time, s.last_time, s.missing_ids, s.unparsable_times, s.future_times,
             s.duplicates, s.returns, s.zero_amounts + s.negative_amounts, s.categories)
            for s in sources.sources
        ],
    )  # fmt: skip
    if report.tags:
        table(
            f"Tags, trained as of {report.now}",
            ("tag", "ready", "snapshots", "from", "test", "population", "positives", "share", "note"),
            [
                (t.tag, t.level, len(t.snapshots) or None, t.snapshots[0] if t.snapshots else None, t.snapshots[-1] if t.snapshots else None,
                 t.population or None, t.positives or None, t.positives / t.population if t.population else None, t.message.split("\n")[0])
                for t in report.tags
            ],
        )  # fmt: skip
    for finding in sources.findings:
        say(
            f"{finding.level}: {finding.where}: {finding.message}"
            + (f"\n  hint: {finding.hint}" if finding.hint else "")
        )
    for tag in report.tags:
        if tag.level != "ok":
            say(f"{tag.level}: {tag.tag}: {tag.message}\n  hint: {tag.hint}")
    for warning in report.tree:
        say(f"warning: {warning}")
    ready = "to score: tagcast score --all"
    if any(tag.kind != "rule" for tag in report.tags):
        ready = "to train: tagcast train --all"
    say("not ready: fix the errors first" if report.has_errors else f"ready {ready}")

"""`tagcast check`: are the sources ready to train on, and what can each tag learn from them?"""

from __future__ import annotations

from dataclasses import dataclass, fields
from datetime import date
from typing import TYPE_CHECKING, Any

from tagcast.features.core.errors import DataError, DefinitionError, ModelError
from tagcast.features.core.messages import NOTHING, Joined, Message, Text, msg
from tagcast.pipelines.project.project import Project
from tagcast.pipelines.reports.terminal import say, spoken, table
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
    message, hint : Message, Joined or str
    kind : str
        What says it; a rule learns nothing, and is ready when the data bear what it speaks of.
    """

    tag: str
    snapshots: tuple[date, ...]
    population: int
    positives: int
    level: str
    message: Text | Joined
    hint: Text | Joined
    kind: str = "model"


@dataclass(frozen=True)
class ProjectReadiness:
    """The report of `tagcast check`."""

    now: date | None
    sources: Readiness
    tags: tuple[TagReadiness, ...]
    tree: tuple[Text, ...] = ()
    """What is wrong with the tag tree: nothing that would spoil a model."""

    @property
    def has_errors(self) -> bool:
        """Whether something would spoil a model."""
        return any(f.level == "error" for f in self.sources.findings) or any(
            t.level == "error" for t in self.tags
        )

    def to_dict(self) -> dict[str, Any]:
        """Return the report by name, its sentences as messages."""
        return {**{one.name: getattr(self, one.name) for one in fields(self)}, "ready": not self.has_errors}


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
    return ProjectReadiness(day, sources, (*tags, *rules), tuple(leaf.text for leaf in leaves))


def _tag(project: Project, definition: Any, now: date) -> TagReadiness:
    try:
        plan = project.plan(definition, now)
        labels = label_rows(project, plan, now)
    except DataError as error:
        return TagReadiness(definition.name, (), 0, 0, "error", error.message, error.hint)
    split = plan.split
    test = labels[labels["as_of"] == split.test]
    population, positives = len(test), int(test["y"].sum())
    level: str = "ok"
    message: Text | Joined = NOTHING
    hint: Text | Joined = NOTHING
    try:
        check_cases(plan, labels)
    except ModelError as error:
        level, message, hint = "error", error.message, error.hint
    if level == "ok" and not split.validation_folds:
        level = "warning"
        message = msg("history is too short to choose a model over time; folds of profiles stand in")
        hint = msg("give more history, or a shorter horizon_days")
    return TagReadiness(definition.name, split.snapshots, population, positives, level, message, hint)


def _rule(project: Project, definition: RuleDefinition, now: date) -> TagReadiness:
    try:
        resolved_rules(project, [definition], now)
    except DefinitionError as error:
        return TagReadiness(definition.name, (), 0, 0, "error", error.message, error.hint, "rule")
    return TagReadiness(definition.name, (), 0, 0, "ok", msg("a rule: nothing to train"), NOTHING, "rule")


def render_check(report: ProjectReadiness) -> None:
    """Print the report."""
    sources = report.sources
    table(
        msg("Sources"),
        (msg("source"), msg("rows"), msg("profiles"), msg("first"), msg("last"), msg("no id"), msg("bad time"), msg("future"),
         msg("duplicates"), msg("returns"), msg("amount ≤ 0"), msg("categories")),
        [
            (s.name, s.rows, s.profiles, s.first_time, s.last_time, s.missing_ids, s.unparsable_times, s.future_times,
             s.duplicates, s.returns, s.zero_amounts + s.negative_amounts, s.categories)
            for s in sources.sources
        ],
    )  # fmt: skip
    if report.tags:
        table(
            msg("Tags, trained as of {now}", now=report.now),
            (msg("tag"), msg("ready"), msg("snapshots"), msg("from"), msg("test"), msg("population"), msg("positives"), msg("share"),
             msg("note")),
            [
                (t.tag, _LEVELS[t.level], len(t.snapshots) or None, t.snapshots[0] if t.snapshots else None, t.snapshots[-1] if t.snapshots else None,
                 t.population or None, t.positives or None, t.positives / t.population if t.population else None, spoken(t.message).split("\n")[0])
                for t in report.tags
            ],
        )  # fmt: skip
    for finding in sources.findings:
        _say_finding(finding.level, finding.where, finding.message, finding.hint)
    for tag in report.tags:
        if tag.level != "ok":
            _say_finding(tag.level, tag.tag, tag.message, tag.hint)
    for warning in report.tree:
        say(msg("{level}: {message}", level=_LEVELS["warning"], message=warning))
    if report.has_errors:
        say(msg("not ready: fix the errors first"))
    elif any(tag.kind != "rule" for tag in report.tags):
        say(msg("ready to train: {command}", command="tagcast train --all"))
    else:
        say(msg("ready to score: {command}", command="tagcast score --all"))


_LEVELS: dict[str, Message] = {
    "ok": msg("ok"),
    "note": msg("note"),
    "warning": msg("warning"),
    "error": msg("error"),
}


def _say_finding(level: str, where: str, message: Text | Joined, hint: Text | Joined) -> None:
    said: Text = msg("{level}: {where}: {message}", level=_LEVELS[level], where=where, message=message)
    say(msg("{said}\n  hint: {hint}", said=said, hint=hint) if hint else said)

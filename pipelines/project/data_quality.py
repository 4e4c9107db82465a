"""What the oddities of a project's events mean for its tags; the event log is examined once a day and question."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from typing import TYPE_CHECKING

from tagcast.features.catalog.view_files import declared_views
from tagcast.features.core.errors import DataError
from tagcast.features.core.messages import Joined, Text, listed, msg
from tagcast.features.core.schema.entities import PROFILE
from tagcast.features.loads.past_findings import past_findings
from tagcast.features.loads.unchecked_days import unchecked_findings
from tagcast.features.quality.amount_findings import (
    serious,
    spend_counted_as_nothing,
    spend_hint,
    spend_unknown,
    touching,
    unknown_for,
)
from tagcast.features.quality.day_findings import empty_days_in
from tagcast.features.quality.finding import SourceColumns
from tagcast.features.quality.name_findings import clash_findings, clash_hint, clash_text
from tagcast.features.quality.stretches import LEAST_EMPTY_DAYS
from tagcast.models.definitions.window_outcomes import Label
from tagcast.pipelines.project.progress import log

if TYPE_CHECKING:
    from tagcast.features.catalog.feature_set import FeatureSet
    from tagcast.features.core.schema.sources import Source
    from tagcast.features.core.settings import Settings
    from tagcast.features.quality.examine_log import LogQuality
    from tagcast.features.quality.finding import Finding
    from tagcast.features.quality.stretches import Stretch
    from tagcast.models.definitions.model_tag import TagDefinition
    from tagcast.models.definitions.rule_tag import Rule
    from tagcast.models.training.splits import Split
    from tagcast.pipelines.project.project import Project, TagPlan


@dataclass(frozen=True)
class TagProblem:
    """What the data do to one tag.

    Parameters
    ----------
    level : str
        ``warning`` or ``error``.
    message, hint : Message, Joined or str
    explains : bool
        Whether too few cases may come of it.
    """

    level: str
    message: Text | Joined
    hint: Text | Joined
    explains: bool = True


def project_quality(project: Project, as_of: date) -> LogQuality:
    """Examine the event log as of a day, and what its last loads changed."""
    from tagcast.features.quality.examine_log import examine_log

    settings = project.settings
    columns = _source_columns(project)
    quality = examine_log(
        project.events.glob,
        project.events.spans,
        as_of,
        timezone=settings.timezone,
        columns=columns,
        attributes=project.events.profiles_path,
        memory_limit=settings.memory_limit,
        scratch=settings.home / "scratch",
    )
    clashes = project.widest_set(as_of).clashes()
    same = clash_findings(clashes, columns, purchases=quality.has_purchases)
    past = _of_loads(project)
    findings = [one for one in quality.findings if _is_news(one, settings)]
    return replace(quality, findings=(*findings, *same, *past))


def _of_loads(project: Project) -> list[Finding]:
    """Return what the last loads changed of the past, and what the last one did not compare."""
    return [*past_findings(project.events.changes), *unchecked_findings(project.events.unchecked)]


def _is_news(finding: Finding, settings: Settings) -> bool:
    """Return whether a finding is for the reader: who declares views says what events are; of an entity they are those of profiles."""
    if settings.entity != PROFILE:
        return finding.where != "sources"
    return finding.code != "no_purchases" or not declared_views(settings)


def check_event_names(project: Project, feature_set: FeatureSet) -> None:
    """Refuse to build features that share a name.

    Raises
    ------
    DataError
        Naming the events.
    """
    for clash in feature_set.clashes():
        raise DataError(clash_text(clash), hint=clash_hint(clash, _source_columns(project)))


def _source_columns(project: Project) -> SourceColumns:
    return SourceColumns({source.name: _columns(source) for source in project.settings.sources})


def _columns(source: Source) -> dict[str, str]:
    return {**source.columns, **({"event": source.event_column} if source.event_column else {})}


def warn_of_load(project: Project) -> None:
    """Log what was left out of the events for its time, which sources stopped, what of the past is another, and what was not compared.

    Nobody may have run the check.
    """
    from tagcast.features.quality.day_findings import span_findings

    warnings = [one for one in span_findings(project.events.spans) if one.level == "warning"]
    for finding in (*warnings, *_of_loads(project)):
        level = logging.WARNING if finding.level == "warning" else logging.INFO
        log.log(level, msg("{source}: {problem}", source=finding.where, problem=finding.message))


def missing_purchases(definition: TagDefinition, quality: LogQuality) -> TagProblem | None:
    """Return that a tag needs purchases where no event is one."""
    needed = definition.population.active_within_days or definition.outcome.needs_purchases
    if quality.has_purchases or not needed:
        return None
    return TagProblem(
        "error",
        msg("it speaks of purchases, and no event is called purchase"),
        msg(
            'say what a purchase is: event = "purchase" in its source, or outcome.event and no active_within_days'
        ),
    )


def model_problem(
    definition: TagDefinition, split: Split, quality: LogQuality, as_of: date
) -> TagProblem | None:
    """Return the worst that the data do to a tag that is learned: spend that is unknown, a category that ended, empty days."""
    if definition.outcome.counts_spend:
        unknown = touching(quality.unknown_spend, split.feature_days[0], as_of)
        if unknown:
            return _spend_problem(unknown)
    category = definition.category
    if category in quality.ended_categories:
        return TagProblem(
            "warning", *ended_category(category or "", quality.ended_categories[category or ""])
        )
    empty = [
        (day, count)
        for day in (() if isinstance(definition.outcome, Label) else split.snapshots)
        if (count := empty_days_in(quality.empty, day, definition.horizon_days)) >= LEAST_EMPTY_DAYS
    ]
    if empty:
        windows = listed(msg("{snapshot} ({count} days)", snapshot=day, count=count) for day, count in empty)
        return TagProblem(
            "warning",
            msg("label windows with days without any event: {windows}", windows=windows),
            msg("if those days are missing, load them; else choose others: snapshots: {{dates: […]}}"),
            explains=False,
        )
    unknown = touching(quality.unknown_spend, None, as_of)  # Some features look back over all history.
    if serious(unknown):
        return TagProblem("warning", spend_counted_as_nothing(unknown), spend_hint(unknown), explains=False)
    return None


def check_purchases(definition: TagDefinition, quality: LogQuality) -> None:
    """Refuse a tag that needs purchases where no event is one.

    Raises
    ------
    DataError
    """
    if problem := missing_purchases(definition, quality):
        raise DataError(
            msg("{tag}: {problem}", tag=definition.name, problem=problem.message), hint=problem.hint
        )


def check_data(plan: TagPlan, quality: LogQuality, as_of: date) -> TagProblem | None:
    """Refuse to learn from what the data do not bear; log what a reader should know, and return it.

    Raises
    ------
    DataError
        Naming the tag and the days.
    """
    problem = model_problem(plan.definition, plan.split, quality, as_of)
    if problem is None:
        return None
    text = msg("{tag}: {problem}", tag=plan.definition.name, problem=problem.message)
    if problem.level == "error":
        raise DataError(text, hint=problem.hint)
    log.warning(text)
    return problem


def rule_problem(rule: Rule, quality: LogQuality, as_of: date, spending: Sequence[str]) -> TagProblem | None:
    """Return that a rule sums over unknown spend; ``spending`` are the features made of amounts."""
    features = [name for name in rule.fields if name in set(spending)]
    unknown = unknown_for(quality.unknown_spend, features, as_of)
    return _spend_problem(unknown) if unknown else None


def check_spend(
    project: Project, models: Sequence[TagDefinition], rules: Sequence[Rule], as_of: date
) -> None:
    """Refuse to predict spend where what was spent lately is unknown: nothing would be taken for it.

    Other models have features made of amounts: that these count unknown days as nothing is logged.

    Raises
    ------
    DataError
        Naming the tags, and the days without amounts.
    """
    from tagcast.features.quality.examine_log import spend_gaps

    spending = spending_features(project, as_of)
    of_models = [model for model in models if model.outcome.counts_spend]
    others = [model.name for model in models if model not in of_models and spending]
    of_rules = {
        rule.definition.name: features
        for rule in rules
        if (features := [name for name in rule.fields if name in spending])
    }
    if not of_models and not of_rules and not others:
        return  # nobody asks what was spent: the events need not be read
    unknown = spend_gaps(project.events.glob, as_of, memory_limit=project.settings.memory_limit)
    touched: dict[str, tuple[Stretch, ...]] = {
        model.name: touching(unknown, as_of - timedelta(days=model.horizon_days), as_of)
        for model in of_models
    }
    touched |= {name: unknown_for(unknown, features, as_of) for name, features in of_rules.items()}
    wrong = {name: some for name, some in touched.items() if serious(some)}
    if wrong:
        every = tuple(dict.fromkeys(stretch for some in wrong.values() for stretch in some))
        raise DataError(
            msg("{tags}: {problem}", tags=listed(wrong), problem=spend_unknown(every)), hint=spend_hint(every)
        )
    everywhere = touching(unknown, None, as_of)
    if others and serious(everywhere):
        log.warning(
            msg("{tags}: {problem}", tags=listed(others), problem=spend_counted_as_nothing(everywhere))
        )


def _spend_problem(unknown: Sequence[Stretch]) -> TagProblem:
    level = "error" if serious(unknown) else "warning"
    return TagProblem(level, spend_unknown(unknown), spend_hint(unknown))


def ended_category(category: str, last_day: date) -> tuple[Text, Text]:
    """Return that a category has not been bought since a day, and what helps."""
    return (
        msg("{category} was last bought on {last_day}", category=repr(category), last_day=last_day),
        msg(
            "is it called otherwise now? give both one name in the source's derive, or name categories that are sold"
        ),
    )


def spending_features(project: Project, as_of: date) -> tuple[str, ...]:
    """Return the features made of amounts."""
    titles = project.widest_set(as_of).titles()
    return tuple(name for name, feature in titles.items() if feature.needs == "amount")

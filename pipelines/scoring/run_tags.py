"""What a scoring run says: the champions, and the rules with the features they speak of."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import TYPE_CHECKING

from tagcast.features.catalog.feature_set import FeatureSet
from tagcast.features.core.errors import DefinitionError
from tagcast.features.core.messages import listed, msg
from tagcast.features.ingest.attributes.keyed_digests import hashed_columns
from tagcast.models.definitions.rule_tag import Rule, RuleDefinition, resolve, rule_names
from tagcast.pipelines.project.champions import load_champions
from tagcast.pipelines.project.label_rules import check_question
from tagcast.pipelines.project.own_views import attributes_at
from tagcast.pipelines.project.progress import log
from tagcast.pipelines.project.project import Project

if TYPE_CHECKING:
    from tagcast.features.compute.snapshots import Snapshots
    from tagcast.features.core.settings import Settings
    from tagcast.serving.scoring.attribute_stream import Attributes
    from tagcast.serving.scoring.facts.columns import Facts
    from tagcast.serving.scoring.loaded_tag import LoadedTag
    from tagcast.serving.scoring.rule_columns import LoadedRule


@dataclass(frozen=True)
class RunTags:
    """The tags of a run.

    Parameters
    ----------
    models : list of LoadedTag
    rules : list of LoadedRule
    """

    models: list[LoadedTag]
    rules: list[LoadedRule]

    @property
    def every(self) -> list[LoadedTag | LoadedRule]:
        """All of them."""
        return [*self.models, *self.rules]

    def snapshots(self, project: Project) -> dict[str, Snapshots]:
        """Return the snapshots they read, by feature set."""
        return {spec: project.snapshots(FeatureSet.parse(spec)) for spec in sorted(self.specs)}

    def sensitive(self, settings: Settings) -> frozenset[str]:
        """Return the names of attributes and features that make a rule sensitive that speaks of them."""
        from tagcast.serving.filters.sensitive_fields import sensitive_names

        return sensitive_names(settings, self.specs)

    @property
    def specs(self) -> set[str]:
        """The feature sets that they read."""
        return {t.model.feature_set for t in self.models} | {r.feature_set.spec for r in self.rules}


def facts_of_run(project: Project, chosen: RunTags, attributes: Attributes) -> Facts:
    """Return which features a run keeps beside its tags: of the widest of the feature sets that it reads anyway.

    Raises
    ------
    ConfigError
        Where ``[facts] keep`` names what there is not.
    """
    from tagcast.features.catalog.view_files import declared_views
    from tagcast.serving.scoring.facts.columns import kept_facts

    settings = project.settings
    sets = [FeatureSet.parse(spec) for spec in sorted(chosen.specs)]
    called = {v.view: (v.title.en, v.title.zh) for v in declared_views(settings) if v.title is not None}
    tags = [tag.definition.name for tag in chosen.every]
    return kept_facts(
        max(sets, key=lambda one: len(one.of_profile)),
        settings.facts.keep,
        ("profile_id", *attributes.kinds, *tags),
        called,
        strict=not settings.whole.entities,
    )


def run_tags(project: Project, names: Sequence[str] | None, as_of: date) -> RunTags:
    """Return the tags called ``names`` (None: all) as they are said at ``as_of``.

    Raises
    ------
    DefinitionError
        For an unknown name, and for a rule that speaks of what there is not.
    ModelError
        When nothing can be said, or a model's files are not what was recorded.
    """
    rules, fresh = _active(project, project.rules(as_of))
    known = [rule.name for rule in rules]
    asked = names
    if names is not None:
        asked = [n for n in names if not any(_called(n, rule) for rule in known if rule not in fresh)]
        rules = [rule for rule in rules if any(_called(name, rule.name) for name in names)]
    models = []
    for tag in load_champions(project, asked, known):
        name = tag.definition.name
        if name in known and name not in fresh:
            continue
        if name in fresh:
            log.warning(
                msg("{tag}: predicted by its model until tagcast tag apply activates the rule", tag=name)
            )
            rules = [rule for rule in rules if rule.name != name]
        models.append(tag)
    retired = _retired(project, [*(t.definition.name for t in models), *(rule.name for rule in rules)])
    models = [tag for tag in models if tag.definition.name not in retired]
    rules = [rule for rule in rules if rule.name not in retired]
    if not models and not rules:
        raise DefinitionError(
            msg("{tags}: retired, no longer predicted", tags=listed(sorted(retired))),
            hint=msg("name another tag"),
        )
    return RunTags(models, loaded_rules(project, rules, models, as_of))


def record_first_use(project: Project, chosen: RunTags, now: datetime) -> None:
    """Put on record the rules of files as they were when first used: from then on `tagcast tag apply` changes them."""
    from tagcast.registry.governance.applied_definitions import active, record_definitions
    from tagcast.registry.governance.rule_drafts import drafted

    known = {*active(project.state), *drafted(project.state)}
    first = [rule.definition for rule in chosen.rules if rule.definition.name not in known]
    record_definitions(
        project.state, first, how="scored", by="score", reason="scored for the first time", now=now
    )


def _active(project: Project, rules: Sequence[RuleDefinition]) -> tuple[list[RuleDefinition], set[str]]:
    """Return rules as they are active, and which have never been: a changed file waits for `tagcast tag apply`."""
    from tagcast.registry.governance.applied_definitions import active
    from tagcast.registry.governance.rule_drafts import drafted

    lines, drafts = active(project.state), drafted(project.state)
    found, fresh = [], set()
    for rule in rules:
        line = lines.get(rule.name)
        if rule.name in drafts:
            found.append(rule)  # its review activate it
        elif line is not None and isinstance(line.definition, RuleDefinition):
            if line.definition != rule:
                log.warning(
                    msg("{tag}: its file differs from what is active, see tagcast tag plan", tag=rule.name)
                )
            found.append(line.definition)
        else:
            found.append(rule)
            fresh.add(rule.name)
    return found, fresh


def _retired(project: Project, names: Sequence[str]) -> set[str]:
    from tagcast.registry.governance.lifecycle import status_of

    return {name for name, status in status_of(project.state, names).items() if status == "retired"}


def _called(name: str, rule: str) -> bool:
    return name in {rule, rule.split(".", maxsplit=1)[0]}


def resolved_rules(project: Project, rules: Sequence[RuleDefinition], as_of: date) -> list[Rule]:
    """Return ``rules`` with their names resolved by what the data can bear at ``as_of``.

    Raises
    ------
    DefinitionError
        For the first that speaks of what there is not.
    """
    if not rules:
        return []
    widest, attributes = project.widest_set(as_of), attributes_at(project, as_of).kinds
    for rule in rules:
        check_question(project, rule, as_of)
    return [
        resolve(
            rule,
            rule_names(
                widest,
                attributes,
                entity=rule.pair.entity if rule.pair else None,
                digests=hashed_columns(project.settings),
            ),
        )
        for rule in rules
    ]


def loaded_rules(
    project: Project, rules: Sequence[RuleDefinition], models: Sequence[LoadedTag], as_of: date
) -> list[LoadedRule]:
    """Return ``rules`` ready to be said at ``as_of`` beside ``models``."""
    from tagcast.models.inference.membership import feature_names
    from tagcast.serving.scoring.rule_columns import LoadedRule

    if not rules:
        return []
    widest = project.widest_set(as_of)
    # Best a set that is built anyway, then the one that models are trained on; a window that no model has fills widest.
    sets = [*(FeatureSet.parse(spec) for spec in sorted({t.model.feature_set for t in models}))]
    sets += [project.feature_set(project.definitions(as_of), as_of), widest]
    features = set(widest.titles())

    def fitting(rule: Rule) -> FeatureSet:
        needed = {name for name in rule.fields if name in features}
        needed.update(feature_names(rule.definition, widest))
        return next(one for one in sets if needed <= set(one.titles()) and _holds(one, widest, rule))

    return [LoadedRule(rule, fitting(rule)) for rule in resolved_rules(project, rules, as_of)]


def _holds(one: FeatureSet, widest: FeatureSet, rule: Rule) -> bool:
    """Return whether all views of pairs are there that a rule of a pair may read."""
    pair = rule.definition.pair
    return pair is None or (pair.entity in one.of_pairs) == (pair.entity in widest.of_pairs)

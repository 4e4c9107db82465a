"""Rule tags that people draft: checked like a file, stored with who and why, published by review like any other tag."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from tagcast.features.catalog.feature_set import WINDOWS_DAYS, FeatureSet
from tagcast.features.core.errors import (
    ConflictError,
    DefinitionError,
    NotFoundError,
    StoreError,
)
from tagcast.features.core.messages import listed, msg
from tagcast.features.entities.relations import check_pair
from tagcast.features.ingest.attributes.keyed_digests import hashed_columns
from tagcast.models.definitions.loader import parse_definition, validated
from tagcast.models.definitions.rule_tag import Rule, RuleDefinition, resolve, rule_names, sensitivity_of
from tagcast.registry.access.audit_log import record
from tagcast.registry.access.roles import require
from tagcast.registry.governance import rule_drafts as stored
from tagcast.registry.governance.lifecycle import STATUS_NAMES, history, transition
from tagcast.registry.governance.rule_drafts import RuleDraft
from tagcast.serving.filters.sensitive_fields import marked_sensitive

if TYPE_CHECKING:
    from tagcast.registry.access.roles import Person
    from tagcast.registry.governance.lifecycle import LifeStep
    from tagcast.serving.context import ServiceContext

__all__ = [
    "RuleDraft",
    "RuleField",
    "checked_rule",
    "draft",
    "draft_of",
    "drafts",
    "features_needed",
    "fields",
    "submit",
]

MOST_CHARACTERS = 100_000


@dataclass(frozen=True)
class RuleField:
    """Something that a rule may use.

    Parameters
    ----------
    name : str
    title : dict of str to str
        By language; the name itself of an attribute.
    kind : {"text", "number", "boolean", "date"}
    source : str
        ``feature``, ``attribute``, or of a pair its second entity: features of a ``category`` need that key.
    """

    name: str
    title: dict[str, str]
    kind: str
    source: str


def fields(context: ServiceContext, person: Person) -> list[RuleField]:
    """Return what a rule of ``person`` may use: features, and attributes that are theirs to see.

    Raises
    ------
    StoreError
        When nothing was published yet.
    """
    require(person, "draft")
    features, attributes = _known(context, person)
    seconds = {name: entity for entity, names in features.of_pairs.items() for name in names}
    found = [
        RuleField(f.name, {"en": f.en, "zh": f.zh}, "number", seconds.get(f.name, "feature"))
        for f in features.titles().values()
    ]
    found += [
        RuleField(name, {"en": name, "zh": name}, kind, "attribute") for name, kind in attributes.items()
    ]
    return found


def draft(
    context: ServiceContext, person: Person, definition: str | Mapping[str, Any], reason: str
) -> RuleDraft:
    """Keep a rule as a draft: a new one, or another wording of one that is not published.

    Parameters
    ----------
    context, person : ServiceContext, Person
    definition : str or mapping
        As in a file: YAML, or its keys. ``kind: rule`` may be left out.
    reason : str
        Why it is needed.

    Raises
    ------
    NotAllowedError
        Where ``person`` may not draft, or the draft is another's and they may not review.
    DefinitionError
        For what is wrong with it.
    ConflictError
        Where the name is taken, or the tag is published or suspended.
    """
    rule = checked_rule(context, person, definition).definition
    with context.state.writing():
        was = stored.drafted(context.state).get(rule.name)
        _check_free(context, person, rule, was)
        if was is not None and was.status in {"in_review", "retired"}:
            # Who reviews must not publish what they have not read.
            _step(context, person, rule.name, "draft", reason)
        stored.save(context.state, rule, by=person.name, reason=reason, now=context.now)
        detail = {"reason": reason, "question": rule.question, "again": was is not None}
        record(
            context.state,
            now=context.now,
            who=person.name,
            action="rule.draft",
            subject=rule.name,
            detail=detail,
        )
    context.remembered.forget("definitions")
    return stored.drafted(context.state)[rule.name]


def checked_rule(context: ServiceContext, person: Person, definition: str | Mapping[str, Any]) -> Rule:
    """Return a rule as ``person`` words it, its names resolved by what is theirs to see; nothing is kept.

    Raises
    ------
    NotAllowedError
        Where ``person`` may not draft.
    DefinitionError
        For what is wrong with it.
    StoreError
        When nothing was published yet.
    """
    require(person, "draft")
    rule = _read(definition)
    features, attributes = _known(context, person)
    if rule.pair is not None:
        check_pair(context.settings, context.settings.entity, rule.pair.entity, f"{rule.name}: of")
    resolved = resolve(
        rule,
        rule_names(
            features,
            attributes,
            entity=rule.pair.entity if rule.pair else None,
            digests=hashed_columns(context.settings),
        ),
    )
    if rule.population.rule is not None:
        from tagcast.models.inference.membership import check_membership
        from tagcast.serving.catalog.catalog import visible_names

        tags = visible_names(context, person).tags
        check_membership(rule, features, widest=features, tags=tags, attributes=attributes)
    return resolved


def features_needed(context: ServiceContext, person: Person, rule: Rule) -> list[str]:
    """Return the features that a rule and its population name, each once."""
    from tagcast.models.inference.membership import feature_names

    known, _ = _known(context, person)
    pair = rule.definition.pair
    columns = set(known.columns_with(pair.entity if pair else None))
    named = [*rule.fields, *feature_names(rule.definition, known)]
    if rule.definition.population.not_bought_within_days:
        named.append("category_recency_days")
    return [name for name in dict.fromkeys(named) if name in columns]


def submit(context: ServiceContext, person: Person, tag: str, reason: str) -> LifeStep:
    """Put a draft into review.

    Raises
    ------
    NotFoundError
        When there is no such draft.
    NotAllowedError, ConflictError
        As :func:`tagcast.registry.governance.lifecycle.transition`, and for the draft of another where ``person`` may not review.
    """
    require(person, "draft")
    draft_of(context, person, tag)
    with context.state.writing():
        stored.require_own_draft(context.state, person, tag)
        step = _step(context, person, tag, "in_review", reason)
        detail = {"reason": step.reason}
        record(
            context.state, now=context.now, who=person.name, action="rule.submit", subject=tag, detail=detail
        )
    return step


def drafts(context: ServiceContext, person: Person) -> list[RuleDraft]:
    """Return the drafted rules that ``person`` may see, by name: everybody sees all but what is sensitive."""
    require(person, "see")
    found = stored.drafted(context.state).values()
    marked = marked_sensitive(context)
    return [d for d in found if person.may("sensitive") or sensitivity_of(d.definition, marked) == "normal"]


def draft_of(context: ServiceContext, person: Person, tag: str) -> RuleDraft:
    """Return the newest wording of one draft.

    Raises
    ------
    NotFoundError
        When there is none that ``person`` may see.
    """
    found = {one.tag: one for one in drafts(context, person)}
    if tag not in found:
        raise NotFoundError(
            msg("there is no draft {tag!r}", tag=tag),
            hint=msg("drafts: {drafts}", drafts=listed(found) or msg("none")),
        )
    return found[tag]


def _read(definition: str | Mapping[str, Any]) -> RuleDefinition:
    if isinstance(definition, str):
        if len(definition) > MOST_CHARACTERS:
            raise DefinitionError(
                msg(
                    "the definition has {length:,} characters, at most {most:,} are read",
                    length=len(definition),
                    most=MOST_CHARACTERS,
                ),
                hint=msg("make it shorter"),
            )
        rule = parse_definition(definition, msg("the draft"), kind="rule")
    else:
        rule = validated({"kind": "rule", **definition}, msg("the draft"))
    if not isinstance(rule, RuleDefinition):
        raise DefinitionError(
            msg("the draft: only rules can be drafted"), hint=msg("write kind: rule, and rule or cases")
        )
    if rule.family is not None:
        raise DefinitionError(msg("the draft: a draft is one tag, no family"), hint=msg("name one category"))
    return rule


def _check_free(context: ServiceContext, person: Person, rule: RuleDefinition, was: RuleDraft | None) -> None:
    from tagcast.serving.catalog.known_tags import known_tags

    if was is None:
        # By its name in small letters too: people confuse what differs in nothing else.
        taken = {name.casefold() for name in known_tags(context)} | {
            step.tag for step in history(context.state, rule.name)
        }
        if rule.name.casefold() in taken:
            raise ConflictError(
                msg("there is a tag {tag} already", tag=rule.name), hint=msg("choose another name")
            )
        return
    if was.status in {"published", "suspended"}:
        raise ConflictError(
            msg(
                "{tag} is {status}: its rule is what people filter by",
                tag=rule.name,
                status=STATUS_NAMES[was.status],
            ),
            hint=msg("retire it first, or draft a tag of another name"),
        )
    stored.require_own_draft(context.state, person, rule.name)


def _step(context: ServiceContext, person: Person, tag: str, to: Any, reason: str) -> LifeStep:
    second = context.settings.review.second_person
    return transition(context.state, tag, to, by=person, reason=reason, now=context.now, second_person=second)


def _known(context: ServiceContext, person: Person) -> tuple[FeatureSet, dict[str, str]]:
    """Return every feature that the data of the active run can bear, and the attributes to see."""
    from tagcast.serving.audiences.filter_resolution import hidden_attributes

    manifest = context.store.current()
    if manifest is None:
        raise StoreError(
            msg("nothing has been published yet"),
            hint=msg("run {command} first", command="tagcast score --all"),
        )
    specs = [tag.feature_set for tag in manifest.run.tags if tag.feature_set]
    sets = [FeatureSet.parse(spec) for spec in specs]
    columns = sorted({column for one in sets for column in one.columns})
    events = sorted({event for one in sets for event in one.events})
    hidden = hidden_attributes(context, person)
    shown = {name: kind for name, kind in manifest.attributes.items() if name not in hidden}
    return FeatureSet(WINDOWS_DAYS, tuple(columns), tuple(events)), shown

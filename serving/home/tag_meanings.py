"""What the tags of a run mean to somebody with a goal: seen from outcome, tiers, category and rule, and never by a name."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from tagcast.features.catalog.feature_set import FeatureSet
from tagcast.features.core.errors import DefinitionError, FilterError
from tagcast.models.definitions.model_tag import TagDefinition
from tagcast.models.definitions.rule_tag import RuleDefinition, resolve, rule_names
from tagcast.models.filters.conditions import And, Compare
from tagcast.models.filters.fields import YES_NO
from tagcast.serving.catalog.known_tags import known_tags
from tagcast.serving.catalog.tag_evidence import active_definition

if TYPE_CHECKING:
    from tagcast.features.entities.pair import Pair
    from tagcast.models.filters.conditions import Condition
    from tagcast.serving.catalog.known_tags import KnownTag
    from tagcast.serving.context import ServiceContext
    from tagcast.serving.store.manifest import Manifest

Sense = Literal["loss", "worth", "effect", "interest", "discovery", "bought", "lapsed", "new"]
_NO_GRADE = "E"
_AT_LEAST, _AT_MOST = {">", ">="}, {"<", "<="}


@dataclass(frozen=True)
class Meaning:
    """One thing that a value of a tag means.

    Parameters
    ----------
    sense : str
        ``loss``: they will stay away; ``worth``: they will spend much; ``effect``: an approach brings it about; ``interest``: they will
        buy of a category; ``discovery``: they will, and do not now; ``bought``: they have; ``lapsed``: nothing for long; ``new``:
        nothing before lately.
    tag, value : str
    pair : Pair or None
        The category, or one of an entity, that it is about.
    """

    sense: Sense
    tag: str
    value: str
    pair: Pair | None = None


def meanings(context: ServiceContext, manifest: Manifest) -> tuple[Meaning, ...]:
    """Return what the tags of a run mean, the best graded first; found out once a run."""
    return context.store.once_of_run(manifest, "meanings", lambda: _meanings(context))


def _meanings(context: ServiceContext) -> tuple[Meaning, ...]:
    tags = [tag for tag in known_tags(context).values() if tag.run is not None]
    graded = sorted(
        tags, key=lambda tag: ((tag.champion.grade if tag.champion else None) or _NO_GRADE, tag.name)
    )
    return tuple(meaning for tag in graded for meaning in _of(context, tag))


def _of(context: ServiceContext, tag: KnownTag) -> list[Meaning]:
    definition = active_definition(context, tag)
    if isinstance(definition, TagDefinition):
        return _of_model(tag.name, definition)
    if isinstance(definition, RuleDefinition) and tag.run is not None:
        return _of_rule(context, tag.name, definition, tag.run.feature_set)
    return []


def _of_model(name: str, definition: TagDefinition) -> list[Meaning]:
    outcome, pair = definition.outcome, definition.pair
    if definition.treatment is not None:
        return [Meaning("effect", name, definition.asked)] if pair is None else []
    if outcome.is_loss:
        return [Meaning("loss", name, "yes")] if pair is None else []
    if outcome.kind in {"amount", "top_share"}:
        return [Meaning("worth", name, outcome.asked)] if pair is None else []
    if pair is None:
        rich = outcome.kind == "sum_at_least" or (outcome.kind == "aggregate" and _sums_money(outcome))
        return [Meaning("worth", name, "yes")] if rich else []
    if outcome.kind == "aggregate" and outcome.at_least is None:
        return []
    fresh = definition.population.not_bought_within_days is not None
    return [Meaning("discovery" if fresh else "interest", name, "yes", pair=pair)]


def _sums_money(outcome: object) -> bool:
    return bool(getattr(outcome, "counts_spend", False)) and getattr(outcome, "at_least", None) is not None


def _of_rule(
    context: ServiceContext, name: str, definition: RuleDefinition, feature_set: str
) -> list[Meaning]:
    manifest = context.store.current()
    features = FeatureSet.parse(feature_set)
    try:
        attributes = manifest.attributes if manifest else {}
        names = rule_names(features, attributes, entity=definition.pair.entity if definition.pair else None)
        cases = resolve(definition, names).cases
    except (DefinitionError, FilterError):
        return []  # of a run that had other features
    since_first = features.days_since & features.growing
    since_last = features.days_since - features.growing
    found = []
    for value, tree in cases.items():
        terms = tree.root.items if isinstance(tree.root, And) else (tree.root,)
        if definition.pair is not None:
            own = set(features.of_pairs.get(definition.pair.entity, ()))
            if definition.values == YES_NO and any(_has(one, own, since_last) for one in terms):
                found.append(Meaning("bought", name, "yes", pair=definition.pair))
        elif any(_days(one, since_last, _AT_LEAST) for one in terms):
            found.append(Meaning("lapsed", name, value))
        elif any(_days(one, since_first, _AT_MOST) for one in terms):
            found.append(Meaning("new", name, value))
    return found


def _days(term: Condition, features: frozenset[str], ways: set[str]) -> bool:
    """Return whether a term bounds days since an event that way."""
    return isinstance(term, Compare) and term.field.name in features and term.op in ways


def _has(term: Condition, own: set[str], since_last: frozenset[str]) -> bool:
    """Return whether a term says that something happened with the pair: lately, or often enough."""
    if not isinstance(term, Compare) or term.field.name not in own:
        return False
    return term.op in (_AT_MOST if term.field.name in since_last else _AT_LEAST)

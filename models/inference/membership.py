"""Who belongs to a tag's population, and what each member's outcome is held against, from the features at ``as_of`` alone.

The same functions decide it in training and in scoring.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np

from tagcast.features.catalog.feature_set import FeatureSet
from tagcast.features.core.errors import DefinitionError
from tagcast.features.core.messages import Joined, Text, msg
from tagcast.features.entities.pair import CATEGORY, Pair
from tagcast.models.definitions.rule_tag import RuleDefinition, parse_rule, rule_names, terms
from tagcast.models.filters.arithmetic import Arithmetic, read_arithmetic
from tagcast.models.filters.conditions import Filter, InAudience, Leaf
from tagcast.models.filters.names import Names, Unavailable
from tagcast.models.inference.rule_evaluator import Mask, holds, truth

if TYPE_CHECKING:
    import numpy.typing as npt

    from tagcast.features.compute.snapshot_reader import FeatureBatch
    from tagcast.models.definitions.definition import Definition

    Floats = npt.NDArray[np.float64]


def check_membership(
    definition: Definition,
    feature_set: FeatureSet,
    *,
    widest: FeatureSet,
    tags: Collection[str],
    attributes: Collection[str],
) -> None:
    """Check that a tag's population and bound name features that every snapshot holds.

    Parameters
    ----------
    definition : TagDefinition or RuleDefinition
    feature_set : FeatureSet
        Of the project's snapshots.
    widest : FeatureSet
        With every window, whether or not the history fills it.
    tags, attributes : collection of str
        What people may take for features.

    Raises
    ------
    DefinitionError
        Naming the tag, the key and the nearest names.
    """
    entity = second_of(definition, feature_set)

    def unavailable(name: str) -> Unavailable | None:
        if name in tags:
            return Unavailable(
                msg("{name!r} is a tag, and a snapshot holds features alone", name=name),
                msg("name the features that the tag is made of"),
            )
        if name in attributes:
            return Unavailable(
                msg("{name!r} is what [profiles] say today, which nobody knew on earlier days", name=name),
                msg("declare it as a view with valid_from: it is then a feature, as of each day"),
            )
        other = next((one for one, names in widest.of_pairs.items() if name in names), None)
        if other is not None and other != entity:
            return _of_a_pair(name, other, isinstance(definition, RuleDefinition))
        if name in widest.titles():
            return Unavailable(
                msg("{name!r} reaches back further than the history before the first snapshot", name=name),
                msg("take a shorter window, or give more snapshots.min_history_days"),
            )
        return None

    names = rule_names(feature_set, {}, entity=entity)
    names = Names(names.tags, names.attributes, unavailable=unavailable)
    if definition.population.rule is not None:
        about = msg("a population speaks of the features at as_of")
        terms(parse_rule(definition.name, "population", definition.population.rule, names, about))
    if (text := _bound_text(definition)) is not None:
        _check_bound(definition.name, text, names)


def eligible(definition: Definition, feature_set: FeatureSet, batch: FeatureBatch) -> Mask:
    """Return which profiles of ``batch`` belong to the tag's population, from their features alone.

    ``recency_days <= N`` is the same as a purchase in the last N days, so the events need not be read
    again; a test holds this against ``tagcast.features.compute.labels.population``. Whoever's outcome is held against
    something unknown is no member: there is nothing to be right or wrong about.
    """
    mask = in_population(definition, feature_set, batch)
    held_against = bounds(definition, feature_set, batch)
    return mask if held_against is None else mask & ~np.isnan(held_against)


def in_population(definition: Definition, feature_set: FeatureSet, batch: FeatureBatch) -> Mask:
    """Return of whom the population holds, whatever their outcome is held against."""
    mask = np.ones(len(batch.profile_id), dtype=bool)
    population, column = definition.population, _columns(definition, feature_set, batch)
    if population.active_within_days:
        with np.errstate(invalid="ignore"):
            mask &= column("recency_days") <= population.active_within_days
    if population.not_bought_within_days and definition.category:
        mask &= ~(column("category_recency_days") <= population.not_bought_within_days)
    if population.rule is not None:
        tree = _rule(definition.name, population.rule, feature_set, second_of(definition, feature_set))

        def leaf(condition: Leaf) -> Mask:
            assert not isinstance(condition, InAudience)  # noqa: S101 - names hold no audiences
            return holds(condition, column(condition.field.name))

        mask &= truth(tree.root, leaf)
    return mask


def bounds(definition: Definition, feature_set: FeatureSet, batch: FeatureBatch) -> Floats | None:
    """Return what the outcome of each profile is held against, NaN where it is unknown; None where it is one number."""
    text = _bound_text(definition)
    if text is None:
        return None
    arithmetic = _bound(text, feature_set, second_of(definition, feature_set))
    column = _columns(definition, feature_set, batch)
    return arithmetic({name: column(name) for name in arithmetic.names}, len(batch.profile_id))


def feature_names(definition: Definition, feature_set: FeatureSet) -> tuple[str, ...]:
    """Return the features that population and bound of a tag name, each once."""
    population, entity = definition.population, second_of(definition, feature_set)
    names = ["recency_days"] if population.active_within_days else []
    if population.rule is not None:
        tree = _rule(definition.name, population.rule, feature_set, entity)
        names += [term.field.name for term in terms(tree)]
    if (text := _bound_text(definition)) is not None:
        names += _bound(text, feature_set, entity).names
    return tuple(dict.fromkeys(names))


def pair_read(definition: Definition, feature_set: FeatureSet) -> Pair | None:
    """Return the pair whose features a tag may name: of a rule that which it is about, of a model only where it learns from such.

    Parameters
    ----------
    definition : TagDefinition or RuleDefinition
    feature_set : FeatureSet
        Of the snapshots, or of the model.
    """
    pair = definition.pair
    if pair is None or isinstance(definition, RuleDefinition):
        return pair
    return pair if feature_set.second(definition.chosen) == pair.entity else None


def second_of(definition: Definition, feature_set: FeatureSet) -> str | None:
    """Return the entity of :func:`pair_read`."""
    pair = pair_read(definition, feature_set)
    return None if pair is None else pair.entity


def _of_a_pair(name: str, entity: str, ruled: bool) -> Unavailable:
    if ruled:
        return Unavailable(
            msg("{name!r} is a feature of a pair with a {entity}", name=name, entity=entity),
            msg("say which one in {key}", key="category" if entity == CATEGORY else f"of.{entity}"),
        )
    if entity == CATEGORY:
        return Unavailable(
            msg("{name!r} is a feature of a category", name=name),
            msg("give outcome.category, and features that hold profile_category"),
        )
    return Unavailable(
        msg("{name!r} is a feature of a pair with a {entity}", name=name, entity=entity),
        msg("give outcome.of: {{{entity}: …}}, and features that hold a view of such pairs", entity=entity),
    )


def _columns(definition: Definition, feature_set: FeatureSet, batch: FeatureBatch) -> Callable[[str], Floats]:
    def column(name: str) -> Floats:
        if name in feature_set.of_profile:
            return batch.profile[:, feature_set.of_profile.index(name)]
        pair = definition.pair
        assert pair is not None  # noqa: S101 - names of features of pairs are resolved for tags of pairs alone
        return batch.pairs[pair][:, feature_set.of_pairs[pair.entity].index(name)]

    return column


def _bound_text(definition: Definition) -> str | None:
    return None if isinstance(definition, RuleDefinition) else definition.outcome.bound


def _check_bound(tag: str, text: str, names: Names) -> None:
    for name in read_arithmetic(text).names:
        if name not in names.attributes and (why := names.unavailable(name)):
            raise DefinitionError(_at_bound(tag, why.problem), hint=why.hint)
    try:
        read_arithmetic(text, names.attributes)
    except DefinitionError as error:
        raise DefinitionError(_at_bound(tag, error.message), hint=error.hint) from error


def _at_bound(tag: str, problem: Text | Joined) -> Text:
    return msg("{tag}: the bound of outcome: {problem}", tag=tag, problem=problem)


@lru_cache(maxsize=256)
def _rule(tag: str, text: str, feature_set: FeatureSet, entity: str | None) -> Filter:
    """Return a population's rule, read once for all batches."""
    names = rule_names(feature_set, {}, entity=entity)
    return parse_rule(tag, "population", text, names, msg("a population speaks of the features at as_of"))


@lru_cache(maxsize=256)
def _bound(text: str, feature_set: FeatureSet, entity: str | None) -> Arithmetic:
    return read_arithmetic(text, rule_names(feature_set, {}, entity=entity).attributes)

"""Evaluates a rule for many profiles at once, and finds which of its terms decided."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, assert_never

import numpy as np
import numpy.typing as npt

from tagcast.models.definitions.rule_tag import Rule, terms
from tagcast.models.filters.conditions import (
    And,
    Compare,
    Condition,
    FieldCondition,
    FieldRef,
    IsNull,
    Leaf,
    OneOf,
    Or,
    fold,
)

Mask = npt.NDArray[np.bool_]
Column = Any
"""Numbers as float64 with NaN for unknown; texts and truth values as Arrow arrays with nulls."""
_COMPARE = {
    "=": np.equal,
    "!=": np.not_equal,
    "<": np.less,
    "<=": np.less_equal,
    ">": np.greater,
    ">=": np.greater_equal,
}


@dataclass(frozen=True)
class RulePrediction:
    """The values of n profiles by a rule.

    Parameters
    ----------
    value : ndarray of int8, shape (n,)
        Places in :attr:`tagcast.models.definitions.rule_tag.RuleDefinition.values`, -1 where the rule has none.
    held, decisive : ndarray of bool, shape (n, t)
        Of each of the rule's terms: whether it held, and whether the value follows from it.
    """

    value: npt.NDArray[np.int8]
    held: Mask
    decisive: Mask


@dataclass(frozen=True)
class _Node:
    """A condition of a rule: where it is true, and ``mark`` for the terms that make it so in the given rows."""

    true: Mask
    mark: Callable[[Mask], None]


class RuleEvaluator:
    """A rule ready to be evaluated.

    Parameters
    ----------
    rule : Rule
    """

    def __init__(self, rule: Rule) -> None:
        self.rule = rule
        every = [leaf for tree in rule.cases.values() for leaf in terms(tree)]
        self.terms = list({leaf.text(): leaf for leaf in every}.values())
        """The rule's conditions, each once, in reading order."""
        self._place = {leaf.text(): place for place, leaf in enumerate(self.terms)}

    @property
    def words(self) -> list[str]:
        """The terms as text."""
        return list(self._place)

    def __call__(self, columns: Mapping[str, Column], count: int) -> RulePrediction:
        """Return the values of ``count`` profiles whose fields stand in ``columns``."""
        held = np.zeros((count, len(self.terms)), bool)
        for place, leaf in enumerate(self.terms):
            held[:, place] = holds(leaf, columns[leaf.field.name])
        decisive = np.zeros_like(held)
        value = np.full(count, -1, np.int8)
        places = {word: place for place, word in enumerate(self.rule.definition.values)}
        undecided = np.ones(count, bool)
        cases = {word: self._node(tree.root, held, decisive) for word, tree in self.rule.cases.items()}
        for word, case in cases.items():
            decided = undecided & case.true
            value[decided] = places[word]
            case.mark(decided)
            undecided &= ~decided
        fallback = self.rule.definition.fallback
        if fallback is not None and undecided.any():
            value[undecided] = places[fallback]
            for case in cases.values():
                case.mark(undecided)
        return RulePrediction(value, held, decisive)

    def _node(self, node: Condition, held: Mask, decisive: Mask) -> _Node:
        """Return ``node`` given where each term ``held``; marks go to ``decisive``.

        Of what every condition had to meet, all decide where it holds, and those that failed where it does not;
        where one would do, the other way round.
        """

        def leaf(leaf: Leaf) -> _Node:
            place = self._place[leaf.text()]

            def mark(rows: Mask) -> None:
                decisive[rows, place] = True

            return _Node(held[:, place], mark)

        def joined(node: And | Or, items: list[_Node]) -> _Node:
            true = _joined(node, [item.true for item in items])

            def mark(rows: Mask) -> None:
                for item in items:
                    needed = (true | ~item.true) if isinstance(node, And) else (~true | item.true)
                    item.mark(rows & needed)

            return _Node(true, mark)

        return fold(node, leaf=leaf, negated=lambda _, item: _Node(~item.true, item.mark), joined=joined)


def truth(node: Condition, leaf: Callable[[Leaf], Mask]) -> Mask:
    """Return where ``node`` holds; ``leaf`` returns it for a single condition."""
    return fold(node, leaf=leaf, negated=lambda _, item: ~item, joined=_joined)


def _joined(node: And | Or, items: list[Mask]) -> Mask:
    found: Mask = (np.logical_and if isinstance(node, And) else np.logical_or).reduce(items)
    return found


def holds(leaf: FieldCondition, column: Column) -> Mask:
    """Return where a condition holds; never where the field is unknown, but for IS NULL."""
    if isinstance(column, np.ndarray):
        return _of_numbers(leaf, column)
    import pyarrow as pa
    import pyarrow.compute as pc

    match leaf:
        case IsNull():
            found = pc.is_null(column)
        case OneOf():
            found = pc.and_(pc.is_in(column, value_set=pa.array(list(leaf.values))), pc.is_valid(column))
        case Compare():
            # Beside = and != of words, what sorts as text does: dates.
            compared = getattr(pc, _COMPARE[leaf.op].__name__)(column, pa.scalar(leaf.value))
            found = pc.fill_null(compared, False)
        case _:
            assert_never(leaf)
    return np.asarray(found.to_numpy(zero_copy_only=False), bool)


def _of_numbers(leaf: FieldCondition, column: npt.NDArray[np.float64]) -> Mask:
    unknown = np.isnan(column)
    match leaf:
        case IsNull():
            return unknown
        case OneOf():
            found: Mask = np.isin(column, np.array(leaf.values, np.float64))
        case Compare():
            found = _COMPARE[leaf.op](column, float(leaf.value))
        case _:
            assert_never(leaf)
    return found & ~unknown


def term_words(term: str, titles: Mapping[str, Any]) -> dict[str, str]:
    """Return a term as people read it: the titles of features for their names.

    Parameters
    ----------
    term : str
        As in the reasons of a run: ``recency_days <= 30``.
    titles : mapping of str to Feature
        Of :meth:`tagcast.features.catalog.feature_set.FeatureSet.titles`.

    Returns
    -------
    dict of str to str
        By language.
    """
    for name, feature in titles.items():
        written = FieldRef(name=name).text()
        if term.startswith(f"{written} "):
            rest = term[len(written) :]
            return {"en": feature.en + rest, "zh": feature.zh + rest}
    return {"en": term, "zh": term}

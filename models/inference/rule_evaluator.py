"""What a rule says of many profiles at once, and which of its terms decided."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from tagcast.models.definitions.rule_tag import Rule, terms
from tagcast.models.filters.conditions import And, Compare, Condition, InAudience, IsNull, Not, OneOf, Or

Mask = npt.NDArray[np.bool_]
Leaf = Compare | OneOf | IsNull | InAudience
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
class RuleAnswer:
    """What a rule says of n profiles.

    Parameters
    ----------
    value : ndarray of int8, shape (n,)
        Places in :attr:`tagcast.models.definitions.rule_tag.RuleDefinition.values`, -1 where nothing is said.
    held, told : ndarray of bool, shape (n, t)
        Of each of the rule's terms: whether it held, and whether it is why the value was said.
    """

    value: npt.NDArray[np.int8]
    held: Mask
    told: Mask


class RuleEval:
    """A rule ready to be asked.

    Parameters
    ----------
    rule : Rule
    """

    def __init__(self, rule: Rule) -> None:
        self.rule = rule
        every = [leaf for tree in rule.cases.values() for leaf in terms(tree.root)]
        self.terms = list({leaf.text(): leaf for leaf in every}.values())
        """The rule's conditions, each once, in the order of reading."""
        self._place = {leaf.text(): place for place, leaf in enumerate(self.terms)}

    @property
    def words(self) -> list[str]:
        """The terms as text."""
        return list(self._place)

    def __call__(self, columns: Mapping[str, Column], count: int) -> RuleAnswer:
        """Return what is said of ``count`` profiles whose fields stand in ``columns``."""
        held = np.zeros((count, len(self.terms)), bool)
        for place, leaf in enumerate(self.terms):
            held[:, place] = holds(leaf, columns[leaf.field.name])
        told = np.zeros_like(held)
        value = np.full(count, -1, np.int8)
        places = {word: place for place, word in enumerate(self.rule.definition.values)}
        open_ = np.ones(count, bool)
        for word, tree in self.rule.cases.items():
            mine = open_ & self.truth(tree.root, held)
            value[mine] = places[word]
            self._tell(tree.root, held, mine, told)
            open_ &= ~mine
        rest = self.rule.definition.fallback
        if rest is not None and open_.any():
            value[open_] = places[rest]
            for tree in self.rule.cases.values():
                self._tell(tree.root, held, open_, told)
        return RuleAnswer(value, held, told)

    def truth(self, node: Condition, held: Mask) -> Mask:
        """Return where ``node`` holds, given where each term ``held``."""
        return truth(node, lambda leaf: held[:, self._place[leaf.text()]])

    def _tell(self, node: Condition, held: Mask, rows: Mask, told: Mask) -> None:
        """Mark the terms below ``node`` that make it true or false for ``rows``.

        Of what every condition had to meet, all were needed where it holds, and those that failed where it does not;
        where one would do, the other way round.
        """
        if isinstance(node, Not):
            self._tell(node.item, held, rows, told)
        elif isinstance(node, And | Or):
            whole = self.truth(node, held)
            for item in node.items:
                part = self.truth(item, held)
                needed = (whole | ~part) if isinstance(node, And) else (~whole | part)
                self._tell(item, held, rows & needed, told)
        else:
            told[rows, self._place[node.text()]] = True


def truth(node: Condition, told: Callable[[Leaf], Mask]) -> Mask:
    """Return where ``node`` holds; ``told`` says it of a single condition."""
    if isinstance(node, Not):
        return ~truth(node.item, told)
    if isinstance(node, And | Or):
        parts = [truth(item, told) for item in node.items]
        found: Mask = (np.logical_and if isinstance(node, And) else np.logical_or).reduce(parts)
        return found
    return told(node)


def holds(leaf: Compare | OneOf | IsNull, column: Column) -> Mask:
    """Return where a condition holds; never where the field is unknown, but for IS NULL."""
    if isinstance(column, np.ndarray):
        return _of_numbers(leaf, column)
    import pyarrow as pa
    import pyarrow.compute as pc

    if isinstance(leaf, IsNull):
        found = pc.is_null(column)
    elif isinstance(leaf, OneOf):
        found = pc.and_(pc.is_in(column, value_set=pa.array(list(leaf.values))), pc.is_valid(column))
    else:
        same = pc.fill_null(pc.equal(column, pa.scalar(leaf.value)), leaf.op != "=")
        found = same if leaf.op == "=" else pc.invert(same)
    return np.asarray(found.to_numpy(zero_copy_only=False), bool)


def _of_numbers(leaf: Compare | OneOf | IsNull, column: npt.NDArray[np.float64]) -> Mask:
    unknown = np.isnan(column)
    if isinstance(leaf, IsNull):
        return unknown
    if isinstance(leaf, OneOf):
        found: Mask = np.isin(column, np.array(leaf.values, np.float64))
        return found & ~unknown
    found = _COMPARE[leaf.op](column, float(leaf.value))
    return found & ~unknown

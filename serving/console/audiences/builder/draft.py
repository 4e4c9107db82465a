"""A filter while it is being built: groups and conditions that may still be unfinished."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal, assert_never

from tagcast.models.filters.conditions import (
    And,
    Compare,
    Condition,
    FieldRef,
    Filter,
    InAudience,
    IsNull,
    Leaf,
    Not,
    OneOf,
    Operator,
    Or,
    Scalar,
    fold,
)
from tagcast.models.filters.names import Names

Mode = Literal["all", "any", "none"]
Test = Literal["in", "not_in", "ge", "gt", "le", "lt", "eq", "ne", "null", "not_null", "member", "not_member"]
_SIGNS: dict[Test, Operator] = {"ge": ">=", "gt": ">", "le": "<=", "lt": "<", "eq": "=", "ne": "!="}
_TESTS = {sign: test for test, sign in _SIGNS.items()}
NUMBER_TESTS: tuple[Test, ...] = ("ge", "gt", "le", "lt", "eq", "ne", "null", "not_null")
WORD_TESTS: tuple[Test, ...] = ("in", "not_in", "null", "not_null")
DATE_TESTS: tuple[Test, ...] = ("ge", "gt", "le", "lt", *WORD_TESTS)
MEMBER_TESTS: tuple[Test, ...] = ("member", "not_member")


@dataclass
class Row:
    """One condition; without a field, or without the values its test takes, it is unfinished.

    Parameters
    ----------
    name, part : str, str or None
        The field; of a test of membership the audience.
    test : str
    values : list
        One of a comparison, any number of ``in``.
    """

    name: str = ""
    part: str | None = None
    test: Test = "in"
    values: list[Scalar] = field(default_factory=list)

    def condition(self) -> Condition | None:
        """Return it as a condition of the language, None while it is unfinished."""
        if not self.name:
            return None
        if self.test in MEMBER_TESTS:
            inside = InAudience(name=self.name)
            return inside if self.test == "member" else Not(item=inside)
        where = FieldRef(name=self.name, part=self.part)
        if self.test in {"null", "not_null"}:
            missing = IsNull(field=where)
            return missing if self.test == "null" else Not(item=missing)
        if not self.values:
            return None
        if self.test in _SIGNS:
            return Compare(field=where, op=_SIGNS[self.test], value=self.values[0])
        if len(self.values) == 1:
            return Compare(field=where, op="=" if self.test == "in" else "!=", value=self.values[0])
        among = OneOf(field=where, values=tuple(self.values))
        return among if self.test == "in" else Not(item=among)


@dataclass
class Group:
    """Conditions and groups of which all, any or none have to hold."""

    mode: Mode = "all"
    items: list[Row | Group] = field(default_factory=list)

    def condition(self) -> Condition | None:
        """Return the finished part of it, None where there is none."""
        found = tuple(c for c in (item.condition() for item in self.items) if c is not None)
        if not found:
            return None
        if self.mode == "all":
            return found[0] if len(found) == 1 else And(items=found)
        some = found[0] if len(found) == 1 else Or(items=found)
        return some if self.mode == "any" else Not(item=some)

    def filter(self) -> Filter | None:
        """Return the filter, None while nothing is finished."""
        root = self.condition()
        return Filter(root=root) if root is not None else None

    def unfinished(self) -> bool:
        """Return whether any condition still lacks something."""
        return any(
            item.unfinished() if isinstance(item, Group) else item.condition() is None for item in self.items
        )

    def rows(self) -> list[Row]:
        """Return every condition in it, in order."""
        return [r for item in self.items for r in (item.rows() if isinstance(item, Group) else [item])]


def draft_of(tree: Filter | None) -> Group:
    """Return a filter as something to build on; its root is always a group."""
    if tree is None:
        return Group()
    found = fold(tree.root, leaf=_row, negated=_negated, joined=_group)
    return found if isinstance(found, Group) else Group(items=[found])


def _row(leaf: Leaf) -> Row | Group:
    match leaf:
        case Compare():
            words = isinstance(leaf.value, str | bool) and leaf.op in {"=", "!="}
            test: Test = ("in" if leaf.op == "=" else "not_in") if words else _TESTS[leaf.op]
            return Row(leaf.field.name, leaf.field.part, test, [leaf.value])
        case OneOf():
            return Row(leaf.field.name, leaf.field.part, "in", list(leaf.values))
        case InAudience():
            return Row(leaf.name, None, "member")
        case IsNull():
            return Row(leaf.field.name, leaf.field.part, "null")
        case _:
            assert_never(leaf)


def _group(node: And | Or, items: list[Row | Group]) -> Row | Group:
    return Group("all" if isinstance(node, And) else "any", items)


def _negated(node: Not, item: Row | Group) -> Row | Group:
    """Return the opposite test where there is one, else a group of which none holds."""
    if isinstance(node.item, Or) and isinstance(item, Group):
        return Group("none", item.items)
    opposite: dict[Test, Test] = {"null": "not_null", "member": "not_member", "in": "not_in"}
    if isinstance(item, Row) and isinstance(node.item, OneOf | IsNull | InAudience):
        return Row(item.name, item.part, opposite[item.test], item.values)
    return Group("none", [item])


def tests_of(names: Names, row: Row) -> tuple[Test, ...]:
    """Return the tests that fit the field of ``row``."""
    if row.test in MEMBER_TESTS:
        return MEMBER_TESTS
    kind = names.kind(FieldRef(name=row.name, part=row.part)) if row.name else "text"
    return NUMBER_TESTS if kind == "number" else DATE_TESTS if kind == "date" else WORD_TESTS

"""Conditions over features of other views, as in ``activity.silence_days > 30``."""

from __future__ import annotations

from collections.abc import Callable

from sqlglot import exp, parse
from sqlglot.errors import SqlglotError

from tagcast.features.core.messages import msg
from tagcast.features.core.validation import InvalidValueError

_COMPARISONS = (exp.EQ, exp.NEQ, exp.GT, exp.GTE, exp.LT, exp.LTE)
_BETWEEN = (exp.And, exp.Or, exp.Not, exp.Paren)


def parsed_condition(text: str) -> exp.Expr:
    """Return a condition as a tree.

    Raises
    ------
    InvalidValueError
        Where it is anything but features compared to numbers, with AND, OR, NOT and brackets between them.
    """
    try:
        # Not parse_one: what it does with a second statement depends on its version.
        tree, *more = parse(text, read="duckdb")
        if tree is not None and not more and _is_condition(tree):
            return tree
    except (SqlglotError, RecursionError):
        pass
    raise InvalidValueError(
        msg(
            "expected features compared to numbers, as in {example}, found {text!r}",
            example="activity.silence_days > 30",
            text=text,
        )
    )


def features_in(condition: exp.Expr) -> list[str]:
    """Return the features that a condition names, as ``view.feature``."""
    return sorted({_name(column) for column in condition.find_all(exp.Column)})


def with_features(condition: exp.Expr, value: Callable[[str], exp.Expr]) -> exp.Expr:
    """Return a condition with ``value`` of each feature in its place."""
    return condition.transform(
        lambda node: value(_name(node)) if isinstance(node, exp.Column) and node.table else node
    )


def _is_condition(node: exp.Expr) -> bool:
    if isinstance(node, _BETWEEN):
        return all(_is_condition(part) for part in node.iter_expressions())
    if not isinstance(node, _COMPARISONS):
        return False
    sides = node.this, node.expression
    return any(map(_is_feature, sides)) and all(_is_feature(side) or _is_number(side) for side in sides)


def _is_feature(node: exp.Expr) -> bool:
    return isinstance(node, exp.Column) and len(node.parts) == 2


def _is_number(node: exp.Expr) -> bool:
    node = node.this if isinstance(node, exp.Neg) else node
    return isinstance(node, exp.Literal) and not node.is_string


def _name(column: exp.Expr) -> str:
    return f"{column.text('table')}.{column.name}"

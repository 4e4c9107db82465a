"""A filter tree as a SQL condition over the wide table, for any dialect that sqlglot writes.

Every leaf is ``COALESCE(condition, FALSE)``: an unknown value is no match, so NOT is the exact complement. A WHERE that
no NOT stands above takes unknown for false by itself; there leaves stay plain, which databases push into their scans.
Values become literals of the tree, never text that is pasted.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import datetime

from sqlglot import exp

from serving.filter_tree import Compare, Condition, Every, FieldRef, Filter, IsNull, Not, OneOf, Scalar, Some
from serving.predictions import column_name

_OPERATORS = {"=": exp.EQ, "!=": exp.NEQ, "<": exp.LT, "<=": exp.LTE, ">": exp.GT, ">=": exp.GTE}


def condition(
    tree: Filter, *, expires_at: Mapping[str, datetime], now: datetime, unknown_may_stay: bool = False
) -> exp.Expr:
    """Return the condition that holds for the members of ``tree``.

    Parameters
    ----------
    tree : Filter
    expires_at : mapping of str to datetime
        Of each tag of the run.
    now : datetime
        A tag past its time matches nothing.
    unknown_may_stay : bool
        Whether it may be NULL instead of false: as a whole WHERE it finds the same, sooner. (AND and OR of such are true
        in the same cases.)
    """
    expired = {tag for tag, until in expires_at.items() if until <= now}
    return _node(tree.root, expired, unknown_may_stay)


def _node(node: Condition, expired: Collection[str], unknown_may_stay: bool) -> exp.Expr:
    if isinstance(node, Every):
        return exp.paren(exp.and_(*[_node(i, expired, unknown_may_stay) for i in node.items]))
    if isinstance(node, Some):
        return exp.paren(exp.or_(*[_node(i, expired, unknown_may_stay) for i in node.items]))
    if isinstance(node, Not):
        return exp.Not(this=exp.paren(_node(node.item, expired, False)))
    if node.field.part is not None and node.field.name in expired:
        return exp.false()
    leaf = _leaf(node)
    return leaf if unknown_may_stay else exp.Coalesce(this=leaf, expressions=[exp.false()])


def _leaf(node: Compare | OneOf | IsNull) -> exp.Expr:
    column = _column(node.field)
    if isinstance(node, IsNull):
        return exp.Is(this=column, expression=exp.null())
    if isinstance(node, OneOf):
        return exp.In(this=column, expressions=[_literal(v) for v in node.values])
    return _OPERATORS[node.op](this=column, expression=_literal(node.value))


def _column(field: FieldRef) -> exp.Expr:
    name = field.name if field.part is None else column_name(field.name, field.part)
    column = exp.column(exp.to_identifier(name, quoted=True))
    # Values and bands are ENUMs: as text they compare the same in every store.
    return exp.cast(column, "VARCHAR") if field.part in {"value", "band"} else column


def _literal(value: Scalar) -> exp.Expr:
    if isinstance(value, bool):
        return exp.true() if value else exp.false()
    if isinstance(value, str):
        return exp.Literal.string(value)
    # A plain 0.1 would be read as DECIMAL, which rounds; a DOUBLE compares as the score was stored.
    return exp.cast(
        exp.Literal.number(repr(value)) if value >= 0 else exp.Neg(this=exp.Literal.number(repr(-value))),
        "DOUBLE",
    )

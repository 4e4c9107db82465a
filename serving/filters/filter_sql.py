"""A filter tree as a SQL condition over the wide table, for any dialect that sqlglot writes.

The condition is TRUE for the members alone; for others it is FALSE, or NULL where something is not known of them. What is
negated becomes TRUE or FALSE first (``COALESCE(…, FALSE)``), so NOT is the exact complement; all else is left as it is, since
databases look up a plain comparison twice as fast. Values become literals of the tree, never text that is pasted.

What a tag says is unknown once it has expired, of everybody and under NOT too: members are only those who are members
whatever it would say.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from datetime import datetime
from typing import assert_never

from sqlglot import exp

from tagcast.features.core.errors import FilterError
from tagcast.features.core.messages import msg
from tagcast.models.filters.conditions import (
    And,
    Compare,
    FieldCondition,
    FieldRef,
    Filter,
    InAudience,
    IsNull,
    Leaf,
    OneOf,
    Or,
    Scalar,
    fold,
)
from tagcast.serving.store.schema import column_name

_BETWEEN_IDS = "\x1f"
_OPERATORS = {"=": exp.EQ, "!=": exp.NEQ, "<": exp.LT, "<=": exp.LTE, ">": exp.GT, ">=": exp.GTE}


def condition(
    tree: Filter,
    *,
    expires_at: Mapping[str, datetime],
    now: datetime,
    frozen: Mapping[str, Collection[str]] | None = None,
) -> exp.Expr:
    """Return the condition that is TRUE for the members of ``tree`` alone; see :func:`complement` for the others.

    Parameters
    ----------
    tree : Filter
    expires_at : mapping of str to datetime
        Of each tag of the run.
    now : datetime
        A tag past its time is unknown: neither a condition on it nor its negation holds of anybody.
    frozen : mapping of str to collection of str, optional
        Ids of the members of each audience that the tree still names.

    Raises
    ------
    FilterError
        For an audience that is not among ``frozen``.
    """
    expired = {tag for tag, until in expires_at.items() if until <= now}

    def leaf(leaf: Leaf) -> _Bound:
        if isinstance(leaf, InAudience):
            return lambda _: _listed(leaf, frozen or {})
        if expired.intersection(tags_in(leaf.field)):
            return lambda possible: exp.true() if possible else exp.false()
        return lambda _: _test(leaf)

    whole = fold(
        tree.root,
        leaf=leaf,
        negated=lambda _, item: _negated(item),
        joined=_joined,
    )
    return whole(False)


_Bound = Callable[[bool], exp.Expr]
"""Given whether who may be a member is asked for (True) or who certainly is one (False), the condition for it: where
nothing has expired the two are the same."""


def _negated(item: _Bound) -> _Bound:
    def bound(possible: bool) -> exp.Expr:
        return complement(item(not possible))  # certainly not: not even possibly so

    return bound


def _joined(node: And | Or, items: list[_Bound]) -> _Bound:
    def bound(possible: bool) -> exp.Expr:
        join = exp.and_ if isinstance(node, And) else exp.or_
        return exp.paren(join(*(item(possible) for item in items), copy=False))

    return bound


def complement(members: exp.Expr) -> exp.Expr:
    """Return the condition that is TRUE for all for whom ``members`` is not, known or not."""
    return exp.Not(this=exp.Coalesce(this=exp.paren(members, copy=False), expressions=[exp.false()]))


def _listed(node: InAudience, frozen: Mapping[str, Collection[str]]) -> exp.Expr:
    """Return the condition that a profile's id is among the members of a frozen audience."""
    if node.name not in frozen:
        raise FilterError(
            msg("the members of the audience {audience!r} are not known here", audience=node.name),
            hint=msg("save the audience first"),
        )
    ids = frozen[node.name]
    if not ids:
        return exp.false()
    if any(_BETWEEN_IDS in i for i in ids):
        raise FilterError(
            msg("the audience {audience!r} holds an id with a separator sign in it", audience=node.name),
            hint=msg("save it as a dynamic one"),
        )
    # As one text that the database takes apart: a list of a hundred thousand literals takes it seconds to read.
    text = exp.StringToArray(
        this=exp.Literal.string(_BETWEEN_IDS.join(ids)), expression=exp.Literal.string(_BETWEEN_IDS)
    )
    return exp.In(this=exp.column("profile_id"), query=exp.select(exp.Explode(this=text)).subquery())


def tags_in(field: FieldRef) -> tuple[str, ...]:
    """Return the tags that a field is of: none of an attribute, two of a product."""
    return field.factors or (() if field.part is None else (field.name,))


def product_of(factors: tuple[str, str]) -> exp.Expr:
    """Return the product of the scores of two tags; NULL for whom one of them does not cover."""
    one, other = (exp.column(exp.to_identifier(column_name(tag, "score"), quoted=True)) for tag in factors)
    return exp.paren(exp.Mul(this=one, expression=other), copy=False)


def _test(leaf: FieldCondition) -> exp.Expr:
    column = column_of(leaf.field)
    match leaf:
        case IsNull():
            return exp.Is(this=column, expression=exp.null())
        case OneOf():
            return exp.In(this=column, expressions=[_literal(v) for v in leaf.values])
        case Compare():
            return _OPERATORS[leaf.op](this=column, expression=_literal(leaf.value))
        case _:
            assert_never(leaf)


def column_of(field: FieldRef) -> exp.Expr:
    """Return what a field is in the wide table."""
    if field.factors is not None:
        return product_of(field.factors)
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

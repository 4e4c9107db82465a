"""Features that are computed from others, as SQL over the rows of a view."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from typing import TYPE_CHECKING

from sqlglot import exp

from tagcast.features.catalog.aggregate_views import AggregateView, Derived
from tagcast.features.compute.aggregates.functions import double, ratio
from tagcast.features.compute.aggregates.parts import quoted
from tagcast.features.compute.dated_statements import as_written
from tagcast.features.ingest.log_columns import names_in, view_expression
from tagcast.features.ingest.sql_casts import finite

if TYPE_CHECKING:
    import pyarrow as pa

_MEASURED, _PACE = "measured", "pace"
_TOTALS = ("days of {n}", "events of {n}")
Paces = Callable[[Derived], exp.Select]
"""Gives the pace of everybody that a feature is held against, by the second key."""


def needed_names(view: AggregateView) -> frozenset[str]:
    """Return the columns that are shown, and those that they are computed from."""
    needed = {feature.name for feature in view.features()}
    for one in reversed(_in_order(view, frozenset())):
        if one.name in needed:
            needed |= {name for value in one.values for name in names_in(value)}
    return frozenset(needed)


def exact_names(view: AggregateView) -> frozenset[str]:
    """Return the features that are added up or subtracted: as they are, for floating point would lose what they hold exactly."""
    found: set[str] = set()
    for one in view.derived:
        if not one.exposure:
            there = frozenset(name for value in one.values for name in names_in(value))
            tree = view_expression(one.value, there, view.name)
            found |= {column.name for node in _sums(tree) for column in node.find_all(exp.Column)}
    return frozenset(found)


def with_derived(
    query: exp.Select,
    view: AggregateView,
    there: Sequence[str],
    exact: Collection[str],
    given: Paces | None = None,
) -> exp.Select:
    """Add what is computed from other features, in the order of what needs what, and lay all out as it is shown.

    Parameters
    ----------
    query : query
        The rows of the view with what is measured.
    view : AggregateView
    there : sequence of str
        The columns of ``query``.
    exact : collection of str
        Those that are no floating point yet.
    given : callable, optional
        The paces of everybody (:func:`pace_of_totals`), where the rows are of some; None: they are of everybody.
    """
    needed, known = needed_names(view), [*there]
    waiting = [one for one in _in_order(view, frozenset(there)) if one.name in needed]
    while waiting:
        ready = [one for one in waiting if _names(one) <= {*known}]
        if not ready:  # a name that is nowhere: whoever checks says so
            ready = waiting
        query = _with_paces(query, view, [one for one in ready if one.exposure], given)
        added = [exp.alias_(_value(one, known, view, exact), one.name, quoted=True) for one in ready]
        query = exp.select("*", *added).from_(query.subquery(_MEASURED, copy=False), copy=False)
        known += [one.name for one in ready]
        waiting = [one for one in waiting if one not in ready]
    shown: list[exp.Expr] = []
    for feature in view.features():
        value: exp.Expr = exp.column(feature.name, quoted=True)
        shown.append(exp.alias_(double(value), feature.name, quoted=True) if feature.name in exact else value)
    return exp.select(*quoted(view.keys), *shown).from_(query.subquery(_MEASURED, copy=False), copy=False)


def is_paced(view: AggregateView) -> bool:
    """Return whether a feature of a view is held against the pace of everybody."""
    return bool(_paced(view))


def pace_names(view: AggregateView) -> frozenset[str]:
    """Return the columns that paces are made of: they are measured, none is derived."""
    return frozenset(name for one in _paced(view) for name in (one.exposure, one.value))


def pace_totals(query: exp.Select, view: AggregateView) -> exp.Select:
    """Return the totals that paces are made of, by the second key; those of parts of all rows add up.

    Parameters
    ----------
    query : query
        The rows of the view with :func:`pace_names`.
    view : AggregateView
    """
    others, summed = view.keys[1:], list[exp.Expr]()
    for one in _paced(view):
        for kind, total in zip(_TOTALS, _totals(one), strict=True):
            # Parquet has no whole numbers of 128 bits.
            summed.append(exp.alias_(exp.cast(total, "DECIMAL(38, 0)"), kind.format(n=one.name), quoted=True))
    totals = exp.select(*quoted(others), *summed).from_(query.subquery(_MEASURED, copy=False), copy=False)
    return totals.group_by(*quoted(others)) if others else totals


def added_totals(parts: pa.Table) -> pa.Table:
    """Return the totals of all parts of the rows, of what :func:`pace_totals` gave of each, in whatever order these come."""
    kinds = tuple(kind.partition("{")[0] for kind in _TOTALS)
    summed = [name for name in parts.column_names if name.startswith(kinds)]  # no key has a blank in its name
    keys = [name for name in parts.column_names if name not in summed]
    added = parts.group_by(keys, use_threads=False).aggregate([(name, "sum") for name in summed])
    return added.rename_columns({f"{name}_sum": name for name in summed}).select(parts.column_names)


def pace_of_totals(view: AggregateView, one: Derived, totals: exp.Expr) -> exp.Select:
    """Return the pace of everybody by the second key, from what :func:`pace_totals` gave of all parts."""
    others = view.keys[1:]
    added = [
        exp.Sum(this=exp.cast(exp.column(kind.format(n=one.name), quoted=True), "HUGEINT", dialect="duckdb"))
        for kind in _TOTALS
    ]
    pace = exp.select(*quoted(others), exp.alias_(ratio(*added), _pace_of(one), quoted=True)).from_(totals)
    return pace.group_by(*quoted(others)) if others else pace


def _paced(view: AggregateView) -> list[Derived]:
    needed = needed_names(view)
    return [one for one in view.derived if one.exposure and one.name in needed]


def _names(one: Derived) -> frozenset[str]:
    return frozenset(name for value in one.values for name in names_in(value))


def _in_order(view: AggregateView, there: Collection[str]) -> list[Derived]:
    """Return the derived features, each after those that it is computed from."""
    names, ordered = {one.name for one in view.derived}, []
    waiting, known = list(view.derived), {*there}
    while waiting:
        ready = [one for one in waiting if not (_names(one) & names) - known] or waiting
        ordered += ready
        known |= {one.name for one in ready}
        waiting = [one for one in waiting if one not in ready]
    return ordered


def _value(one: Derived, columns: Sequence[str], view: AggregateView, exact: Collection[str]) -> exp.Expr:
    """Return a derived feature; what is divided by nothing, not finite, or the least of something unknown, is unknown."""
    if one.exposure:
        value = _expected(one)
    else:
        tree = as_written(view_expression(one.value, columns, f"views.{view.name}.derive.{one.name}"))
        value = finite(double(_unknown_of_unknown(_in_floating_point(tree, exact))))
    if one.absent is None:
        return value
    return exp.func("coalesce", value, double(exp.Literal.number(one.absent)))


def _sums(tree: exp.Expr) -> list[exp.Expr]:
    """Return the sums and differences of nothing but features, each as a whole."""
    found: list[exp.Expr] = []

    def within(node: exp.Expr) -> bool:
        if isinstance(node, exp.Add | exp.Sub) and _plain(node):
            found.append(node)
            return True
        return False

    for _ in tree.walk(prune=within):
        pass
    return found


def _plain(node: exp.Expr) -> bool:
    if isinstance(node, exp.Add | exp.Sub):
        return _plain(node.this) and _plain(node.expression)
    return isinstance(node, exp.Column) or (isinstance(node, exp.Paren) and _plain(node.this))


def _in_floating_point(tree: exp.Expr, exact: Collection[str]) -> exp.Expr:
    """Return an expression whose features are numbers in floating point, but for what is added up exactly first."""
    root = exp.paren(tree)
    sums = _sums(root)
    within = {id(column) for node in sums for column in node.find_all(exp.Column)}
    for column in list(root.find_all(exp.Column)):
        if id(column) not in within and column.name in exact:
            column.replace(double(column.copy()))
    for node in sums:
        node.replace(double(exp.paren(node.copy())))
    return root


def _unknown_of_unknown(tree: exp.Expr) -> exp.Expr:
    for node in reversed(list(tree.find_all(exp.Div, exp.IntDiv, exp.Mod, exp.Least, exp.Greatest))):
        if isinstance(node, exp.Least | exp.Greatest):
            # LEAST skips what is NULL, and would make somebody without any event a customer of long standing.
            parts = [part.copy().is_(exp.null()) for part in (node.this, *node.expressions)]
            node.replace(exp.case().when(exp.or_(*parts), exp.null()).else_(node.copy()))
        else:
            node.set("expression", exp.func("nullif", node.expression.copy(), exp.Literal.number(0)))
    return tree


def _with_paces(
    query: exp.Select, view: AggregateView, expected: Sequence[Derived], given: Paces | None
) -> exp.Select:
    """Add to each row the days for one event of everybody with the same second key: of all, where there is none."""
    for one in expected:
        others = view.keys[1:]
        if given is None:
            paces = exp.select(*quoted(others), exp.alias_(ratio(*_totals(one)), _pace_of(one), quoted=True))
            paces = paces.from_(_MEASURED)
            if others:
                paces = paces.group_by(*quoted(others))
        else:
            paces = given(one)
        same = [a.eq(b) for a, b in zip(quoted(others, _MEASURED), quoted(others, _PACE), strict=True)]
        joined = exp.select(exp.Column(this=exp.Star(), table=exp.to_identifier(_MEASURED)))
        joined = joined.select(exp.column(_pace_of(one), _PACE, quoted=True)).from_(_MEASURED)
        joined = joined.join(
            paces.subquery(_PACE), on=exp.and_(*same) if same else exp.true(), join_type="left"
        )
        query = joined.with_(_MEASURED, as_=query)
    return query


def _totals(one: Derived) -> list[exp.Expr]:
    """Return the days and the events of everybody."""
    # Whole numbers: in any order their sum is the same.
    return [
        exp.Sum(this=exp.cast(exp.column(name, quoted=True), "BIGINT")) for name in (one.exposure, one.value)
    ]


def _pace_of(one: Derived) -> str:
    return f"pace of {one.name}"


def _expected(one: Derived) -> exp.Expr:
    """Return the mean of a Gamma-Poisson posterior: one event of prior, at the pace of others."""
    counted, exposure = (double(exp.column(name, quoted=True)) for name in (one.value, one.exposure))
    events = exp.paren(counted + exp.Literal.number(1))
    seen = exp.paren(exposure + exp.column(_pace_of(one), quoted=True))
    return ratio(exp.Mul(this=exp.Literal.number(one.days), expression=events), seen)

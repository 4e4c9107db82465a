"""Declared views of aggregates made certain: their columns and conditions checked, their windows and levels settled."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import replace
from graphlib import CycleError, TopologicalSorter
from typing import Any

from tagcast.features.catalog.aggregate_views import AggregateView, Derived
from tagcast.features.catalog.aggregates_declaration import ROLES, AggregatesDeclaration
from tagcast.features.catalog.aggregates_declaration import Derived as DeclaredDerived
from tagcast.features.catalog.feature_set import windows_within
from tagcast.features.catalog.related.beside import check_beside, check_expected
from tagcast.features.catalog.settled_aggregates import (
    history_of,
    settled_aggregates,
    settled_derived,
    shown_columns,
)
from tagcast.features.catalog.view_files import aggregate_views, declared_views
from tagcast.features.core.errors import DefinitionError
from tagcast.features.core.messages import msg
from tagcast.features.core.settings import Settings
from tagcast.features.ingest.log_columns import (
    NUMBERS,
    check_column,
    check_condition,
    check_expression,
    column_kinds,
    names_in,
)
from tagcast.features.ingest.sql_casts import NUMERIC

_OF_NUMBERS = frozenset({"sum", "mean", "min", "max"})
_OF_COLUMNS = frozenset({*_OF_NUMBERS, "distinct", "first", "last"})
_NUMBERS = ("BOOLEAN", *sorted(NUMERIC))


def check_aggregates(settings: Settings) -> None:
    """Check that every declared aggregate can be computed, before any source is read.

    Raises
    ------
    DefinitionError
        Naming the view, the key, what was found and what would be right.
    """
    views = aggregate_views(settings)
    if not views:
        return
    import duckdb

    with duckdb.connect() as connection:
        for view in views:
            _check_view(connection, view, settings)


def _check_view(connection: Any, view: AggregatesDeclaration, settings: Settings) -> None:
    kinds = column_kinds(settings)
    for name, given in view.features.items():
        if given.function in _OF_COLUMNS:
            place = f"{view.place}: features.{name}.{given.function}"
            number = given.function in _OF_NUMBERS or (given.per is not None and given.function != "distinct")
            check_column(given.of, kinds, place, number=number)
    for place, text in conditions(view):
        check_condition(connection, text, kinds, place)
    made, others = settled(view, settings.numbers, None, {}), declared_views(settings)
    check_beside(view, named_beside(view), others)
    check_expected(view, made, others)
    computed = {f.name: "DOUBLE" for f in made.computed if f.name not in view.derive}
    computed |= dict.fromkeys(named_beside(view), "DOUBLE")
    for name in in_order(view):
        value = view.derive[name].value
        if value is not None:
            place, example = f"{view.place}: derive.{name}", msg("as in spend_30d / orders_30d")
            check_expression(connection, value, computed, place, _NUMBERS, msg("a number"), example)
        computed[name] = "DOUBLE"


def conditions(view: AggregatesDeclaration) -> Iterator[tuple[str, str]]:
    """Yield each condition of a view, after the place that errors name."""
    if view.where:
        yield f"{view.place}: where", view.where
    for name, given in view.features.items():
        if given.where:
            yield f"{view.place}: features.{name}.where", given.where
        if given.function == "share":
            yield f"{view.place}: features.{name}.share", given.of


def named_beside(view: AggregatesDeclaration) -> dict[str, str]:
    """Return the features of other views that a view is made of, as ``view.feature``, and the key that names each first."""
    found: dict[str, str] = {}
    for name, given in view.derive.items():
        for one in sorted(_needed(given)):
            if "." in one:
                found.setdefault(one, f"derive.{name}")
    return found


def _needed(given: DeclaredDerived) -> frozenset[str]:
    return (
        names_in(given.value)
        if given.value is not None
        else frozenset({str(given.expected), str(given.exposure)})
    )


def in_order(view: AggregatesDeclaration) -> Iterator[str]:
    """Yield the derived features, each after those that it is computed from.

    Raises
    ------
    DefinitionError
        Where one is computed from itself.
    """
    needs = {name: _needed(given) & view.derive.keys() for name, given in view.derive.items()}
    try:
        yield from TopologicalSorter({name: sorted(needs[name]) for name in sorted(needs)}).static_order()
    except CycleError as error:
        raise DefinitionError(
            msg(
                "{place}: derive: each needs the next: {cycle}",
                place=view.place,
                cycle=" → ".join(reversed(error.args[1])),
            ),
            hint=msg("compute one of them from features alone"),
        ) from error


def settled(
    view: AggregatesDeclaration,
    further_numbers: Collection[str],
    history_days: int | None,
    levels: Mapping[str, tuple[str, ...]],
    beside: Mapping[str, float | None] | None = None,
) -> AggregateView:
    """Return a view with the windows that the shortest history fills.

    Parameters
    ----------
    view : AggregatesDeclaration
    further_numbers : collection of str
        Columns of numbers that the sources add to the event log.
    history_days : int or None
        Before the first snapshot; None: every window.
    levels : mapping of str to tuple of str
        Of each first or last word, those that get a column.
    beside : mapping of str to float or None
        The features of other views that there are, as ``view.feature``, and of each what stands for no row; None: all that it names.
    """

    def fitting(windows: tuple[int, ...]) -> tuple[int, ...]:
        return windows if history_days is None else windows_within(history_days, windows)

    named = named_beside(view)
    known = (
        dict.fromkeys(named) if beside is None else {name: beside[name] for name in named if name in beside}
    )
    aggregates = settled_aggregates(view, (*NUMBERS, *further_numbers), fitting, levels)
    bare = AggregateView(view.view, view.keys, view.where or "", aggregates, (), rows=view.rows)
    there = {*known, *(feature.name for feature in bare.computed)}
    derived: list[Derived] = []
    for name in in_order(view):
        # A window that no history fills takes what is derived from it along; a name that is nowhere is an error of its own.
        needed = _needed(view.derive[name])
        if needed <= there or (history_days is None and not (needed & named.keys()) - there):
            derived.append(settled_derived(name, view.derive[name]))
            there.add(name)
    # Without a recency nothing tells which way the first column of a ranking points.
    roles = [name for role in ROLES for name in view.of_role(role)] if "recency" in view.roles else []
    used = {name for one in derived for name in _needed(view.derive[one.name])}
    made = replace(
        bare,
        derived=tuple(derived),
        ranking=tuple(name for name in roles if name in there),
        beside=tuple((name, absent) for name, absent in sorted(known.items()) if name in used),
    )
    made = replace(made, shown=shown_columns(view, made))
    return replace(made, history=history_of(view, made))

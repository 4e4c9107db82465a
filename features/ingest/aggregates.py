"""Declared views of aggregates made certain: their columns and conditions checked, their windows and levels settled."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from graphlib import CycleError, TopologicalSorter
from typing import Any

from tagcast.features.catalog.aggregate_views import Aggregate, AggregateView, Derived
from tagcast.features.catalog.aggregates_declaration import ROLES, AggregatesDeclaration
from tagcast.features.catalog.feature_set import windows_within
from tagcast.features.catalog.view_files import aggregate_views
from tagcast.features.core.errors import DefinitionError
from tagcast.features.core.messages import msg
from tagcast.features.core.settings import Settings
from tagcast.features.core.titles import Text
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
            check_column(given.of, kinds, place, number=given.function in _OF_NUMBERS)
    for place, text in conditions(view):
        check_condition(connection, text, kinds, place)
    features = [f.name for f in settled(view, settings.numbers, None, {}).features()]
    computed = {name: "DOUBLE" for name in features if name not in view.derive}
    for name, value in in_order(view):
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


def in_order(view: AggregatesDeclaration) -> Iterator[tuple[str, str]]:
    """Yield the derived features and their expressions, each after those that it is computed from.

    Raises
    ------
    DefinitionError
        Where one is computed from itself.
    """
    needs = {name: names_in(given.value) & view.derive.keys() for name, given in view.derive.items()}
    try:
        for name in TopologicalSorter({name: sorted(needs[name]) for name in sorted(needs)}).static_order():
            yield name, view.derive[name].value
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
    """
    numbers = (*NUMBERS, *further_numbers)
    aggregates: list[Aggregate] = []
    for name, given in view.features.items():
        # A trend has the windows and the title of what it is a trend of.
        counted = given.of if given.function == "trend" else name
        declared = view.windows_of(counted)
        windows = tuple(n for n in declared if isinstance(n, int))
        if history_days is not None:
            windows = windows_within(history_days, windows)
        whole = "_all" if "all" in declared else None if declared else ""
        title = given.title or view.features[counted].title or _spoken(counted)
        word = given.function in {"first", "last"} and given.of not in numbers
        aggregates.append(
            Aggregate(
                name,
                given.function,
                given.of,
                given.where or "",
                windows,
                None if given.function == "trend" else whole,
                title.en,
                title.zh,
                word,
                levels.get(name, ()),
            )
        )
    bare = AggregateView(view.view, view.keys, view.where or "", tuple(aggregates), ())
    there = {feature.name for feature in bare.features()}
    derived: list[Derived] = []
    for name, value in in_order(view):
        needed = names_in(value)
        # A window that no history fills takes what is derived from it along; a name that is nowhere is an error of its own.
        if history_days is None or needed <= there:
            title = view.derive[name].title or _spoken(name)
            derived.append(Derived(name, value, title.en, title.zh))
            there.add(name)
    # Without a recency nothing tells which way the first column of a ranking points.
    roles = [view.roles.get(role) for role in ROLES] if "recency" in view.roles else []
    ranking = tuple(name for name in roles if name in there)
    return AggregateView(view.view, view.keys, view.where or "", tuple(aggregates), tuple(derived), ranking)


def _spoken(name: str) -> Text:
    words = name.replace("_", " ")
    return Text(en=words, zh=words)

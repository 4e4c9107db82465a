"""How declared aggregates are settled: which windows the history fills, what each is called, and what is shown in which order."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from itertools import chain, zip_longest
from typing import TYPE_CHECKING

from tagcast.features.catalog.aggregate_views import Aggregate, AggregateView, Derived
from tagcast.features.core.titles import Text

if TYPE_CHECKING:
    from tagcast.features.catalog.aggregates_declaration import Absent, AggregatesDeclaration
    from tagcast.features.catalog.aggregates_declaration import Derived as DeclaredDerived


def settled_aggregates(
    view: AggregatesDeclaration,
    numbers: Iterable[str],
    fitting: Callable[[tuple[int, ...]], tuple[int, ...]],
    levels: Mapping[str, tuple[str, ...]],
) -> tuple[Aggregate, ...]:
    """Return the aggregates of a declaration.

    Parameters
    ----------
    view : AggregatesDeclaration
    numbers : iterable of str
        Columns of the event log that hold numbers.
    fitting : callable
        Of windows, those that the history fills.
    levels : mapping of str to tuple of str
        Of each first or last word, those that get a column.
    """
    numbers, found = frozenset(numbers), []
    for name, given in view.features.items():
        # A trend has the windows and the title of what it is a trend of.
        counted = given.of if given.function == "trend" else name
        declared = view.windows_of(counted)
        whole = "_all" if "all" in declared else None if declared else ""
        title = given.full_title or given.title or view.features[counted].title or spoken(counted)
        found.append(
            Aggregate(
                name,
                given.function,
                given.of,
                given.where or "",
                fitting(tuple(n for n in declared if isinstance(n, int))),
                None if given.function == "trend" else whole,
                title.en,
                title.zh,
                given.function in {"first", "last"} and given.of not in numbers,
                levels.get(name, ()),
                given.per or "",
                absent_word(given.absent),
                given.full_title is not None,
            )
        )
    return tuple(found)


def shown_columns(view: AggregatesDeclaration, made: AggregateView) -> tuple[str, ...] | None:
    """Return the columns that a declaration shows, as far as they are made; None where it shows all."""
    if not view.show:
        return None
    columns = {one.name: [f.name for f in one.features(made.name)] for one in made.aggregates}
    columns |= {one.name: [one.name] for one in made.derived}
    found: list[str] = []
    for one in view.show:
        several = [columns.get(name, []) for name in ([one] if isinstance(one, str) else one)]
        found += [name for name in chain.from_iterable(zip_longest(*several)) if name is not None]
    return tuple(found)


def history_of(view: AggregatesDeclaration, made: AggregateView) -> tuple[str, ...]:
    """Return the features that tell how much is known of an entity, as far as they are made; none without a tenure."""
    there = {feature.name for feature in made.features()}
    tenure = [name for name in view.of_role("tenure") if name in there]
    return (*tenure, *(name for name in view.of_role("frequency") if name in there)) if tenure else ()


def absent_word(given: Absent | None) -> str:
    """Return what a declaration says of nothing, as views keep it."""
    return "" if given is None else str(given)


def spoken(name: str) -> Text:
    """Return the title of what has none."""
    words = name.replace("_", " ")
    return Text(en=words, zh=words)


def settled_derived(name: str, given: DeclaredDerived) -> Derived:
    """Return a derived feature of a declaration."""
    title = given.title or spoken(name)
    value = given.value if given.expected is None else given.expected
    return Derived(
        name,
        value or "",
        title.en,
        title.zh,
        absent_word(given.absent),
        given.exposure or "",
        given.days or 0,
    )

"""Declared views of aggregates made certain: their columns and conditions checked, their windows and levels settled."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from graphlib import CycleError, TopologicalSorter

from sqlglot import exp

from tagcast.features.catalog.aggregate_views import Aggregate, AggregateView, Derived
from tagcast.features.catalog.aggregates_declaration import ROLES, WINDOWED, AggregatesDeclaration
from tagcast.features.catalog.feature_set import windows_within
from tagcast.features.catalog.titles import Text
from tagcast.features.catalog.view_files import aggregate_views
from tagcast.features.core.errors import ConfigError, DefinitionError
from tagcast.features.core.messages import msg
from tagcast.features.core.raw_errors import reason_of
from tagcast.features.core.settings import Settings
from tagcast.features.core.validation import suggested
from tagcast.features.ingest.log_columns import AMOUNT_TYPE, NUMBERS, log_columns, number_columns
from tagcast.features.ingest.sql_allow_list import checked, columns_in

_OF_NUMBERS = frozenset({"sum", "mean", "min", "max"})
_OF_COLUMNS = frozenset({*_OF_NUMBERS, "distinct", "first", "last"})
_KINDS = {
    "event_time": "TIMESTAMP", "event_day": "DATE", "event_hour": "TINYINT", "is_return": "BOOLEAN",
}  # fmt: skip
_SAMPLES = {
    "TIMESTAMP": "2000-01-01 12:00:00", "DATE": "2000-01-01", "TINYINT": "12", "BOOLEAN": "true", AMOUNT_TYPE: "1", "VARCHAR": "a",
    "DOUBLE": "1",
}  # fmt: skip


def column_kinds(settings: Settings) -> dict[str, str]:
    """Return the columns of the event log that conditions may name, and their DuckDB types."""
    numbers = number_columns(settings)
    return {
        name: AMOUNT_TYPE if name in numbers else _KINDS.get(name, "VARCHAR")
        for name in log_columns(settings)
        if name != "profile_id"
    }


def check_aggregates(settings: Settings) -> None:
    """Check that every declared aggregate can be computed, before any source is read.

    Raises
    ------
    DefinitionError, ConfigError
        Naming the view, the key, what was found and what would be right.
    """
    views = aggregate_views(settings)
    if not views:
        return
    import duckdb

    kinds = column_kinds(settings)
    with duckdb.connect() as connection:
        for view in views:
            where = view.place
            conditions = {f"{where}: where": view.where or ""}
            for name, given in view.features.items():
                place = f"{where}: features.{name}"
                conditions[f"{place}.where"] = given.where or ""
                if given.function == "share":
                    conditions[f"{place}.share"] = given.of
                elif given.function in _OF_COLUMNS:
                    known = number_columns(settings) if given.function in _OF_NUMBERS else tuple(kinds)
                    _check_column(f"{place}.{given.function}", given.of, known, kinds)
            for place, text in conditions.items():
                if text:
                    tree = checked(text, kinds, place)
                    _check_kind(connection, tree, kinds, place, ("BOOLEAN",), msg("a condition"))
            features = [f.name for f in settled(view, settings.numbers, None, {}).features()]
            computed = {name: "DOUBLE" for name in features if name not in view.derive}
            for name, value in in_order(view):
                place = f"{where}: derive.{name}"
                tree = checked(value, computed, place)
                numbers = ("DOUBLE", "BOOLEAN", "INTEGER", "BIGINT", "HUGEINT", "DECIMAL", "FLOAT")
                _check_kind(connection, tree, computed, place, numbers, msg("a number"))
                computed[name] = "DOUBLE"


def _check_column(place: str, name: str, known: Sequence[str], kinds: Mapping[str, str]) -> None:
    if name in known:
        return
    problem = (
        msg("{place}: {found!r} holds no numbers", place=place, found=name)
        if name in kinds
        else msg("{place}: the event log has no column {found!r}", place=place, found=name)
    )
    raise DefinitionError(
        problem,
        hint=msg(
            "{meant}; a further column is named in numbers or words of its source",
            meant=suggested(name, known),
        ),
    )


def _check_kind(
    connection: object,
    tree: exp.Expr,
    kinds: Mapping[str, str],
    place: str,
    wanted: Sequence[str],
    called: Text | object,
) -> None:
    """Evaluate an expression once, over a row of made values: what cannot be computed is found before any event is read."""
    import duckdb

    values = [
        exp.alias_(exp.cast(exp.Literal.string(_SAMPLES[kind]), kind), name, quoted=True)
        for name, kind in kinds.items()
    ]
    query = exp.select(exp.alias_(tree.copy(), "found")).from_(exp.select(*values).subquery("made"))
    try:
        answer = connection.sql(query.sql("duckdb"))  # type: ignore[attr-defined]
        kind = str(answer.types[0]).partition("(")[0]
        answer.fetchall()
    except duckdb.Error as error:
        raise ConfigError(
            msg(
                "{place}: {text} cannot be computed: {reason}",
                place=place,
                text=tree.sql("duckdb"),
                reason=reason_of(error),
            ),
            hint=msg(
                "compare numbers with numbers and words with words; TRY_CAST makes what is no number unknown"
            ),
        ) from error
    if kind not in wanted:
        raise ConfigError(
            msg(
                "{place}: expected {wanted}, found {text}",
                place=place,
                wanted=called,
                text=tree.sql("duckdb"),
            ),
            hint=msg("as in event = 'login'")
            if wanted == ("BOOLEAN",)
            else msg("as in spend_30d / orders_30d"),
        )


def in_order(view: AggregatesDeclaration) -> Iterator[tuple[str, str]]:
    """Yield the derived features and their expressions, each after those that it is computed from.

    Raises
    ------
    DefinitionError
        Where one is computed from itself.
    """
    needs = {name: columns_in(given.value) & view.derive.keys() for name, given in view.derive.items()}
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
        source = view.features[given.of] if given.function == "trend" else given
        declared = view.windows_of(given.of if given.function == "trend" else name)
        windows = tuple(n for n in declared if isinstance(n, int))
        if history_days is not None:
            windows = windows_within(history_days, windows)
        whole = "_all" if "all" in declared else None if declared else ""
        title = given.title or source.title or _spoken(given.of if given.function == "trend" else name)
        word = given.function in {"first", "last"} and given.of not in numbers
        aggregates.append(
            Aggregate(
                name,
                given.function,
                given.of,
                given.where or "",
                windows,
                whole if given.function in WINDOWED or given.function != "trend" else None,
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
        needed = columns_in(value)
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

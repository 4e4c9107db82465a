"""The columns of the event log, its own and those that sources add, and what definitions say over them, checked beforehand."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from functools import lru_cache
from typing import Any

from sqlglot import exp

from tagcast.features.core.errors import ConfigError, DefinitionError
from tagcast.features.core.messages import Text, listed, msg
from tagcast.features.core.raw_errors import reason_of
from tagcast.features.core.settings import Settings
from tagcast.features.core.validation import suggested
from tagcast.features.ingest.readers.nested.value_paths import spelt_as
from tagcast.features.ingest.sql_allow_list import checked, columns_in, suggest
from tagcast.features.ingest.sql_casts import NUMERIC, base_type

AMOUNT_TYPE = "DECIMAL(18, 4)"
EVENT_LOG_COLUMNS = (
    "profile_id", "event_time", "event_day", "event_hour", "event", "amount", "quantity", "discount", "category",
    "item_id", "order_id", "channel", "is_return", "source",
)  # fmt: skip
NUMBERS = ("amount", "quantity", "discount")
_KINDS = {
    "event_time": "TIMESTAMP", "event_day": "DATE", "event_hour": "TINYINT", "is_return": "BOOLEAN",
}  # fmt: skip
_SAMPLES = {"TIMESTAMP": "2000-01-01 12:00:00", "DATE": "2000-01-01", "BOOLEAN": "true"}
_SAMPLE = "1"


def log_columns(settings: Settings) -> tuple[str, ...]:
    """Return the columns of the event log, those that the sources add at the end."""
    return (*EVENT_LOG_COLUMNS, *sorted((*settings.numbers, *settings.words)))


def number_columns(settings: Settings) -> tuple[str, ...]:
    """Return the columns of the event log that are numbers of a source."""
    return (*NUMBERS, *settings.numbers)


def converted_columns(settings: Settings) -> tuple[str, ...]:
    """Return the columns that are converted; ``unread_NAME`` beside each holds the text of what could not be."""
    return ("event_time", *number_columns(settings))


def column_kinds(settings: Settings) -> dict[str, str]:
    """Return the columns of the event log that definitions may name, and their DuckDB types."""
    numbers = number_columns(settings)
    return {
        name: AMOUNT_TYPE if name in numbers else _KINDS.get(name, "VARCHAR")
        for name in log_columns(settings)
        if name != "profile_id"
    }


def check_column(name: str, kinds: Mapping[str, str], where: str, *, number: bool) -> None:
    """Check that a column is there, and holds numbers where it has to.

    Raises
    ------
    DefinitionError
        Naming the place, what was found and what may be meant.
    """
    found = spelt_as(name, kinds)
    if found is None:
        raise _no_column(where, name, kinds)
    if number and base_type(kinds[found]) not in NUMERIC:
        numbers = [column for column, kind in kinds.items() if base_type(kind) in NUMERIC]
        raise DefinitionError(
            msg("{where}: expected a column of numbers, found {column!r}", where=where, column=found),
            hint=msg(
                "{meant}; a further column is named in numbers of its source", meant=suggested(name, numbers)
            ),
        )


def check_condition(connection: Any, text: str, kinds: Mapping[str, str], where: str) -> exp.Expr:
    """Return a condition over columns of these types; ``connection`` (DuckDB) evaluates it once, over a row of made values.

    Raises
    ------
    DefinitionError
        For what names a column that is not there, is not allowed, is no condition, or compares values of two kinds.
    """
    for name in sorted(columns_in(text)):
        if spelt_as(name, kinds) is None:
            raise _no_column(where, name, kinds)
    example = msg(
        "write a condition over the columns of the event log, as in {example}", example="event = 'login'"
    )
    return check_expression(connection, text, kinds, where, ("BOOLEAN",), msg("a condition"), example)


@lru_cache(maxsize=4_096)
def names_in(text: str) -> frozenset[str]:
    """Return the columns that an expression names, in lower case as the event log and features are: SQL tells no case apart."""
    return frozenset(name.lower() for name in columns_in(text))


def view_expression(text: str, columns: Collection[str], where: str) -> exp.Expr:
    """Return an expression of a view as it is computed: what a CAST cannot read is unknown, and stops no run at night.

    Raises
    ------
    ConfigError
        As :func:`tagcast.features.ingest.sql_allow_list.checked`.
    """
    tree = exp.paren(checked(text, columns, where))
    for cast in list(tree.find_all(exp.Cast)):
        if not isinstance(cast, exp.TryCast):
            cast.replace(exp.TryCast(**{key: value for key, value in cast.args.items() if value is not None}))
    return tree


def check_expression(
    connection: Any,
    text: str,
    kinds: Mapping[str, str],
    where: str,
    wanted: Sequence[str],
    called: Text,
    hint: Text,
) -> exp.Expr:
    """Return an expression over columns of these types whose value is of a type that is ``wanted``.

    Raises
    ------
    DefinitionError
        Naming the place; what it should be is ``called`` so.
    """
    import duckdb

    try:
        tree = checked(text, kinds, where)
    except ConfigError as error:
        raise DefinitionError(error.message, hint=error.hint) from error
    made = [
        exp.alias_(
            exp.cast(exp.Literal.string(_SAMPLES.get(base_type(kind), _SAMPLE)), kind), name, quoted=True
        )
        for name, kind in kinds.items()
    ]
    query = exp.select(exp.alias_(tree.copy(), "found")).from_(exp.select(*made).subquery("made"))
    try:
        answer = connection.sql(query.sql("duckdb"))
        kind = base_type(str(answer.types[0]))
        answer.fetchall()
    except duckdb.Error as error:
        raise DefinitionError(
            msg(
                "{where}: {text!r} cannot be computed: {reason}",
                where=where,
                text=text,
                reason=reason_of(error),
            ),
            hint=msg(
                "compare numbers with numbers and words with words; TRY_CAST makes what is no number unknown"
            ),
        ) from error
    if kind not in wanted:
        raise DefinitionError(
            msg("{where}: expected {wanted}, found {text!r}", where=where, wanted=called, text=text),
            hint=hint,
        )
    return tree


def unmet_names(tree: exp.Expr, names: Collection[str]) -> list[str]:
    """Return the event names of a condition on the event's name that no event has: it is never met."""
    for node in tree.find_all(exp.EQ, exp.In):
        if node.this.name != "event" or not isinstance(node.this, exp.Column):
            continue
        sides: Sequence[Any] = node.expressions if isinstance(node, exp.In) else [node.expression]
        asked = [side.this for side in sides if isinstance(side, exp.Literal) and side.is_string]
        if len(asked) == len(sides) and not {*asked} & {*names}:
            return asked
    return []


def never_met(where: str, asked: Sequence[str], names: Collection[str]) -> tuple[Text, Text]:
    """Return what to say of event names that no event has, and what may be meant."""
    problem = msg("{where}: no event is called {names}", where=where, names=listed(map(repr, asked)))
    return problem, suggested(asked[0], sorted(names))


def _no_column(where: str, name: str, kinds: Mapping[str, str]) -> DefinitionError:
    return DefinitionError(
        msg("{where}: the event log has no column {column!r}", where=where, column=name),
        hint=msg(
            "{meant}; a further column is named in numbers or words of its source", meant=suggest(name, kinds)
        ),
    )

"""The levels of words that get a column: the commonest among what was known before a date."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from glob import escape
from pathlib import Path
from typing import Any

from sqlglot import exp

from tagcast.features.catalog.aggregates_declaration import AggregatesDeclaration
from tagcast.features.catalog.feast_views import FeastDeclaration
from tagcast.features.catalog.view_declarations import AttributesDeclaration
from tagcast.features.core.errors import DataError
from tagcast.features.core.messages import msg
from tagcast.features.ingest.attributes.views import MOST_WORDS
from tagcast.features.ingest.log_columns import view_expression
from tagcast.features.ingest.sql_casts import day_literal

WORD = "VARCHAR"
"""The type of words on the event log."""
MOST_LEVELS = 20
"""Of a word, the commonest get a column."""
MIN_LEVEL_SHARE = 0.005
"""Of the profiles; a rarer word says something of too few to learn from."""


def attribute_levels(
    connection: Any, table: Path, view: AttributesDeclaration | FeastDeclaration, as_of: date
) -> dict[str, tuple[str, ...]]:
    """Return the levels of each word of a view of attributes, in order.

    Parameters
    ----------
    connection : duckdb.DuckDBPyConnection
    table : Path
        Of the view.
    view : AttributesDeclaration or FeastDeclaration
    as_of : date
        Only rows known before it count.
    """
    words = [name for name, given in view.columns.items() if given.kind == "word"]
    rows = exp.select("*").from_(parquet(escape(str(table)))).where(before("known_day", as_of))
    return {name: _commonest(_counted(connection, rows, name)) for name in words}


def aggregate_levels(
    connection: Any, events: str, view: AggregatesDeclaration, kinds: Mapping[str, str], as_of: date
) -> dict[str, tuple[str, ...]]:
    """Return the levels of each first or last word of a view of aggregates, in order.

    Parameters
    ----------
    connection : duckdb.DuckDBPyConnection
    events : str
        Files of the event log.
    view : AggregatesDeclaration
    kinds : mapping of str to str
        Columns of the event log and their types.
    as_of : date
        Only events of days before it count.

    Raises
    ------
    DataError
        Where there are so many words that they name single profiles.
    """
    found = {}
    for name, given in view.features.items():
        if given.function not in {"first", "last"} or kinds[given.of] != WORD:
            continue
        rows = exp.select("*").from_(parquet(events)).where(before("event_day", as_of))
        for key, text in (("where", view.where), (f"features.{name}.where", given.where)):
            if text:
                rows = rows.where(view_expression(text, kinds, f"{view.place}: {key}"))
        counted = _counted(connection, rows, given.of)
        if len(counted) > MOST_WORDS:
            raise DataError(
                msg(
                    "{place}: features.{name}: {column} holds {n:,} different words",
                    place=view.place,
                    name=name,
                    column=given.of,
                    n=len(counted),
                ),
                hint=msg(
                    "a word has at most {most:,}: count them (distinct: {column}), or group them in the source",
                    most=MOST_WORDS,
                    column=given.of,
                ),
            )
        found[name] = _commonest(counted)
    return found


def parquet(files: str) -> exp.Expr:
    """Return the rows of Parquet files."""
    return exp.func("read_parquet", exp.Literal.string(files))


def before(column: str, as_of: date) -> exp.Expr:
    """Return whether a day lies before ``as_of``."""
    return exp.LT(this=exp.column(column), expression=day_literal(as_of))


def _counted(connection: Any, rows: exp.Select, name: str) -> list[tuple[str, int]]:
    """Return each word of a column and how many profiles have it."""
    word = exp.column(name, quoted=True)
    profiles = exp.Count(this=exp.Distinct(expressions=[exp.column("profile_id")]))
    counted = exp.select(exp.alias_(word, "word"), exp.alias_(profiles, "profiles")).from_(rows.subquery("r"))
    counted = counted.where(word.copy().is_(exp.null()).not_()).group_by("word")
    levels: list[tuple[str, int]] = connection.execute(counted.sql("duckdb")).fetchall()
    return levels


def _commonest(levels: list[tuple[str, int]]) -> tuple[str, ...]:
    least = MIN_LEVEL_SHARE * sum(n for _, n in levels)
    ranked = sorted((level for level in levels if level[1] >= least), key=lambda one: (-one[1], one[0]))
    return tuple(sorted(level for level, _ in ranked[:MOST_LEVELS]))

"""Write the tables of declared views of attributes: typed as declared, each row with the moment that it was known from."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Any

from sqlglot import exp

from tagcast.features.catalog.view_declarations import AttributeColumn, AttributesDeclaration
from tagcast.features.catalog.view_files import attribute_views
from tagcast.features.core.errors import DataError
from tagcast.features.core.messages import msg
from tagcast.features.core.settings import Settings
from tagcast.features.ingest.attributes.readings import (
    MAX_UNREAD_SHARE,
    as_flag,
    as_moment,
    check_times,
    local_day,
)
from tagcast.features.ingest.event_log_content import Digest
from tagcast.features.ingest.readers.scans import column
from tagcast.features.ingest.readers.table import Table
from tagcast.features.ingest.readers.table_reader import Reader
from tagcast.features.ingest.sql_casts import (
    NUMERIC,
    as_key,
    as_number,
    base_type,
    day_literal,
    finite,
    rows_where,
)
from tagcast.features.ingest.suppression.left_out import without_erased
from tagcast.features.ingest.texts.times import proven_order
from tagcast.features.ingest.time_casts import (
    NAIVE,
    ZONED,
    as_timestamp,
    check_time_format,
    needs_order,
)

MOST_WORDS = 1_000
"""Different words of a column; with more it is an id or a text, and says nothing of the next profile."""
ALWAYS = date(1, 1, 1)
"""The day from which constant attributes are known."""


def write_view_tables(settings: Settings, reader: Reader, folder: Path) -> dict[str, dict[date, Digest]]:
    """Write ``<view>.parquet`` into ``folder`` for every declared view, and return the digests of each by day.

    Raises
    ------
    DataError
        Naming the view and the column: missing, not what it is declared as, a row that stands twice, too many words.
    """
    found = {}
    for view in attribute_views(settings):
        folder.mkdir(exist_ok=True)
        found[view.view] = _write(settings, reader, view, folder / f"{view.view}.parquet")
    return found


def _write(
    settings: Settings, reader: Reader, view: AttributesDeclaration, target: Path
) -> dict[date, Digest]:
    where, source = f"views.{view.view}", view.source
    words = {given.column or name for name, given in view.columns.items() if given.kind == "word"}
    table = reader.open(source, where, set(view.needed), {source.key, *words})
    key = table.find(source.key, f"{where}.key")
    moments = _moments(settings, reader, view, table)
    lines = exp.select(exp.alias_(as_key(column(key), table.columns[key]), "profile_id"), *moments)
    unread: dict[str, exp.Expr] = {}
    for name, given in view.columns.items():
        named = table.find(given.column or name, f"{where}.columns.{name}")
        value = _value(settings, reader, view, given, table, named)
        lines.select(exp.alias_(value, name, quoted=True), copy=False)
        if given.kind != "word":
            text = as_key(column(named), table.columns[named])
            unread[name] = exp.case().when(value.copy().is_(exp.null()), text)
    lines.select(
        *(exp.alias_(text, f"unread_{name}", quoted=True) for name, text in unread.items()), copy=False
    )
    lines = lines.from_(table.relation.copy()).where(
        as_key(column(key), table.columns[key]).is_(exp.null()).not_()
    )
    lines = without_erased(reader, lines)
    staged = target.with_suffix(".staged")
    connection = reader.connection
    with reader.reading(where):
        connection.execute(f"COPY ({lines.sql('duckdb')}) TO ? (FORMAT parquet)", [str(staged)])
    _check(connection, view, staged, list(unread), where)
    rows = exp.func("read_parquet", exp.Literal.string(str(staged)))
    kept = exp.select(exp.Star(except_=[exp.to_identifier(f"unread_{name}", quoted=True) for name in unread]))
    ordered = kept.from_(rows).order_by("profile_id", "valid_from", "known_at")
    connection.execute(f"COPY ({ordered.sql('duckdb')}) TO ? (FORMAT parquet)", [str(target)])
    staged.unlink()
    days = connection.execute(
        "SELECT known_day, count(*), sum(hash(x)::HUGEINT)::VARCHAR FROM read_parquet(?) AS x GROUP BY known_day",
        [str(target)],
    ).fetchall()
    return {day: (rows, int(total)) for day, rows, total in days}


def _moments(settings: Settings, reader: Reader, view: AttributesDeclaration, table: Table) -> list[exp.Expr]:
    """Return ``valid_from``, ``known_at`` and ``known_day``; rows without a readable moment are never known."""
    source, where = view.source, f"views.{view.view}"
    if source.constant:
        never = exp.cast(exp.null(), "TIMESTAMP")
        day = day_literal(ALWAYS)
        return [
            exp.alias_(never, "valid_from"),
            exp.alias_(never.copy(), "known_at"),
            exp.alias_(day, "known_day"),
        ]
    check_time_format(source, reader.connection, where)
    given = (("valid_from", source.valid_from), ("seen_at", source.seen_at))
    times = [as_moment(reader, source, table, name, where, key) for key, name in given if name is not None]
    # Written before it is true, or after: known when both have come.
    known = exp.func("greatest", *(time.copy() for time in times)) if len(times) > 1 else times[0].copy()
    for time in times[1:]:
        known = exp.case().when(time.copy().is_(exp.null()), exp.cast(exp.null(), "TIMESTAMP")).else_(known)
    return [
        exp.alias_(times[0], "valid_from"),
        exp.alias_(known, "known_at"),
        exp.alias_(local_day(known, settings.timezone), "known_day"),
    ]


def _value(
    settings: Settings,
    reader: Reader,
    view: AttributesDeclaration,
    given: AttributeColumn,
    table: Table,
    name: str,
) -> exp.Expr:
    """Return a column as it is declared; what it cannot be is NULL."""
    kind = table.columns[name]
    text = as_key(column(name), kind)
    if given.kind == "word":
        return text
    if given.kind == "number":
        if kind == "BOOLEAN":
            return exp.cast(column(name), "DOUBLE")
        return finite(as_number(text if kind == "VARCHAR" else column(name), kind, "DOUBLE"))
    if given.kind == "flag":
        return as_flag(text)
    return _date(settings, reader, view, table, name, kind)


def _date(
    settings: Settings, reader: Reader, view: AttributesDeclaration, table: Table, name: str, kind: str
) -> exp.Expr:
    source, where, order = view.source, f"views.{view.view}", None
    if kind == "DATE":
        return column(name)
    text = as_key(column(name), kind)
    if (
        kind not in NAIVE
        and kind not in ZONED
        and needs_order(source, kind)
        and base_type(kind) not in NUMERIC
    ):
        with reader.reading(where):
            order = proven_order(reader.connection, table.as_("raw"), text, where, name)
    moment = as_timestamp(source, text if kind == "VARCHAR" else column(name), kind, settings.timezone, order)
    return local_day(moment, settings.timezone)


def _check(
    connection: Any, view: AttributesDeclaration, staged: Path, converted: list[str], where: str
) -> None:
    """Refuse a table whose columns are not what they are declared as, or that says two things at once."""
    rows = exp.func("read_parquet", exp.Literal.string(str(staged)))
    asked = [exp.Count(this=exp.Star()), rows_where(exp.column("known_day").is_(exp.null()))]
    for name in converted:
        unread = exp.column(f"unread_{name}", quoted=True)
        asked += [exp.Count(this=unread), exp.Min(this=unread.copy())]
    words = [name for name, given in view.columns.items() if given.kind == "word"]
    asked += [exp.Count(this=exp.Distinct(expressions=[exp.column(name, quoted=True)])) for name in words]
    total, timeless, *rest = connection.execute(exp.select(*asked).from_(rows).sql("duckdb")).fetchall()[0]
    check_times(where, view.source.key, msg("valid_from or seen_at"), total, timeless)
    for place, name in enumerate(converted):
        count, example = rest[2 * place : 2 * place + 2]
        if count > total * MAX_UNREAD_SHARE:
            raise DataError(
                msg(
                    "{where}.columns.{name}: {n:,} of {rows:,} rows hold no {kind}, as in {example!r}",
                    where=where,
                    name=name,
                    n=count,
                    rows=total,
                    kind=view.columns[name].kind,
                    example=example,
                ),
                hint=msg("declare it as word, or correct the column"),
            )
    for name, count in zip(words, rest[2 * len(converted) :], strict=True):
        if count > MOST_WORDS:
            raise DataError(
                msg("{where}.columns.{name}: {n:,} different words", where=where, name=name, n=count),
                hint=msg(
                    "a word has at most {most:,}: leave out what names single profiles, or group it in the table",
                    most=MOST_WORDS,
                ),
            )
    again = exp.select("profile_id").from_(rows.copy()).group_by("profile_id", "valid_from", "known_at")
    twice = connection.execute(
        exp.select(exp.Count(this=exp.Star())).from_(again.having("count(*) > 1").subquery("t")).sql("duckdb")
    ).fetchall()[0][0]
    if twice:
        hint = (
            msg("give one row a profile, or valid_from: the column that says from when on each is true")
            if view.source.constant
            else msg("give one row a profile and moment")
        )
        raise DataError(
            msg(
                "{where}: {n:,} times two rows of one profile are true from the same moment on",
                where=where,
                n=twice,
            ),
            hint=hint,
        )

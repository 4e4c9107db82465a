"""One source mapped onto the event log: a SELECT built node by node, run by DuckDB."""

from __future__ import annotations

from dataclasses import dataclass
from glob import escape
from pathlib import Path
from typing import Any

from sqlglot import exp

from tagcast.features.core.errors import ConfigError, DataError
from tagcast.features.core.messages import listed, msg
from tagcast.features.core.settings import Settings
from tagcast.features.core.settings_schema import EVENT_COLUMNS, Place, Source
from tagcast.features.ingest.sql_allow_list import checked, suggest
from tagcast.features.ingest.sql_casts import as_text, as_timestamp
from tagcast.features.ingest.sql_extract import stage_database

AMOUNT_TYPE = "DECIMAL(18, 4)"
EVENT_LOG_COLUMNS = (
    "profile_id", "event_time", "event_day", "event_hour", "event", "amount", "quantity", "discount", "category",
    "item_id", "order_id", "channel", "is_return", "source",
)  # fmt: skip
_NUMBERS = ("amount", "quantity", "discount")


def column(name: str, table: str | None = None) -> exp.Column:
    """Return a quoted column."""
    return exp.column(exp.to_identifier(name, quoted=True), table=exp.to_identifier(table) if table else None)


@dataclass(frozen=True)
class Table:
    """A table that DuckDB can read, with its columns and their types."""

    relation: exp.Expr
    columns: dict[str, str]

    def as_(self, alias: str) -> exp.Subquery:
        """Return the table under ``alias``; a bare function would lose it."""
        return exp.select("*").from_(self.relation.copy()).subquery(alias)


class Reader:
    """Opens the places of a configuration for one DuckDB connection.

    Parameters
    ----------
    settings : Settings
    connection : duckdb.DuckDBPyConnection
    staging : Path
        Where database tables are stored while they are read.
    """

    def __init__(self, settings: Settings, connection: Any, staging: Path) -> None:
        self.settings = settings
        self.connection = connection
        self.staging = staging
        self._staged = 0

    def open(self, place: Place, where: str) -> Table:
        """Return ``place`` as a table.

        Raises
        ------
        DataError
            When it is missing, empty, or cannot be read.
        """
        if place.url is not None:
            self._staged += 1
            target = self.staging / f"database-{self._staged}"
            stage_database(place, target, f"{self.settings.path.name}: {where}", folder=self.settings.folder)
            parts = exp.Literal.string(f"{escape(str(target))}/*.parquet")
            return self._describe(
                exp.func("read_parquet", parts, _option("union_by_name", True)), where, str(target)
            )
        path = self.settings.resolve(place.path or "", where)
        files = matching_files(path)
        if not files:
            raise DataError(
                msg(
                    "{config}: {where}: there is no file {path}",
                    config=self.settings.path.name,
                    where=where,
                    path=path,
                ),
                hint=msg("correct path, or bring the file there"),
            )
        if not any(f.stat().st_size for f in files):
            raise DataError(
                msg("{where}: {path} is empty: no rows", where=where, path=path),
                hint=msg("bring data, or correct path"),
            )
        kind = place.format or ("csv" if files[0].name.endswith((".csv", ".csv.gz", ".tsv")) else "parquet")
        every = exp.array(*[exp.Literal.string(str(f)) for f in files])
        if kind == "csv":
            # The whole file decides on its types: a late odd value makes text, not an error.
            options = [_option("union_by_name", True), _option("sample_size", -1)]
            return self._describe(exp.func("read_csv", every, *options), where, path, "CSV")
        return self._describe(exp.func("read_parquet", every), where, path)

    def _describe(self, relation: exp.Expr, where: str, path: str, kind: str = "Parquet") -> Table:
        import duckdb

        try:
            described = self.connection.sql(exp.select("*").from_(relation).limit(0).sql("duckdb"))
        except duckdb.Error as error:
            raise DataError(
                msg("{where}: {path} cannot be read as {format}", where=where, path=path, format=kind),
                hint=msg("check that the file is whole and of this format"),
            ) from error
        return Table(relation, dict(zip(described.columns, map(str, described.types), strict=True)))


def _option(name: str, value: bool | int) -> exp.PropertyEQ:
    return exp.PropertyEQ(this=exp.to_identifier(name), expression=exp.convert(value))


def matching_files(path: str) -> list[Path]:
    """Return the files that a path or glob names, sorted."""
    if not any(c in path for c in "*?["):
        return [Path(path)] if Path(path).is_file() else []
    anchor = Path(path).anchor or "."
    return sorted(f for f in Path(anchor).glob(str(Path(path).relative_to(anchor))) if f.is_file())


def source_query(source: Source, settings: Settings, reader: Reader) -> exp.Select:
    """Return the SELECT that gives every line of ``source`` in the event log's columns.

    ``profile_id`` is the source's own id and may be NULL, ``event_time`` is NULL where it cannot be parsed:
    both are counted before they are left out. A last column ``matched`` says whether every dimension table
    had the line's key.

    Raises
    ------
    ConfigError, DataError
        Naming the source, the column, what is there and the hint.
    """
    where = f"sources.{source.name}"
    table = reader.open(source, where)
    lines = exp.select("*").from_(table.relation)
    columns = dict(table.columns)
    if source.deduplicate:
        lines = lines.distinct()
    matched: list[exp.Expr] = []
    query = exp.select().from_(lines.subquery("s"))
    chosen: dict[str, exp.Expr] = {name: column(name, "s") for name in columns}
    for number, join in enumerate(source.joins):
        place, alias = f"{where}.joins.{number}", f"d{number}"
        dimension = reader.open(join, place)
        for name in join.columns:
            _need(name, dimension.columns, place)
            if name in columns:
                raise ConfigError(
                    msg("{place}: the source already has a column {name!r}", place=place, name=name),
                    hint=msg("leave it out of columns"),
                )
            columns[name] = dimension.columns[name]
            chosen[name] = column(name, alias)
        conditions = []
        for left, right in join.keys.items():
            _need(left, columns, f"{place}.on")
            _need(right, dimension.columns, f"{place}.on")
            conditions.append(
                as_text(chosen[left].copy(), columns[left]).eq(
                    as_text(column(right, alias), dimension.columns[right])
                )
            )
        _unique(reader, dimension, list(join.keys.values()), place)
        query = query.join(dimension.as_(alias), on=exp.and_(*conditions), join_type="left")
        matched.append(column(next(iter(join.keys.values())), alias).is_(exp.null()).not_())
    for name, value in chosen.items():
        query = query.select(exp.alias_(value, name, quoted=True), copy=False)
    query = query.select(exp.alias_(exp.and_(exp.true(), *matched), "__matched", quoted=True))
    return _mapped(source, settings, query, columns, where)


def _need(name: str, columns: dict[str, str], where: str) -> None:
    if name not in columns:
        raise DataError(
            msg("{where}: there is no column {name!r}", where=where, name=name), hint=suggest(name, columns)
        )


def _unique(reader: Reader, dimension: Table, keys: list[str], where: str) -> None:
    """A key that stands twice in a dimension would count every line of it twice."""
    counted = exp.select(exp.Count(this=exp.Star())).from_(dimension.relation)
    distinct = exp.select(*[column(k) for k in keys]).distinct().from_(dimension.relation).subquery("k")
    (rows,) = reader.connection.execute(counted.sql("duckdb")).fetchall()[0]
    (keyed,) = reader.connection.execute(
        exp.select(exp.Count(this=exp.Star())).from_(distinct).sql("duckdb")
    ).fetchall()[0]
    if rows != keyed:
        raise DataError(
            msg(
                "{where}: {keys} is not unique: {rows:,} rows, {keyed:,} keys",
                where=where,
                keys=listed(keys),
                rows=rows,
                keyed=keyed,
            ),
            hint=msg("give a dimension table with one row a key, or join on more columns"),
        )


def _mapped(
    source: Source, settings: Settings, lines: exp.Select, columns: dict[str, str], where: str
) -> exp.Select:
    values: dict[str, exp.Expr] = {}
    for target, name in source.columns.items():
        _need(name, columns, f"{where}.columns.{target}")
        values[target] = column(name)
    for target, text in source.derive.items():
        values[target] = exp.paren(checked(text, columns, f"{settings.path.name}: {where}.derive.{target}"))
    is_return: exp.Expr = exp.false()
    if source.returns:
        is_return = exp.func(
            "coalesce",
            exp.paren(checked(source.returns, columns, f"{settings.path.name}: {where}.returns")),
            exp.false(),
        )
    for name in _NUMBERS:
        if name in values:
            values[name] = exp.TryCast(
                this=values[name], to=exp.DataType.build(AMOUNT_TYPE, dialect="duckdb")
            )
    if "amount" in values:
        # Whether a source writes a return as minus or not, it is money given back.
        values["amount"] = (
            exp.case()
            .when(is_return.copy(), exp.Neg(this=exp.Abs(this=values["amount"])))
            .else_(values["amount"].copy())
        )
    if "discount" in values:
        values["discount"] = exp.Abs(this=values["discount"])
    event: exp.Expr = exp.Literal.string(source.event)
    if source.event_column is not None:
        _need(source.event_column, columns, f"{where}.event_column")
        event = exp.cast(column(source.event_column), "VARCHAR")
    mapped = exp.select().from_(lines.subquery("raw"))
    for name in EVENT_COLUMNS:
        value: exp.Expr
        if name == "event_time":
            kind = columns.get(source.columns.get(name, ""), "")
            value = as_timestamp(source, values[name], kind, settings.timezone)
        elif name in _NUMBERS:
            value = values.get(name) or exp.Cast(
                this=exp.null(), to=exp.DataType.build(AMOUNT_TYPE, dialect="duckdb")
            )
        else:
            kind = columns.get(source.columns.get(name, ""), "")
            words = as_text(values.get(name) or exp.null(), kind)
            value = exp.func("nullif", exp.func("trim", words), exp.Literal.string(""))
        mapped = mapped.select(exp.alias_(value, name))
    mapped = mapped.select(
        exp.alias_(event, "event"),
        exp.alias_(is_return, "is_return"),
        exp.alias_(column("__matched"), "matched"),
    )
    if source.where:
        mapped = mapped.where(checked(source.where, columns, f"{settings.path.name}: {where}.where"))
    return _with_day(mapped, settings.timezone, source.name)


def _with_day(mapped: exp.Select, timezone: str, name: str) -> exp.Select:
    """Add the project's local day and hour, and the source's name."""
    utc = exp.Anonymous(this="timezone", expressions=[exp.Literal.string("UTC"), exp.column("event_time")])
    local = exp.Anonymous(this="timezone", expressions=[exp.Literal.string(timezone), utc])
    computed = {
        "event_day": exp.cast(local, "DATE"),
        "event_hour": exp.cast(exp.func("hour", local.copy()), "TINYINT"),
        "source": exp.Literal.string(name),
    }
    final = exp.select().from_(mapped.subquery("mapped"))
    for target in EVENT_LOG_COLUMNS:
        final = final.select(exp.alias_(computed.get(target) or exp.column(target), target))
    return final.select(exp.column("matched"))

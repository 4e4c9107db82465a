"""One source mapped onto the event log: a SELECT built node by node, run by DuckDB."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from sqlglot import exp

from tagcast.features.core.errors import ConfigError, DataError
from tagcast.features.core.messages import listed, msg
from tagcast.features.core.schema.sources import EVENT_COLUMNS, Source
from tagcast.features.core.settings import Settings
from tagcast.features.ingest.expression_types import Typing, Values, values_of
from tagcast.features.ingest.log_columns import (
    AMOUNT_TYPE,
    converted_columns,
    log_columns,
    number_columns,
)
from tagcast.features.ingest.parts.mapped_lines import LINES, SourceQuery, StrangeValues
from tagcast.features.ingest.readers.scans import column
from tagcast.features.ingest.readers.table import Table
from tagcast.features.ingest.readers.table_reader import Reader
from tagcast.features.ingest.sql_allow_list import checked, columns_in
from tagcast.features.ingest.sql_casts import NUMERIC, as_key, as_number, base_type, finite, only_with_digits
from tagcast.features.ingest.texts.times import proven_order
from tagcast.features.ingest.texts.uses import Use
from tagcast.features.ingest.time_casts import as_timestamp, check_time_format, check_unit, needs_order


def source_query(
    source: Source, settings: Settings, reader: Reader, only: Mapping[str, str] | None = None
) -> SourceQuery:
    """Return the SELECT that gives every line of ``source`` in the event log's columns.

    Parameters
    ----------
    source : Source
    settings : Settings
    reader : Reader
    only : mapping of str to str, optional
        Those of its files or buckets that are read, by their marks; all by default.

    Raises
    ------
    ConfigError, DataError
        Naming the source, the column, what is there and the hint.
    """
    where = f"sources.{source.name}"
    needed, text = needed_columns(source, settings)
    table = reader.open(source, where, needed, text, whole=source.deduplicate, only=only)
    lines = exp.select("*").from_(table.relation)
    columns = dict(table.columns)
    known = replace(table, columns=columns)
    if source.deduplicate:
        lines = lines.distinct()
    matched: list[exp.Expr] = []
    query = exp.select().from_(lines.subquery(LINES, copy=False), copy=False)
    chosen: dict[str, exp.Expr] = {name: column(name, LINES) for name in columns}
    for number, join in enumerate(source.joins):
        place, alias = f"{where}.joins.{number}", f"d{number}"
        keys = list(join.keys.values())
        dimension = reader.open(join, place, {*keys, *join.columns}, keys)
        for wanted in join.columns:
            name = dimension.find(wanted, place)
            if name in columns or name in table.unread:
                raise ConfigError(
                    msg("{place}: the source already has a column {name!r}", place=place, name=name),
                    hint=msg("leave it out of columns"),
                )
            columns[name] = dimension.columns[name]
            chosen[name] = column(name, alias)
        conditions = []
        for left, right in join.keys.items():
            ours, theirs = known.find(left, f"{place}.on"), dimension.find(right, f"{place}.on")
            conditions.append(
                as_key(chosen[ours], columns[ours]).eq(
                    as_key(column(theirs, alias), dimension.columns[theirs])
                )
            )
        keys = [dimension.find(key, f"{place}.on") for key in keys]
        _unique(reader, dimension, keys, place)
        query = query.join(dimension.as_(alias), on=exp.and_(*conditions), join_type="left")
        matched.append(column(keys[0], alias).is_(exp.null()).not_())
    for name, value in chosen.items():
        query = query.select(exp.alias_(value, name, quoted=True), copy=False)
    query.select(exp.alias_(exp.and_(exp.true(), *matched), "__matched", quoted=True), copy=False)
    return _Mapping(source, settings, reader, query, known, where).mapped()


def needed_columns(source: Source, settings: Settings) -> tuple[set[str], set[str]]:
    """Return the columns that the mapping names, and those of them that are wanted as text."""
    converted = converted_columns(settings)
    expressions = [*source.derive.values(), source.where or "", source.returns or ""]
    needed = {*source.columns.values(), *(name for text in expressions for name in columns_in(text))}
    text = {name for target, name in source.columns.items() if target not in converted}
    text |= {left for join in source.joins for left in join.keys}
    text |= {source.event_column} if source.event_column else set()
    brought = {name.lower() for join in source.joins for name in join.columns}
    return {name for name in needed | text if name.lower() not in brought}, text


def _unique(reader: Reader, dimension: Table, keys: list[str], where: str) -> None:
    """A key that stands twice in a dimension would count every line of it twice."""
    named = [exp.alias_(as_key(column(k), dimension.columns[k]), f"k{n}") for n, k in enumerate(keys)]
    every = exp.select(*named).from_(dimension.relation.copy()).subquery("d")
    there = [exp.column(f"k{n}").is_(exp.null()).not_() for n in range(len(keys))]
    of_keys = exp.Tuple(expressions=[exp.column(f"k{n}") for n in range(len(keys))])
    counted = exp.select(
        exp.Count(this=exp.Star()), exp.Count(this=exp.Distinct(expressions=[of_keys]))
    ).from_(every)
    with reader.reading(where):
        rows, keyed = reader.connection.execute(counted.where(*there).sql("duckdb")).fetchall()[0]
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


class _Mapping:
    """The mapping of one source, over its joined lines."""

    def __init__(
        self,
        source: Source,
        settings: Settings,
        reader: Reader,
        lines: exp.Select,
        table: Table,
        where: str,
    ) -> None:
        self.source, self.settings, self.reader = source, settings, reader
        self.lines, self.table, self.where = lines.subquery("raw", copy=False), table, where
        self.columns = table.columns
        self.numbers, self.converted = number_columns(settings), converted_columns(settings)
        self.strange: dict[tuple[str, Use], StrangeValues] = {}
        self.trees = self._checked()
        named = {c.name for tree in self.trees.values() for c in tree.find_all(exp.Column)}
        texts = sorted(name for name in named if self.columns[name] == "VARCHAR")
        with reader.reading(where):
            self.values: dict[str, Values] = values_of(reader.connection, self.lines, texts)

    def _checked(self) -> dict[str, exp.Expr]:
        texts = {f"derive.{target}": text for target, text in self.source.derive.items()}
        texts |= {"where": self.source.where or "", "returns": self.source.returns or ""}
        label = f"{self.settings.path.name}: {self.where}"
        problems, unread = self.table.problems, self.table.unread
        return {
            name: checked(text, self.columns, f"{label}.{name}", problems, unread)
            for name, text in texts.items()
            if text
        }

    def _expression(self, name: str, want: Use | None) -> tuple[exp.Expr, str]:
        """Return a checked expression with its columns typed, and its own type."""
        typing = Typing(self.columns, self.values, f"{self.where}.{name}")
        tree = _times_of_digits(exp.paren(typing.typed(self.trees[name], want)))
        for column_name, use in typing.used:
            lines, example = self.values[column_name].strange(use)
            if lines:
                self.strange[column_name, use] = StrangeValues(column_name, use, lines, str(example))
        with self.reader.reading(f"{self.where}.{name}"):
            described = self.reader.connection.sql(
                exp.select(tree.copy()).from_(self.lines.copy()).limit(0).sql("duckdb")
            )
        return tree, str(described.types[0])

    def _condition(self, name: str) -> exp.Expr:
        """Return an expression that is true or false; of numbers, which MySQL has for yes and no, all but 0 are true."""
        tree, kind = self._expression(name, "boolean")
        if base_type(kind) in NUMERIC:
            return exp.cast(finite(tree) if base_type(kind) in {"FLOAT", "DOUBLE"} else tree, "BOOLEAN")
        if kind not in {"BOOLEAN", "NULL", '"NULL"'}:
            raise ConfigError(
                msg(
                    "{where}: expected {wanted}, found {text!r}",
                    where=f"{self.where}.{name}",
                    wanted=msg("a condition"),
                    text=self.trees[name].sql("duckdb"),
                ),
                hint=msg("write a condition or value such as quantity < 0"),
            )
        return tree

    def _plain(self, name: str, kind: str) -> None:
        """An object or a list would be taken for its text."""
        if kind.startswith(("STRUCT(", "MAP(")) or kind.endswith("]"):
            for named in self.trees[name].find_all(exp.Column):
                self.table.find(named.name, f"{self.where}.{name}")

    def mapped(self) -> SourceQuery:
        values: dict[str, tuple[exp.Expr, str]] = {}
        for target, name in self.source.columns.items():
            found = self.table.find(name, f"{self.where}.columns.{target}")
            values[target] = column(found), self.columns[found]
        for target in self.source.derive:
            want: Use | None = (
                "number" if target in self.numbers else None if target == "event_time" else "text"
            )
            values[target] = self._expression(f"derive.{target}", want)
            self._plain(f"derive.{target}", values[target][1])
        is_return: exp.Expr = exp.false()
        if self.source.returns:
            is_return = exp.func("coalesce", self._condition("returns"), exp.false())
        event: exp.Expr = exp.Literal.string(self.source.event)
        if self.source.event_column is not None:
            found = self.table.find(self.source.event_column, f"{self.where}.event_column")
            event = as_key(column(found), self.columns[found])
        order = self._order(*values["event_time"])
        # Text that is converted stands once beside its lines, without blanks around it: it is looked at several times.
        base = exp.select("*").from_(self.lines)
        for name in self.converted:
            if name in values and values[name][1] == "VARCHAR":
                base.select(exp.alias_(as_key(*values[name]), f"__{name}", quoted=True), copy=False)
                values[name] = column(f"__{name}"), "VARCHAR"
        query = exp.select()
        for name in (*EVENT_COLUMNS, *self.settings.numbers, *self.settings.words):
            value, kind = values.get(name, (exp.cast(exp.null(), "VARCHAR"), "VARCHAR"))
            if name == "event_time":
                result = as_timestamp(self.source, value, kind, self.settings.timezone, order)
            elif name in self.numbers:
                result = _number(name, value, kind, is_return)
            else:
                result = as_key(value, kind)
            query = query.select(exp.alias_(result, name, quoted=True, copy=False), copy=False)
            if name in self.converted:
                query = query.select(exp.alias_(value.copy(), f"raw_{name}"), copy=False)
        query.from_(base.subquery("raw", copy=False), copy=False).select(
            exp.alias_(event, "event"),
            exp.alias_(is_return, "is_return"),
            exp.alias_(column("__matched"), "matched"),
            copy=False,
        )
        if self.source.where:
            query.where(self._condition("where"), copy=False)
        kinds = {name: values[name][1] if name in values else "VARCHAR" for name in self.converted}
        select = _finished(query, self.settings, self.source.name, kinds)
        texts = {
            name: exp.select(exp.alias_(exp.column(f"raw_{name}"), "t")).from_(query.subquery("mapped"))
            for name in self.converted
            if name in values and kinds[name] == "VARCHAR"
        }
        return SourceQuery(select, tuple(self.strange.values()), texts, dict(self.columns))

    def _order(self, value: exp.Expr, kind: str) -> str | None:
        """Return in which order the times write day and month, where they have to show it."""
        check_time_format(self.source, self.reader.connection, self.where)
        if not needs_order(self.source, kind):
            return None
        text, connection = as_key(value, kind), self.reader.connection
        with self.reader.reading(self.where):
            check_unit(connection, self.lines, text, self.source.columns.get("event_time", "ts"), self.where)
            return proven_order(connection, self.lines, text, self.where)


def _times_of_digits(tree: exp.Expr) -> exp.Expr:
    """Return an expression in which strptime is asked of nothing but what may be a time."""
    for call in list(tree.find_all(exp.StrToTime, exp.Anonymous)):
        if isinstance(call, exp.StrToTime) or call.name.lower() == "try_strptime":
            text = call.this if isinstance(call, exp.StrToTime) else call.expressions[0]
            call.replace(only_with_digits(text, call.copy()))
    return tree


def _number(name: str, value: exp.Expr, kind: str, is_return: exp.Expr) -> exp.Expr:
    number = as_number(value, kind, AMOUNT_TYPE)
    if name == "amount":
        # Whether a source writes a return as minus or not, it is money given back.
        back = exp.Neg(this=exp.Abs(this=number))
        return exp.case().when(is_return.copy(), back).else_(number.copy())
    return exp.Abs(this=number) if name == "discount" else number


def _finished(mapped: exp.Select, settings: Settings, name: str, kinds: dict[str, str]) -> exp.Select:
    """Add the project's local day and hour, the source's name, and the text of what could not be converted."""
    utc = exp.Anonymous(this="timezone", expressions=[exp.Literal.string("UTC"), exp.column("event_time")])
    local = exp.Anonymous(this="timezone", expressions=[exp.Literal.string(settings.timezone), utc])
    computed = {
        "event_day": exp.cast(local, "DATE"),
        "event_hour": exp.cast(exp.func("hour", local.copy()), "TINYINT"),
        "source": exp.Literal.string(name),
    }
    final = exp.select().from_(mapped.subquery("mapped"))
    for target in log_columns(settings):
        value = computed.get(target) or column(target)
        final.select(exp.alias_(value, target, quoted=True), copy=False)
    for target, kind in kinds.items():
        text = as_key(exp.column(f"raw_{target}"), kind)
        unread = exp.case().when(column(target).is_(exp.null()), text)
        final.select(exp.alias_(unread, f"unread_{target}"), copy=False)
    return final.select(exp.column("matched"), copy=False)

"""A table or query of a warehouse: digests of its buckets and lines of some, of one moment where it can look back."""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from datetime import date, timedelta
from typing import TYPE_CHECKING, Any

from sqlglot import exp

from tagcast.features.core.messages import msg
from tagcast.features.core.schema.sources import Place
from tagcast.features.core.urls import expand_url
from tagcast.features.ingest.readers.databases import buckets
from tagcast.features.ingest.readers.databases.buckets import LABEL, WHOLE, Content
from tagcast.features.ingest.readers.databases.contract import (
    Chunk,
    Database,
    LostConnectionError,
    UnreachableError,
    table_missing,
    unreadable,
)
from tagcast.features.ingest.readers.databases.session import single_select
from tagcast.features.ingest.readers.databases.sql_columns import no_times
from tagcast.features.ingest.readers.databases.warehouses.arrow_values import plain_values
from tagcast.features.ingest.readers.databases.warehouses.bigquery import open_bigquery
from tagcast.features.ingest.readers.databases.warehouses.clickhouse import open_clickhouse
from tagcast.features.ingest.readers.databases.warehouses.snowflake import open_snowflake
from tagcast.features.ingest.readers.databases.warehouses.warehouse import Warehouse, WarehouseError
from tagcast.features.ingest.readers.wanted import Wanted

if TYPE_CHECKING:
    from sqlalchemy import URL

log = logging.getLogger("tagcast")
Opens = Callable[["URL", str], AbstractContextManager[Warehouse]]
_OPENS: dict[str, Opens] = {
    "clickhouse": open_clickhouse,
    "clickhousedb": open_clickhouse,
    "clickhousedb+connect": open_clickhouse,
    "bigquery": open_bigquery,
    "snowflake": open_snowflake,
}
"""By the scheme of their URLs; others are SQLAlchemy's."""
_ASKED = "asked"


def is_warehouse(url: str) -> bool:
    """Return whether a URL names a warehouse."""
    return url.partition("://")[0].lower() in _OPENS


@contextmanager
def open_warehouse(place: Place, where: str, wanted: Wanted) -> Iterator[Database]:
    """Open a table or query of a warehouse.

    Parameters
    ----------
    place : Place
        With a ``url`` that :func:`is_warehouse`, and ``table`` or ``query``.
    where : str
        Names the place in errors; the URL is not shown, it may hold a password.
    wanted : Wanted

    Raises
    ------
    LostConnectionError
        When the connection breaks off.
    ConfigError, DataError
        When its driver is not installed, it cannot be reached, or has no such table or column.
    """
    from sqlalchemy import make_url

    url = make_url(expand_url(place.url or "", where))
    reached = False
    try:
        with _OPENS[url.drivername.lower()](url, where) as warehouse:
            reached = True
            yield WarehouseTable(warehouse, place, where, wanted)
    except WarehouseError as error:
        if error.fault == "no table" and place.table is not None:
            raise table_missing(place.table, where) from error
        hint = msg("check user, password and rights") if error.fault == "refused" else None
        found = unreadable(error.reason, where, hint)
        if not reached:
            raise UnreachableError(found) from error
        if error.fault == "lost":
            raise LostConnectionError(found) from error
        raise found from error


class WarehouseTable:
    """A table or query of a warehouse.

    Parameters
    ----------
    warehouse : Warehouse
    place : Place
    where : str
    wanted : Wanted
    """

    def __init__(self, warehouse: Warehouse, place: Place, where: str, wanted: Wanted) -> None:
        self._warehouse, self._place, self._where = warehouse, place, where
        self._query = None
        if place.query is not None:
            self._query = single_select(place.query, warehouse.name, where).rstrip().rstrip(";")
        self._moment: str | None = None
        self._begun = False
        self.method = ""
        types = warehouse.types(self._sql(exp.select("*").where(exp.false()).limit(0)))
        wanted.check(list(types), where)
        self._types = {name: kind for name, kind in types.items() if wanted.has(name)}
        self._loaded_at = wanted.load_column(list(types), where) if wanted.loaded_at is not None else None
        if self._loaded_at is not None and warehouse.kind(types[self._loaded_at]) != "day":
            raise no_times(where, self._loaded_at)
        self._loaded_type = types.get(self._loaded_at or "", "")
        # Snowflake has names in upper case where nobody quoted them.
        self._called = wanted.spelt(list(self._types))
        time = (wanted.time or "").lower()
        kinds = {name: warehouse.kind(kind) for name, kind in self._types.items() if name.lower() == time}
        self._time: str | None
        self._kind: buckets.Kind | None
        self._time, self._kind = next(((n, k) for n, k in kinds.items() if k is not None), (None, None))

    def contents(
        self, only: Collection[str] | None = None, there: Collection[str] = (), method: str | None = None
    ) -> dict[str, Content]:
        """Return buckets as the warehouse counts them; one without a digest where it cannot."""
        if only is not None and (self._time is None or method != self._warehouse.method):
            self.method = ""
            return {}
        self.method = self._warehouse.method
        if only is not None and not only:
            return {}
        self._begin()
        for moment in dict.fromkeys((self._moment, None)):
            self._moment = moment
            try:
                return self._compared(only, there)
            except WarehouseError as error:
                # Not every view or table can be read as of a moment, and not every type has a hash.
                if error.fault != "other":
                    raise
        self.method = ""
        if only is not None:
            return {}
        log.info(msg("{where}: this database gives no digest by day, all of it is read", where=self._where))
        self._time = None
        return {WHOLE: (0, None)}

    def count(self) -> int:
        """Return the number of all lines."""
        self._begin()
        ((rows,),) = self._rows(exp.select(exp.alias_(exp.Count(this=exp.Star()), "__lines", quoted=True)))
        return int(rows)

    def counts(self) -> dict[str, int]:
        """Return the number of lines of each bucket."""
        counted = self._by_label({"__lines": exp.Count(this=exp.Star())})
        return {buckets.label_text(label): int(rows) for rows, label in counted}

    def touched(self, since: date | None, until: date) -> dict[str, str | None]:
        """Return the buckets of lines that were loaded on a day or later, and of those that do not say when."""
        assert self._loaded_at is not None  # noqa: S101 - asked where the source names one
        column, kind = self._column(self._loaded_at), self._loaded_type
        past = exp.LT(this=column, expression=self._warehouse.midnight(until, kind))
        newest = exp.Max(this=exp.case().when(past, self._warehouse.day(column.copy(), kind)))
        where = None
        if since is not None:
            later = exp.GTE(this=column.copy(), expression=self._warehouse.midnight(since, kind))
            where = exp.or_(column.copy().is_(exp.null()), later)
        found = self._by_label({"__newest": newest}, where)
        return {
            buckets.label_text(label): None if day is None else str(buckets.day_named(str(int(day))))
            for day, label in found
        }

    def lines(self, wanted: Collection[str], there: Collection[str]) -> Iterator[Chunk]:
        """Yield the lines of some buckets."""
        import pyarrow as pa

        picked = [self._warehouse.plain(self._column(name), kind) for name, kind in self._types.items()]
        if self._time is not None:
            picked.append(self._label())
        # ClickHouse takes an alias for the column of the same name, in conditions too.
        asked = exp.select(*(exp.alias_(one, f"__{n}", quoted=True) for n, one in enumerate(picked)))
        if self._time is not None and len(wanted) < len(there):
            asked = asked.where(self._within(wanted, there))
        for batch in self._warehouse.batches(self._sql(asked)):
            columns, as_words = [], []
            for name, given in zip(self._called.values(), batch.columns, strict=False):
                column, were_numbers = plain_values(given)
                columns.append(column)
                as_words += [name] if were_numbers else []
            if self._time is None:
                columns.append(pa.array([WHOLE] * batch.num_rows, pa.string()))
            else:
                columns.append(buckets.label_texts(plain_values(batch.column(len(self._types)))[0]))
            yield pa.RecordBatch.from_arrays(columns, names=[*self._called.values(), LABEL]), as_words

    def _begin(self) -> None:
        """Take the moment of which all is read, once."""
        if not self._begun:
            self._moment = self._warehouse.moment() if self._query is None else None
            self._begun = True

    def _compared(self, only: Collection[str] | None, there: Collection[str]) -> dict[str, Content]:
        columns = {name: (self._column(name), kind) for name, kind in self._types.items()}
        counted = {"__lines": exp.Count(this=exp.Star()), "__digest": self._warehouse.digest(columns)}
        if self._time is None:
            asked = exp.select(*(exp.alias_(one, name, quoted=True) for name, one in counted.items()))
            ((rows, content),) = self._rows(asked)
            return {WHOLE: (int(rows), str(content))} if rows else {}
        found: dict[str, Content] = {}
        where = None if only is None else self._within(only, there)
        for rows, content, label in self._by_label(counted, where):
            found[buckets.label_text(label)] = (int(rows), str(content))
        if len(found) <= buckets.MOST_BUCKETS:
            return {one: held for one, held in found.items() if only is None or one in only}
        self._time = None
        return self._compared(None, ())

    def _by_label(
        self, counted: Mapping[str, exp.Expr], where: exp.Expr | None = None
    ) -> Iterator[tuple[Any, ...]]:
        """Yield what is counted of each bucket, before its label; of more buckets than are kept only that they are."""
        self._begin()
        picked = {**counted, "__label": self._label()}
        asked = exp.select(*(exp.alias_(one, name, quoted=True) for name, one in picked.items()))
        if where is not None:
            asked = asked.where(where)
        yield from self._rows(asked.group_by(self._label()).limit(buckets.MOST_BUCKETS + 1))

    def _rows(self, asked: exp.Select) -> Iterator[tuple[Any, ...]]:
        for batch in self._warehouse.batches(self._sql(asked)):
            yield from zip(*(plain_values(column)[0].to_pylist() for column in batch.columns), strict=True)

    def _sql(self, asked: exp.Select) -> str:
        name = self._warehouse.name
        if self._query is None:
            table = self._warehouse.table(self._place.table or "", self._moment)
            return asked.from_(exp.alias_(table, _ASKED, table=True)).sql(name)
        # As it was written, and on lines of its own, so that a comment at its end does not hide what follows.
        return f"WITH {_ASKED} AS (\n{self._query}\n)\n{asked.from_(_ASKED).sql(name)}"

    def _column(self, name: str) -> exp.Expr:
        return exp.column(exp.to_identifier(name, quoted=True), table=_ASKED)

    def _label(self) -> exp.Expr:
        """Return the number of a line's day; of a text its first ten letters."""
        assert self._time is not None  # noqa: S101 - nobody asks where there is no time
        column = self._column(self._time)
        if self._kind == "day":
            return self._warehouse.day(column, self._types[self._time])
        if self._kind == "text":
            return self._warehouse.start(column)
        return _since_epoch(column)

    def _within(self, wanted: Collection[str], there: Collection[str]) -> exp.Expr:
        """Return what holds for the lines of the wanted buckets, of days by the column itself: partitions are left out by it."""
        label = exp.paren(self._label())
        conditions: list[exp.Expr] = [label.is_(exp.null())] if buckets.NO_BUCKET in wanted else []
        for first, last in buckets.ranges_of(wanted, there):
            conditions.append(self._between(first, last) or label.between(first, last))
        texts = [exp.Literal.string(one[1:]) for one in wanted if one.startswith("t")]
        if len(texts) > buckets.MOST_TEXTS:
            return exp.true()
        conditions += [label.isin(*texts)] if texts else []
        return exp.or_(exp.false(), *conditions)

    def _between(self, first: int, last: int) -> exp.Expr | None:
        if self._kind != "day" or self._time is None:
            return None
        try:
            start, end = (buckets.EPOCH + timedelta(days=day) for day in (first, last + 1))
        except OverflowError:
            return None
        column, kind = self._column(self._time), self._types[self._time]
        begins = exp.GTE(this=column, expression=self._warehouse.midnight(start, kind))
        ends = exp.LT(this=column.copy(), expression=self._warehouse.midnight(end, kind))
        return exp.and_(begins, ends)


def _since_epoch(column: exp.Expr) -> exp.Expr:
    case = exp.Case()
    for bound, unit in buckets.UNITS:
        days = exp.Floor(this=exp.Div(this=column.copy(), expression=exp.Literal.number(unit)))
        number = exp.cast(days, "BIGINT")
        if bound is None:
            return case.else_(number)
        less = exp.LT(this=exp.Abs(this=column.copy()), expression=exp.Literal.number(int(bound)))
        case = case.when(less, number)
    return case

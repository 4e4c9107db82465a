"""What every kind of warehouse gives: SQL of its own for what is asked of all of them, and answers as Arrow."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import date
from typing import TYPE_CHECKING, Literal, Protocol

from sqlglot import exp

from tagcast.features.core.errors import ConfigError
from tagcast.features.core.messages import Message, listed, msg
from tagcast.features.ingest.readers.databases.buckets import Kind

if TYPE_CHECKING:
    import pyarrow as pa
    from sqlalchemy import URL

Fault = Literal["lost", "refused", "no table", "other"]


class WarehouseError(Exception):
    """What a warehouse or its driver raised.

    Parameters
    ----------
    reason : Message
        Its words, without a password.
    fault : {"lost", "refused", "no table", "other"}
        Whether the connection broke off, the account was not let in, or there is no such table.
    """

    def __init__(self, reason: Message, fault: Fault = "other") -> None:
        super().__init__(str(reason))
        self.reason, self.fault = reason, fault


class Warehouse(Protocol):
    """A warehouse, connected. Columns come as SQL, types as the warehouse or its driver names them."""

    name: str
    """Of its dialect, as sqlglot knows it."""
    method: str
    """How digests are made: those of another method are not compared."""

    def table(self, name: str, moment: str | None) -> exp.Table:
        """Return a table, as it was at a moment where one is given."""

    def moment(self) -> str | None:
        """Return the present as the warehouse counts it; None where tables cannot be read as of then."""

    def types(self, statement: str) -> dict[str, str]:
        """Return the types of a statement's columns, by name, in order."""

    def batches(self, statement: str) -> Iterator[pa.RecordBatch]:
        """Yield the lines of a statement."""

    def kind(self, type_: str) -> Kind | None:
        """Return how values of a type fall into buckets."""

    def day(self, column: exp.Expr, type_: str) -> exp.Expr:
        """Return the number of the day of a time in UTC, since 1970."""

    def midnight(self, day: date, type_: str) -> exp.Expr:
        """Return the first moment of a day in UTC, as a column of a type compares with it."""

    def start(self, column: exp.Expr) -> exp.Expr:
        """Return the first ten characters of a text, as hexadecimal digits of their bytes: no collation makes two of them one."""

    def digest(self, columns: Mapping[str, tuple[exp.Expr, str]]) -> exp.Expr:
        """Return the digest of lines, which depends on no order; columns with their types, by name."""

    def plain(self, column: exp.Expr, type_: str) -> exp.Expr:
        """Return a column as a type that Arrow holds."""


def call(function: str, *arguments: exp.Expr) -> exp.Expr:
    """Return a call of a warehouse's own function, under the name that is given."""
    return exp.Anonymous(this=function, expressions=[one.copy() for one in arguments])


def text(value: str) -> exp.Expr:
    """Return a text as SQL."""
    return exp.Literal.string(value)


def named(parts: str, *, quoted: bool = True) -> list[exp.Identifier]:
    """Return the steps of a dotted name."""
    return [exp.to_identifier(part, quoted=quoted) for part in parts.split(".")]


def table_of(steps: list[exp.Identifier]) -> exp.Table:
    """Return a table by the steps of its name."""
    named_steps = dict(zip(("this", "db", "catalog"), reversed(steps), strict=False))
    return exp.Table(**named_steps)


def parameters(url: URL, known: tuple[str, ...], where: str) -> dict[str, str]:
    """Return the parameters of a URL.

    Raises
    ------
    ConfigError
        For one that is not known, or is given twice.
    """
    for name, value in url.query.items():
        if name not in known or not isinstance(value, str):
            raise ConfigError(
                msg("{where}: url has a parameter {name!r} that is not known here", where=where, name=name),
                hint=msg("known are {names}, each once", names=listed(known)),
            )
    return {name: str(value) for name, value in url.query.items()}

"""The lines of a source in the event log's columns, as a query, and what was found while it was put together."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from hashlib import sha256

from sqlglot import exp

from tagcast.features.ingest.readers.table import FILES
from tagcast.features.ingest.texts.uses import Use

LINES = "s"
"""What stands for the lines of a source in the query that maps them."""


@dataclass(frozen=True)
class StrangeValues:
    """Values of a column that an expression uses as something that they are not; they are unknown there.

    Parameters
    ----------
    column : str
    use : {"number", "time", "boolean", "text"}
    lines : int
        Of the whole table.
    example : str
    """

    column: str
    use: Use
    lines: int
    example: str


@dataclass(frozen=True)
class SourceQuery:
    """The lines of a source in the event log's columns, and what was found on the way.

    Parameters
    ----------
    select : exp.Select
        ``profile_id`` is the source's own id and may be NULL, ``event_time`` is NULL where it cannot be read: both are
        counted before they are left out. Then ``unread_NAME`` of each converted column, and ``matched``: whether every
        dimension table had the line's key.
    strange : tuple of StrangeValues
    texts : dict of str to exp.Select
        Of each column that is converted from text: all its texts, as column ``t`` without blanks around.
    columns : dict of str to str
        Columns that it reads, and their types.
    """

    select: exp.Select
    strange: tuple[StrangeValues, ...]
    texts: dict[str, exp.Select]
    columns: dict[str, str]

    def placed(self, identity: exp.Expr | None) -> exp.Select:
        """Return the lines and, as ``placed``, whom each belongs to.

        Parameters
        ----------
        identity : query, optional
            Whom the ids of the sources belong to.
        """
        lines = exp.select("e.*").from_(self.select.subquery("e", copy=False), copy=False)
        if identity is None:
            return lines.select(exp.alias_(exp.column("profile_id", "e"), "placed"), copy=False)
        same = exp.and_(
            exp.column("source", "e").eq(exp.column("source", "i")),
            exp.column("profile_id", "e").eq(exp.column("source_id", "i")),
        )
        table = exp.select("*").from_(exp.Subquery(this=identity.copy())).subquery("i")
        return lines.select("i.placed", copy=False).join(table, on=same, join_type="left", copy=False)

    @cached_property
    def shape(self) -> str:
        """Digest of how lines are mapped, wherever they lie: two of one shape map any line to the same."""
        tree = self.select.copy()
        for read in [part for part in tree.find_all(exp.Subquery) if part.alias == FILES]:
            read.replace(exp.table_(FILES))
        return sha256(
            f"{tree.sql('duckdb', copy=False)}|{sorted(self.columns.items())}".encode()
        ).hexdigest()[:16]


def read_by(mapped: exp.Expr) -> exp.Subquery:
    """Return what reads the files of the source in a query that maps its lines."""
    lines = next(part for part in mapped.find_all(exp.Subquery) if part.alias == LINES)
    return next(part for part in lines.find_all(exp.Subquery) if part.alias == FILES)


def read_beside(mapped: exp.Expr) -> list[exp.Subquery]:
    """Return what reads tables beside the source there: dimensions, and the identity table."""
    own = read_by(mapped)
    return [part for part in mapped.find_all(exp.Subquery) if part.alias == FILES and part is not own]

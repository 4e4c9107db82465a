"""The lines of a source in the event log's columns, as a query, and what was found while it was put together."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from hashlib import sha256

from sqlglot import exp

from tagcast.features.ingest.readers.table import FILES
from tagcast.features.ingest.texts.uses import Use


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

    @cached_property
    def shape(self) -> str:
        """Digest of how lines are mapped, wherever they lie: two of one shape map any line to the same."""
        tree = self.select.copy()
        for read in [part for part in tree.find_all(exp.Subquery) if part.alias == FILES]:
            read.replace(exp.table_(FILES))
        return sha256(
            f"{tree.sql('duckdb', copy=False)}|{sorted(self.columns.items())}".encode()
        ).hexdigest()[:16]

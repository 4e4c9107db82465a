"""Statements that make a table or write a file, noted as they are put together."""

from __future__ import annotations

from collections.abc import Sequence

from sqlglot import exp

from tagcast.features.compute.dated_statements import Statement, dated_statement


class Notes:
    """Notes how tables are made."""

    def __init__(self) -> None:
        self._noted: list[Statement] = []
        self.tables: dict[str, None] = {}

    def create(self, name: str, query: exp.Query, *, again: bool = False) -> None:
        """Note how a table is made from a query; ``again`` where it takes the place of an earlier one."""
        made = exp.Create(this=named(name), kind="TABLE", expression=query, replace=again)
        self._noted.append(dated_statement(made))
        self.tables[name] = None

    def taken(self) -> tuple[Statement, ...]:
        """Return what was noted since the last time."""
        noted, self._noted = tuple(self._noted), []
        return noted


def written(query: exp.Query, keys: Sequence[str]) -> Statement:
    """Return the statement that writes the rows of a view in the order of its keys."""
    stamp = exp.cast(exp.Placeholder(this="starts_at"), "TIMESTAMPTZ")
    stamps = [exp.alias_(stamp.copy(), name) for name in ("event_timestamp", "created_timestamp")]
    rows = exp.select("*", *stamps).from_(query.subquery("features", copy=False), copy=False)
    ordered = rows.order_by(*(exp.column(key, quoted=True) for key in keys), copy=False)
    return copied(ordered.subquery(copy=False))


def copied(rows: exp.Subquery) -> Statement:
    """Return the statement that writes rows as Parquet (parameter ``path``)."""
    options = {"FORMAT": "parquet", "COMPRESSION": "zstd"}
    return dated_statement(
        exp.Copy(
            this=rows,
            kind=False,
            files=[exp.Placeholder(this="path")],
            params=[
                exp.CopyParameter(this=exp.var(name), expression=exp.var(value))
                for name, value in options.items()
            ],
        )
    )


def named(table: str) -> exp.Table:
    """Return a table of this name."""
    return exp.table_(table, quoted=True)

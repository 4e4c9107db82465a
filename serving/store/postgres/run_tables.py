"""The tables of a run as the server holds them: found by name, sampled, dropped."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from adbc_driver_manager import Error
from sqlglot import exp

from tagcast.features.core.errors import StoreError
from tagcast.features.core.messages import msg
from tagcast.serving.store.postgres.connection import Server, fetch, perform

if TYPE_CHECKING:
    from adbc_driver_manager.dbapi import Connection

    from tagcast.serving.store.postgres.layout import Layout

log = logging.getLogger("tagcast")

SAMPLE_ROWS = 100_000
"""Profiles from which sizes are estimated; a base up to twice that is counted."""
IN_USE = "55P03"
"""SQLSTATE where readers hold a table."""
_GOLDEN, _WORD = 2_654_435_761, 2**32  # Knuth's multiplicative hash: spreads row numbers over the sample


def write_sample(server: Server, connection: Connection, number: int, group: int, count: int) -> int:
    """Copy a sample of the rows of a run, the same profiles of each table; return how many."""
    if count <= 2 * SAMPLE_ROWS:
        return 0
    below = int(_WORD * SAMPLE_ROWS / count)
    spread = exp.paren(exp.cast(exp.column("n"), "bigint") * _GOLDEN) % _WORD
    rows = exp.select("*").from_(server.table(f"r{number}_g{group}")).where(spread < below)
    sample = exp.Create(this=server.table(f"r{number}_s{group}"), kind="TABLE", expression=rows)
    perform(connection, sample.sql("postgres"))
    perform(connection, f"ANALYZE {server.name(f'r{number}_s{group}')}")
    size = exp.select(exp.alias_(exp.Count(this=exp.Star()), "rows"))
    found = fetch(connection, size.from_(server.table(f"r{number}_s{group}")))
    return int(found[0]["rows"])


def run_tables(server: Server, connection: Connection, number: int | None = None) -> list[str]:
    """Return the tables of a run, whatever its edition, or of all; sorted."""
    which = "[0-9]+" if number is None else str(number)
    named = exp.Literal.string(f"^r{which}(e[0-9]+)?_[gs][0-9]+$")
    there = exp.select("tablename").from_(exp.table_("pg_tables", db="pg_catalog"))
    there = there.where(exp.column("schemaname").eq(exp.Literal.string(server.schema)))
    there = there.where(exp.RegexpLike(this=exp.column("tablename"), expression=named))
    return sorted(row["tablename"] for row in fetch(connection, there))


def drop_run(server: Server, connection: Connection, number: int) -> bool:
    """Drop the tables of a run, in the transaction of the writer; False, and the transaction taken back, where readers hold one."""
    return dropped(server, connection, run_tables(server, connection, number))


def dropped(server: Server, connection: Connection, names: list[str]) -> bool:
    """Drop tables, as :func:`drop_run` does."""
    if not names:
        return True
    try:
        perform(connection, "SET LOCAL lock_timeout = '200ms'")
        perform(connection, f"DROP TABLE IF EXISTS {', '.join(map(server.name, names))}")
    except Error as error:
        connection.rollback()
        if error.sqlstate != IN_USE:
            raise
        return False
    return True


def vacuum_run(server: Server, layout: Layout, number: int) -> None:
    """Let the server mark the new pages as seen by all, which the first readers would do else; the run is active already."""
    try:
        with server.errors(), server.connect("tagcast vacuum", autocommit=True) as connection:
            for group in layout.groups:
                perform(connection, f"VACUUM {server.name(f'r{number}_g{group}')}")
    except StoreError as error:
        why = error.message
        log.warning(msg("tables could not be vacuumed, first queries are slower: {problem}", problem=why))

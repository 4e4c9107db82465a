"""Profiles are taken out of tables of PostgreSQL: a deleted row would stay in its page, so tables are written anew and the old dropped."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from adbc_driver_manager import Error
from sqlglot import exp

from tagcast.serving.store.erased import listed
from tagcast.serving.store.manifest import Entry, Manifest
from tagcast.serving.store.postgres.connection import Server, fetch, perform
from tagcast.serving.store.postgres.layout import Layout, table_of
from tagcast.serving.store.postgres.run_tables import IN_USE, dropped, run_tables

if TYPE_CHECKING:
    from adbc_driver_manager.dbapi import Connection


def write_edition(
    server: Server, connection: Connection, after: Manifest, layout: Layout, ids: Collection[str]
) -> Manifest:
    """Write the tables of a run without profiles, in the transaction of the writer; the layout counts its sample anew.

    Parameters
    ----------
    server : Server
    connection : Connection
        Of the writer that holds the store's lock.
    after : Manifest
        An edition later than what is there.
    layout : Layout
        Of the run.
    ids : collection of str
    """
    before = replace(after, edition=after.edition - 1)
    size = 0
    for kind in "gs" if layout.sample_rows else "g":
        gone = exp.select("n").from_(server.table(table_of(before, kind, 0))).where(listed(ids))
        for group in layout.groups:
            rows = exp.select("*").from_(server.table(table_of(before, kind, group)))
            rows = rows.where(exp.not_(exp.In(this=exp.column("n"), query=exp.Subquery(this=gone.copy()))))
            target = server.table(table_of(after, kind, group))
            name = server.name(table_of(after, kind, group))
            perform(connection, f"DROP TABLE IF EXISTS {name}")
            perform(
                connection,
                exp.Create(this=target, kind="TABLE", expression=rows.order_by("n")).sql("postgres"),
            )
            if kind == "g":
                if group == 0:
                    perform(connection, f"CREATE UNIQUE INDEX ON {name} (profile_id)")
                perform(connection, f"CREATE UNIQUE INDEX ON {name} (n)")
                measured = exp.func("pg_table_size", exp.Literal.string(name))
                size += fetch(connection, exp.select(exp.alias_(measured, "bytes")))[0]["bytes"]
            perform(connection, f"ANALYZE {name}")
    if layout.sample_rows:
        counted = exp.select(exp.alias_(exp.Count(this=exp.Star()), "rows"))
        layout.sample_rows = fetch(connection, counted.from_(server.table(table_of(after, "s", 0))))[0][
            "rows"
        ]
    where = exp.column("number").eq(after.number)
    text = exp.update(server.table("layouts"), {"layout": layout.text()}, where=where)
    perform(connection, text.sql("postgres"))
    return replace(after, bytes=size)


def update_log(server: Server, connection: Connection, entries: Sequence[Entry]) -> None:
    """Write entries of the log anew, in the transaction of the writer."""
    for entry in entries:
        where = exp.column("number").eq(entry.number)
        perform(
            connection, exp.update(server.table("log"), {"entry": entry.text()}, where=where).sql("postgres")
        )


def delete_changes(server: Server, connection: Connection, ids: Collection[str]) -> int:
    """Delete the history of profiles, in the transaction of the writer, and return how many rows it had."""
    counted = exp.select(exp.alias_(exp.Count(this=exp.Star()), "rows")).from_(server.table("changes"))
    rows = int(fetch(connection, counted.where(listed(ids)))[0]["rows"])
    if rows:
        perform(connection, exp.delete(server.table("changes"), listed(ids)).sql("postgres"))
    return rows


def rewrite_changes(server: Server) -> bool:
    """Let the server write the history anew, without the pages of deleted rows; False where readers hold it."""
    with server.connect("tagcast erase", autocommit=True) as connection:
        perform(connection, "SET lock_timeout = '10s'")
        try:
            perform(connection, f"VACUUM FULL {server.name('changes')}")
        except Error as error:
            if error.sqlstate != IN_USE:
                raise
            return False
    return True


def drop_others(server: Server, connection: Connection, runs: Collection[Manifest]) -> int:
    """Drop the tables of runs that are of none of ``runs``, and return how many of them readers hold."""
    stems = {table_of(run, "g", 0).partition("_")[0] for run in runs}
    waiting = 0
    for name in run_tables(server, connection):
        if name.partition("_")[0] not in stems:
            waiting += not dropped(server, connection, [name])
            connection.commit()
    return waiting


def ids_of_tables(server: Server, runs: Mapping[int, Manifest]) -> Iterator[str]:
    """Yield every id in the tables of runs and in the history."""
    with server.errors(), server.connect("tagcast reader") as connection:
        for name in (*(table_of(run, "g", 0) for run in runs.values()), "changes"):
            query = exp.select("profile_id").distinct().from_(server.table(name))
            with connection.cursor() as cursor:
                cursor.execute(query.sql("postgres"))
                for batch in cursor.fetch_record_batch():
                    yield from batch.column(0).to_pylist()

"""Which revision a state has, and whether this version works with it; Alembic is loaded by who migrates alone.

A table is made at its first use, so a state that lacks only whole tables works as it is. A column is not: revisions from
:data:`NEEDED` on have to be there.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import TYPE_CHECKING

from sqlalchemy import Column, MetaData, PrimaryKeyConstraint, String, Table, delete, inspect, select
from sqlalchemy.schema import CreateTable

from tagcast.features.core.errors import StateError
from tagcast.features.core.home.layouts import newer, older
from tagcast.registry.state.tables import METADATA

if TYPE_CHECKING:
    from sqlalchemy import Connection

HEAD = "0003"
"""The newest revision: what the tables are that this version declares."""
NEEDED = "0002"
"""The newest revision that changed a table; those after it only added whole tables."""
FIRST = "0001"

VERSION = Table(
    "alembic_version",
    MetaData(),
    Column("version_num", String(32), nullable=False),
    PrimaryKeyConstraint("version_num", name="alembic_version_pkc"),
)
"""Alembic's own table."""


def revision_of(connection: Connection, there: Collection[str]) -> str | None:
    """Return the revision that a state says it has; None where it says none, as before there were revisions.

    Parameters
    ----------
    connection : Connection
    there : collection of str
        Its tables.
    """
    if VERSION.name not in there:
        return None
    return connection.execute(select(VERSION.c.version_num)).scalar_one_or_none()


def check_revision(
    connection: Connection, there: Collection[str], schema: str | None, place: str
) -> str | None:
    """Check that this version works with a state as it is, and return the revision that it says it has.

    Parameters
    ----------
    connection : Connection
    there : collection of str
        Its tables.
    schema : str, optional
    place : str
        For the message.

    Raises
    ------
    StateError
        When it has to be brought forward first, or is of a newer version.
    """
    found = revision_of(connection, there)
    if found is None:
        if lacks_columns(connection, there, schema):
            raise older("0000", HEAD, place, StateError)
    elif found > HEAD:
        raise newer(found, HEAD, place, StateError)
    elif found < NEEDED:
        raise older(found, HEAD, place, StateError)
    return found


def lacks_columns(
    connection: Connection, there: Collection[str], schema: str | None, tables: MetaData = METADATA
) -> bool:
    """Return whether a table that is there lacks a column that ``tables`` give it."""
    looked = inspect(connection)
    return any(
        not set(table.columns.keys()) <= {str(column["name"]) for column in looked.get_columns(name, schema)}
        for name, table in tables.tables.items()
        if name in there
    )


def stamp(connection: Connection, revision: str | None = None) -> None:
    """Put on record that a state has ``revision``, the newest by default."""
    connection.execute(CreateTable(VERSION, if_not_exists=True))
    connection.execute(delete(VERSION))
    connection.execute(VERSION.insert().values(version_num=revision or HEAD))


def is_there(table: str) -> bool:
    """Return whether a state that is being brought forward has a table: one that was not used yet is made later, as it is then."""
    from alembic import op

    return bool(inspect(op.get_bind()).has_table(table))

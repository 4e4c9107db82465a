"""A state is brought forward to the newest revision, all of it or nothing."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from sqlalchemy import MetaData, StaticPool, create_engine, inspect

from tagcast.features.core.errors import StateError
from tagcast.features.core.home.layouts import newer
from tagcast.features.core.messages import msg
from tagcast.registry.state.migrations import revisions
from tagcast.registry.state.migrations.revisions import lacks_columns, revision_of, stamp

if TYPE_CHECKING:
    from alembic.config import Config
    from sqlalchemy import Connection

    from tagcast.registry.state.database import State


VERSIONS = Path(__file__).parent / "versions"


def state_revision(state: State) -> str | None:
    """Return which revision a state has, recognised by its columns where it does not say; None where there is no state.

    Raises
    ------
    StateError
        When it is of a newer version, or of none that is known.
    """
    if not state.is_there():
        return None
    with state.migrating() as connection:
        return _revision(connection, state)


def upgrade_state(state: State) -> tuple[str, str] | None:
    """Bring a state forward in one transaction.

    Returns
    -------
    tuple of str or None
        Revision before and after; None where there was nothing to do.

    Raises
    ------
    StateError
        As :func:`state_revision`, or when it cannot be written. The state is as it was.
    """
    if not state.is_there():
        return None
    with state.migrating() as connection:
        found = _revision(connection, state)
        if found == revisions.HEAD:
            return None
        stamp(connection, found)
        upgrade(connection)
        return found, revisions.HEAD


def upgrade(connection: Connection, revision: str = "head") -> None:
    """Do what every revision up to ``revision`` says that is not done yet, within the transaction of ``connection``."""
    from alembic.command import upgrade as upgraded

    upgraded(configured(connection), revision)


def configured(connection: Connection) -> Config:
    """Return how Alembic finds the revisions, to be run on ``connection``."""
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent).replace("%", "%%"))
    config.set_main_option("path_separator", "newline")
    config.set_main_option("version_locations", str(VERSIONS).replace("%", "%%"))
    config.attributes["connection"] = connection
    return config


def _revision(connection: Connection, state: State) -> str:
    there = set(inspect(connection).get_table_names(state.schema))
    found = revision_of(connection, there)
    if found is None:
        known = [
            number
            for number, tables in known_revisions()
            if not lacks_columns(connection, there, state.schema, tables)
        ]
        if not known:
            raise StateError(
                msg("{place} is older than any revision that can be brought forward", place=state.place),
                hint=msg("restore a backup, or begin anew with another --home"),
            )
        found = known[-1]
    if found > revisions.HEAD:
        raise newer(found, revisions.HEAD, state.place, StateError)
    return found


@cache
def known_revisions() -> list[tuple[str, MetaData]]:
    """Return every revision with its tables as they were then, oldest first."""
    from alembic.script import ScriptDirectory

    engine = create_engine("sqlite://", poolclass=StaticPool)
    found = []
    with engine.connect() as connection:
        script = ScriptDirectory.from_config(configured(connection))
        for revision in reversed(list(script.walk_revisions())):
            upgrade(connection, revision.revision)
            tables = MetaData()
            tables.reflect(connection, only=lambda name, _: name != "alembic_version")
            found.append((revision.revision, tables))
    engine.dispose()
    return found

"""How the database of a state is connected to: SQLite, that which can only be read, PostgreSQL."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from sqlalchemy import URL, Connection, Engine, create_engine, event

from tagcast.registry.state.read_only import add_missing_tables, connect_readable, readable_only

BUSY_TIMEOUT_S = 30
CONNECTIONS = 64  # at once; each reader holds one for the length of a small query


def engine_of(url: URL, file: Path | None, schema: str) -> Engine:
    """Return what connects to a database.

    Parameters
    ----------
    url : URL
    file : Path or None
        Of SQLite; None for PostgreSQL.
    schema : str
        Of PostgreSQL, in which the tables are.
    """
    pool: dict[str, Any] = {
        "pool_size": 8,
        "max_overflow": CONNECTIONS - 8,
        "hide_parameters": True,
        "json_serializer": _json,
    }
    if file is None:
        engine = create_engine(url, pool_pre_ping=True, connect_args={"connect_timeout": 10}, **pool)
        return engine.execution_options(schema_translate_map={None: schema})
    if readable_only(file):
        engine = create_engine(url, creator=lambda: connect_readable(file), **pool)
        event.listen(engine, "connect", add_missing_tables)
        return engine
    engine = create_engine(url, connect_args={"timeout": BUSY_TIMEOUT_S}, **pool)
    event.listen(engine, "connect", _prepare_sqlite)
    event.listen(engine, "begin", _begin_sqlite)
    return engine


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=True, default=str)


def _prepare_sqlite(connection: Any, _: Any) -> None:
    connection.isolation_level = None  # the driver would begin transactions late, after the first reading


def _begin_sqlite(connection: Connection) -> None:
    writing = connection.get_execution_options().get("writing", False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writing else "BEGIN")

"""What a database keeps of deleted rows: pages of SQLite and its log, pages of PostgreSQL. Here it is made to write them anew."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import Engine, Table
from sqlalchemy.exc import OperationalError

_LOCK_WAIT = "10s"


def rewritten(engine: Engine, schema: str | None, tables: Sequence[Table]) -> bool:
    """Write a SQLite database anew and empty its log; of PostgreSQL, some tables.

    Parameters
    ----------
    engine : Engine
    schema : str or None
        Of PostgreSQL; None for SQLite.
    tables : sequence of Table

    Returns
    -------
    bool
        Whether it was done: others may hold it.
    """
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        try:
            if schema is None:
                raw = connection.connection.cursor()
                raw.execute("VACUUM")
                (busy, *_) = raw.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
                return not busy
            connection.exec_driver_sql(f"SET lock_timeout = '{_LOCK_WAIT}'")
            preparer = engine.dialect.identifier_preparer
            for table in tables:
                name = f"{preparer.quote(schema)}.{preparer.quote(table.name)}"
                connection.exec_driver_sql(f"VACUUM FULL {name}")
            connection.exec_driver_sql("RESET lock_timeout")
        except OperationalError:
            return False
    return True

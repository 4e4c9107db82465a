"""Which store a project has."""

from __future__ import annotations

from pathlib import Path

from tagcast.features.core.errors import StoreError
from tagcast.features.core.messages import msg
from tagcast.serving.store.base import ProfileStore

POSTGRES = ("postgresql://", "postgres://")


def open_store(store: str | None, data: Path, project: str, *, memory_limit: str = "1GB") -> ProfileStore:
    """Return the store of a project.

    Parameters
    ----------
    store : str or None
        ``postgresql://…``, or a folder; None is ``store`` in ``data``.
    data : Path
        Of the settings.
    project : str
        Keeps projects in one database apart.
    memory_limit : str
        For DuckDB; beyond it data spill to the disk.
    """
    if store is not None and store.startswith(POSTGRES):
        try:
            from tagcast.serving.store.postgres.store import PostgresStore
        except ImportError as error:
            raise StoreError(
                msg("a store in PostgreSQL needs {package}, which is not installed", package=error.name),
                hint="pip install 'tagcast[postgres]'",
            ) from error
        return PostgresStore(store, data / "store", project)
    from tagcast.serving.store.duckdb.store import DuckDbStore

    return DuckDbStore(Path(store) if store else data / "store", memory_limit=memory_limit)

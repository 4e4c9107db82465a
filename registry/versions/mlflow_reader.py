"""What listings need of MLflow: versions, tags, aliases, where a run keeps its files.

Where MLflow keeps its records in a database, they are read from its tables: importing MLflow takes seconds, reading
takes milliseconds. Where a server keeps them, MLflow's own client asks it. A test holds the two equal.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from mlflow.tracking import MlflowClient
    from sqlalchemy import Connection, Table

DATABASES = ("sqlite", "postgresql", "mysql", "mssql")
DELETED = "Deleted_Internal"
"""How MLflow marks a version that was deleted."""
WORKSPACE = "default"
"""MLflow 3.7 and later keep names apart by workspace; tagcast uses the default one."""
PAGE = 1000


@dataclass(frozen=True)
class RegisteredModel:
    """A registered model.

    Parameters
    ----------
    name : str
    tags : mapping of str to str
    aliases : mapping of str to int
        Alias to version.
    """

    name: str
    tags: Mapping[str, str]
    aliases: Mapping[str, int]


@dataclass(frozen=True)
class LoggedVersion:
    """A version of a registered model.

    Parameters
    ----------
    name : str
        Of the registered model.
    version : int
    run_id, source : str
    tags : mapping of str to str
    """

    name: str
    version: int
    run_id: str
    source: str
    tags: Mapping[str, str] = field(repr=False)


class MlflowReader(Protocol):
    """Reads an MLflow."""

    def models(self, name: str | None = None) -> list[RegisteredModel]:
        """Return the registered models, or the one called ``name``."""

    def versions(self, name: str | None = None) -> list[LoggedVersion]:
        """Return the versions that are not deleted, of all registered models or of one."""

    def artifact_uri(self, run_id: str) -> str:
        """Return where a run keeps its files."""


def is_database(uri: str) -> bool:
    """Return whether a tracking URI names a database, not a server."""
    return uri.partition(":")[0].partition("+")[0] in DATABASES


class DatabaseReader:
    """Reads MLflow's tables.

    Parameters
    ----------
    uri : str
        SQLAlchemy URL of the database.
    prefix : str
        Of the names of registered models: others are left out.
    """

    def __init__(self, uri: str, prefix: str = "") -> None:
        self._uri = uri
        self._prefix = prefix

    def models(self, name: str | None = None) -> list[RegisteredModel]:
        """Return the registered models, or the one called ``name``."""
        from sqlalchemy import select

        with self._connection() as (connection, tables):
            names, tags, aliases = (
                self._rows(connection, select(tables[t]), tables[t], name)
                for t in ("models", "model_tags", "aliases")
            )
        found: dict[str, tuple[dict[str, str], dict[str, int]]] = {row.name: ({}, {}) for row in names}
        for row in tags:
            found[row.name][0][row.key] = row.value
        for row in aliases:
            found[row.name][1][row.alias] = int(row.version)
        return [RegisteredModel(each, *parts) for each, parts in found.items()]

    def versions(self, name: str | None = None) -> list[LoggedVersion]:
        """Return the versions that are not deleted, of all registered models or of one."""
        from sqlalchemy import select

        with self._connection() as (connection, tables):
            table = tables["versions"]
            rows = self._rows(connection, select(table).where(table.c.current_stage != DELETED), table, name)
            tags: dict[tuple[str, int], dict[str, str]] = {}
            for tag in self._rows(connection, select(tables["version_tags"]), tables["version_tags"], name):
                tags.setdefault((tag.name, tag.version), {})[tag.key] = tag.value
        return [
            LoggedVersion(
                row.name, int(row.version), row.run_id, row.source, tags.get((row.name, row.version), {})
            )
            for row in rows
        ]

    def artifact_uri(self, run_id: str) -> str:
        """Return where a run keeps its files."""
        from sqlalchemy import select

        with self._connection() as (connection, tables):
            runs = tables["runs"]
            found = connection.execute(
                select(runs.c.artifact_uri).where(runs.c.run_uuid == run_id)
            ).scalar_one()
        return str(found)

    def _rows(self, connection: Connection, query: Any, table: Table, name: str | None) -> Any:
        """Run ``query`` on ``table`` for one registered model or all with the prefix, of the default workspace."""
        if name is not None:
            query = query.where(table.c.name == name)
        elif self._prefix:
            query = query.where(table.c.name.startswith(self._prefix, autoescape=True))
        if "workspace" in table.c:
            query = query.where(table.c.workspace == WORKSPACE)
        return connection.execute(query).all()

    @contextmanager
    def _connection(self) -> Iterator[tuple[Connection, Mapping[str, Table]]]:
        from sqlalchemy import NullPool, create_engine, inspect

        engine = create_engine(self._uri, poolclass=NullPool)
        try:
            with engine.connect() as connection:
                columns = {column["name"] for column in inspect(connection).get_columns("model_versions")}
                yield connection, _tables("workspace" in columns)
        finally:
            engine.dispose()


@cache
def _tables(workspaces: bool) -> Mapping[str, Table]:
    """Return the columns of MLflow's tables that are read."""
    from sqlalchemy import Column, Integer, MetaData, String, Table

    meta = MetaData()

    def table(name: str, *columns: str) -> Table:
        scope = ("workspace",) if workspaces and name != "runs" else ()
        return Table(
            name,
            meta,
            *(Column(column, Integer if column == "version" else String) for column in (*columns, *scope)),
        )

    return {
        "models": table("registered_models", "name"),
        "model_tags": table("registered_model_tags", "name", "key", "value"),
        "aliases": table("registered_model_aliases", "name", "alias", "version"),
        "versions": table("model_versions", "name", "version", "run_id", "source", "current_stage"),
        "version_tags": table("model_version_tags", "name", "version", "key", "value"),
        "runs": table("runs", "run_uuid", "artifact_uri"),
    }


class ClientReader:
    """Reads through MLflow's client.

    Parameters
    ----------
    client : MlflowClient
    prefix : str
        Of the names of registered models: others are left out.
    """

    def __init__(self, client: MlflowClient, prefix: str = "") -> None:
        self._client = client
        self._prefix = prefix

    def models(self, name: str | None = None) -> list[RegisteredModel]:
        """Return the registered models, or the one called ``name``."""
        from mlflow.exceptions import MlflowException

        if name is None:
            every = _all_pages(self._client.search_registered_models, self._with_prefix())
            found = [model for model in every if model.name.startswith(self._prefix)]
        else:
            try:
                found = [self._client.get_registered_model(name)]
            except MlflowException as error:
                if error.error_code in {"RESOURCE_DOES_NOT_EXIST", "INVALID_PARAMETER_VALUE"}:
                    return []
                raise
        return [
            RegisteredModel(m.name, dict(m.tags), {alias: int(n) for alias, n in m.aliases.items()})
            for m in found
        ]

    def versions(self, name: str | None = None) -> list[LoggedVersion]:
        """Return the versions that are not deleted, of all registered models or of one."""
        if name is not None and not self.models(name):
            return []
        # Only a name that is registered gets into the filter text, and those hold no quotes.
        wanted = self._with_prefix() if name is None else f"name = '{name}'"
        return [
            LoggedVersion(v.name, int(v.version), v.run_id, v.source, dict(v.tags))
            for v in _all_pages(self._client.search_model_versions, wanted)
            if v.name.startswith(self._prefix)
        ]

    def _with_prefix(self) -> str | None:
        """Return a filter that lets the server leave others out; ``_`` stands for any sign in it, so some may come."""
        return f"name LIKE '{self._prefix}%'" if self._prefix else None

    def artifact_uri(self, run_id: str) -> str:
        """Return where a run keeps its files."""
        return str(self._client.get_run(run_id).info.artifact_uri)


def _all_pages(search: Callable[..., Any], filter_string: str | None = None) -> list[Any]:
    found: list[Any] = []
    token = None
    while True:
        page = search(filter_string=filter_string, max_results=PAGE, page_token=token)
        found.extend(page)
        token = page.token
        if not token:
            return found

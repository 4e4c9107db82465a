"""Where the application state is: its URL, read and checked, and its schema."""

from __future__ import annotations

import re
from hashlib import sha256

from sqlalchemy import URL, make_url
from sqlalchemy.exc import ArgumentError, NoSuchModuleError

from tagcast.features.core.errors import ConfigError, StateError
from tagcast.features.core.messages import msg


def parsed_url(url: str) -> URL:
    """Return ``url`` with the driver that tagcast uses.

    Raises
    ------
    StateError
        When the driver is not installed.
    ConfigError
        When it is no URL.
    """
    try:
        parsed = make_url(url)
        if parsed.drivername in {"postgres", "postgresql"}:
            parsed = parsed.set(drivername="postgresql+psycopg")
        parsed.get_dialect().import_dbapi()
    except ModuleNotFoundError as error:
        raise StateError(
            msg("a state in PostgreSQL needs {package}, which is not installed", package=error.name),
            hint="pip install 'tagcast[postgres]'",
        ) from error
    except (ArgumentError, NoSuchModuleError) as error:
        raise ConfigError(
            msg("[state] url is no SQLAlchemy URL"),
            hint=msg("as in postgresql://user:${{PASSWORD}}@host/database"),
        ) from error
    return parsed


def schema_of(project: str) -> str:
    """Return the schema of a project in PostgreSQL; two names that differ in other signs only share none."""
    slug = re.sub(r"[^a-z0-9]+", "_", project.lower()).strip("_")[:40]
    suffix = "" if slug == project else f"_{sha256(project.encode()).hexdigest()[:6]}"
    return f"tagcast_{slug}{suffix}"


def state_schema_of(project: str) -> str:
    """Return the schema of the state of a project in PostgreSQL, beside that of its store."""
    return f"{schema_of(project)}_state"

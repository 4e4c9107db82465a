"""Queries over Parquet files, each into a file of its own, wherever an engine does them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, TypeVar

from sqlglot import exp

from tagcast.features.core.duckdb import DuckDbConfig
from tagcast.features.core.engines.aside import Aside
from tagcast.features.core.engines.engine import ONE_MACHINE, Engine, Progress
from tagcast.features.core.messages import Message
from tagcast.features.core.settings import Settings

Item = TypeVar("Item")
Answer = TypeVar("Answer")

STAGED = "stage-"
"""What files are called that one step of a piece of work writes for the next."""


@dataclass(frozen=True)
class QueryEngine:
    """An engine and the DuckDB that is opened where it works.

    Parameters
    ----------
    engine : Engine
    duckdb : DuckDbConfig
    doing : Message
        What is done, for people who watch.
    progress : callable, optional
        ``(stage, done, total)``.
    """

    engine: Engine
    duckdb: DuckDbConfig
    doing: Message
    progress: Progress | None = None
    shared: Path | None = None
    """Folder that all see under this name, where not all see everything."""

    @classmethod
    def of(
        cls, engine: Engine, settings: Settings, scratch: Path, doing: Message, progress: Progress | None
    ) -> QueryEngine:
        """Return it with the memory of a project; what stays in this process spills to ``scratch``."""
        here = None if engine.elsewhere else scratch
        config = DuckDbConfig(settings.memory_limit, settings.threads, here)
        shared = settings.whole.data.resolve() if engine.elsewhere else None
        return cls(engine, config, doing, progress, shared)

    def sees(self, files: Iterable[Path]) -> bool:
        """Return whether whoever works sees these files."""
        shared = self.shared
        return shared is None or all(file.resolve().is_relative_to(shared) for file in files)

    @property
    def here(self) -> QueryEngine:
        """The same work in this process."""
        return replace(self, engine=ONE_MACHINE, shared=None)

    def each(self, work: Callable[[Item], Answer], items: Sequence[Item]) -> list[Answer]:
        """Do ``work`` for each of ``items``, and return the answers in their order."""
        return self.engine.each(work, items, self.doing, self.progress)


def write_file(
    connection: Any,
    query: exp.Expr | str,
    target: Path,
    *,
    params: Mapping[str, Any] | None = None,
    **options: Any,
) -> int:
    """Write what a query gives as a Parquet file, whole or not at all, and return how many rows it has.

    Parameters
    ----------
    connection : duckdb.DuckDBPyConnection
    query : sqlglot tree or str
    target : Path
    params : mapping, optional
    **options
        Of ``write_parquet``.
    """
    import pyarrow.parquet as pq

    text = query if isinstance(query, str) else query.sql("duckdb")
    relation = connection.sql(text, params=dict(params)) if params else connection.sql(text)
    with Aside(target) as aside:
        relation.write_parquet(str(aside.path), **options)
        rows = int(pq.read_metadata(aside.path).num_rows)
        aside.finish()
    return rows

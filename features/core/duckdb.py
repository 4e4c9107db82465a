"""DuckDB connections as tagcast opens them, and the instant at which a day begins."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

if TYPE_CHECKING:
    from tagcast.features.core.settings import Settings

_UNITS = {"bytes": 1, "KiB": 2**10, "MiB": 2**20, "GiB": 2**30, "TiB": 2**40}
"""How DuckDB writes sizes."""


def instant(as_of: date, timezone: str) -> datetime:
    """Return the UTC time at which the local day ``as_of`` begins.

    Examples
    --------
    >>> instant(date(2017, 12, 2), "America/New_York").isoformat()
    '2017-12-02T05:00:00+00:00'
    """
    return datetime.combine(as_of, time(), ZoneInfo(timezone)).astimezone(UTC)


def connect(*, memory_limit: str = "2GB", threads: int | None = None, scratch: Path | None = None) -> Any:
    """Return an ibis connection to an in-memory DuckDB that spills to ``scratch``."""
    import ibis

    options: dict[str, Any] = {"memory_limit": memory_limit}
    if threads:
        options["threads"] = threads
    if scratch is not None:
        options["temp_directory"] = str(scratch)
    connection = ibis.duckdb.connect(**options)
    silence(connection.con)
    return connection


def memory_bytes(memory_limit: str) -> int:
    """Return about what a limit of the configuration comes to, one that is a share of this machine's memory too.

    Examples
    --------
    >>> memory_bytes("512MiB") == 512 * 2**20
    True
    """
    import duckdb

    with duckdb.connect(config={"memory_limit": memory_limit}) as connection:
        (found,) = connection.execute("SELECT current_setting('memory_limit')").fetchone() or ("0 bytes",)
    number, unit = found.split()
    return int(float(number) * _UNITS[unit])


@dataclass(frozen=True)
class DuckDbConfig:
    """DuckDB as work on many lines opens it, in this process or wherever an engine does the work.

    Parameters
    ----------
    memory_limit : str
    threads : int or None
    scratch : Path or None
        Where it may spill; a folder is made there and removed, and whoever owns it clears what a killed process leaves. None: where
        the machine that does the work keeps such files.
    """

    memory_limit: str
    threads: int | None
    scratch: Path | None

    @contextmanager
    def opened(self) -> Iterator[Any]:
        """Yield a connection; work that is done inside of another with the same configuration shares its memory."""
        import duckdb

        held = _OPENED.get()
        if held is not None and held[0] == self:
            yield held[1]
            return
        from tagcast.features.core.engines.engine import local_scratch

        if self.scratch is not None:
            self.scratch.mkdir(parents=True, exist_ok=True)
        with (
            local_scratch()
            if self.scratch is None
            else TemporaryDirectory(prefix="spilled-", dir=self.scratch)
        ) as spill:
            config: dict[str, Any] = {"memory_limit": self.memory_limit, "temp_directory": str(spill)}
            if self.threads:
                config["threads"] = self.threads
            with duckdb.connect(config=config) as connection:
                silence(connection)
                # Files are sorted by their queries; keeping insertion order would only cost memory.
                connection.execute("SET preserve_insertion_order = false")
                # Of a large sorted file it makes a union of groups by ranges of ids of its own, and reads what a range of ours
                # holds once for each of them.
                connection.execute("SET disabled_optimizers = 'partitioned_execution'")
                token = _OPENED.set((self, connection))
                try:
                    yield connection
                finally:
                    _OPENED.reset(token)


_OPENED: ContextVar[tuple[DuckDbConfig, Any] | None] = ContextVar("_OPENED", default=None)


@contextmanager
def spilling(settings: Settings, aside: Path) -> Iterator[Any]:
    """Yield DuckDB within the configured memory; beyond it work goes to a folder in ``aside``."""
    with DuckDbConfig(settings.memory_limit, settings.threads, aside).opened() as connection:
        yield connection


def silence(connection: Any) -> None:
    """Turn off DuckDB's own progress bar: it would be drawn into what a command answers.

    In a notebook without widgets the bar is off and cannot be set: that is as good.
    """
    import duckdb

    with suppress(duckdb.Error):
        connection.execute("SET enable_progress_bar = false")

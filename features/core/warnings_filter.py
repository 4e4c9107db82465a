"""Warnings of libraries that mean nothing to users of tagcast."""

from __future__ import annotations

from contextlib import suppress
from typing import Any


def silence(connection: Any) -> None:
    """Turn off DuckDB's own progress bar: it would be drawn into what a command answers.

    In a notebook without widgets the bar is off and cannot be set: that is as good.
    """
    import duckdb

    with suppress(duckdb.Error):
        connection.execute("SET enable_progress_bar = false")

"""Marks tests on PostgreSQL; prints how many faults were survived, at the end of `make faults`."""

from __future__ import annotations

import pytest

from tests.support.faults.injection import FULL, tally


def pytest_itemcollected(item) -> None:
    """Mark the PostgreSQL case of every test that runs on each kind of store or state."""
    params = item.callspec.params.values() if hasattr(item, "callspec") else ()
    if any(isinstance(value, str) and value == "postgres" for value in params):
        item.add_marker(pytest.mark.postgres)


def pytest_terminal_summary(terminalreporter) -> None:
    if FULL:
        terminalreporter.write_line(f"faults survived {tally['survived']} of {tally['met']}")

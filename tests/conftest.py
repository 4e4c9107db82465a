"""Prints how many faults were survived, at the end of `make faults`."""

from __future__ import annotations

from tests.support.faults.injection import FULL, tally


def pytest_terminal_summary(terminalreporter) -> None:
    if FULL:
        terminalreporter.write_line(f"faults survived {tally['survived']} of {tally['met']}")

"""The clock: only commands read it, logic gets the moment as an argument."""

from __future__ import annotations

from datetime import UTC, datetime


def clock() -> datetime:
    """Return the moment, with a timezone."""
    return datetime.now(UTC)

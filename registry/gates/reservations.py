"""What a version did not hold though it may be champion, in a word or two, for wherever it is called champion."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tagcast.features.core.messages import Text, msg

RESERVATIONS: dict[str, Text] = {
    "calibrated": msg("not calibrated"),
    "covers": msg("intervals do not hold"),
    "keeps_promise": msg("promise not kept"),
}
"""By the check that warned."""


def reservations(report: Mapping[str, Any]) -> tuple[str, ...]:
    """Return those of :data:`RESERVATIONS` that a gate's report, as JSON values, holds against a version."""
    outcomes = {check["name"]: check["outcome"] for check in report.get("checks", ())}
    return tuple(name for name in RESERVATIONS if outcomes.get(name, "pass") != "pass")

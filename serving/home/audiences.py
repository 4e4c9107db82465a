"""Saved audiences whose size changed suddenly with the last run."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import quote

from tagcast.features.core.messages import msg
from tagcast.serving.audiences.over_time.alerts import audience_alerts
from tagcast.serving.home.notes import Note

if TYPE_CHECKING:
    from tagcast.registry.access.roles import Person
    from tagcast.serving.context import ServiceContext


def audience_notes(context: ServiceContext, person: Person) -> list[Note]:
    """Return the audiences that ``person`` may see and that changed more than they usually do; their page says why."""
    return [
        Note(
            "audience",
            msg(
                "went from {before:,} to {members:,} members, more than it usually changes",
                before=alert.before,
                members=alert.members,
            ),
            f"/audiences/{quote(alert.audience, safe='')}",
            {"en": alert.audience, "zh": alert.audience},
            "warn",
        )
        for alert in audience_alerts(context, person)
    ]

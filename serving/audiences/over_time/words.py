"""Changes of a saved audience in words."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from tagcast.features.core.messages import Message, msg

if TYPE_CHECKING:
    from tagcast.registry.governance.audiences.membership_changes import Reason
    from tagcast.serving.audiences.over_time.alerts import AudienceAlert

_NOTHING: Mapping[str, str] = {}


def reason_words(reason: Reason, titles: Mapping[str, str] = _NOTHING) -> Message:
    """Return why somebody joined or left, as within a sentence; ``titles`` say what tags and attributes are called."""
    return cause_words(reason.cause, titles.get(reason.field, reason.field))


def cause_words(cause: str, field: str) -> Message:
    """Return a cause as within a sentence.

    Parameters
    ----------
    cause : Cause
    field : str
        What the tag or attribute is called; empty where it is about none.
    """
    return {
        "new": msg("new customers"),
        "gone": msg("customers who are no longer known, or were merged with others"),
        "data": msg("new data: {field}", field=field),
        "consent": msg("consent: {field}", field=field),
        "attribute": msg("changed attribute: {field}", field=field),
        "model": msg("another model or threshold: {field}", field=field),
        "tag_definition": msg("another definition of the tag: {field}", field=field),
        "audience_definition": msg("the audience’s filter was edited"),
        "expired": msg("expired: {field}", field=field),
    }[cause]


def alert_words(alert: AudienceAlert, titles: Mapping[str, str] = _NOTHING) -> Message:
    """Return a sudden change as a sentence."""
    numbers = {
        "audience": alert.audience,
        "before": f"{alert.before:,}",
        "members": f"{alert.members:,}",
        "as_of": f"{alert.as_of}",
    }
    if alert.reason is None:
        return msg(
            "the audience “{audience}” went from {before} to {members} members on {as_of}, more than it usually changes",
            **numbers,
        )
    return msg(
        "the audience “{audience}” went from {before} to {members} members on {as_of}, more than it usually changes; mainly {reason}",
        **numbers,
        reason=reason_words(alert.reason, titles),
    )

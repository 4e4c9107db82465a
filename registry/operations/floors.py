"""Floors of uplift tags on record: the mean lower bound of a campaign's members, and the effect that was measured on them.

They are part of the figures that a campaign ended with, written once and for good.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING

from tagcast.registry.governance.observed_accuracy import PromiseRow
from tagcast.registry.operations.campaigns import all_campaigns

if TYPE_CHECKING:
    from tagcast.registry.state.database import State

FLOORS = "floors"
"""In a campaign's final figures: ``tag``, ``version``, ``members``, ``promised`` and ``lift`` of each."""


@dataclass(frozen=True)
class FloorRow(PromiseRow):
    """The floor of an uplift tag on one campaign, in the words of a promise.

    ``as_of`` and ``due`` are the first day of the campaign and the first after its window; ``predicted`` are members of both arms,
    ``promised`` is their mean lower bound, ``right`` their measured effect. Beside them:

    Parameters
    ----------
    campaign, name : str
        Its id and name; empty of a version's own cases, which no campaign judged.
    low, high : float or None
        95 % interval of the measured effect; None where it is not known.
    """

    campaign: str = ""
    name: str = ""
    low: float | None = None
    high: float | None = None

    @property
    def interval(self) -> tuple[float, float] | None:
        """The interval of the measured effect; None where it is not known, or may not be seen."""
        if self.right is None or self.low is None or self.high is None:
            return None
        return self.low, self.high


def observed_floors(state: State, tag: str | None = None, *, since: date | None = None) -> list[FloorRow]:
    """Return the floors that campaigns have judged, the newest campaign first.

    Parameters
    ----------
    state : State
    tag : str, optional
        Default: of all tags.
    since : date, optional
        Only of campaigns that started on this day or later.
    """
    found = [
        FloorRow(
            one["tag"], one["version"], campaign.starts, campaign.ends, True, 0.0,
            one["members"], one["promised"], one["lift"]["lift"],
            campaign=campaign.id, name=campaign.name, low=one["lift"]["low"], high=one["lift"]["high"],
        )
        for campaign in all_campaigns(state)
        if campaign.final is not None and (since is None or campaign.starts >= since)
        for one in campaign.final.get(FLOORS, ())
        if tag in (None, one["tag"])
    ]  # fmt: skip
    return sorted(found, key=lambda row: row.as_of, reverse=True)

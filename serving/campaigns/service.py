"""Campaigns as console, API and command line show them: to who may export, and sees all that a campaign names."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from tagcast.features.core.schema.entities import PROFILE
from tagcast.features.ingest.event_log import active_log
from tagcast.registry.access.roles import require
from tagcast.registry.operations.campaigns import all_campaigns, get_campaign, no_campaign
from tagcast.serving.audiences.filter_resolution import hidden_attributes
from tagcast.serving.campaigns.figures import Figures
from tagcast.serving.campaigns.measure import Measuring, measure
from tagcast.serving.catalog.known_tags import hidden_tags

if TYPE_CHECKING:
    from tagcast.features.ingest.event_log import EventLog
    from tagcast.registry.access.roles import Person
    from tagcast.registry.operations.campaigns import Campaign
    from tagcast.serving.context import ServiceContext

FIGURES_SECONDS = 3_600.0


@dataclass(frozen=True)
class MeasuredCampaign:
    """A campaign and what it did.

    Parameters
    ----------
    campaign : Campaign
    figures : Figures or None
        Those on record once they are final, else of the events loaded last; None where no events were loaded yet.
    """

    campaign: Campaign
    figures: Figures | None

    def to_dict(self) -> dict[str, Any]:
        """Return it as JSON values; of its members only how many they are."""
        about = {name: value for name, value in vars(self.campaign).items() if name != "final"}
        about["ends"] = self.campaign.ends
        figures = (
            None if self.figures is None else {**self.figures.to_json(), "decided": self.figures.decided}
        )
        return {**about, "names": list(self.campaign.names), "figures": figures}


def list_campaigns(context: ServiceContext, person: Person) -> list[MeasuredCampaign]:
    """Return the campaigns that ``person`` may see, newest first.

    Raises
    ------
    NotAllowedError
        Without the right "export".
    """
    require(person, "export")
    hidden = hidden_attributes(context, person) | hidden_tags(context, person)
    seen = [one for one in all_campaigns(context.state) if not hidden & set(one.names)]
    log = _log(context) if seen else None
    return [MeasuredCampaign(one, _shown(_figures(context, log, one), hidden)) for one in seen]


def find_campaign(context: ServiceContext, person: Person, campaign: str) -> MeasuredCampaign:
    """Return one campaign.

    Raises
    ------
    NotAllowedError
        Without the right "export".
    NotFoundError
        Where there is none of that id, or it names what is hidden from ``person``.
    """
    require(person, "export")
    found = get_campaign(context.state, campaign)
    hidden = hidden_attributes(context, person) | hidden_tags(context, person)
    if hidden & set(found.names):
        raise no_campaign(campaign)
    return MeasuredCampaign(found, _shown(_figures(context, _log(context), found), hidden))


def _shown(figures: Figures | None, hidden: Collection[str]) -> Figures | None:
    """Return figures without the floors of tags that are hidden."""
    if figures is None:
        return None
    return replace(figures, floors=tuple(one for one in figures.floors if one.tag not in hidden))


def _log(context: ServiceContext) -> EventLog | None:
    """Return the events loaded last, with the days that the whole project has observed."""
    log = active_log(context.settings.data)
    if log is None or context.settings.entity == PROFILE:
        return log
    whole = active_log(context.settings.whole.data)
    return log if whole is None else log.seen_until(whole)


def _figures(context: ServiceContext, log: EventLog | None, campaign: Campaign) -> Figures | None:
    if campaign.final is not None:
        return Figures.from_json(campaign.final)
    if log is None:
        return None
    measuring = Measuring(context.settings, context.state, log, context.former_ids)
    # Another campaign may have approached its members since.
    key = ("campaign", campaign.id, log.id, log.observed_until, context.former_ids.digest)
    others = len(all_campaigns(context.state))
    return context.remembered.get(
        (*key, others), lambda: measure(measuring, campaign), seconds=FIGURES_SECONDS
    )

"""Campaigns as console, API and command line show them: to who may export, and sees all that a campaign names."""

from __future__ import annotations

from collections.abc import Collection, Hashable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from tagcast.features.core.schema.entities import PROFILE
from tagcast.features.ingest.event_log import active_log
from tagcast.registry.access.roles import require
from tagcast.registry.operations.campaigns import all_campaigns, get_campaign, no_campaign
from tagcast.serving.audiences.filter_resolution import hidden_attributes
from tagcast.serving.campaigns.figures import Figures
from tagcast.serving.campaigns.measure import Measuring, measure
from tagcast.serving.campaigns.members import read_arms
from tagcast.serving.campaigns.visible_members import of_members, visible_arms
from tagcast.serving.catalog.known_tags import hidden_tags
from tagcast.serving.filters.row_rights import reader_for

if TYPE_CHECKING:
    from tagcast.features.ingest.event_log import EventLog
    from tagcast.registry.access.roles import Person
    from tagcast.registry.operations.campaigns import Campaign
    from tagcast.serving.campaigns.members import Arms
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
    """Return the campaigns that ``person`` may see, newest first; whoever sees some profiles only, with the figures of these.

    Raises
    ------
    NotAllowedError
        Without the right "export".
    """
    require(person, "export")
    hidden = hidden_attributes(context, person) | hidden_tags(context, person)
    seen = [one for one in all_campaigns(context.state) if not hidden & set(one.names)]
    log = _log(context) if seen else None
    found = [_measured(context, person, log, one) for one in seen]
    return [replace(one, figures=_shown(one.figures, hidden)) for one in found if one is not None]


def find_campaign(context: ServiceContext, person: Person, campaign: str) -> MeasuredCampaign:
    """Return one campaign.

    Raises
    ------
    NotAllowedError
        Without the right "export".
    NotFoundError
        Where there is none of that id, it names what is hidden from ``person``, or they see none of its members.
    """
    require(person, "export")
    found = get_campaign(context.state, campaign)
    hidden = hidden_attributes(context, person) | hidden_tags(context, person)
    if hidden & set(found.names):
        raise no_campaign(campaign)
    measured = _measured(context, person, _log(context), found)
    if measured is None:
        raise no_campaign(campaign)
    return replace(measured, figures=_shown(measured.figures, hidden))


def _measured(
    context: ServiceContext, person: Person, log: EventLog | None, campaign: Campaign
) -> MeasuredCampaign | None:
    """Return a campaign and its figures, of the members whom ``person`` sees; None where they see none of them."""
    if not person.limits:
        return MeasuredCampaign(campaign, _figures(context, log, campaign))
    settings, former = context.settings, context.former_ids
    with reader_for(context, person) as reader:
        arms = context.store.once(
            reader,
            ("members", campaign.id, former.digest),
            lambda: visible_arms(context, reader, read_arms(context.state, settings.home, campaign, former)),
        )
        shown = (reader.shown, reader.manifest.number)
    if not arms.persons:
        return None
    return MeasuredCampaign(
        of_members(campaign, arms), _figures(context, log, of_members(campaign, arms), arms, shown)
    )


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


def _figures(
    context: ServiceContext,
    log: EventLog | None,
    campaign: Campaign,
    arms: Arms | None = None,
    shown: Hashable = "",
) -> Figures | None:
    """Return the figures of all members, or of ``arms``, which ``shown`` names."""
    if campaign.final is not None:
        return Figures.from_json(campaign.final)
    if log is None:
        return None
    measuring = Measuring(context.settings, context.state, log, context.former_ids)
    # Another campaign may have approached its members since.
    key = ("campaign", campaign.id, log.id, log.observed_until, context.former_ids.digest)
    others = len(all_campaigns(context.state))
    return context.remembered.get(
        (*key, others, shown), lambda: measure(measuring, campaign, arms), seconds=FIGURES_SECONDS
    )

"""Campaigns that run, and those whose window has just closed; nothing is measured here."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING
from urllib.parse import quote

from tagcast.features.core.messages import Message, msg
from tagcast.features.core.signed_numbers import points
from tagcast.features.ingest.event_log import active_log
from tagcast.registry.operations.campaigns import all_campaigns
from tagcast.serving.audiences.filter_resolution import hidden_attributes
from tagcast.serving.campaigns.figures import Figures
from tagcast.serving.campaigns.words import points_range
from tagcast.serving.catalog.known_tags import hidden_tags
from tagcast.serving.catalog.shown_counts import shown_size, smallest_cell
from tagcast.serving.home.notes import Note, Tone

if TYPE_CHECKING:
    from datetime import date

    from tagcast.registry.access.roles import Person
    from tagcast.registry.operations.campaigns import Campaign
    from tagcast.serving.context import ServiceContext

JUST = timedelta(days=31)
"""Of data after its window: a campaign that ended earlier is no news."""


def campaign_notes(context: ServiceContext, person: Person) -> list[Note]:
    """Return the campaigns that run, and those that ended lately by the days of the data, newest first.

    Nothing for who sees some profiles only: the figures on record are of everybody.
    """
    if not person.may("export") or person.limits:
        return []
    log = active_log(context.settings.data)
    if log is None:
        return []
    hidden = hidden_attributes(context, person) | hidden_tags(context, person)
    cell = smallest_cell(context, person)
    found = []
    for campaign in all_campaigns(context.state):
        if hidden & set(campaign.names) or log.observed_until > campaign.ends + JUST:
            continue
        text, tone = _words(campaign, log.observed_until, cell)
        title = {"en": campaign.name, "zh": campaign.name}
        found.append(Note("campaign", text, f"/campaigns/{quote(campaign.id, safe='')}", title, tone))
    return found


def _words(campaign: Campaign, until: date, cell: int) -> tuple[Message, Tone]:
    """Return where a campaign stands by the first day that is not observed."""
    if campaign.final is not None:
        return _ended(campaign, Figures.from_json(campaign.final))
    if until >= campaign.ends:
        return msg("its window has closed; open it to see what it did"), ""
    if until <= campaign.starts:
        return msg("starts on {day}", day=f"{campaign.starts:%Y-%m-%d}"), ""
    return msg(
        "running, day {day} of {days}: {given:,} given, {held_out:,} held out",
        day=(until - campaign.starts).days,
        days=campaign.days,
        given=shown_size(campaign.given, cell),
        held_out=shown_size(campaign.held_out, cell),
    ), ""


def _ended(campaign: Campaign, figures: Figures) -> tuple[Message, Tone]:
    if figures.lift is None:
        return msg("measured: nobody can tell what it did"), "warn"
    given = {"lift": points(figures.lift.lift), "range": points_range(figures.lift)}
    if not figures.decided:
        return msg("measured: no effect can be seen, {lift} points ({range})", **given), ""
    if figures.works(campaign):
        return msg("measured: it worked, {lift} points ({range})", **given), "good"
    return msg("measured: it did harm, {lift} points ({range})", **given), "bad"

"""A campaign in sentences that anybody understands: whether it worked, by how much, and what speaks against believing it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from tagcast.features.core.messages import Language, Message, msg, nmsg
from tagcast.features.core.signed_numbers import points, signed
from tagcast.serving.campaigns.goals import outcome_from
from tagcast.serving.catalog.definition_text import words_of_outcome

if TYPE_CHECKING:
    from tagcast.models.stats.lift.estimates import Lift
    from tagcast.registry.operations.campaigns import Campaign
    from tagcast.registry.operations.floors import FloorRow
    from tagcast.serving.campaigns.figures import Figures, Floor, Range
    from tagcast.serving.campaigns.service import MeasuredCampaign


def goal_words(campaign: Campaign, language: Language) -> str:
    """Return what the campaign's goal counts."""
    return words_of_outcome(outcome_from(campaign.goal), language)


def wanted_words(campaign: Campaign) -> Message:
    """Return whether more or less of the goal is wanted."""
    return msg("less of it is wanted") if campaign.wanted == "less" else msg("more of it is wanted")


def points_range(found: Lift | Range) -> str:
    """Return the 95 % range of a lift in points."""
    return f"{points(found.low)} … {points(found.high)}"


def effect_range(row: FloorRow) -> str:
    """Return the 95 % range of the effect that a floor is held against, in points; a dash where it is not known."""
    return "–" if row.interval is None else " … ".join(points(end) for end in row.interval)


def floor_words(row: FloorRow) -> Message:
    """Return what was promised of a campaign's members, and what was measured."""
    return msg(
        "a floor of {floor} points promised, {lift} measured ({range})",
        floor=points(row.promised or 0.0),
        lift=points(row.right or 0.0),
        range=effect_range(row),
    )


def kept_campaigns(rows: Sequence[FloorRow]) -> Message:
    """Say on how many campaigns a floor was kept."""
    kept = sum(row.is_kept for row in rows)
    return nmsg("kept on {kept} of {n} campaign", "kept on {kept} of {n} campaigns", len(rows), kept=kept)


def floor_verdict(floor: Floor | FloorRow) -> Message:
    """Return whether a tag's floor was kept, or missed by no more than chance."""
    return msg("broken") if floor.is_broken else msg("kept")


def signed_range(found: Range) -> str:
    """Return the 95 % range of a figure."""
    return f"{signed(found.low)} … {signed(found.high)}"


def headline(campaign: Campaign, figures: Figures | None, language: Language) -> Message:
    """Return whether the campaign worked, in words that need no statistics."""
    if figures is None or figures.stage == "ahead":
        return msg(
            "No day of the campaign is in the data yet: it starts on {starts}.", starts=campaign.starts
        )
    if figures.lift is None:
        if not campaign.held_out:
            return msg("Nobody was held out, so nobody can tell what the campaign did.")
        return msg("Too few of its members are in the data to tell what the campaign did.")
    if figures.ratio is not None and figures.ratio.alarm:
        return msg("The control group is not the one that was drawn, so these figures cannot be trusted.")
    facts = _facts(campaign, figures, figures.lift, language)
    if figures.stage == "open":
        days = {"day": figures.day, "days": figures.days, "facts": facts}
        if not figures.decided:
            return msg(
                "Too early to tell: day {day} of {days}. {facts} Decided on {ends} at the latest.",
                ends=campaign.ends,
                **days,
            )
        if figures.works(campaign):
            return msg("It works already, on day {day} of {days}. {facts}", **days)
        return msg("It does harm already, on day {day} of {days}. {facts}", **days)
    if not figures.decided:
        return msg("No effect can be seen. {facts}", facts=facts)
    return (
        msg("It worked. {facts}", facts=facts)
        if figures.works(campaign)
        else msg("It did harm. {facts}", facts=facts)
    )


def _facts(campaign: Campaign, figures: Figures, lift: Lift, language: Language) -> Message:
    """Return the goal in both arms, their difference, and what it comes to."""
    # While the window is open the goal is counted over the days so far.
    counted = outcome_from(campaign.goal).model_copy(update={"horizon_days": figures.day})
    goal = words_of_outcome(counted, language)
    extra = figures.extra
    assert extra is not None  # noqa: S101 - there is one beside each lift
    return msg(
        "{goal}: {given:.1%} of those given, {held_out:.1%} of those held out. That is {lift} points ({range}), or {extra} in all ({extra_range}).",
        goal=goal[:1].upper() + goal[1:],
        given=lift.mean_given,
        held_out=lift.mean_held_out,
        lift=points(lift.lift),
        range=points_range(lift),
        extra=signed(extra.value),
        extra_range=signed_range(extra),
    )


def doubts(figures: Figures) -> list[Message]:
    """Return what speaks against taking the figures as they stand."""
    found: list[Message] = []
    if figures.ratio is not None and figures.ratio.alarm:
        found.append(
            msg(
                "{share:.1%} of those measured were held out, {expected:.1%} were drawn: by chance that happens less than once in a thousand campaigns. See whether somebody was left out of the file, or erased since.",
                share=figures.ratio.share,
                expected=figures.ratio.expected,
            )
        )
    if figures.delivered is not None and figures.delivered.held_out > 0:
        found.append(
            msg(
                "{share:.1%} of those held out were reached all the same: the lift is too small by that.",
                share=figures.delivered.held_out,
            )
        )
    if figures.elsewhere_given or figures.elsewhere_held_out:
        found.append(
            msg(
                "Other campaigns approached {given:,} of those given and {held_out:,} of those held out within the window.",
                given=figures.elsewhere_given,
                held_out=figures.elsewhere_held_out,
            )
        )
    if figures.gone:
        found.append(
            nmsg(
                "{n:,} member is no longer in the data and not measured.",
                "{n:,} members are no longer in the data and not measured.",
                figures.gone,
            )
        )
    if figures.in_both:
        found.append(
            nmsg(
                "{n:,} member was in both groups, since accounts became one, and is not measured.",
                "{n:,} members were in both groups, since accounts became one, and are not measured.",
                figures.in_both,
            )
        )
    if figures.lift is not None and figures.lift.method == "newcombe":
        found.append(
            msg(
                "Fewer than ten members of a group have the goal, or do not have it: the range is not adjusted by scores."
            )
        )
    return found


def stage_words(found: MeasuredCampaign) -> Message:
    """Return how far a campaign is."""
    figures = found.figures
    if figures is None or figures.stage == "ahead":
        return msg("ahead")
    if figures.stage == "open":
        return msg("day {day} of {days}", day=figures.day, days=figures.days)
    if not figures.decided:
        return msg("no effect seen")
    return msg("worked") if figures.works(found.campaign) else msg("did harm")


def interval_note(figures: Figures) -> Message:
    """Return what the range means."""
    if figures.stage == "open":
        return msg(
            "the range may be looked at on any day: of 20 campaigns without an effect at most one is ever taken for one that has some"
        )
    return msg(
        "19 ranges of 20 hold the truth; members count as given or held out, whether the campaign reached them or not"
    )

"""Campaigns as people read them: a list with lifts, and one with the sentence, the figures and the doubts."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import timedelta
from typing import TYPE_CHECKING

from tagcast.features.core.messages import Text, language_of, msg
from tagcast.features.core.signed_numbers import points, signed
from tagcast.pipelines.reports.terminal import say, table, tell
from tagcast.serving.campaigns.words import (
    doubts,
    floor_verdict,
    goal_words,
    headline,
    interval_note,
    points_range,
    signed_range,
    stage_words,
    wanted_words,
)

if TYPE_CHECKING:
    from tagcast.serving.campaigns.figures import Figures
    from tagcast.serving.campaigns.service import MeasuredCampaign


def render_campaigns(found: Sequence[MeasuredCampaign]) -> None:
    """Print a line a campaign."""
    table(
        msg("Campaigns"),
        (
            msg("id"),
            msg("name"),
            msg("starts"),
            msg("days"),
            msg("given"),
            msg("held out"),
            msg("lift, points"),
            msg("95 % range"),
            msg("so far"),
        ),
        [
            (
                one.campaign.id,
                one.campaign.name,
                one.campaign.starts,
                one.campaign.days,
                one.campaign.given,
                one.campaign.held_out,
                None if lift is None else points(lift.lift),
                None if lift is None else points_range(lift),
                stage_words(one),
            )
            for one in found
            for lift in [one.figures.lift if one.figures is not None else None]
        ],
    )


def render_campaign(found: MeasuredCampaign, currency: str) -> None:
    """Print a campaign: the sentence, what stands behind it, and what speaks against it."""
    campaign, figures = found.campaign, found.figures
    say(headline(campaign, figures, language_of()))
    say(
        msg(
            "  {name} ({id}): {goal}; {wanted}",
            name=campaign.name,
            id=campaign.id,
            goal=goal_words(campaign, language_of()),
            wanted=wanted_words(campaign),
        )
    )
    say(
        msg(
            "  {starts} to {ends}, {given:,} given, {held_out:,} held out of {filter}",
            starts=campaign.starts,
            ends=campaign.ends - timedelta(days=1),
            given=campaign.given,
            held_out=campaign.held_out,
            filter=campaign.filter,
        )
    )
    if figures is None or figures.lift is None:
        return
    table(
        msg("What it did"),
        ("", msg("given"), msg("held out"), msg("difference"), msg("95 % range")),
        list(_rows(figures, currency)),
        notes=(interval_note(figures),),
    )
    if figures.expected is not None:
        say(
            msg(
                "promised at export, without a campaign: {expected:.1%}; held out: {share:.1%}",
                expected=figures.expected,
                share=figures.lift.mean_held_out,
            )
        )
    if figures.floors:
        table(
            msg("Floors of uplift tags (points)"),
            (
                msg("tag"),
                msg("version"),
                msg("members"),
                msg("floor"),
                msg("measured"),
                msg("95 % range"),
                "",
            ),
            [
                (
                    one.tag,
                    one.version,
                    f"{one.members:,}",
                    points(one.promised),
                    points(one.lift.lift),
                    points_range(one.lift),
                    floor_verdict(one),
                )
                for one in figures.floors
            ],
        )
    for doubt in doubts(figures):
        tell(doubt)


def _rows(figures: Figures, currency: str) -> Iterator[tuple[Text, ...]]:
    lift = figures.lift
    assert lift is not None  # noqa: S101 - asked where there is one
    share = (f"{lift.mean_given:.1%}", f"{lift.mean_held_out:.1%}")
    yield msg("share with the goal"), *share, points(lift.lift), points_range(lift)
    if figures.extra is not None:
        yield msg("outcomes more"), "", "", signed(figures.extra.value), signed_range(figures.extra)
    if figures.money is not None and figures.extra_money is not None:
        each = (f"{figures.money.mean_given:,.2f}", f"{figures.money.mean_held_out:,.2f}")
        between = f"{signed(figures.money.low, 2)} … {signed(figures.money.high, 2)}"
        yield msg("spent by each"), *each, signed(figures.money.lift, 2), between
        whole = f"{signed(figures.extra_money.value)} {currency}".strip()
        yield msg("money more"), "", "", whole, signed_range(figures.extra_money)
    reached = figures.delivered
    if reached is not None:
        yield msg("reached"), f"{reached.given:.1%}", f"{reached.held_out:.1%}", "", ""
        if reached.effect is not None:
            yield (
                msg("among those reached"),
                "",
                "",
                points(reached.effect.value),
                points_range(reached.effect),
            )

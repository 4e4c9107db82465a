"""Exports as text: what was written, who was left out, and what a campaign will be able to see."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from tagcast.features.core.messages import language_of, listed, msg
from tagcast.pipelines.reports.terminal import say

if TYPE_CHECKING:
    from tagcast.serving.delivery.consent import Reach
    from tagcast.serving.delivery.exports import ExportRecord
    from tagcast.serving.delivery.power import Power


def render_export(out: Path, found: ExportRecord, planned: Power | None = None) -> None:
    """Print what was taken away."""
    say(
        msg(
            "{rows:,} profiles written to {out}; export {id} in the audit log",
            rows=found.rows,
            out=out,
            id=found.id,
        )
    )
    if found.held_out:
        say(msg("  {count:,} held out at random, seed {seed}", count=found.held_out, seed=found.seed))
    if found.without_consent:
        say(msg("  {count:,} left out: they do not consent to the channel", count=found.without_consent))
    if found.standing:
        say(msg("  {count:,} left out: they belong to the standing control group", count=found.standing))
    if found.rested:
        say(msg("  {count:,} left out: they were contacted as often as allowed of late", count=found.rested))
    elif found.at_limit:
        say(msg("  {count:,} were contacted as often as allowed of late already", count=found.at_limit))
    if found.hidden:
        say(msg("  left out, since you may not see them: {names}", names=listed(found.hidden)))
    if found.goal is not None:
        from tagcast.serving.campaigns.goals import outcome_from
        from tagcast.serving.catalog.definition_text import words_of_outcome

        goal = words_of_outcome(outcome_from(found.goal), language_of())
        say(msg("  a campaign from {starts} on; its goal: {goal}", starts=found.starts, goal=goal))
        _render_power(planned)
        say(msg("  what it did: {command}", command=f"tagcast campaign show {found.id}"))
    elif found.held_out and planned is not None:
        say(msg("  no campaign, since the filter names no tag whose outcome could be its goal: see --goal"))


def render_reach(found: Reach, planned: Power | None = None) -> None:
    """Print whom an export would write and leave out."""
    say(
        msg(
            "{written:,} of {members:,} members would be written",
            written=found.written,
            members=found.members,
        )
    )
    if found.without_consent:
        say(
            msg(
                "  {count:,} would be left out: {refused:,} do not consent to the channel, of {unknown:,} nothing is known",
                count=found.without_consent,
                refused=found.without_consent - found.consent_unknown,
                unknown=found.consent_unknown,
            )
        )
    if found.standing:
        say(
            msg(
                "  {count:,} would be left out: they belong to the standing control group",
                count=found.standing,
            )
        )
    if found.rested:
        say(
            msg(
                "  {count:,} would be left out: they were contacted as often as allowed of late",
                count=found.rested,
            )
        )
    elif found.at_limit:
        say(msg("  {count:,} were contacted as often as allowed of late already", count=found.at_limit))
    if found.contacted:
        say(msg("  {count:,} were contacted of late at all", count=found.contacted))
    _render_power(planned)


def _render_power(planned: Power | None) -> None:
    """Print which lift a campaign would see."""
    if planned is not None:
        say(planned.sentence)

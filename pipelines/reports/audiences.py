"""Answers about audiences as people read them."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from tagcast.features.core.messages import language_of, listed, msg, nmsg
from tagcast.pipelines.reports.terminal import amount, say, table

if TYPE_CHECKING:
    from tagcast.serving.audiences.portrait import Overlap, Portrait
    from tagcast.serving.audiences.service import ProfitCurve
    from tagcast.serving.delivery.consent import Reach
    from tagcast.serving.delivery.exports import ExportRecord
    from tagcast.serving.delivery.power import Power

log = logging.getLogger("tagcast")


def render_count(found: dict[str, Any]) -> None:
    """Print the size of an audience."""
    figures = {"members": found["members"], "base": found["base"], "share": found["share"]}
    say(
        msg(
            "about {members:,}, give or take {margin:,}, of {base:,} profiles ({share:.1%})",
            margin=found["margin"],
            **figures,
        )
        if found["margin"]
        else msg("{members:,} of {base:,} profiles ({share:.1%})", **figures)
    )
    for tag, since in found["expired"].items():
        say(
            msg(
                "  {tag} expired on {day}: nothing is known by it, and nobody is counted for what it said; "
                "bring the sources up to date and publish a new run: {command}",
                tag=tag,
                day=f"{since:%Y-%m-%d}",
                command="tagcast score --all",
            )
        )
    for name, one in found.get("frozen", {}).items():
        if one["gone"] or one["saved"] != one["profiles"]:
            say(
                msg(
                    "  {audience}: of {saved:,} members saved, {gone:,} are no longer in the data; the others are {profiles:,} profiles now",
                    audience=name,
                    **one,
                )
            )
    for channel, members in found["reachable"].items():
        say(msg("  {members:,} can be contacted by {channel}", members=members, channel=channel))
    for tag, confidence in found["mean_confidence"].items():
        if confidence is not None:
            say(msg("  {tag}: mean confidence {confidence:.3f}", tag=tag, confidence=confidence))


def render_explanation(found: dict[str, Any]) -> None:
    """Print the explanation of a filter."""
    say(found["sentence"])
    render_count(found)
    table(
        msg("What each condition takes away"),
        (msg("condition"), msg("profiles without it"), msg("taken away")),
        [(e["condition"], e["members_without"], e["removed"]) for e in found["effects"]],
    )
    if found["expected"]:
        table(
            msg("How many predictions will come true"),
            (
                msg("tag"),
                msg("predicts"),
                msg("profiles"),
                msg("promised"),
                msg("expected"),
                msg("19 of 20 times from"),
                msg("to"),
            ),
            [
                (
                    e["tag"],
                    e["value"],
                    e["members"],
                    *(round(e[part]) for part in ("promised", "right", "low", "high")),
                )
                for e in found["expected"]
            ],
        )
    if found["expected_amounts"]:
        table(
            msg("How much they will spend in all"),
            (msg("tag"), msg("profiles"), msg("expected"), msg("19 of 20 times from"), msg("to")),
            [
                (e["tag"], e["members"], *(amount(e[part]) for part in ("amount", "low", "high")))
                for e in found["expected_amounts"]
            ],
        )
    if found["expected_effects"]:
        table(
            msg("What it gains to contact all of them"),
            (msg("tag"), msg("profiles"), msg("more outcomes"), msg("at least"), msg("at most")),
            [
                (e["tag"], e["members"], *(f"{e[part]:,.1f}" for part in ("gained", "floor", "high")))
                for e in found["expected_effects"]
            ],
        )


def render_profit(curve: ProfitCurve, currency: str) -> None:
    """Print the best threshold, and the profit on the way there, in ``currency``, or in that of the data where it is empty."""
    best = curve.best
    if not best.members:
        say(msg("nobody is worth the cost"))
        return
    say(
        msg(
            "contact the {members:,} of highest score (from {threshold:.3f} on): expected profit {profit}, "
            "by the bounds of their scores {low} to {high}",
            members=best.members,
            threshold=best.threshold,
            profit=amount(best.profit),
            low=amount(best.low),
            high=amount(best.high),
        )
    )
    say(msg("  amounts in {currency}", currency=currency or msg("the currency of the data")))
    say(msg("  add to the filter: {condition}", condition=curve.condition))
    steps = max(1, len(curve.points) // 12)
    table(
        msg("Profit by threshold"),
        (msg("profiles"), msg("score from"), msg("profit"), msg("low"), msg("high")),
        [
            (p.members, p.threshold, amount(p.profit), amount(p.low), amount(p.high))
            for p in dict.fromkeys((*curve.points[::steps], curve.points[-1]))
        ],
    )


def render_members(rows: Sequence[dict[str, Any]], amounts: frozenset[str]) -> None:
    """Print profiles of an audience; ``amounts`` are the columns that hold amounts."""
    lines = [[amount(v) if name in amounts else v for name, v in row.items()] for row in rows]
    table(
        nmsg("{n:,} profile", "{n:,} profiles", len(rows)),
        list(rows[0]) if rows else ["profile_id"],
        lines,
    )


def render_portrait(found: Portrait, by: Literal["index", "share"], top: int) -> None:
    """Print what sets an audience apart."""
    figures = {"members": found.members, "against": found.against}
    ranked = found.by_index() if by == "index" else found.by_share()
    table(
        msg("{members:,} profiles against {against:,}, estimated from a sample", **figures)
        if found.estimated
        else msg("{members:,} profiles against {against:,}", **figures),
        (msg("field"), msg("level"), msg("profiles"), msg("share"), msg("of the others"), msg("index")),
        [
            (
                row.field,
                row.level,
                row.members,
                f"{row.share:.1%}",
                f"{row.against_share:.1%}",
                None if row.index is None else round(row.index),
            )
            for row in ranked[:top]
        ],
        notes=(msg("index 100: as common as among the others"),),
    )


def render_overlap(found: Overlap) -> None:
    """Print how two audiences overlap."""
    table(
        msg("Overlap"),
        (msg("profiles"), msg("count")),
        [
            (msg("the first"), found.a),
            (msg("the second"), found.b),
            (msg("both"), found.both),
            (msg("either"), found.either),
            (msg("the first alone"), found.only_a),
            (msg("the second alone"), found.only_b),
            (msg("both of either (Jaccard)"), f"{found.jaccard:.1%}"),
        ],
    )


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

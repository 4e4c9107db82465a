"""`tagcast run`: which run was active when, and what changed between two of them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from tagcast.features.core.messages import Message, listed, msg
from tagcast.pipelines.reports.scoring import value_counts
from tagcast.pipelines.reports.terminal import say, table
from tagcast.pipelines.scoring.run_history import RunsCompared, StoreRow

if TYPE_CHECKING:
    from tagcast.pipelines.nights.night import Night


def render_runs(rows: Sequence[StoreRow], place: str) -> None:
    """Print the log."""
    if not rows:
        say(msg("nothing has been published yet in {place}", place=place))
        return
    table(
        msg("Runs of {place}", place=place),
        (
            "",
            msg("number"),
            msg("at (UTC)"),
            msg("what"),
            msg("run"),
            msg("as of"),
            msg("profiles"),
            msg("tags"),
            msg("kept"),
            msg("why"),
        ),
        [
            (
                msg("active") if r.active else "",
                r.number,
                f"{r.at:%Y-%m-%d %H:%M}",
                _action(r),
                r.run_id,
                r.as_of,
                r.profiles,
                r.tags,
                r.kept,
                r.reason,
            )
            for r in rows
        ],
    )


def _action(row: StoreRow) -> Message:
    if row.action == "publish":
        return msg("published")
    if row.action == "keep":
        return msg("kept for the history")
    return msg("back to {run}", run=row.run)


def render_night(night: Night, timezone: str) -> None:
    """Print what was due, and what was done about it."""
    zone = ZoneInfo(timezone)
    if night.due:
        table(
            msg("Due ({timezone})", timezone=timezone),
            (msg("tag"), msg("due since"), msg("last scored")),
            [
                (
                    one.tag,
                    f"{one.since.astimezone(zone):%Y-%m-%d %H:%M}",
                    f"{one.last.astimezone(zone):%Y-%m-%d %H:%M}" if one.last else "–",
                )
                for one in night.due
            ],
        )
    else:
        say(
            msg(
                "nothing is due; the last call was killed once it had published its run, before that was on record"
            )
        )
    if night.steps:
        table(
            msg("Done"),
            (msg("step"), msg("outcome"), msg("seconds"), ""),
            [
                (_STEPS[step.step], _OUTCOMES[step.outcome], f"{step.seconds:,.1f}", step.detail)
                for step in night.steps
            ],
        )


_STEPS = {
    "load": msg("load events"),
    "judge": msg("judge promises"),
    "train": msg("train anew"),
    "score": msg("score and publish"),
    "keep": msg("delete what is old"),
    "notify": msg("notify"),
}
_OUTCOMES = {
    "done": msg("done"),
    "nothing": msg("nothing to do"),
    "refused": msg("refused"),
    "failed": msg("failed"),
}


def render_diff(found: RunsCompared) -> None:
    """Print how many profiles entered and left each value."""
    table(
        msg(
            "From run {before} ({before_id}) to run {after} ({after_id})",
            before=found.before,
            before_id=found.before_id,
            after=found.after,
            after_id=found.after_id,
        ),
        (msg("tag"), msg("entered"), msg("left"), msg("changed")),
        [
            (d.tag, value_counts(d.entered, "+"), value_counts(d.left, "−"), f"{d.changed:.1%}")
            for d in found.tags
        ],
    )
    for what, tags in ((msg("new"), found.new), (msg("no longer there"), found.gone)):
        if tags:
            say(msg("{what}: {tags}", what=what, tags=listed(tags)))

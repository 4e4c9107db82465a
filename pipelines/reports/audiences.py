"""Answers about audiences as people read them."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from tagcast.pipelines.reports.terminal import amount, say, table

if TYPE_CHECKING:
    from tagcast.registry.governance.saved_audiences import SavedAudience
    from tagcast.serving.audiences.portrait import Overlap, Portrait
    from tagcast.serving.audiences.service import ProfitCurve
    from tagcast.serving.delivery.exports import ExportRecord

log = logging.getLogger("tagcast")


def render_count(found: dict[str, Any]) -> None:
    """Print the size of an audience."""
    margin = f", give or take {found['margin']:,}," if found["margin"] else ""
    about = "about " if margin else ""
    say(f"{about}{found['members']:,}{margin} of {found['base']:,} profiles ({found['share']:.1%})")
    for tag, confidence in found["mean_confidence"].items():
        if confidence is not None:
            say(f"  {tag}: mean confidence {confidence:.3f}")


def render_explanation(found: dict[str, Any]) -> None:
    """Print the explanation of a filter."""
    say(found["sentence"])
    render_count(found)
    table(
        "What each condition takes away",
        ("condition", "profiles without it", "taken away"),
        [(e["condition"], e["members_without"], e["removed"]) for e in found["effects"]],
    )
    if found["expected"]:
        table(
            "How many will turn out as said",
            ("tag", "says", "profiles", "promised", "expected", "19 of 20 times from", "to"),
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
            "How much they will spend in all",
            ("tag", "profiles", "expected", "19 of 20 times from", "to"),
            [
                (e["tag"], e["members"], *(amount(e[part]) for part in ("amount", "low", "high")))
                for e in found["expected_amounts"]
            ],
        )


def render_profit(curve: ProfitCurve) -> None:
    """Print the best threshold, and the profit on the way there."""
    best = curve.best
    if not best.members:
        say("nobody is worth the cost")
        return
    say(
        f"contact the {best.members:,} of highest score (from {best.threshold:.3f} on): expected profit "
        f"{amount(best.profit)}, by the bounds of their scores {amount(best.low)} to {amount(best.high)}"
    )
    say(f"  add to the filter: {curve.condition}")
    steps = max(1, len(curve.points) // 12)
    table(
        "Profit by threshold",
        ("profiles", "score from", "profit", "low", "high"),
        [
            (p.members, p.threshold, amount(p.profit), amount(p.low), amount(p.high))
            for p in dict.fromkeys((*curve.points[::steps], curve.points[-1]))
        ],
    )


def render_members(rows: Sequence[dict[str, Any]], amounts: frozenset[str]) -> None:
    """Print profiles of an audience; ``amounts`` are the columns that hold amounts."""
    lines = [[amount(v) if name in amounts else v for name, v in row.items()] for row in rows]
    table(f"{len(rows):,} profiles", list(rows[0]) if rows else ["profile_id"], lines)


def render_portrait(found: Portrait, by: Literal["index", "share"], top: int) -> None:
    """Print what sets an audience apart."""
    about = ", estimated from a sample" if found.estimated else ""
    ranked = found.by_index() if by == "index" else found.by_share()
    table(
        f"{found.members:,} profiles against {found.against:,}{about}",
        ("field", "level", "profiles", "share", "of the others", "index"),
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
        notes=("index 100: as common as among the others",),
    )


def render_overlap(found: Overlap) -> None:
    """Print how two audiences overlap."""
    table(
        "Overlap",
        ("profiles", "count"),
        [
            ("the first", found.a),
            ("the second", found.b),
            ("both", found.both),
            ("either", found.either),
            ("the first alone", found.only_a),
            ("the second alone", found.only_b),
            ("both of either (Jaccard)", f"{found.jaccard:.1%}"),
        ],
    )


def render_export(out: Path, found: ExportRecord) -> None:
    """Print what was taken away."""
    say(f"{found.rows:,} profiles written to {out}; export {found.id} in the audit log")
    if found.held_out:
        say(f"  {found.held_out:,} kept back at random")
    if found.without_consent:
        say(f"  {found.without_consent:,} left out: they do not consent to the channel")
    if found.hidden:
        say(f"  left out, since you may not see them: {', '.join(found.hidden)}")


def render_saved(found: Sequence[SavedAudience]) -> None:
    """Print saved audiences."""
    table(
        "Saved audiences",
        ("name", "kind", "profiles", "run", "owner", "changed", "filter", "description"),
        [
            (a.name, a.kind, a.members, a.run, a.owner, f"{a.changed_at:%Y-%m-%d}", a.filter, a.description)
            for a in found
        ],
    )

"""Answers about audiences as people read them."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import asdict
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from tagcast.features.core.errors import TagcastError
from tagcast.pipelines.reports.terminal import amount, say, table

if TYPE_CHECKING:
    from tagcast.features.core.settings import Settings
    from tagcast.registry.access.roles import Person
    from tagcast.registry.governance.saved_audiences import SavedAudience
    from tagcast.serving.audiences.portrait import Overlap, Portrait
    from tagcast.serving.audiences.service import Language, ProfitCurve
    from tagcast.serving.context import ServiceContext
    from tagcast.serving.delivery.exports import ExportRecord

log = logging.getLogger("tagcast")


def count_audience(
    context: ServiceContext, person: Person, text: str, *, estimate: bool = False
) -> dict[str, Any]:
    """Count the profiles that the filter ``text`` finds, or estimate how many they are."""
    from tagcast.serving.audiences.service import count, parse_for

    tree = parse_for(context, person, text)
    return {"filter": text, **asdict(count(context, person, tree, estimate=estimate))}


def keep_sizes(settings: Settings, moment: datetime) -> None:
    """Keep how large each saved audience is in the run just published; what fails is said and holds nothing up."""
    from tagcast.pipelines.project.local_user import local_user
    from tagcast.serving.audiences.saved_audience_actions import record_sizes
    from tagcast.serving.context import open_context

    context = open_context(settings, lambda: moment)
    try:
        failed = record_sizes(context, local_user())
    except TagcastError as error:
        log.warning("the sizes of saved audiences are not kept: %s", error.message)
    else:
        if failed:
            log.warning("saved audiences that speak of tags that are gone: %s", ", ".join(failed))
    finally:
        context.store.close()


def render_count(found: dict[str, Any]) -> None:
    """Print the size of an audience."""
    margin = f", give or take {found['margin']:,}," if found["margin"] else ""
    about = "about " if margin else ""
    say(f"{about}{found['members']:,}{margin} of {found['base']:,} profiles ({found['share']:.1%})")
    for tag, confidence in found["mean_confidence"].items():
        if confidence is not None:
            say(f"  {tag}: mean confidence {confidence:.3f}")


def explain_audience(
    context: ServiceContext, person: Person, text: str, language: Language
) -> dict[str, Any]:
    """Return what a filter means, what it finds, what each condition takes away and how many turn out as said."""
    from tagcast.serving.audiences.service import (
        condition_impact,
        count,
        expected,
        expected_amounts,
        parse_for,
        sentence,
    )

    tree = parse_for(context, person, text)
    return {
        "filter": text,
        "sentence": sentence(context, person, tree, language),
        **asdict(count(context, person, tree)),
        "effects": [asdict(effect) for effect in condition_impact(context, person, tree)],
        "expected": [asdict(one) for one in expected(context, person, tree)],
        "expected_amounts": [asdict(one) for one in expected_amounts(context, person, tree)],
    }


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


def render_cut(curve: ProfitCurve) -> None:
    """Print the best cut, and the way there."""
    best = curve.best
    if not best.members:
        say("nobody is worth the cost")
        return
    say(
        f"approach the {best.members:,} of highest score (from {best.cut:.3f} on): expected profit "
        f"{amount(best.profit)}, by the bounds of their scores {amount(best.low)} to {amount(best.high)}"
    )
    say(f"  add to the filter: {curve.condition}")
    steps = max(1, len(curve.points) // 12)
    table(
        "Profit by how far down the scores",
        ("profiles", "score from", "profit", "low", "high"),
        [
            (p.members, p.cut, amount(p.profit), amount(p.low), amount(p.high))
            for p in dict.fromkeys((*curve.points[::steps], curve.points[-1]))
        ],
    )


def show_audience(
    context: ServiceContext, person: Person, text: str, limit: int, seed: int | None
) -> tuple[list[dict[str, Any]], frozenset[str]]:
    """Return up to ``limit`` of the profiles that a filter finds, and which columns hold amounts."""
    from tagcast.serving.audiences.service import members, parse_for, sample

    tree = parse_for(context, person, text)
    if seed is None:
        rows = list(members(context, person, tree, limit=limit).rows)
    else:
        rows = sample(context, person, tree, limit, seed)
    with context.store.reader() as reader:
        return rows, frozenset(f"{tag}.score" for tag in reader.manifest.run.amounts)


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

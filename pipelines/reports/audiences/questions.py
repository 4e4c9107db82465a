"""Answers about audiences as people read them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Literal

from tagcast.features.core.messages import Text, language_of, listed, msg, nmsg
from tagcast.pipelines.reports.terminal import amount, say, table

if TYPE_CHECKING:
    from tagcast.pipelines.audiences import FoundOutcome
    from tagcast.serving.audiences.portraits.overlap import Overlap
    from tagcast.serving.audiences.portraits.portrait import Portrait
    from tagcast.serving.audiences.wording.field_words import FilterField


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


def render_fields(found: Sequence[FilterField]) -> None:
    """Print what filters may speak of."""
    language, kinds = language_of(), {"tag": msg("tag"), "fact": msg("fact"), "attribute": msg("attribute")}
    rows = [
        (one.name, kinds[one.of], one.kind, one.title[language], (one.view or {}).get(language, ""))
        for one in found
    ]
    table(msg("Fields of filters"), [msg("field"), msg("of"), msg("kind"), msg("title"), msg("view")], rows)


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


def render_outcome(found: FoundOutcome) -> None:
    """Print what to expect of an audience, or what is near one that is empty."""
    from tagcast.serving.audiences.outcome.sentences import range_of

    language = language_of()
    for one in found.outcome.outcomes:
        if one.outcome.members:
            say(one.sentence[language])
        if one.outcome.covered:
            notes: tuple[Text, ...] = (range_of(one.outcome), one.about[language])
            say(msg("  {notes}", notes=listed(filter(None, notes), "sentences")))
    if found.outcome.at_risk:
        say(found.outcome.at_risk[language])
    if (top := found.top_at_risk) is not None and top.members:
        say(msg("the {n:,} with the most value at risk: {filter}", n=top.members, filter=top.filter))
    for near in found.alternatives:
        say(msg("nobody is in it; {n:,} would be in {filter}", n=near.members, filter=near.filter))


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
    notes: list[Text] = [msg("index 100: as common as among the others")]
    if by == "index":
        unclear = len(found.unclear())
        notes.append(
            nmsg(
                "{n:,} level is not shown, since its index does not clearly differ from 100",
                "{n:,} levels are not shown, since their index does not clearly differ from 100",
                unclear,
            )
        )
        if found.own:
            notes.append(msg("left out, since the filter itself sets it: {fields}", fields=listed(found.own)))
    table(
        msg("{members:,} profiles against {against:,}, estimated from a sample", **figures)
        if found.estimated
        else msg("{members:,} profiles against {against:,}", **figures),
        (
            msg("field"),
            msg("level"),
            msg("profiles"),
            msg("share"),
            msg("of the others"),
            msg("index"),
            msg("19 of 20 times from"),
            msg("to"),
        ),
        [
            (
                row.field,
                row.level,
                row.members,
                f"{row.share:.1%}",
                f"{row.against_share:.1%}",
                *(None if one is None else round(one) for one in (row.index, row.low, row.high)),
            )
            for row in ranked[:top]
        ],
        notes=tuple(notes),
    )
    if found.numbers:
        table(
            msg("Medians, and the middle half"),
            (msg("field"), msg("profiles"), msg("median"), msg("from"), msg("to"), msg("of the others")),
            [
                (
                    one.field,
                    one.audience.known,
                    *(amount(value) for value in _middle(one.audience.values)),
                    None if one.against.median is None else amount(one.against.median),
                )
                for one in found.numbers
            ],
        )


def _middle(quantiles: Sequence[float]) -> tuple[float | None, float | None, float | None]:
    """Return median, lower and upper quartile."""
    if not quantiles:
        return None, None, None
    _, lower, median, upper, _ = quantiles
    return median, lower, upper


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

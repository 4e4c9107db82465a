"""Questions about audiences, as the command line and `import tagcast` ask them."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tagcast.features.core.messages import Message
    from tagcast.registry.access.roles import Person
    from tagcast.serving.audiences.outcome.alternatives import Alternative
    from tagcast.serving.audiences.outcome.answers import AudienceOutcome
    from tagcast.serving.audiences.outcome.value_at_risk import TopAtRisk
    from tagcast.serving.audiences.portraits.overlap import Overlap
    from tagcast.serving.audiences.portraits.portrait import Portrait
    from tagcast.serving.audiences.service import Language, ProfitCurve
    from tagcast.serving.context import ServiceContext
    from tagcast.serving.delivery.consent import Reach
    from tagcast.serving.delivery.exports import ExportRecord
    from tagcast.serving.delivery.power import Power

log = logging.getLogger("tagcast")


def count_audience(
    context: ServiceContext, person: Person, text: str, *, estimate: bool = False
) -> dict[str, Any]:
    """Count the profiles that the filter ``text`` finds, or estimate how many they are."""
    from tagcast.serving.audiences.saved_audience_actions import frozen_members
    from tagcast.serving.audiences.service import count, parse_for

    tree = parse_for(context, person, text)
    found = count(context, person, tree, estimate=estimate)
    frozen = {name: asdict(one) for name, one in frozen_members(context, person, text).items()}
    return {"filter": text, **asdict(found), "frozen": frozen}


def explain_audience(
    context: ServiceContext, person: Person, text: str, language: Language
) -> dict[str, Any]:
    """Return what a filter means, what it finds, what each condition takes away and how many predictions come true."""
    from tagcast.serving.audiences.service import (
        condition_impact,
        count,
        expected,
        expected_amounts,
        expected_effects,
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
        "expected_effects": [asdict(one) for one in expected_effects(context, person, tree)],
    }


def _expired(context: ServiceContext, person: Person, text: str) -> list[Message]:
    """Return a sentence for each tag of a filter, and of the audiences that it names, that has expired."""
    from tagcast.serving.audiences.filter_resolution import resolve
    from tagcast.serving.audiences.queries import expired_sentences, expired_tags
    from tagcast.serving.filters.row_rights import reader_for
    from tagcast.serving.filters.where import tags_of

    whole = resolve(context, person, text).whole
    with reader_for(context, person) as reader:
        return expired_sentences(expired_tags(reader, tags_of(whole), context.now), context.now)


def show_audience(
    context: ServiceContext, person: Person, text: str, limit: int, seed: int | None
) -> tuple[list[dict[str, Any]], frozenset[str]]:
    """Return up to ``limit`` of the profiles that a filter finds, and which columns hold amounts."""
    from tagcast.serving.audiences.service import members, parse_for, sample
    from tagcast.serving.filters.row_rights import reader_for

    tree = parse_for(context, person, text)
    for sentence in _expired(context, person, text):
        log.warning(sentence)
    if seed is None:
        rows = list(members(context, person, tree, limit=limit).rows)
    else:
        rows = sample(context, person, tree, limit, seed)
    with reader_for(context, person) as reader:
        return rows, frozenset(f"{tag}.score" for tag in reader.manifest.run.amounts)


@dataclass(frozen=True)
class FoundOutcome:
    """What to expect of the members of a filter.

    Parameters
    ----------
    filter : str
    outcome : AudienceOutcome
    top_at_risk : TopAtRisk or None
        None where it was not asked for, or the run has no value at risk.
    alternatives : tuple of Alternative
        Where the filter finds nobody.
    """

    filter: str
    outcome: AudienceOutcome
    top_at_risk: TopAtRisk | None
    alternatives: tuple[Alternative, ...]


def outcome_of(
    context: ServiceContext,
    person: Person,
    text: str,
    tags: Sequence[str] | None = None,
    top: int | None = None,
    *,
    estimate: bool = False,
) -> FoundOutcome:
    """Return what to expect of the members of a filter, and of ``top`` how to find those with the most value at risk."""
    from tagcast.serving.audiences.outcome.alternatives import alternatives
    from tagcast.serving.audiences.outcome.answers import audience_outcome
    from tagcast.serving.audiences.outcome.value_at_risk import top_at_risk
    from tagcast.serving.audiences.service import count, parse_for

    tree = parse_for(context, person, text)
    found = audience_outcome(context, person, tree, tags=tags, estimate=estimate)
    ranked = None if top is None else top_at_risk(context, person, tree, top)
    empty = not count(context, person, tree, estimate=estimate).members
    near = tuple(alternatives(context, person, tree)) if empty else ()
    return FoundOutcome(text, found, ranked, near)


def profit_of(
    context: ServiceContext,
    person: Person,
    text: str,
    tag: str,
    benefit: float,
    cost: float,
    capacity: int | None = None,
    saved_share: float | None = None,
) -> ProfitCurve:
    """Return the expected profit of contacting the members of a filter down to each score of ``tag``."""
    from tagcast.serving.audiences.service import parse_for, profit_curve

    tree = parse_for(context, person, text)
    return profit_curve(context, person, tree, tag, benefit, cost, capacity, saved_share)


def portrait_of(context: ServiceContext, person: Person, text: str, against: str | None = None) -> Portrait:
    """Return what sets the members of a filter apart from those of ``against``, or from everyone."""
    from tagcast.serving.audiences.portraits.portrait import portrait
    from tagcast.serving.audiences.service import parse_for

    other = None if against is None else parse_for(context, person, against)
    return portrait(context, person, parse_for(context, person, text), other)


def overlap_of(context: ServiceContext, person: Person, text: str, other: str) -> Overlap:
    """Return how the members of two filters overlap."""
    from tagcast.serving.audiences.portraits.overlap import compare
    from tagcast.serving.audiences.service import parse_for

    return compare(context, person, parse_for(context, person, text), parse_for(context, person, other))


def export_audience(
    context: ServiceContext,
    person: Person,
    text: str,
    out: Path,
    *,
    columns: Sequence[str] = (),
    holdout: float = 0.0,
    seed: int | None = None,
    channel: str | None = None,
    no_contact: bool = False,
    name: str = "",
    goal: str | Mapping[str, Any] | None = None,
    starts: date | None = None,
    days: int | None = None,
) -> ExportRecord:
    """Write the members of a filter to a CSV or Parquet file; recorded in the audit log.

    Parameters
    ----------
    context : ServiceContext
    person : Person
    text : str
    out : Path
        Its suffix chooses the format.
    columns : sequence of str
        Attribute, tag, or tag.part; empty for all.
    holdout : float
        Share to hold out at random.
    seed : int, optional
        Chooses who is held out; without one it is drawn for this export.
    channel : str, optional
        Leave out who does not consent to it.
    no_contact : bool
        The file is not used to contact anyone; needed without a channel where ``[consent]`` is configured.
    name : str
        What the audit log and the campaign are called.
    goal : str or mapping, optional
        What a campaign is to achieve: a tag, whose outcome it is, or an outcome as a tag's file would say it. Where a share is
        held out, default: the outcome of the filter's first model tag.
    starts : date, optional
        First day of the campaign; default: today.
    days : int, optional
        For which the goal is counted; default: its horizon.
    """
    from tagcast.serving.audiences.service import parse_for
    from tagcast.serving.delivery.exports import export, format_of

    return export(
        context,
        person,
        parse_for(context, person, text),
        out,
        format=format_of(out),
        columns=columns or None,
        holdout=holdout,
        seed=seed,
        channel=channel,
        no_contact=no_contact,
        name=name,
        goal=goal,
        starts=starts,
        days=days,
    )


def reach_of(
    context: ServiceContext,
    person: Person,
    text: str,
    *,
    channel: str | None = None,
    no_contact: bool = False,
    starts: date | None = None,
) -> Reach:
    """Return how many members an export would write and leave out, without writing it."""
    from tagcast.serving.audiences.service import parse_for
    from tagcast.serving.delivery.consent import reach, require_purpose

    require_purpose(context.settings, channel, no_contact=no_contact)
    tree = parse_for(context, person, text)
    return reach(context, person, tree, channel, starts=starts, no_contact=no_contact)


def power_of(
    context: ServiceContext,
    person: Person,
    text: str,
    holdout: float,
    *,
    channel: str | None = None,
    goal: str | Mapping[str, Any] | None = None,
) -> Power:
    """Return which lift a campaign to the members of a filter would see, were it exported with this share held out."""
    from tagcast.serving.audiences.service import parse_for
    from tagcast.serving.delivery.power import power

    return power(context, person, parse_for(context, person, text), holdout, channel=channel, goal=goal)

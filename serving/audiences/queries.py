"""Queries of an open store: how many members an audience has, who they are, what is exported of them."""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING

from sqlglot import exp

from tagcast.features.core.messages import Message, nmsg
from tagcast.models.filters.conditions import Filter
from tagcast.models.filters.fields import NUMBER_PARTS
from tagcast.serving.filters.where import Frozen, facts_in, quoted, tags_of, where_in
from tagcast.serving.store.schema import column_name

if TYPE_CHECKING:
    from tagcast.serving.store.base import StoreReader


_NO_CHANNELS: Mapping[str, exp.Expr] = {}


@dataclass(frozen=True)
class AudienceCount:
    """The size of an audience.

    Parameters
    ----------
    members, base : int
        Profiles found, and all.
    share : float
    margin : int
        0 where they were counted; of an estimate, members lie within it 19 times of 20.
    mean_confidence : dict of str to float or None
        Of each tag that the filter uses, among the members: a floor on the share whose value will
        turn out right. None where no member has the tag, and where it has expired.
    expired : dict of str to datetime
        Tags of the filter that have expired, and since when: what they would say is unknown of everybody.
    reachable : dict of str to int
        Of each channel that was asked for, the members who consent to it.
    """

    members: int
    base: int
    share: float
    mean_confidence: dict[str, float | None]
    margin: int = 0
    expired: dict[str, datetime] = field(default_factory=dict)
    reachable: dict[str, int] = field(default_factory=dict)


def expired_tags(reader: StoreReader, tags: Collection[str], now: datetime) -> dict[str, datetime]:
    """Return those of ``tags`` that have expired by ``now``, and since when."""
    return {
        tag.tag: tag.expires_at
        for tag in reader.manifest.run.tags
        if tag.tag in tags and tag.expires_at <= now
    }


def expired_sentences(expired: Mapping[str, datetime], now: datetime) -> list[Message]:
    """Return a sentence for each tag that has expired: since when nothing is known by it."""
    return [
        nmsg(
            "{tag} expired on {day} ({n} day ago): nothing is known by it",
            "{tag} expired on {day} ({n} days ago): nothing is known by it",
            (now - since).days,
            tag=tag,
            day=f"{since:%Y-%m-%d}",
        )
        for tag, since in expired.items()
    ]


def count(
    reader: StoreReader,
    requested: str | Filter,
    now: datetime,
    *,
    frozen: Frozen | None = None,
    estimate: bool = False,
    channels: Mapping[str, exp.Expr] = _NO_CHANNELS,
) -> AudienceCount:
    """Count the profiles that a filter finds.

    Parameters
    ----------
    reader : StoreReader
    requested : str or Filter
        The filter, as text or as a tree that was checked.
    now : datetime
    frozen : mapping of str to collection of str, optional
        Members of the frozen audiences that it names.
    estimate : bool
        Whether a sample will do, where the store keeps one: much quicker on a large base.
    channels : mapping of str to sqlglot expression
        The condition that a profile consents to each.

    Raises
    ------
    FilterError
        When the filter is wrong.
    """
    tree, where = where_in(reader, requested, now, frozen)
    tags = tags_of(tree)
    means = [
        exp.alias_(exp.Avg(this=quoted(column_name(tag, "confidence"))), f"mean{place}")
        for place, tag in enumerate(tags)
    ]
    reached = [
        exp.alias_(exp.Count(this=exp.Case().when(consents, exp.Literal.number(1))), f"reached{place}")
        for place, consents in enumerate(channels.values())
    ]
    query = exp.select(exp.alias_(exp.Count(this=exp.Star()), "members"), *means, *reached)
    base, sample = reader.manifest.profiles, reader.sample_rows if estimate else 0
    members, *found = reader.figures(query.from_("profiles").where(where), sample=bool(sample)).values()
    reachable = dict(zip(channels, map(int, found[len(tags) :]), strict=True))
    margin, found = 0, found[: len(tags)]
    if sample:
        share = members / sample
        # Nobody found in n rows is less than 3 in n all the same (the rule of three).
        spread = max(1.96 * math.sqrt(share * (1 - share) / sample), 3 / sample)
        members, margin = round(share * base), math.ceil(spread * base)
        reachable = {channel: round(n / sample * base) for channel, n in reachable.items()}
    expired = expired_tags(reader, tags, now)
    confidence = {tag: None if tag in expired else mean for tag, mean in zip(tags, found, strict=True)}
    share = members / base if base else 0.0
    return AudienceCount(members, base, share, confidence, margin, expired, reachable)


def member_query(
    reader: StoreReader,
    requested: str | Filter,
    now: datetime,
    *,
    frozen: Frozen | None = None,
    hidden: Collection[str] = (),
) -> exp.Select:
    """Return the query for the members by rising id: attributes but ``hidden``, and the facts and parts of tags of the filter."""
    tree, where = where_in(reader, requested, now, frozen)
    query = exp.select("profile_id").from_("profiles").where(where).order_by("profile_id")
    plain = [*reader.manifest.attributes, *facts_in(tree, reader.manifest.run)]
    query = query.select(*[quoted(name) for name in plain if name not in hidden])
    for tag in tags_of(tree):
        query = query.select(*[export_column(tag, part) for part in ("value", "score", "confidence")])
    return query


def export_column(tag: str, part: str) -> exp.Expr:
    """Return a part of a tag as it is exported: ``tag`` for its value, ``tag.part``."""
    column: exp.Expr = quoted(column_name(tag, part))
    if part not in NUMBER_PARTS:
        column = exp.cast(column, "VARCHAR")
    return exp.alias_(column, tag if part == "value" else f"{tag}.{part}", quoted=True)

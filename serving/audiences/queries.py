"""Questions to an open store: how many, who, take them away, one profile."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from difflib import get_close_matches
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa
from sqlglot import exp

from tagcast.features.catalog.feature_set import Feature, FeatureSet
from tagcast.features.core.errors import FilterError, NotFoundError
from tagcast.models.definitions.outcomes import NUMBER_PARTS
from tagcast.models.definitions.rule_tag import term_words
from tagcast.models.filters.conditions import (
    And,
    Compare,
    FieldRef,
    Filter,
    IsNull,
    Names,
    Not,
    OneOf,
    Or,
)
from tagcast.models.filters.parser import parse
from tagcast.serving.audiences.filter_sql import condition
from tagcast.serving.delivery.file_writer import write_batches
from tagcast.serving.store.long_form import long_batches, said_in
from tagcast.serving.store.schema import PREDICTION_SCHEMA, Kind, column_name

if TYPE_CHECKING:
    from tagcast.serving.store.base import StoreReader

Frozen = Mapping[str, Collection[str]]
"""Frozen audience to the ids of its members."""


_DIRECTIONS = {
    "model": ("towards yes", "towards no"),
    "amount": ("more", "less"),
    "rule": ("holds", "does not hold"),
}


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
        Of each tag that the filter speaks of, among the members: a floor on the share whose value will
        turn out right. None where no member has the tag.
    """

    members: int
    base: int
    share: float
    mean_confidence: dict[str, float | None]
    margin: int = 0


@dataclass(frozen=True)
class ProfileView:
    """One profile: its attributes and its tags with reasons (:func:`told_reasons`)."""

    profile_id: str
    attributes: dict[str, Any]
    predictions: list[dict[str, Any]]


def names_of(reader: StoreReader) -> Names:
    """Return what a filter may speak of in this snapshot."""
    tags = reader.manifest.run.tags
    return Names(
        {t.tag: t.bands for t in tags},
        reader.manifest.attributes,
        {t.tag: t.values for t in tags},
    )


def quoted(name: str) -> exp.Column:
    """Return a column of the table of profiles."""
    return exp.column(exp.to_identifier(name, quoted=True))


def where_in(
    reader: StoreReader, asked: str | Filter, now: datetime, frozen: Frozen | None = None
) -> tuple[Filter, exp.Expr]:
    """Return a filter as a tree, and the SQL condition for its members in this run.

    Parameters
    ----------
    reader : StoreReader
    asked : str or Filter
        As text, or a tree that was checked.
    now : datetime
    frozen : mapping of str to collection of str, optional
        Members of the frozen audiences that it names.

    Raises
    ------
    FilterError
        When the filter is wrong, or speaks of what this run does not hold.
    """
    names = names_of(reader)
    tree = parse(asked, names) if isinstance(asked, str) else asked
    for field in fields(tree):
        if field.name not in (names.attributes if field.part is None else names.tags):
            raise FilterError(
                f"{field.text()} is not in the run active",
                hint="a newer run was published: ask again",
            )
    expires_at = {t.tag: t.expires_at for t in reader.manifest.run.tags}
    return tree, condition(tree, expires_at=expires_at, now=now, frozen=frozen)


def fields(node: Any) -> Iterator[FieldRef]:
    """Yield every field that a filter speaks of, in order."""
    if isinstance(node, Filter):
        yield from fields(node.root)
    elif isinstance(node, Not):
        yield from fields(node.item)
    elif isinstance(node, Compare | OneOf | IsNull):
        yield node.field
    elif isinstance(node, And | Or):
        for item in node.items:
            yield from fields(item)


def tags_of(tree: Filter) -> list[str]:
    """Return every tag that a filter speaks of, in order."""
    return list(dict.fromkeys(f.name for f in fields(tree) if f.part is not None))


def count(
    reader: StoreReader,
    asked: str | Filter,
    now: datetime,
    *,
    frozen: Frozen | None = None,
    estimate: bool = False,
) -> AudienceCount:
    """Count the profiles that a filter finds.

    Parameters
    ----------
    reader : StoreReader
    asked : str or Filter
        The filter, as text or as a tree that was checked.
    now : datetime
    frozen : mapping of str to collection of str, optional
        Members of the frozen audiences that it names.
    estimate : bool
        Whether a sample will do, where the store keeps one: much quicker on a large base.

    Raises
    ------
    FilterError
        When the filter is wrong.
    """
    tree, where = where_in(reader, asked, now, frozen)
    tags = tags_of(tree)
    means = [
        exp.alias_(exp.Avg(this=quoted(column_name(tag, "confidence"))), f"mean{place}")
        for place, tag in enumerate(tags)
    ]
    query = exp.select(exp.alias_(exp.Count(this=exp.Star()), "members"), *means)
    base, sample = reader.manifest.profiles, reader.sample_rows if estimate else 0
    (row,) = reader.query(query.from_("profiles").where(where), sample=bool(sample)).read_all().to_pylist()
    members, *found = row.values()
    margin = 0
    if sample:
        share = members / sample
        # Nobody found in n rows is less than 3 in n all the same (the rule of three).
        spread = max(1.96 * math.sqrt(share * (1 - share) / sample), 3 / sample)
        members, margin = round(share * base), math.ceil(spread * base)
    confidence = dict(zip(tags, found, strict=True))
    return AudienceCount(members, base, members / base if base else 0.0, confidence, margin)


def member_query(
    reader: StoreReader,
    asked: str | Filter,
    now: datetime,
    *,
    frozen: Frozen | None = None,
    hidden: Collection[str] = (),
) -> exp.Select:
    """Return the query for the members by rising id: attributes but ``hidden``, and what the filter's tags say."""
    tree, where = where_in(reader, asked, now, frozen)
    query = exp.select("profile_id").from_("profiles").where(where).order_by("profile_id")
    query = query.select(*[quoted(name) for name in reader.manifest.attributes if name not in hidden])
    for tag in tags_of(tree):
        query = query.select(*[told(tag, part) for part in ("value", "score", "confidence")])
    return query


def told(tag: str, part: str) -> exp.Expr:
    """Return a part of a tag as people take it away: ``tag`` for its value, ``tag.part``."""
    column: exp.Expr = quoted(column_name(tag, part))
    if part not in NUMBER_PARTS:
        column = exp.cast(column, "VARCHAR")
    return exp.alias_(column, tag if part == "value" else f"{tag}.{part}", quoted=True)


def export_predictions(reader: StoreReader, path: Path) -> int:
    """Write every predicted tag in long form, by profile and tag; return how many."""
    tags = [tag.tag for tag in reader.manifest.run.tags]
    rows = pa.RecordBatchReader.from_batches(PREDICTION_SCHEMA, long_batches(reader, tags))
    return write_batches(rows, path)


def profile(reader: StoreReader, profile_id: str, *, tags: Collection[str] | None = None) -> ProfileView:
    """Return one profile with its tags.

    Parameters
    ----------
    reader : StoreReader
    profile_id : str
    tags : collection of str, optional
        Only these; None takes all.

    Raises
    ------
    NotFoundError
        When there is none of that id.
    """
    # What cannot be written as UTF-8 (a stray byte of a terminal) is nobody's id, and no database takes it.
    is_text = profile_id.encode(errors="ignore").decode() == profile_id
    found = reader.row(profile_id) if is_text else None
    if found is None:
        some = reader.query(exp.select("profile_id").from_("profiles").limit(10_000)).read_all()
        near = get_close_matches(profile_id, some.column(0).to_pylist(), n=1)
        hint = f"did you mean {near[0]!r}? " if near else ""
        raise NotFoundError(
            f"there is no profile {profile_id!r}", hint=f"{hint}tagcast audience show lists some"
        )
    attributes = {name: found[name] for name in reader.manifest.attributes}
    about = {t.tag: t for t in reader.manifest.run.tags}
    predictions = said_in(found, reader.manifest.run, tags)
    for row in predictions:
        tag = about[row["tag"]]
        row["is_amount"] = tag.is_amount
        row["reasons"] = told_reasons(row["reasons"] or (), tag.feature_set, tag.kind)
    return ProfileView(profile_id, attributes, predictions)


@lru_cache(maxsize=64)
def _titles(feature_set: str) -> dict[str, Feature]:
    return FeatureSet.parse(feature_set).titles() if feature_set else {}


def told_reasons(
    reasons: Sequence[Mapping[str, Any]], feature_set: str, kind: Kind = "model"
) -> list[dict[str, Any]]:
    """Return reasons as people read them.

    Parameters
    ----------
    reasons : sequence of mapping
        ``feature``, ``value`` and ``contribution``, as the store keeps them: of the log-odds, of the logarithm of
        an amount, or a rule's term with 1 where it held and -1 where it did not.
    feature_set : str
        ``FeatureSet.spec`` of the model or rule; empty where it is not known, names stand for titles then.
    kind : {"model", "amount", "rule"}
        What said the tag.

    Returns
    -------
    list of dict
        In their order, each with ``title`` (en, zh), ``direction`` (``towards yes`` or ``towards no``; of an
        amount ``more`` or ``less``, of a rule ``holds`` or ``does not hold``) and ``size`` (|contribution|) beside
        what was given.
    """
    titles = _titles(feature_set)
    up, down = _DIRECTIONS[kind]
    told = []
    for reason in reasons:
        name, moved = reason["feature"], reason["contribution"]
        title = titles.get(name)
        plain = {"en": title.en if title else name, "zh": title.zh if title else name}
        told.append(
            {
                "feature": name,
                "title": term_words(name, titles) if kind == "rule" else plain,
                "value": reason["value"],
                "contribution": moved,
                "direction": up if moved > 0 else down,
                "size": abs(moved),
            }
        )
    return told

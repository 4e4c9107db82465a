"""Questions to an open store: how many, who, take them away, one profile."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from difflib import get_close_matches
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa
from sqlglot import exp

from features.errors import StoreError
from features.windows import FeatureSet
from serving.batch_files import write_batches
from serving.filter_language import parse
from serving.filter_sql import condition
from serving.filter_tree import Compare, Every, FieldRef, Filter, IsNull, Names, Not, OneOf
from serving.long_form import long_batches, predictions_of
from serving.predictions import PREDICTION_SCHEMA, column_name

if TYPE_CHECKING:
    from serving.profile_store import StoreReader


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
        {t.tag: t.values for t in tags if t.is_amount},
    )


def _quoted(name: str) -> exp.Column:
    return exp.column(exp.to_identifier(name, quoted=True))


def _where(reader: StoreReader, text: str, now: datetime) -> tuple[Filter, exp.Expr]:
    tree = parse(text, names_of(reader))
    expires_at = {t.tag: t.expires_at for t in reader.manifest.run.tags}
    return tree, condition(tree, expires_at=expires_at, now=now, unknown_may_stay=True)


def fields(node: Any) -> Iterator[FieldRef]:
    """Yield every field that a filter speaks of, in order."""
    if isinstance(node, Filter):
        yield from fields(node.root)
    elif isinstance(node, Not):
        yield from fields(node.item)
    elif isinstance(node, Compare | OneOf | IsNull):
        yield node.field
    elif isinstance(node, Every) or hasattr(node, "items"):
        for item in node.items:
            yield from fields(item)


def _tags(tree: Filter) -> list[str]:
    return list(dict.fromkeys(f.name for f in fields(tree) if f.part is not None))


def count(reader: StoreReader, text: str, now: datetime, *, estimate: bool = False) -> AudienceCount:
    """Count the profiles that the filter ``text`` finds.

    Parameters
    ----------
    reader : StoreReader
    text : str
    now : datetime
    estimate : bool
        Whether a sample will do, where the store keeps one: much quicker on a large base.

    Raises
    ------
    FilterError
        When the filter is wrong.
    """
    tree, where = _where(reader, text, now)
    tags = _tags(tree)
    means = [
        exp.alias_(exp.Avg(this=_quoted(column_name(tag, "confidence"))), f"mean{place}")
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


def _members(reader: StoreReader, text: str, now: datetime) -> exp.Select:
    """Return the query for the members: id, attributes, and what the filter's tags say of them."""
    tree, where = _where(reader, text, now)
    query = exp.select("profile_id").from_("profiles").where(where).order_by("profile_id")
    query = query.select(*[_quoted(name) for name in reader.manifest.attributes])
    for tag in _tags(tree):
        value = exp.cast(_quoted(column_name(tag, "value")), "VARCHAR")
        query = query.select(
            exp.alias_(value, tag, quoted=True),
            *[
                exp.alias_(_quoted(column_name(tag, p)), f"{tag}.{p}", quoted=True)
                for p in ("score", "confidence")
            ],
        )
    return query


def show(reader: StoreReader, text: str, now: datetime, limit: int = 20) -> pa.Table:
    """Return the first ``limit`` members by profile id."""
    return reader.query(_members(reader, text, now).limit(limit)).read_all()


def export(reader: StoreReader, text: str, path: Path, now: datetime) -> int:
    """Write all members to a ``.csv`` or ``.parquet`` file, whole or not at all; return how many.

    Values are written as they are: a spreadsheet may read text that begins with ``=`` as a formula.

    Raises
    ------
    StoreError
        For another kind of file, or when it cannot be written.
    """
    return write_batches(reader.query(_members(reader, text, now)), path)


def export_predictions(reader: StoreReader, path: Path) -> int:
    """Write every predicted tag in long form, by profile and tag; return how many."""
    tags = [tag.tag for tag in reader.manifest.run.tags]
    rows = pa.RecordBatchReader.from_batches(PREDICTION_SCHEMA, long_batches(reader, tags))
    return write_batches(rows, path)


def profile(reader: StoreReader, profile_id: str) -> ProfileView:
    """Return one profile with all its tags.

    Raises
    ------
    StoreError
        When there is none of that id.
    """
    columns = exp.select("profile_id", *[_quoted(n) for n in reader.manifest.attributes]).from_("profiles")
    one = columns.where(exp.column("profile_id").eq(exp.Literal.string(profile_id)))
    found = reader.query(one).read_all().to_pylist()
    if not found:
        some = reader.query(exp.select("profile_id").from_("profiles").limit(10_000)).read_all()
        near = get_close_matches(profile_id, some.column(0).to_pylist(), n=1)
        hint = f"did you mean {near[0]!r}? " if near else ""
        raise StoreError(
            f"there is no profile {profile_id!r}", mend=f"{hint}tagcast audience show lists some"
        )
    attributes = {k: v for k, v in found[0].items() if k != "profile_id"}
    about = {t.tag: t for t in reader.manifest.run.tags}
    predictions = predictions_of(reader, profile_id)
    for row in predictions:
        tag = about[row["tag"]]
        row["is_amount"] = tag.is_amount
        row["reasons"] = told_reasons(row["reasons"], tag.feature_set, amount=tag.is_amount)
    return ProfileView(profile_id, attributes, predictions)


def told_reasons(
    reasons: Sequence[Mapping[str, Any]], feature_set: str, *, amount: bool = False
) -> list[dict[str, Any]]:
    """Return reasons as people read them.

    Parameters
    ----------
    reasons : sequence of mapping
        ``feature``, ``value`` and ``contribution``, as the store keeps them: of the log-odds, or of the
        logarithm of an amount.
    feature_set : str
        ``FeatureSet.spec`` of the model; empty where it is not known, names stand for titles then.
    amount : bool
        Whether an amount is explained.

    Returns
    -------
    list of dict
        In their order, each with ``title`` (en, zh), ``direction`` (``towards yes`` or ``towards no``; of an
        amount ``more`` or ``less``) and ``size`` (|contribution|) beside what was given.
    """
    titles = FeatureSet.parse(feature_set).titles() if feature_set else {}
    up, down = ("more", "less") if amount else ("towards yes", "towards no")
    told = []
    for reason in reasons:
        name, moved = reason["feature"], reason["contribution"]
        title = titles.get(name)
        told.append(
            {
                "feature": name,
                "title": {"en": title.en if title else name, "zh": title.zh if title else name},
                "value": reason["value"],
                "contribution": moved,
                "direction": up if moved > 0 else down,
                "size": abs(moved),
            }
        )
    return told

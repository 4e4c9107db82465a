"""The services around an audience: its size, what each condition costs, what it means, who is in it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sqlglot import exp

from tagcast.models.filters.conditions import And, Condition, Filter
from tagcast.registry.access.access_log import Kind, record_access
from tagcast.registry.access.origin import check_purpose
from tagcast.registry.access.roles import require
from tagcast.serving.audiences import queries as audiences
from tagcast.serving.audiences.filter_resolution import hidden_attributes, resolve
from tagcast.serving.audiences.forecast import (
    Expected,
    ExpectedAmount,
    ExpectedEffect,
    expected,
    expected_amounts,
    expected_effects,
)
from tagcast.serving.audiences.profit import ProfitCurve, ProfitPoint, profit_curve
from tagcast.serving.audiences.queries import AudienceCount
from tagcast.serving.audiences.sampling import weight_in_sample
from tagcast.serving.audiences.small_cells import SmallCells
from tagcast.serving.audiences.wording.description import describe
from tagcast.serving.audiences.wording.field_words import Language, field_words
from tagcast.serving.catalog.shown_counts import smallest_cell
from tagcast.serving.filters.consents import consent_by
from tagcast.serving.filters.filter_sql import complement
from tagcast.serving.filters.row_rights import reader_for
from tagcast.serving.filters.where import where_in

if TYPE_CHECKING:
    from tagcast.registry.access.roles import Person
    from tagcast.serving.context import ServiceContext
    from tagcast.serving.store.base import StoreReader

__all__ = [
    "AudienceCount",
    "ConditionImpact",
    "Expected",
    "ExpectedAmount",
    "ExpectedEffect",
    "Language",
    "Page",
    "ProfitCurve",
    "ProfitPoint",
    "condition_impact",
    "count",
    "expected",
    "expected_amounts",
    "expected_effects",
    "member_ids",
    "members",
    "parse_for",
    "profit_curve",
    "sample",
    "sentence",
    "top_conditions",
]

_SHOWN = 2_000  # characters of a filter in the access log


@dataclass(frozen=True)
class ConditionImpact:
    """How many members one condition of a filter excludes.

    Parameters
    ----------
    condition : str
        As written in a filter.
    members_without : int
        Members if the condition were not there.
    removed : int
        How many it excludes.
    estimated : bool
        Whether both come from the sample that the store keeps of a large base.
    """

    condition: str
    members_without: int
    removed: int
    estimated: bool = False


@dataclass(frozen=True)
class Page:
    """Some members by rising id.

    Parameters
    ----------
    rows : tuple of dict
        ``profile_id``, attributes, and of each tag that the filter uses value, score and confidence.
    next : str or None
        To be given as ``after`` for the next page; None at the end.
    """

    rows: tuple[dict[str, Any], ...]
    next: str | None


def parse_for(context: ServiceContext, person: Person, text: str) -> Filter:
    """Return the tree of ``text``, which may use what ``person`` may see.

    Raises
    ------
    FilterError
        With the character, what was expected and found, and a suggestion.
    """
    return resolve(context, person, text).tree


def count(context: ServiceContext, person: Person, tree: Filter, *, estimate: bool = False) -> AudienceCount:
    """Count the members; ``estimate`` from a sample where the store keeps one."""
    require(person, "filter")
    asked = resolve(context, person, tree)
    with reader_for(context, person) as reader:
        cells = SmallCells(context, reader, smallest_cell(context, person))
        (resolved,) = cells.admit(asked)
        found = audiences.count(
            reader,
            resolved.whole,
            context.now,
            frozen=resolved.frozen,
            estimate=estimate,
            channels=_channels(context, person, reader),
        )
        return cells.count(found, asked)


def _channels(context: ServiceContext, person: Person, reader: StoreReader) -> dict[str, exp.Expr]:
    """Return who consents to each channel, for whoever may hand members out and look at single ones; for others none."""
    if not (person.may("export") and person.may("profiles")):
        return {}
    found = {
        channel: consent_by(reader, attribute, context.now)
        for channel, attribute in context.settings.consent.items()
    }
    return {channel: condition for channel, condition in found.items() if condition is not None}


def condition_impact(
    context: ServiceContext, person: Person, tree: Filter, *, estimate: bool = False
) -> list[ConditionImpact]:
    """Return how many members each condition at the top of the filter excludes, in their order.

    One pass over the profiles, or with ``estimate`` over a sample where the store keeps one and it holds enough members:
    who fails one condition alone would come in without it.
    """
    require(person, "filter")
    resolved = resolve(context, person, tree)
    conditions = top_conditions(resolved.tree)
    with reader_for(context, person) as reader:
        cells = SmallCells(context, reader, smallest_cell(context, person))
        (resolved,) = cells.admit(resolved)
        # An audience that stands alone may itself consist of several conditions: they are one here.
        parts = (
            top_conditions(resolved.whole) if isinstance(resolved.tree.root, And) else (resolved.whole.root,)
        )
        each = [where_in(reader, Filter(root=part), context.now, resolved.frozen)[1] for part in parts]
        whole = where_in(reader, resolved.whole, context.now, resolved.frozen)[1]
        times = weight_in_sample(reader, whole) if estimate else None
        failing = _failing_alone(reader, each, sample=times is not None)
    by_place = {place: cells.number(round(profiles * (times or 1))) for place, profiles in failing.items()}
    members = by_place.get(0, 0)
    return [
        ConditionImpact(
            part.text(), members + by_place.get(place, 0), by_place.get(place, 0), times is not None
        )
        for place, part in enumerate(conditions, 1)
    ]


def _failing_alone(reader: StoreReader, conditions: list[exp.Expr], *, sample: bool) -> dict[int, int]:
    """Count the profiles that fail condition 1, 2, … and no other; at 0 those that fail none."""
    first = exp.Case(default=exp.Literal.number(0))
    failed: exp.Expr = exp.Literal.number(0)
    for place, condition in enumerate(conditions, 1):
        first = first.when(complement(condition), exp.Literal.number(place), copy=False)
        failed = failed + exp.Case(default=exp.Literal.number(1)).when(
            condition, exp.Literal.number(0), copy=False
        )
    query = exp.select(exp.alias_(first, "place"), exp.alias_(exp.Count(this=exp.Star()), "profiles"))
    query = query.from_("profiles").where(failed <= exp.Literal.number(1)).group_by(first.copy())
    return {
        row["place"]: row["profiles"] for row in reader.query(query, sample=sample).read_all().to_pylist()
    }


def sentence(context: ServiceContext, person: Person, tree: Filter, language: Language) -> str:
    """Return in plain words what the filter means."""
    return describe(parse_for(context, person, tree.text()), field_words(context, person), language)


def sample(
    context: ServiceContext, person: Person, tree: Filter, limit: int = 20, seed: int = 0
) -> list[dict[str, Any]]:
    """Return up to ``limit`` members drawn at random; the same ones for the same seed and run.

    Raises
    ------
    NotAllowedError
        Without the right "profiles", or without a purpose where one is asked for.
    """
    check_purpose(needed=context.settings.access.ask_purpose)
    drawn = exp.MD5(
        this=exp.DPipe(this=exp.column("profile_id"), expression=exp.Literal.string(f" {seed}"), safe=True)
    )
    with _member_query(context, person, tree) as (reader, query):
        rows: list[dict[str, Any]] = (
            reader.query(query.order_by(drawn, append=False).limit(limit)).read_all().to_pylist()
        )
    _record(context, person, "sample", tree, rows)
    return rows


def members(
    context: ServiceContext, person: Person, tree: Filter, after: str | None = None, limit: int = 100
) -> Page:
    """Return a page of members.

    Raises
    ------
    NotAllowedError
        Without the right "profiles", or without a purpose where one is asked for.
    """
    check_purpose(needed=context.settings.access.ask_purpose)
    with _member_query(context, person, tree) as (reader, query):
        rest = query if after is None else query.where(exp.column("profile_id") > exp.Literal.string(after))
        rows = reader.query(rest.limit(limit + 1)).read_all().to_pylist()
    more = len(rows) > limit
    _record(context, person, "members", tree, rows[:limit])
    return Page(tuple(rows[:limit]), rows[limit - 1]["profile_id"] if more else None)


def member_ids(context: ServiceContext, person: Person, tree: Filter) -> Iterator[str]:
    """Yield the ids of all members by rising id; memory holds a part of them.

    Raises
    ------
    NotAllowedError
        Without the right "profiles".
    """
    with _member_query(context, person, tree) as (reader, query):
        for batch in reader.query(query.select("profile_id", append=False)):
            yield from batch.column(0).to_pylist()


def _record(
    context: ServiceContext, person: Person, kind: Kind, tree: Filter, rows: list[dict[str, Any]]
) -> None:
    """Put on record which members ``person`` is about to be shown, before they are."""
    ids, detail = [row["profile_id"] for row in rows], {"filter": tree.text()[:_SHOWN]}
    record_access(context.state, now=context.now, who=person.name, kind=kind, ids=ids, detail=detail)


@contextmanager
def _member_query(
    context: ServiceContext, person: Person, tree: Filter
) -> Iterator[tuple[StoreReader, exp.Select]]:
    """Yield an open reader and the query for the members, with what ``person`` may see of them."""
    require(person, "profiles")
    resolved = resolve(context, person, tree)
    hidden = hidden_attributes(context, person)
    with reader_for(context, person) as reader:
        yield (
            reader,
            audiences.member_query(
                reader, resolved.whole, context.now, frozen=resolved.frozen, hidden=hidden
            ),
        )


def top_conditions(tree: Filter) -> tuple[Condition, ...]:
    """Return the conditions that all have to hold."""
    return tree.root.items if isinstance(tree.root, And) else (tree.root,)

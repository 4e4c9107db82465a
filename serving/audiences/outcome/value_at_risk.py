"""What an audience is expected to spend, how much of it is at risk, and the customers with the most of it."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

from sqlglot import exp

from tagcast.features.core.errors import TagcastError
from tagcast.features.core.messages import msg
from tagcast.models.filters.conditions import And, Compare, FieldRef, Filter
from tagcast.serving.audiences.filter_resolution import names_for, resolve
from tagcast.serving.audiences.outcome.paired_tags import VALUE_AT_RISK
from tagcast.serving.audiences.sampling import weight_in_sample
from tagcast.serving.audiences.small_cells import require_single_profiles
from tagcast.serving.filters.filter_sql import product_of
from tagcast.serving.filters.row_rights import reader_for
from tagcast.serving.filters.where import quoted, where_in
from tagcast.serving.store.schema import column_name

if TYPE_CHECKING:
    from tagcast.registry.access.roles import Person
    from tagcast.serving.context import ServiceContext
    from tagcast.serving.store.base import StoreReader

MOST_TOP = 1_000_000


@dataclass(frozen=True)
class ValueAtRisk:
    """What the members are expected to spend, and how much of it is at risk.

    Parameters
    ----------
    loss, amount_tag : str
        The tags whose scores are multiplied.
    members, covered : int
        Of the audience; of whom both tags have a score.
    at_risk : float
        Sum over those covered of chance of loss times expected amount, in the currency of the data.
    amount : float
        Sum of their expected amounts.
    of_all : float
        What is at risk of everybody.
    estimated : bool
        Whether it comes from the sample that the store keeps of a large base.
    currency : str
        As the configuration names it; empty where it does not.
    """

    loss: str
    amount_tag: str
    members: int
    covered: int
    at_risk: float
    amount: float
    of_all: float
    estimated: bool = False
    currency: str = ""

    @property
    def share(self) -> float | None:
        """Share of what they are expected to spend that is at risk; None where nothing is expected."""
        return self.at_risk / self.amount if self.amount > 0 else None


@dataclass(frozen=True)
class TopAtRisk:
    """The members with the most value at risk.

    Parameters
    ----------
    condition : str
        Finds them among the members, as ``value_at_risk >= 41.7``; empty where there is nobody.
    filter : str
        The filter with the condition.
    members : int
        Whom it finds: of equals at the end all.
    at_risk : float
        Sum of theirs.
    """

    condition: str
    filter: str
    members: int
    at_risk: float


def value_at_risk(
    context: ServiceContext, person: Person, tree: Filter | None, *, estimate: bool = False
) -> ValueAtRisk | None:
    """Return what the members are expected to spend and how much of it is at risk; None where the run has no such pair.

    Parameters
    ----------
    context : ServiceContext
    person : Person
    tree : Filter or None
        None: everyone.
    estimate : bool
        Whether a sample will do, where the store keeps one and it holds enough members.

    Raises
    ------
    NotAllowedError
        Where ``person`` may not look at single profiles.
    """
    require_single_profiles(person, msg("a sum of scores"))
    pair = names_for(context, person).products.get(VALUE_AT_RISK)
    if pair is None or _expired(context, pair):
        return None
    with reader_for(context, person) as reader:
        where = _where(context, person, reader, tree)
        times = weight_in_sample(reader, where) if estimate else None
        figures = _sums(reader, pair, where, sample=times is not None)
        whole = context.store.once(
            reader,
            (VALUE_AT_RISK, times is not None),
            partial(_sums, reader, pair, exp.true(), sample=times is not None),
        )
    scale = times or 1

    def of(figures: Mapping[str, Any], name: str) -> float:
        return float(figures[name] or 0.0) * scale

    counts = (round(of(figures, "members")), round(of(figures, "covered")))
    sums = (of(figures, "at_risk"), of(figures, "amount"), of(whole, "at_risk"))
    return ValueAtRisk(*pair, *counts, *sums, times is not None, context.settings.currency)


def top_at_risk(context: ServiceContext, person: Person, tree: Filter | None, top: int) -> TopAtRisk | None:
    """Return the ``top`` members with the most value at risk, as a condition; None where the run has no such pair.

    Raises
    ------
    NotAllowedError
        Where ``person`` may not look at single profiles.
    TagcastError
        Where ``top`` is not from 1 to a million.
    """
    require_single_profiles(person, msg("a ranking"))
    if not 1 <= top <= MOST_TOP:
        raise TagcastError(
            msg("expected from 1 to {most:,} members at the top, found {top:,}", most=MOST_TOP, top=top),
            hint=msg("as in {example}", example="500"),
        )
    pair = names_for(context, person).products.get(VALUE_AT_RISK)
    if pair is None or _expired(context, pair):
        return None
    value = product_of(pair)
    with reader_for(context, person) as reader:
        where = _where(context, person, reader, tree)
        known = exp.and_(where, value.copy().is_(exp.null()).not_())
        ranked = exp.select(exp.alias_(value, "value")).from_("profiles").where(known)
        ranked = ranked.order_by(exp.Ordered(this=value.copy(), desc=True, nulls_first=False))
        rows = reader.query(ranked.limit(top + 1)).read_all().column(0).to_pylist()
        text = tree.text() if tree is not None else ""
        if not rows:
            return TopAtRisk("", text, 0, 0.0)
        line = _line_between(rows[min(top, len(rows)) - 1], rows[top] if len(rows) > top else None)
        least = Compare(field=FieldRef(name=VALUE_AT_RISK, factors=pair), op=">=", value=line)
        before = () if tree is None else tree.root.items if isinstance(tree.root, And) else (tree.root,)
        whole = Filter(root=And(items=(*before, least)) if before else least)
        _, found = where_in(reader, Filter(root=least), context.now)
        figures = _sums(reader, pair, exp.and_(where, found), sample=False)
    return TopAtRisk(least.text(), whole.text(), int(figures["members"]), float(figures["at_risk"]))


def _line_between(last: float, following: float | None) -> float:
    """Return the number of fewest digits that ``last`` reaches and the one after it does not; ``last`` where they are equal."""
    for digits in range(12):
        line: float = math.floor(last * 10**digits) / 10**digits
        if line <= last and (following is None or line > following):
            return line
    return last


def _expired(context: ServiceContext, pair: tuple[str, str]) -> bool:
    manifest = context.store.current()
    return manifest is None or any(
        tag.expires_at <= context.now for tag in manifest.run.tags if tag.tag in pair
    )


def _where(context: ServiceContext, person: Person, reader: StoreReader, tree: Filter | None) -> exp.Expr:
    if tree is None:
        return exp.true()
    resolved = resolve(context, person, tree)
    return where_in(reader, resolved.whole, context.now, resolved.frozen)[1]


def _sums(reader: StoreReader, pair: tuple[str, str], where: exp.Expr, *, sample: bool) -> Mapping[str, Any]:
    value = product_of(pair)
    spent = exp.Case().when(value.copy().is_(exp.null()).not_(), quoted(column_name(pair[1], "score")))
    query = exp.select(
        exp.alias_(exp.Count(this=exp.Star()), "members"),
        exp.alias_(exp.Count(this=value.copy()), "covered"),
        exp.alias_(exp.Sum(this=value), "at_risk"),
        exp.alias_(exp.Sum(this=spent), "amount"),
    )
    return reader.figures(query.from_("profiles").where(where), sample=sample)

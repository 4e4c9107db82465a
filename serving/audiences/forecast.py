"""What to expect of an audience: how many predictions come true, how much they spend, how far down the scores it pays to go.

Outcomes of profiles are taken as independent given their scores, so a number of them is Poisson-binomial, near enough
to normal; the bounds of the scores, or how far all amounts may move together, come on top of that.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sqlglot import exp

from tagcast.features.core.errors import TagcastError
from tagcast.features.core.messages import msg
from tagcast.models.filters.conditions import Compare, FieldRef, Filter
from tagcast.models.filters.fields import UNKNOWN, YES_NO
from tagcast.registry.access.roles import require
from tagcast.serving.audiences.amount_forecast import (
    NINETEEN_OF_TWENTY,
    STEPS_OF_PERCENTILE,
    sum_of_variances,
    sums_by_tier,
)
from tagcast.serving.audiences.filter_resolution import names_for, resolve
from tagcast.serving.audiences.queries import quoted, tags_of, where_in
from tagcast.serving.audiences.sampling import weight_in_sample
from tagcast.serving.store.schema import TagRun, column_name

if TYPE_CHECKING:
    from tagcast.registry.access.roles import Person
    from tagcast.serving.context import ServiceContext
    from tagcast.serving.store.base import StoreReader

MOST_POINTS = 200


@dataclass(frozen=True)
class Expected:
    """How many of those for whom a tag predicts ``value`` will turn out so.

    Parameters
    ----------
    tag, value : str
    members : int
        For whom it is predicted.
    promised : float
        Sum of their confidence: a floor.
    right : float
        Expected by their scores; the floor where a run did not record what its amounts are worth.
    low, high : float
        19 of 20 times it lies between them: by the bounds of the scores, and chance.
    estimated : bool
        Whether all of it comes from the sample that the store keeps of a large base; the range holds that too.
    """

    tag: str
    value: str
    members: int
    promised: float
    right: float
    low: float
    high: float
    estimated: bool = False


@dataclass(frozen=True)
class ProfitPoint:
    """Approaching the ``members`` of highest score, down to ``threshold``, is expected to bring ``profit``.

    ``low`` and ``high`` are the profit by the lower and upper bounds of their scores.
    """

    members: int
    threshold: float
    profit: float
    low: float
    high: float


@dataclass(frozen=True)
class ProfitCurve:
    """Expected profit by how far down the scores people are approached.

    Parameters
    ----------
    points : tuple of ProfitPoint
        From nobody to everybody for whom the tag has a score.
    best : ProfitPoint
        Of highest profit within the capacity.
    condition : str
        Added to the filter it leaves those of the best threshold, as ``churn_risk.score >= 0.31``; empty where
        nobody is worth it. Where the capacity ends among equals it leaves all of these.
    """

    points: tuple[ProfitPoint, ...]
    best: ProfitPoint
    condition: str


def expected(
    context: ServiceContext, person: Person, tree: Filter, *, estimate: bool = False
) -> list[Expected]:
    """Return how many predictions for the members will come true, of each tag the filter uses and each value.

    ``estimate`` reads a sample where the store keeps one and it holds enough members.
    """
    require(person, "filter")
    resolved = resolve(context, person, tree)
    with context.store.reader() as reader:
        _, where = where_in(reader, resolved.whole, context.now, resolved.frozen)
        about = {tag.tag: tag for tag in reader.manifest.run.tags}
        times = weight_in_sample(reader, where) if estimate else None
        found = []
        for name in tags_of(resolved.whole):
            sums = _sums_by_value(reader, about[name], where, sample=times is not None)
            found += [_of_value(name, v, sums[v], times) for v in about[name].values if v in sums]
    return found


def _sums_by_value(
    reader: StoreReader, tag: TagRun, where: exp.Expr, *, sample: bool
) -> dict[str, dict[str, Any]]:
    """Sum chances over the members of each value of the tag."""
    if tag.outlook is not None:
        return sums_by_tier(reader, tag, tag.outlook, where, sample=sample)
    part = {p: quoted(column_name(tag.tag, p)) for p in ("value", "score", "lower", "upper", "confidence")}
    sure = part["confidence"]
    if tag.values == YES_NO:
        yes, one = part["value"].eq(exp.Literal.string(YES_NO[0])), exp.cast(exp.Literal.number(1), "DOUBLE")
        likely: exp.Expr = exp.Case(default=exp.paren(one - part["score"])).when(yes, part["score"])
        most: exp.Expr = exp.Case(default=exp.paren(one - part["lower"])).when(yes, part["upper"])
    else:
        likely = most = sure  # how likely a value is beyond that is not stored
    word = exp.cast(part["value"], "VARCHAR")
    query = exp.select(exp.alias_(word, "value"), exp.alias_(exp.Count(this=exp.Star()), "members"))
    for name, chance in (("sure", sure), ("likely", likely), ("most", most)):
        query = query.select(
            exp.alias_(exp.Sum(this=chance), name), sum_of_variances(chance, f"{name}_variance")
        )
    known = exp.and_(part["value"].is_(exp.null()).not_(), word.neq(exp.Literal.string(UNKNOWN)))
    query = query.from_("profiles").where(where, known).group_by(part["value"])
    rows = {row["value"]: row for row in reader.query(query, sample=sample).read_all().to_pylist()}
    if tag.scale.in_currency:
        for row in rows.values():
            row["most"], row["most_variance"] = float(row["members"]), 0.0
    return rows


def _of_value(tag: str, value: str, row: dict[str, Any], times: float | None) -> Expected:
    if times is not None:
        row = _weighted(row, times)
    members = row["members"]
    low = row["sure"] - NINETEEN_OF_TWENTY * math.sqrt(max(0.0, row["sure_variance"]))
    high = row["most"] + NINETEEN_OF_TWENTY * math.sqrt(max(0.0, row["most_variance"]))
    return Expected(
        tag,
        value,
        members,
        row["sure"],
        row["likely"],
        max(0.0, low),
        min(float(members), high),
        times is not None,
    )


def _weighted(row: dict[str, Any], times: float) -> dict[str, Any]:
    """Return the sums of a sample as those of all, of whom each was drawn with a chance of one in ``times``.

    Their variance is that of chance among all, and that of the drawing: ``Σ c² (1 - f) / f²`` over the drawn.
    """
    found = {"members": round(row["members"] * times)}
    for name in ("sure", "likely", "most"):
        total, variance = row[name], row[f"{name}_variance"]
        squares = total - variance  # c - c (1 - c)
        found[name] = total * times
        found[f"{name}_variance"] = variance * times + squares * times * (times - 1)
    return found


def profit_curve(
    context: ServiceContext,
    person: Person,
    tree: Filter,
    tag: str,
    benefit: float,
    cost: float,
    capacity: int | None = None,
) -> ProfitCurve:
    """Return how far down the scores of ``tag`` it pays to approach the members.

    Parameters
    ----------
    context : ServiceContext
    person : Person
    tree : Filter
    tag : str
        One that predicts yes or no, or an amount.
    benefit : float
        Earned for each approached profile whose outcome comes; of an amount, for each unit of it.
    cost : float
        Of approaching one.
    capacity : int, optional
        Most that can be approached.

    Raises
    ------
    TagcastError
        For an unknown tag, or numbers that make no sense.
    """
    require(person, "filter")
    if tag not in names_for(context, person).tags:
        raise TagcastError(
            msg("there is no tag {tag!r} to rank by", tag=tag), hint=msg("name a tag that you can filter by")
        )
    if not (math.isfinite(benefit) and math.isfinite(cost) and benefit > 0 and cost >= 0):
        raise TagcastError(
            msg(
                "expected a benefit above 0 and a cost of at least 0, found {benefit:g} and {cost:g}",
                benefit=benefit,
                cost=cost,
            ),
            hint=msg("give what a right approach earns and what each one costs"),
        )
    resolved = resolve(context, person, tree)
    with context.store.reader() as reader:
        _, where = where_in(reader, resolved.whole, context.now, resolved.frozen)
        rows = _sums_by_score(reader, tag, where)
    points = _accumulated(rows, benefit, cost)
    within = points if capacity is None else _up_to(points, capacity)
    best = max(within, key=lambda point: point.profit)
    ref = FieldRef(name=tag, part="score")
    text = Compare(field=ref, op=">=", value=best.threshold).text() if best.members else ""
    thin = max(1, math.ceil(len(points) / MOST_POINTS))
    shown = {*points[::thin], points[-1], best}
    return ProfitCurve(tuple(sorted(shown, key=lambda point: point.members)), best, text)


def _sums_by_score(reader: StoreReader, tag: str, where: exp.Expr) -> list[dict[str, Any]]:
    """Sum scores and bounds of the members by steps of their percentile, the highest first."""
    percentile, score = quoted(column_name(tag, "percentile")), quoted(column_name(tag, "score"))
    step = exp.Floor(this=exp.Mul(this=percentile, expression=exp.Literal.number(STEPS_OF_PERCENTILE)))
    query = exp.select(exp.alias_(step, "step"), exp.alias_(exp.Count(this=exp.Star()), "members"))
    query = query.select(exp.alias_(exp.Min(this=score), "threshold"))
    for part in ("score", "lower", "upper"):
        query = query.select(exp.alias_(exp.Sum(this=quoted(column_name(tag, part))), part))
    query = query.from_("profiles").where(where, score.is_(exp.null()).not_()).group_by(step.copy())
    rows: list[dict[str, Any]] = reader.query(query).read_all().to_pylist()
    return sorted(rows, key=lambda row: -row["threshold"])


def _accumulated(rows: Sequence[dict[str, Any]], benefit: float, cost: float) -> list[ProfitPoint]:
    members, sums = 0, {"score": 0.0, "lower": 0.0, "upper": 0.0}
    points = [ProfitPoint(0, rows[0]["threshold"] if rows else 0.0, 0.0, 0.0, 0.0)]
    for row in rows:
        members += row["members"]
        for part in sums:
            sums[part] += row[part]
        profit, low, high = (benefit * sums[part] - cost * members for part in ("score", "lower", "upper"))
        points.append(ProfitPoint(members, row["threshold"], profit, low, high))
    return points


def _up_to(points: Sequence[ProfitPoint], capacity: int) -> list[ProfitPoint]:
    """Return the points within ``capacity``, and the one where it ends between two."""
    within = [point for point in points if point.members <= capacity]
    beyond = next((point for point in points if point.members > capacity), None)
    if beyond is not None:
        last = within[-1]
        share = (capacity - last.members) / (beyond.members - last.members)
        profit, low, high = (
            getattr(last, name) + share * (getattr(beyond, name) - getattr(last, name))
            for name in ("profit", "low", "high")
        )
        within.append(ProfitPoint(capacity, beyond.threshold, profit, low, high))
    return within

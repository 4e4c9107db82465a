"""How far down the scores it pays to approach the members of an audience."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sqlglot import exp

from tagcast.features.core.errors import TagcastError
from tagcast.features.core.messages import msg
from tagcast.models.filters.conditions import Compare, FieldRef, Filter
from tagcast.serving.audiences.filter_resolution import names_for
from tagcast.serving.audiences.sampling import Members, members_of, parts_of
from tagcast.serving.audiences.small_cells import require_single_profiles

if TYPE_CHECKING:
    from tagcast.registry.access.roles import Person
    from tagcast.serving.context import ServiceContext

MOST_POINTS = 200


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


def profit_curve(
    context: ServiceContext,
    person: Person,
    tree: Filter,
    tag: str,
    benefit: float,
    cost: float,
    capacity: int | None = None,
    saved_share: float | None = None,
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
        Earned for each approached profile whose outcome comes; of an amount, for each unit of it; where the outcome is a
        loss, for each profile in whom the approach averts it.
    cost : float
        Of approaching one.
    capacity : int, optional
        Most that can be approached.
    saved_share : float, optional
        Above 0 to 1: of those who would have the outcome, the share in whom an approach averts it. Needed where the
        outcome is a loss: whoever leaves is not kept by being written to alone.

    Raises
    ------
    NotAllowedError
        Where ``person`` may not look at single profiles.
    TagcastError
        For an unknown tag, numbers that make no sense, or a loss without the share that an approach saves.
    """
    from tagcast.serving.catalog.known_tags import loss_tags

    answer = msg("a curve over scores")
    require_single_profiles(person, answer)  # before anything is said of the tag
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
    if saved_share is None and tag in loss_tags(context, person):
        raise TagcastError(
            msg(
                "the outcome of {tag} is a loss: what an approach earns depends on how many it saves", tag=tag
            ),
            hint=msg(
                "give the share of those who would leave that an approach keeps, such as {example}, with --saved-share (saved_share in the API)",
                example="0.1",
            ),
        )
    if saved_share is not None and not 0 < saved_share <= 1:
        raise TagcastError(
            msg("expected a saved share above 0 to 1, found {share:g}", share=saved_share),
            hint=msg("as in {example}", example="0.1"),
        )
    benefit *= 1.0 if saved_share is None else saved_share
    with members_of(context, person, tree, answer) as members:
        rows = _sums_by_score(members, tag)
    points = _accumulated(rows, benefit, cost)
    within = points if capacity is None else _up_to(points, capacity)
    best = max(within, key=lambda point: point.profit)
    ref = FieldRef(name=tag, part="score")
    text = Compare(field=ref, op=">=", value=best.threshold).text() if best.members else ""
    thin = max(1, math.ceil(len(points) / MOST_POINTS))
    shown = {*points[::thin], points[-1], best}
    return ProfitCurve(tuple(sorted(shown, key=lambda point: point.members)), best, text)


def _sums_by_score(members: Members, tag: str) -> list[dict[str, Any]]:
    """Sum scores and bounds of the members by steps of their percentile, the highest first."""
    part = parts_of(tag)
    sums = {name: exp.Sum(this=part[name]) for name in ("score", "lower", "upper")}
    rows = members.groups(
        {"step": part["step"]}, {"threshold": exp.Min(this=part["score"]), **sums}, part["score"]
    )
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

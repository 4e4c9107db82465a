"""What to expect of an audience: how many predictions come true, and how much its members will spend.

Outcomes of profiles are taken as independent given their scores, so a number of them is Poisson-binomial, near enough
to normal; the bounds of the scores, or how far all amounts may move together
(:class:`tagcast.models.stats.amount_outlook.AmountOutlook`), come on top of that.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from sqlglot import exp

from tagcast.features.core.messages import msg
from tagcast.models.filters.conditions import Filter
from tagcast.models.filters.fields import UNKNOWN, YES_NO
from tagcast.serving.audiences.sampling import Members, members_of, parts_of
from tagcast.serving.store.schema import TagRun

if TYPE_CHECKING:
    from tagcast.models.stats.amount_outlook import AmountOutlook
    from tagcast.registry.access.roles import Person
    from tagcast.serving.context import ServiceContext

NINETEEN_OF_TWENTY = 1.96
_ONE_SIDED = 1.6449
"""As the bounds of scores are made (:mod:`tagcast.models.calibration.binary_calibrator`)."""


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
class ExpectedAmount:
    """How much the members will spend in all, of whom a tag predicts an amount.

    Parameters
    ----------
    tag : str
    members : int
        Of whom it predicts one, unknown tiers among them.
    amount : float
        Expected sum, in the currency of the data.
    low, high : float
        19 of 20 times it lies between them: by how far all amounts may move together, and chance.
    estimated : bool
        Whether it comes from the sample that the store keeps of a large base; the range holds that too.
    """

    tag: str
    members: int
    amount: float
    low: float
    high: float
    estimated: bool = False


@dataclass(frozen=True)
class ExpectedEffect:
    """How many more of the members will do it if all of them are approached, by a tag that predicts what an approach changes.

    Parameters
    ----------
    tag : str
    members : int
        Of whom it predicts an effect, unknown values among them.
    gained : float
        Sum of their effects.
    floor, high : float
        Sums of their bounds: on groups the lower one is a floor, 19 times of 20.
    estimated : bool
        Whether it comes from the sample that the store keeps of a large base.
    """

    tag: str
    members: int
    gained: float
    floor: float
    high: float
    estimated: bool = False


def expected(
    context: ServiceContext, person: Person, tree: Filter, *, estimate: bool = False
) -> list[Expected]:
    """Return how many predictions for the members will come true, of each tag the filter uses and each value.

    ``estimate`` reads a sample where the store keeps one and it holds enough members.

    Raises
    ------
    NotAllowedError
        Where ``person`` may not look at single profiles.
    """
    found = []
    with members_of(context, person, tree, msg("a sum of scores"), estimate=estimate) as members:
        for tag in members.tags:
            if tag.scale.is_difference:
                continue  # nobody's own effect can be seen, so none comes true
            if tag.outlook is None:
                sums = _sums_by_value(members, tag)
            else:
                sums = _sums_by_tier(members, tag, tag.outlook)
            found += [_of_value(members, tag.tag, v, sums[v]) for v in tag.values if v in sums]
    return found


def expected_amounts(
    context: ServiceContext, person: Person, tree: Filter, *, estimate: bool = False
) -> list[ExpectedAmount]:
    """Return how much members will spend in all, by each tag the filter uses that predicts an amount.

    ``estimate`` reads a sample where the store keeps one and it holds enough members.

    Raises
    ------
    NotAllowedError
        Where ``person`` may not look at single profiles.
    """
    with members_of(context, person, tree, msg("a sum of amounts"), estimate=estimate) as members:
        return [amount_of(members, tag.tag, tag.outlook) for tag in members.tags if tag.outlook is not None]


def expected_effects(
    context: ServiceContext, person: Person, tree: Filter, *, estimate: bool = False
) -> list[ExpectedEffect]:
    """Return what an approach of all members would gain, by each tag the filter uses that predicts it.

    ``estimate`` reads a sample where the store keeps one and it holds enough members.

    Raises
    ------
    NotAllowedError
        Where ``person`` may not look at single profiles.
    """
    with members_of(context, person, tree, msg("a sum of effects"), estimate=estimate) as members:
        return [_effect(members, tag.tag) for tag in members.tags if tag.scale.is_difference]


def _effect(members: Members, tag: str) -> ExpectedEffect:
    part, times = parts_of(tag), members.times or 1
    names = ("score", "lower", "upper")
    rows = members.groups({}, {name: exp.Sum(this=part[name]) for name in names}, part["score"])
    n = sum(row["members"] for row in rows)
    gained, floor, high = (times * float(sum(row[name] or 0.0 for row in rows)) for name in names)
    return ExpectedEffect(tag, round(n * times), gained, floor, high, members.times is not None)


def _sums_by_value(members: Members, tag: TagRun) -> dict[str, dict[str, Any]]:
    """Sum chances over the members of each value of the tag."""
    part = parts_of(tag.tag)
    sure = part["confidence"]
    if tag.values == YES_NO:
        yes, one = part["value"].eq(exp.Literal.string(YES_NO[0])), exp.cast(exp.Literal.number(1), "DOUBLE")
        likely: exp.Expr = exp.Case(default=exp.paren(one - part["score"])).when(yes, part["score"])
        most: exp.Expr = exp.Case(default=exp.paren(one - part["lower"])).when(yes, part["upper"])
    else:
        likely = most = sure  # how likely a value is beyond that is not stored
    predicted = exp.cast(part["value"], "VARCHAR").neq(exp.Literal.string(UNKNOWN))
    rows = members.groups(
        {"value": part["value"]},
        {**_chances("sure", sure), **_chances("likely", likely), **_chances("most", most)},
        part["value"],
        predicted,
    )
    if tag.scale.in_currency:
        for row in rows:
            row["most"], row["most_variance"] = float(row["members"]), 0.0
    return {row["value"]: row for row in rows}


def _sums_by_tier(members: Members, tag: TagRun, outlook: AmountOutlook) -> dict[str, dict[str, Any]]:
    """Sum chances over the members of each tier: their floors as they are kept, the rest by predicted amounts."""
    found: dict[str, dict[str, Any]] = {}
    groups = _alike(members, tag.tag)
    for place, tier in enumerate(tag.values):
        mine = [g for g in groups if g["value"] == tier]
        if not mine:
            continue
        n, score, sure = (np.array([g[name] for g in mine], float) for name in ("members", "score", "sure"))
        sums: dict[str, Any] = {"members": int(n.sum())}
        for name in ("sure", "sure_variance"):
            sums[name] = float(sum(g[name] for g in mine))
        for name, chance in (
            ("likely", np.maximum(outlook.chance(score / n, place), sure / n)),
            ("most", np.maximum(outlook.most_chance(score / n, place), sure / n)),
        ):
            sums[name] = float((n * chance).sum())
            sums[f"{name}_variance"] = float((n * chance * (1 - chance)).sum())
        found[tier] = sums
    return found


def _alike(members: Members, tag: str) -> list[dict[str, Any]]:
    """Sum scores and confidence of the members by value and by steps of their percentile: alike within each."""
    part = parts_of(tag)
    score = part["score"]
    squares = exp.Sum(this=exp.Mul(this=score, expression=score.copy()))
    rows = members.groups(
        {"value": part["value"], "step": part["step"]},
        {"score": exp.Sum(this=score), "squares": squares, **_chances("sure", part["confidence"])},
        score,
    )
    return sorted(rows, key=lambda row: (str(row["value"]), row["step"]))


def _chances(name: str, chance: exp.Expr) -> dict[str, exp.Expr]:
    """Return the sum of ``chance`` as ``name``, and beside it that of the variances of its outcomes."""
    spread = exp.Mul(this=exp.paren(chance), expression=exp.paren(1 - exp.paren(chance)))
    return {name: exp.Sum(this=chance), f"{name}_variance": exp.Sum(this=spread)}


def _of_value(members: Members, tag: str, value: str, row: Mapping[str, Any]) -> Expected:
    n = round(row["members"] * (members.times or 1))
    sums = {}
    for name in ("sure", "likely", "most"):
        total, variance = row[name], row[f"{name}_variance"]
        sums[name] = members.of_all(total, variance, total - variance)  # c² is c - c (1 - c)
    (sure, sure_variance), (likely, _), (most, most_variance) = sums.values()
    low, high = sure - chance_margin(sure_variance), most + chance_margin(most_variance)
    return Expected(
        tag, value, n, sure, likely, max(0.0, low), min(float(n), high), members.times is not None
    )


def amount_of(members: Members, tag: str, outlook: AmountOutlook) -> ExpectedAmount:
    """Return how much the members will spend in all, by one tag that predicts an amount."""
    groups = [g for g in _alike(members, tag) if g["members"]]
    n, total = (np.array([g[name] for g in groups], float) for name in ("members", "score"))
    spread = float((n * outlook.variance_of(total / n)).sum())
    amount, variance = members.of_all(float(total.sum()), spread, sum(g["squares"] for g in groups))
    together = math.exp(_ONE_SIDED * outlook.spread)
    return ExpectedAmount(
        tag,
        round(float(n.sum()) * (members.times or 1)),
        amount,
        max(0.0, amount / together - chance_margin(variance)),
        amount * together + chance_margin(variance),
        members.times is not None,
    )


def chance_margin(variance: float) -> float:
    """Return how far chance moves a sum, 19 of 20 times at most."""
    return NINETEEN_OF_TWENTY * math.sqrt(max(0.0, variance))

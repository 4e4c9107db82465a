"""What an audience will spend: sums of predicted amounts and of the chances of their tiers, with a range.

Amounts of profiles are taken as independent given their predictions but for what all have in common: how far they may
move together (:class:`tagcast.models.stats.amount_outlook.AmountOutlook`).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from sqlglot import exp

from tagcast.models.filters.conditions import Filter
from tagcast.registry.access.roles import require
from tagcast.serving.audiences.filter_resolution import resolve
from tagcast.serving.audiences.queries import quoted, tags_of, where_in
from tagcast.serving.audiences.sampling import weight_in_sample
from tagcast.serving.store.schema import TagRun, column_name

if TYPE_CHECKING:
    from tagcast.models.stats.amount_outlook import AmountOutlook
    from tagcast.registry.access.roles import Person
    from tagcast.serving.context import ServiceContext
    from tagcast.serving.store.base import StoreReader

NINETEEN_OF_TWENTY = 1.96
_ONE_SIDED = 1.6449
"""As the bounds of scores are made (:mod:`tagcast.models.calibration.binary_calibrator`)."""
STEPS_OF_PERCENTILE = 20
"""The curve of profit is summed in steps of a twentieth of a percentile."""


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


def expected_amounts(
    context: ServiceContext, person: Person, tree: Filter, *, estimate: bool = False
) -> list[ExpectedAmount]:
    """Return how much members will spend in all, by each tag the filter speaks of that predicts an amount.

    ``estimate`` asks a sample where the store keeps one and it holds enough members.
    """
    require(person, "filter")
    resolved = resolve(context, person, tree)
    with context.store.reader() as reader:
        _, where = where_in(reader, resolved.whole, context.now, resolved.frozen)
        outlooks = {tag.tag: tag.outlook for tag in reader.manifest.run.tags if tag.outlook is not None}
        names = [name for name in tags_of(resolved.whole) if name in outlooks]
        times = weight_in_sample(reader, where) if estimate and names else None
        return [_amount(reader, name, outlooks[name], where, times) for name in names]


def _amount(
    reader: StoreReader, tag: str, outlook: AmountOutlook, where: exp.Expr, times: float | None
) -> ExpectedAmount:
    groups = [g for g in _groups(reader, tag, where, sample=times is not None) if g["members"]]
    n, total = (np.array([g[name] for g in groups], float) for name in ("members", "score"))
    variance = float((n * outlook.variance_of(total / n)).sum())
    members, amount = float(n.sum()), float(total.sum())
    if times is not None:
        squares = sum(g["squares"] for g in groups)
        members, amount = members * times, amount * times
        variance = variance * times + squares * times * (times - 1)
    chance = NINETEEN_OF_TWENTY * math.sqrt(variance)
    together = math.exp(_ONE_SIDED * outlook.spread)
    return ExpectedAmount(
        tag,
        round(members),
        amount,
        max(0.0, amount / together - chance),
        amount * together + chance,
        times is not None,
    )


def sums_by_tier(
    reader: StoreReader, tag: TagRun, outlook: AmountOutlook, where: exp.Expr, *, sample: bool
) -> dict[str, dict[str, Any]]:
    """Sum chances over the members of each tier: their floors as they are kept, the rest by predicted amounts."""
    found: dict[str, dict[str, Any]] = {}
    groups = _groups(reader, tag.tag, where, sample=sample)
    for place, tier in enumerate(tag.values):
        mine = [g for g in groups if g["value"] == tier]
        if not mine:
            continue
        n, score = (np.array([g[name] for g in mine], float) for name in ("members", "score"))
        sums: dict[str, Any] = {"members": int(n.sum())}
        for name in ("sure", "sure_variance"):
            sums[name] = float(sum(g[name] for g in mine))
        floor = np.array([g["sure"] for g in mine], float) / n
        for name, chance in (
            ("likely", np.maximum(outlook.chance(score / n, place), floor)),
            ("most", np.maximum(outlook.most_chance(score / n, place), floor)),
        ):
            sums[name] = float((n * chance).sum())
            sums[f"{name}_variance"] = float((n * chance * (1 - chance)).sum())
        found[tier] = sums
    return found


def _groups(reader: StoreReader, tag: str, where: exp.Expr, *, sample: bool) -> list[dict[str, Any]]:
    """Sum scores and confidence of the members by value and by steps of their percentile: alike within each."""
    part = {p: quoted(column_name(tag, p)) for p in ("value", "score", "percentile", "confidence")}
    step = exp.Floor(
        this=exp.Mul(this=part["percentile"], expression=exp.Literal.number(STEPS_OF_PERCENTILE))
    )
    score, sure, word = part["score"], part["confidence"], exp.cast(part["value"], "VARCHAR")
    query = exp.select(
        exp.alias_(word, "value"),
        exp.alias_(step, "step"),
        exp.alias_(exp.Count(this=exp.Star()), "members"),
        exp.alias_(exp.Sum(this=score), "score"),
        exp.alias_(exp.Sum(this=exp.Mul(this=score, expression=score.copy())), "squares"),
        exp.alias_(exp.Sum(this=sure), "sure"),
        sum_of_variances(sure, "sure_variance"),
    )
    query = query.from_("profiles").where(where, score.is_(exp.null()).not_())
    query = query.group_by(part["value"], step.copy())
    rows: list[dict[str, Any]] = reader.query(query, sample=sample).read_all().to_pylist()
    return sorted(rows, key=lambda row: (str(row["value"]), row["step"]))


def sum_of_variances(chance: exp.Expr, name: str) -> exp.Expr:
    """Return the sum of the variances of outcomes of ``chance``, called ``name``."""
    spread = exp.Mul(this=exp.paren(chance), expression=exp.paren(1 - exp.paren(chance)))
    return exp.alias_(exp.Sum(this=spread), name)

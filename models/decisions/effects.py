"""What an effect means for somebody: worth an approach, not worth its cost, or harm."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import numpy.typing as npt

from tagcast.features.core.messages import Text, msg, to_json
from tagcast.models.decisions.cases import EffectCases, Floats
from tagcast.models.definitions.decision_rules import Decision, ProfitRule, margin_of
from tagcast.models.definitions.model_tag import TagDefinition
from tagcast.models.stats.effects import qini
from tagcast.models.stats.numerics import DEVIATIONS_95

Codes = npt.NDArray[np.int8]

SHARES = tuple(k / 20 for k in range(1, 21))
"""Shares of the highest scores whose approach is tried out."""


def effect_values(score: Floats, error: Floats, decision: Decision) -> tuple[Codes, Floats]:
    """Return the likeliest of do_not_disturb, indifferent and persuadable by place, and its probability, both of shape (n,).

    It is the probability that those of this score have an effect below 0, between it and the margin of ``decision``, or
    above that: of a person alone nobody can know.
    """
    from scipy.special import ndtr

    worth = ndtr((score - margin_of(decision)) / error)
    harm = ndtr(-score / error)
    likely = np.column_stack([harm, np.maximum(1 - worth - harm, 0.0), worth])
    code = likely.argmax(axis=1)
    return code.astype(np.int8), likely[np.arange(len(code)), code]


def effect_thresholds(definition: TagDefinition, cases: EffectCases) -> dict[str, Any]:
    """Return what it gives and costs to approach the highest scores, as JSON values.

    Beside the keys that :func:`tagcast.models.decisions.thresholds.thresholds` has, ``shares``: each row approaches those from one score on: their share, the effect that was measured on them with its 95 %
    interval and the mean lower bound that was its floor, extra outcomes a thousand people of all, and the net benefit of these
    where the decision names a benefit and a cost.
    """
    decision = definition.decision
    order = np.lexsort((cases.effect, -cases.score))
    score, lower, effect = cases.score[order], cases.lower[order], cases.effect[order]
    n, margin = len(order), margin_of(decision)
    rule = decision if isinstance(decision, ProfitRule) else None
    worth = int((score > margin).sum())
    rows = []
    for k in sorted({max(2, round(share * n)) for share in SHARES} | {max(2, worth)}):
        mean = float(effect[:k].mean())
        half = DEVIATIONS_95 * float(effect[:k].std(ddof=1)) / math.sqrt(k)
        row: dict[str, Any] = {
            "share": k / n,
            "threshold": float(score[k - 1]),
            "effect": mean,
            "low": mean - half,
            "high": mean + half,
            "floor": float(lower[:k].mean()),
            "extra_per_1000": 1000 * mean * k / n,
            "chosen": k == max(2, worth),
        }
        if rule is not None:
            row["net_benefit_per_1000"] = 1000 * (rule.benefit * mean - rule.cost) * k / n
        rows.append(row)
    share, gained = qini(cases.score, cases.effect)
    places = np.unique(np.linspace(0, len(share) - 1, 201).astype(int))
    return {
        "rule": decision.model_dump(mode="json"),
        "margin": margin,
        "cases": n,
        "snapshots": [day for day, _ in cases.snapshots],
        "says": to_json(_sentence(next(row for row in rows if row["chosen"]), worth, margin)),
        "hysteresis": definition.hysteresis,
        "min_confidence": definition.min_confidence,
        "stability": [],
        "stability_without_unknown": [],
        "shares": rows,
        "qini": {"share": share[places].tolist(), "gained": gained[places].tolist()},
    }


def _sentence(row: dict[str, Any], worth: int, margin: float) -> Text:
    """Return what it would have given to approach those whose effect is worth it."""
    if not worth:
        return msg(
            "Nobody has an effect above {margin} points: nobody is worth an approach.",
            margin=f"{100 * margin:.1f}",
        )
    return msg(
        "An effect above {margin} points: {share} of the cases; approached, {effect} points more of them did it ({low} to {high}), "
        "{extra} more outcomes a thousand people of all.",
        margin=f"{100 * margin:.1f}",
        share=f"{row['share']:.1%}",
        effect=f"{100 * row['effect']:.1f}",
        low=f"{100 * row['low']:.1f}",
        high=f"{100 * row['high']:.1f}",
        extra=f"{row['extra_per_1000']:.1f}",
    )

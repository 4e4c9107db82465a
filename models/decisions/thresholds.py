"""What a decision rule gives and costs, over cases whose outcomes are known.

Each row of the table is an audience: who would get a yes among the highest scores of every past snapshot, up to a share of
its population, beside the audience that the rule itself chooses there. A rule that ranks its population
(top share, capacity) gets a threshold for each snapshot, as in a scoring run.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np

from tagcast.features.core.messages import to_json
from tagcast.models.decisions.cases import Cases, Rows
from tagcast.models.decisions.choice_sentence import choice_sentence
from tagcast.models.decisions.flip_rates import stability
from tagcast.models.decisions.policy import needs_population, threshold_from_scores
from tagcast.models.definitions.model_tag import Decision, ProfitRule, TagDefinition, TopShareRule
from tagcast.models.stats.draws import counted, part, share_of, weighted_mean

SHARES = (0.01, 0.02, 0.05, 0.1, 0.2, 0.3, 0.5, 0.75, 1.0)
"""Of each snapshot's population, highest scores first."""


@dataclass(frozen=True)
class ThresholdRow:
    """One audience.

    Parameters
    ----------
    asked : float or None
        Share of the population asked for; None for the rule's own audience.
    chosen : bool
        The rule's own choice.
    threshold, threshold_high : float
        Least score of a member: the lowest and the highest over the snapshots.
    size, share : int, float
        Members over all snapshots, and as a share of the cases: whose value would be predicted.
    unknown : int
        Who scores high enough and is left ``unknown`` below ``min_confidence``; no members.
    precision, low, high : float or None
        Share of members whose outcome is true, with Wilson's 95 % interval; None for an empty audience.
    recall, lift : float or None
        Share of all true outcomes that are members; precision over the base rate.
    profit : float or None
        Mean of a snapshot: benefit times true members less cost times members; None where the rule
        knows neither.
    """

    asked: float | None
    chosen: bool
    threshold: float
    threshold_high: float
    size: int
    share: float
    precision: float | None
    low: float | None
    high: float | None
    recall: float | None
    lift: float | None
    profit: float | None
    unknown: int


def rule_thresholds(decision: Decision, learned: float | None, cases: Cases) -> list[float]:
    """Return the score from which the rule says yes at each snapshot of ``cases``, in order of time.

    Parameters
    ----------
    decision : Decision
    learned : float or None
        The model's threshold; None where each run's scores decide.
    cases : Cases
    """
    if needs_population(decision):
        return [
            threshold_from_scores(decision, cases.score[rows], part(cases.weight, rows))
            for _, rows in cases.snapshots
        ]
    if learned is None:
        raise ValueError(f"a {decision.rule} rule needs the cut that training learnt")
    return [learned] * len(cases.snapshots)


def share_rows(
    cases: Cases, sure: Rows, decision: Decision | None = None
) -> list[tuple[list[float], ThresholdRow]]:
    """Return, for each of ``SHARES``, its threshold at each snapshot and the audience.

    Parameters
    ----------
    cases : Cases
    sure : ndarray of bool
        Whose value is predicted once they are chosen; the others stay unknown.
    decision : Decision, optional
        May know a profit.
    """
    asked = [
        (share, [threshold_from_scores(
                     TopShareRule(rule="top_share", share=share), cases.score[rows], part(cases.weight, rows))
                 if share < 1 else float(cases.score[rows].min()) for _, rows in cases.snapshots])
        for share in SHARES
    ]  # fmt: skip
    return [
        (
            thresholds,
            audience(
                cases, reached(cases, thresholds), sure, thresholds, share, decision=decision, chosen=False
            ),
        )
        for share, thresholds in asked
    ]


def threshold_table(
    decision: Decision, learned: float | None, cases: Cases, min_confidence: float = 0.0
) -> list[ThresholdRow]:
    """Return an audience for each of ``SHARES`` and the rule's own, the widest last.

    An audience holds who would get a yes: nobody whose confidence is below ``min_confidence``. Where the rule's
    audience is exactly that of a share, that row is marked.
    """
    own, sure = rule_thresholds(decision, learned, cases), cases.lower >= min_confidence
    found = share_rows(cases, sure, decision)
    rows = [row for _, row in found]
    same = [place for place, (thresholds, _) in enumerate(found) if thresholds == own]
    if same:
        rows[same[0]] = replace(rows[same[0]], chosen=True)
    else:
        rows.append(audience(cases, reached(cases, own), sure, own, None, decision=decision, chosen=True))
    return sorted(rows, key=lambda row: (row.size + row.unknown, row.asked or 0.0))


def reached(cases: Cases, thresholds: Sequence[float]) -> Rows:
    """Return which cases reach the threshold of their snapshot."""
    member = np.zeros(len(cases.y), dtype=bool)
    for (_, rows), threshold in zip(cases.snapshots, thresholds, strict=True):
        member |= rows & (cases.score >= threshold)
    return member


def audience(
    cases: Cases,
    reach: Rows,
    sure: Rows,
    thresholds: Sequence[float],
    asked: float | None,
    *,
    decision: Decision | None,
    chosen: bool,
) -> ThresholdRow:
    """Return the figures of those of ``reach`` who are ``sure``; ``thresholds`` are their least scores, one a snapshot."""
    member, weight, happened = reach & sure, cases.weight, cases.y.astype(bool)
    size, right, true = (counted(rows, weight) for rows in (member, member & happened, happened))
    low, precision, high = (
        share_of(cases.y[member], part(weight, member)) if member.any() else (None, None, None)
    )
    profit = None
    if isinstance(decision, ProfitRule):
        profit = (decision.benefit * right - decision.cost * size) / len(thresholds)
    return ThresholdRow(
        asked=asked,
        chosen=chosen,
        threshold=min(thresholds),
        threshold_high=max(thresholds),
        size=size,
        share=size / cases.size,
        precision=precision,
        low=low,
        high=high,
        recall=right / true if true else None,
        lift=precision / (true / cases.size) if precision is not None and true else None,
        profit=profit,
        unknown=counted(reach, weight) - size,
    )


def thresholds(definition: TagDefinition, learned: float | None, cases: Cases) -> dict[str, Any]:
    """Return the table, a sentence on the rule's choice and what hysteresis would do, as JSON values.

    Parameters
    ----------
    definition : TagDefinition
    learned : float or None
        The model's threshold.
    cases : Cases
        Out of time.

    Returns
    -------
    dict
        ``rule``, ``cases``, ``snapshots``, ``base_rate``, ``thresholds`` (:class:`ThresholdRow`, as mappings),
        ``says``, ``hysteresis``, ``min_confidence``, ``stability`` (:class:`tagcast.models.decisions.flip_rates.Margin`, as
        mappings; empty with fewer than two snapshots, and under a capacity, which allows no hysteresis)
        and ``stability_without_unknown``, the same with a ``min_confidence`` of 0.
    """
    table = threshold_table(definition.decision, learned, cases, definition.min_confidence)
    rule = definition.decision
    capped = isinstance(rule, ProfitRule) and rule.capacity is not None
    days = [day for day, _ in cases.snapshots]
    scored = [
        (cases.profile_id[rows], cases.y[rows], cases.score[rows], cases.lower[rows], cases.upper[rows])
        for _, rows in cases.snapshots
    ]
    weights = None if cases.weight is None else [cases.weight[rows] for _, rows in cases.snapshots]
    thresholds = rule_thresholds(rule, learned, cases)

    def margins(min_confidence: float) -> list[dict[str, Any]]:
        if len(days) < 2 or capped:
            return []
        rows = stability(
            scored, thresholds, min_confidence=min_confidence, own=definition.hysteresis, weights=weights
        )
        return [asdict(row) for row in rows]

    return {
        "rule": rule.model_dump(mode="json"),
        "cases": round(cases.size),
        "snapshots": days,
        "base_rate": weighted_mean(cases.y, cases.weight),
        "thresholds": [asdict(row) for row in table],
        "says": to_json(choice_sentence(definition, next(row for row in table if row.chosen), cases)),
        "hysteresis": definition.hysteresis,
        "min_confidence": definition.min_confidence,
        "stability": margins(definition.min_confidence),
        "stability_without_unknown": margins(0.0),
    }

"""What saying "this tier or a higher one" gives: each boundary of an amount's tiers, as a threshold of yes and no has it.

An audience "medium or more" is held against who really spent that much. Beside it stand the highest predicted amounts of
every past snapshot, up to a share of the population, so that somebody who wants more or fewer can see what it costs.
"""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

import numpy as np

from tagcast.models.decisions.flip_rates import Words, margin_of
from tagcast.models.decisions.thresholds import ThresholdRow, audience, share_rows
from tagcast.models.decisions.tier_cases import TierCases
from tagcast.models.definitions.model_tag import TagDefinition
from tagcast.models.filters.fields import UNKNOWN


def tier_thresholds(definition: TagDefinition, cases: TierCases) -> dict[str, Any]:
    """Return a table for each boundary between tiers and how stable the values are, as JSON values.

    Parameters
    ----------
    definition : TagDefinition
        Of an amount.
    cases : TierCases
        Out of time.

    Returns
    -------
    dict
        ``rule``, ``cases``, ``snapshots``, ``hysteresis``, ``min_confidence``, ``stability`` and
        ``stability_without_unknown`` as :func:`tagcast.models.decisions.thresholds.thresholds` has them, of the margin 0
        alone, since there is none around a tier; ``says``, and ``boundaries``: of each tier but the lowest its name
        (``tier``), its ``start``, the share that reached it (``base_rate``) and the audiences (``thresholds``).
    """
    days = [day for day, _ in cases.snapshots]
    tables = [_boundary(definition, cases, place) for place in range(1, len(definition.values))]

    def stability(min_confidence: float) -> list[dict[str, Any]]:
        if len(days) < 2:
            return []
        value = _said(definition, cases, min_confidence)
        over_time = [(cases.profile_id[r], value[r], cases.confidence[r]) for _, r in cases.snapshots]
        came = np.concatenate([_tiers(definition)[cases.true_tier[r]] for _, r in cases.snapshots])
        return [asdict(margin_of(over_time, came, 0.0, own=True))]

    return {
        "rule": definition.decision.model_dump(mode="json"),
        "cases": len(cases.amount),
        "snapshots": days,
        "boundaries": tables,
        "says": " ".join(table["says"] for table in tables),
        "hysteresis": definition.hysteresis,
        "min_confidence": definition.min_confidence,
        "stability": stability(definition.min_confidence),
        "stability_without_unknown": stability(0.0),
    }


def _boundary(definition: TagDefinition, cases: TierCases, place: int) -> dict[str, Any]:
    tier, start = list(definition.levels.items())[place]
    reaching = cases.from_tier(place)
    member = (cases.tier >= place) & (cases.confidence >= definition.min_confidence)
    least = [float(cases.score[r & member].min()) for _, r in cases.snapshots if (r & member).any()]
    own = audience(reaching, member, least or [np.inf], None, decision=None, chosen=True)
    rows = sorted(
        [*(row for _, row in share_rows(reaching)), own], key=lambda row: (row.size, row.asked or 0.0)
    )
    return {
        "tier": tier,
        "start": start,
        "base_rate": float(reaching.y.mean()),
        "thresholds": [_finite(asdict(row)) for row in rows],
        "says": _sentence(tier, place == len(definition.values) - 1, own),
    }


def _sentence(tier: str, highest: bool, own: ThresholdRow) -> str:
    predicted = tier if highest else f"{tier} or more"
    if not own.size or own.precision is None:
        return f"Nobody was predicted {predicted} with enough confidence."
    return (
        f"Of those predicted {predicted} ({own.share:.1%} of past snapshots) {own.precision:.1%} reached it "
        f"({own.low:.1%} to {own.high:.1%}), {own.recall or 0:.1%} of all who did."
    )


def _said(definition: TagDefinition, cases: TierCases, min_confidence: float) -> Words:
    return np.where(cases.confidence < min_confidence, UNKNOWN, _tiers(definition)[cases.tier])


def _tiers(definition: TagDefinition) -> Words:
    return np.array(definition.values, dtype=object)


def _finite(row: dict[str, Any]) -> dict[str, Any]:
    """Put None where nobody is a member: infinity is no JSON."""
    return {name: None if value == np.inf else value for name, value in row.items()}

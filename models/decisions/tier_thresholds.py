"""What saying "this tier or a higher one" gives: each boundary of an amount's tiers, as a threshold of yes and no has it.

An audience "medium or more" is held against who really spent that much. Beside it stand the highest predicted amounts of
every past snapshot, up to a share of the population, so that somebody who wants more or fewer can see what it costs.
"""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

import numpy as np

from tagcast.features.core.messages import Text, listed, msg, to_json
from tagcast.models.decisions.cases import TierCases
from tagcast.models.decisions.flip_rates import Words, margin_of
from tagcast.models.decisions.thresholds import ThresholdRow, audience, share_rows
from tagcast.models.definitions.model_tag import TagDefinition
from tagcast.models.filters.fields import UNKNOWN
from tagcast.models.stats.draws import weighted_mean


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
    found = [_boundary(definition, cases, place) for place in range(1, len(definition.values))]
    tables = [{**table, "says": to_json(says)} for table, says in found]

    def stability(min_confidence: float) -> list[dict[str, Any]]:
        if len(days) < 2:
            return []
        value = _said(definition, cases, min_confidence)
        over_time = [(cases.profile_id[r], value[r], cases.confidence[r]) for _, r in cases.snapshots]
        came = np.concatenate([_tiers(definition)[cases.true_tier[r]] for _, r in cases.snapshots])
        weights = None if cases.weight is None else [cases.weight[r] for _, r in cases.snapshots]
        return [asdict(margin_of(over_time, came, 0.0, own=True, weights=weights))]

    return {
        "rule": definition.decision.model_dump(mode="json"),
        "cases": round(cases.size),
        "snapshots": days,
        "boundaries": tables,
        "says": to_json(listed((says for _, says in found), "paragraph")),
        "hysteresis": definition.hysteresis,
        "min_confidence": definition.min_confidence,
        "stability": stability(definition.min_confidence),
        "stability_without_unknown": stability(0.0),
    }


def _boundary(definition: TagDefinition, cases: TierCases, place: int) -> tuple[dict[str, Any], Text]:
    """Return the table of a boundary, and a sentence on who was predicted to reach it."""
    tier, start = list(definition.levels.items())[place]
    reaching = cases.from_tier(place)
    reach, sure = cases.tier >= place, cases.confidence >= definition.min_confidence
    member = reach & sure
    least = [float(cases.score[r & member].min()) for _, r in cases.snapshots if (r & member).any()]
    own = audience(reaching, reach, sure, least or [np.inf], None, decision=None, chosen=True)
    rows = sorted(
        [*(row for _, row in share_rows(reaching, sure)), own], key=lambda row: (row.size, row.asked or 0.0)
    )
    table = {
        "tier": tier,
        "start": start,
        "base_rate": weighted_mean(reaching.y, cases.weight),
        "thresholds": [_finite(asdict(row)) for row in rows],
    }
    return table, _sentence(tier, place == len(definition.values) - 1, own)


def _sentence(tier: str, highest: bool, own: ThresholdRow) -> Text:
    predicted = tier if highest else msg("{tier} or more", tier=tier)
    if not own.size or own.precision is None:
        return msg("Nobody was predicted {tier} with enough confidence.", tier=predicted)
    return msg(
        "Of those predicted {tier} ({share} of past snapshots) {precision} reached it ({low} to {high}), "
        "{recall} of all who did.",
        tier=predicted,
        share=f"{own.share:.1%}",
        precision=f"{own.precision:.1%}",
        low=f"{own.low:.1%}",
        high=f"{own.high:.1%}",
        recall=f"{own.recall or 0:.1%}",
    )


def _said(definition: TagDefinition, cases: TierCases, min_confidence: float) -> Words:
    return np.where(cases.confidence < min_confidence, UNKNOWN, _tiers(definition)[cases.tier])


def _tiers(definition: TagDefinition) -> Words:
    return np.array(definition.values, dtype=object)


def _finite(row: dict[str, Any]) -> dict[str, Any]:
    """Put None where nobody is a member: infinity is no JSON."""
    return {name: None if value == np.inf else value for name, value in row.items()}

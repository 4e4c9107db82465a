"""The promise of a version on its test snapshot, as flat metrics."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tagcast.models.evaluation.evidence import Promised


def promise_metrics(bands: Iterable[Promised]) -> dict[str, float]:
    """Return ``promise_<band>_predicted|promised|right`` for every confidence band, as metrics of a version."""
    metrics: dict[str, float] = {}
    for band in bands:
        stem = f"promise_{round(band.confidence * 100)}"
        metrics[f"{stem}_predicted"] = float(band.predicted)
        if not math.isnan(band.share_right):
            metrics[f"{stem}_promised"] = band.mean_confidence
            metrics[f"{stem}_right"] = band.share_right
    return metrics

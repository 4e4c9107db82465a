"""The promise of a version on its test snapshot, as flat metrics."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tagcast.models.stats.observed_accuracy import CONFIDENCE_BANDS

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt


def promise_metrics(
    value: npt.NDArray[np.object_],
    confidence: npt.NDArray[np.float64],
    came: npt.NDArray[np.int8] | npt.NDArray[np.object_],
) -> dict[str, float]:
    """Return ``promise_<band>_predicted|promised|right`` for every confidence band, as metrics of a version."""
    import math

    from tagcast.models.stats.observed_accuracy import promise_and_reality

    metrics: dict[str, float] = {}
    for band in promise_and_reality(came, value, confidence, CONFIDENCE_BANDS):
        stem = f"promise_{round(band.confidence * 100)}"
        metrics[f"{stem}_predicted"] = float(band.predicted)
        if not math.isnan(band.share_right):
            metrics[f"{stem}_promised"] = band.mean_confidence
            metrics[f"{stem}_right"] = band.share_right
    return metrics

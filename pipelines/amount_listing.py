"""Columns in which versions that predict an amount are listed."""

from __future__ import annotations

from collections.abc import Mapping

COLUMNS = (
    "MAE",
    "baseline MAE",
    "RMSE",
    "baseline RMSE",
    "Spearman",
    "coverage",
    "tiers right",
    "confidence",
)
_METRICS = (
    "mae",
    "baseline_mae",
    "rmse",
    "baseline_rmse",
    "spearman",
    "coverage",
    "tier_accuracy",
    "mean_confidence",
)


def predicts_amount(metrics: Mapping[str, float]) -> bool:
    """Return whether these are the metrics of a version that predicts an amount."""
    return "rmse" in metrics


def figures(metrics: Mapping[str, float]) -> tuple[float | None, ...]:
    """Return the figures of ``COLUMNS``."""
    return tuple(metrics.get(name) for name in _METRICS)

"""Columns in which versions that predict an amount are listed."""

from __future__ import annotations

from collections.abc import Mapping

from tagcast.pipelines.reports.terminal import amount

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
_AMOUNTS = ("mae", "baseline_mae", "rmse", "baseline_rmse")
_SHARES = ("spearman", "coverage", "tier_accuracy", "mean_confidence")


def predicts_amount(metrics: Mapping[str, float]) -> bool:
    """Return whether these are the metrics of a version that predicts an amount."""
    return "rmse" in metrics


def figures(metrics: Mapping[str, float]) -> tuple[str | float | None, ...]:
    """Return the figures of ``COLUMNS``; errors as the amounts they are."""
    return (*(amount(metrics.get(name)) for name in _AMOUNTS), *(metrics.get(name) for name in _SHARES))

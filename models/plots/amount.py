"""Figures of a trained amount tag: predicted beside seen, and predicted beside actual tiers."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from tagcast.models.plots.model import BLUE, calibration_limits, draw_calibration, plain_figure
from tagcast.models.stats.amount_metrics import amount_bins, bin_rows

if TYPE_CHECKING:
    from collections.abc import Sequence

    from matplotlib.figure import Figure

Floats = npt.NDArray[np.float64]


def amount_plot(amount: Floats, score: Floats, lower: Floats, upper: Floats) -> Figure:
    """Draw the mean amount over the mean prediction of ten bins of equal count, and the mean interval of each."""
    figure, axes = plain_figure()
    bins = amount_bins(amount, score)
    mean = [
        (b.mean_score, *(part[rows].mean() for part in (lower, upper)))
        for b, rows in zip(bins, bin_rows(amount, score), strict=True)
    ]
    said, low, high = np.array(mean).T
    axes.fill_between(
        said, low, high, color=BLUE, alpha=0.12, linewidth=0, label="mean 80 % interval of one amount"
    )
    draw_calibration(axes, bins, calibration_limits([bins]), "mean amount")
    axes.set_title("Predicted and seen on the test snapshot")
    axes.legend(frameon=False, loc="upper left")
    return figure


def tiers_plot(confusion: Sequence[Sequence[int]], tiers: Sequence[str]) -> Figure:
    """Draw how often each said tier (row) turned out to be each true one (column)."""
    counts = np.array(confusion)
    share = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    figure, axes = plain_figure()
    axes.imshow(share, cmap="Blues", vmin=0, vmax=1, aspect="auto")
    for row in range(len(tiers)):
        for column in range(len(tiers)):
            axes.text(
                column,
                row,
                f"{counts[row, column]:,}\n{share[row, column]:.0%}",
                ha="center",
                va="center",
                color="white" if share[row, column] > 0.5 else "black",  # half dark
            )
    axes.set_xticks(range(len(tiers)), tiers)
    axes.set_yticks(range(len(tiers)), tiers)
    axes.grid(visible=False)
    axes.set(xlabel="actual tier", ylabel="predicted tier", title="Tiers on the test snapshot")
    return figure

"""Figures of a trained tag: calibration, lift, promise beside reality.

Each function returns a Figure and touches no global state of matplotlib, so threads and notebooks may
call them side by side.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from tagcast.models.stats.metrics import calibration_bins, wilson

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


Floats = npt.NDArray[np.float64]
Labels = npt.NDArray[np.int8]

BLUE, GREY, ORANGE = "#1f6f9f", "#8a8a8a", "#d1702b"
BINS = 10


def plain_figure(width: float = 5.6, height: float = 4.2) -> tuple[Figure, Axes]:
    """Return an empty figure of the house style, its size in inches."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width, height), dpi=130, layout="tight")
    axes = figure.add_subplot()
    axes.spines[["top", "right"]].set_visible(False)
    axes.grid(color="#e6e6e6", linewidth=0.6)
    axes.set_axisbelow(True)
    return figure, axes


def calibration_plot(y: Labels, score: Floats) -> Figure:
    """Draw the observed rate over the mean score of ten bins of equal count, with 95 % intervals."""
    figure, axes = plain_figure()
    bins = calibration_bins(y, score)
    said, rate, low, high = (
        np.array([getattr(b, part) for b in bins]) for part in ("mean_score", "observed", "low", "high")
    )
    top = min(1.0, 1.08 * max(said.max(), high.max()))
    axes.plot([0, top], [0, top], color=GREY, linewidth=1, linestyle="--", label="perfect")
    axes.errorbar(
        said, rate, [rate - low, high - rate], fmt="o-", color=BLUE, markersize=4, linewidth=1.2, capsize=2
    )
    axes.set(
        xlim=(0, top),
        ylim=(0, top),
        xlabel="mean score of the bin",
        ylabel="share of true outcomes",
        title="Calibration on the test snapshot",
    )
    axes.legend(frameon=False, loc="upper left")
    return figure


def lift_plot(y: Labels, score: Floats) -> Figure:
    """Draw the share of all true outcomes found in the top x % by score, beside chance and the ideal."""
    figure, axes = plain_figure()
    order = np.argsort(-score, kind="stable")
    asked = np.arange(len(y) + 1) / len(y) * 100
    found = np.r_[0, np.cumsum(y[order])] / max(1, int(y.sum())) * 100
    axes.plot([0, 100 * y.mean(), 100], [0, 100, 100], color=GREY, linewidth=1, label="ideal")
    axes.plot([0, 100], [0, 100], color=GREY, linewidth=1, linestyle="--", label="chance")
    axes.plot(asked, found, color=BLUE, linewidth=1.6, label="tagcast")
    tenth = float(np.interp(10, asked, found))
    axes.plot([10], [tenth], "o", color=ORANGE, markersize=5)
    axes.annotate(
        f"top 10 % finds {tenth:.0f} %",
        (10, tenth),
        xytext=(10, -4),
        textcoords="offset points",
        va="top",
        color=ORANGE,
    )
    axes.set(
        xlim=(0, 100),
        ylim=(0, 102),
        xlabel="profiles addressed, highest scores first (%)",
        ylabel="true outcomes found (%)",
        title="Lift on the test snapshot",
    )
    axes.legend(frameon=False, loc="lower right")
    return figure


def confidence_plot(
    y: Labels, value: npt.NDArray[np.object_], confidence: Floats, bins: int = BINS
) -> Figure:
    """Draw the share that turned out right over the mean confidence, in bins of equal count.

    Points on or above the line keep the promise.
    """
    figure, axes = plain_figure()
    said = np.flatnonzero(value != "unknown")
    right = (value == "yes") == (y == 1)
    groups = [b for b in np.array_split(said[np.argsort(confidence[said], kind="stable")], bins) if len(b)]
    axes.plot([0, 1], [0, 1], color=GREY, linewidth=1, linestyle="--", label="the promise")
    axes.fill_between([0, 1], [0, 1], [1, 1], color=BLUE, alpha=0.06, linewidth=0)
    start = 0.5
    if groups:
        mean = np.array([confidence[b].mean() for b in groups])
        low, rate, high = wilson([int(right[b].sum()) for b in groups], [len(b) for b in groups])
        axes.errorbar(
            mean,
            rate,
            [rate - low, high - rate],
            fmt="o",
            color=BLUE,
            markersize=4,
            linewidth=1.2,
            capsize=2,
            label="reality",
        )
        start = max(0.0, min(float(mean.min()), float(low.min())) - 0.04)
    axes.set(
        xlim=(start, 1),
        ylim=(start, 1.01),
        xlabel="mean confidence",
        ylabel="share right",
        title="The promise beside reality",
    )
    axes.legend(frameon=False, loc="lower right")
    return figure

"""Figures of a backtest: calibration and metrics window by window, segments side by side.

As in ``models/plots.py``, each function returns a Figure and touches no global state of matplotlib.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from tagcast.models.plots.model import BLUE, GREY, ORANGE
from tagcast.models.stats.metrics import Estimate, calibration_bins, wilson

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from tagcast.models.evaluation.backtest import Pooled, Window

PANELS_A_ROW = 3
MOST_SEGMENTS = 60
"""Segments that a forest plot draws, the largest: more cannot be read."""
METRIC_TITLES = {
    "auc": "AUC",
    "average_precision": "average precision",
    "log_loss": "log loss (lower is better)",
    "brier": "Brier score (lower is better)",
    "calibration_error": "calibration error (lower is better)",
    "lift_at_10": "lift of the top 10 %",
}
_REFERENCE = {
    "auc": "rfm",
    "average_precision": "rfm",
    "lift_at_10": "rfm",
    "log_loss": "base_rate",
    "brier": "base_rate",
}
"""What each metric is held against: the RFM ranking, or the base rate of training."""


def _panels(count: int, columns: int, size: tuple[float, float]) -> tuple[Figure, list[Axes]]:
    from matplotlib.figure import Figure

    rows = -(-count // columns)
    figure = Figure(figsize=(size[0] * columns, size[1] * rows), dpi=130, layout="constrained")
    panels = [figure.add_subplot(rows, columns, place + 1) for place in range(count)]
    for axes in panels:
        axes.spines[["top", "right"]].set_visible(False)
        axes.grid(color="#e6e6e6", linewidth=0.6)
        axes.set_axisbelow(True)
    return figure, panels


def calibration_by_window(windows: Sequence[Window]) -> Figure:
    """Draw a panel a window: the observed rate over the mean score of ten bins, with 95 % intervals."""
    figure, panels = _panels(len(windows), min(len(windows), PANELS_A_ROW), (3.6, 3.5))
    bins = [calibration_bins(w.y, w.score) for w in windows]
    top = min(1.0, 1.08 * max(max(b.mean_score, b.high) for each in bins for b in each))
    for axes, window, each in zip(panels, windows, bins, strict=True):
        said, rate = np.array([b.mean_score for b in each]), np.array([b.observed for b in each])
        spread = [rate - [b.low for b in each], [b.high for b in each] - rate]
        axes.plot([0, top], [0, top], color=GREY, linewidth=1, linestyle="--")
        axes.errorbar(said, rate, spread, fmt="o-", color=BLUE, markersize=4, linewidth=1.2, capsize=2)
        axes.set(
            xlim=(0, top),
            ylim=(0, top),
            xlabel="mean score of the bin",
            ylabel="share of true outcomes",
        )
        axes.set_title(f"{window.test} (n = {len(window.y):,})", fontsize=10)
    figure.suptitle("Calibration of each window (dashed: perfect)", fontsize=12)
    return figure


def metrics_by_window(windows: Sequence[Window]) -> Figure:
    """Draw every metric over the windows with its 95 % interval, beside what it has to beat."""
    figure, panels = _panels(len(METRIC_TITLES), PANELS_A_ROW, (3.7, 2.8))
    place = np.arange(len(windows))
    legend: dict[str, Any] = {}
    for axes, (name, title) in zip(panels, METRIC_TITLES.items(), strict=True):
        _interval(axes, place, [w.test_metrics["tagcast"][name] for w in windows], BLUE, "tagcast")
        if who := _REFERENCE.get(name):
            label = "RFM ranking" if who == "rfm" else "base rate"
            # Beside, not upon, so that both intervals can be read.
            color = ORANGE if who == "rfm" else GREY
            _interval(axes, place + 0.14, [w.test_metrics[who][name] for w in windows], color, label)
            for mark, text in zip(*axes.get_legend_handles_labels(), strict=True):
                legend.setdefault(text, mark)
        axes.set_xticks(place, [str(w.test) for w in windows], rotation=30, ha="right", fontsize=8)
        axes.set_title(title, fontsize=10)
        axes.set_xlim(-0.4, len(windows) - 0.45)
        axes.grid(visible=False, axis="x")
    figure.suptitle("Every window: figure and 95 % interval", fontsize=12)
    figure.legend(
        list(legend.values()), list(legend), loc="outside lower center", ncols=len(legend), frameon=False
    )
    return figure


def _interval(axes: Axes, place: np.ndarray, estimates: Sequence[Estimate], color: str, label: str) -> None:
    value, low, high = (np.array([getattr(e, part) for e in estimates]) for part in ("value", "low", "high"))
    # Resampling adds noise that a calibration error counts: its interval may lie above the figure.
    axes.vlines(place, low, high, color=color, linewidth=1.4)
    axes.plot(place, value, "o", color=color, markersize=4.5, label=label)


def segments_plot(pooled: Pooled) -> Figure:
    """Draw a forest plot: how well each segment is ranked, and whether it is scored too high or too low."""
    rows = sorted(pooled.segments, key=lambda r: -r.n)[:MOST_SEGMENTS]
    rows = [r for r in pooled.segments if r in rows][::-1]
    figure, (ranks, level) = _panels(2, 2, (4.8, 1.4 + 0.24 * len(rows)))
    place = np.arange(len(rows))
    auc = [r.metrics["auc"] for r in rows]
    implied = [r.implied_auc for r in rows]
    ranks.plot(implied, place, "|", color=ORANGE, markersize=9, markeredgewidth=1.6)
    ranks.hlines(place, [e.low for e in auc], [e.high for e in auc], color=BLUE, linewidth=1.4)
    ranks.plot([e.value for e in auc], place, "o", color=BLUE, markersize=4)
    ranks.set_xlabel("AUC (orange: what it would be if the scores were exactly right)", fontsize=9)
    ranks.set_title("How well it ranks", fontsize=10)
    ranks.set_yticks(place, [f"{r.segment}: {r.value} ({r.n:,})" for r in rows], fontsize=8)

    low, rate, high = wilson([r.yes for r in rows], [r.n for r in rows])
    said = np.array([r.mean_score for r in rows])
    level.axvline(0, color=GREY, linewidth=1, linestyle="--")
    level.hlines(place, low - said, high - said, color=BLUE, linewidth=1.4)
    level.plot(rate - said, place, "o", color=BLUE, markersize=4)
    level.set_xlabel("share of true outcomes minus mean score", fontsize=9)
    level.set_title("Scored too high (−) or too low (+)", fontsize=10)
    level.set_yticks(place, [""] * len(rows))
    for axes in (ranks, level):
        axes.set_ylim(-0.7, len(rows) - 0.3)
    figure.suptitle("Segments, all windows together, 95 % intervals", fontsize=12)
    return figure

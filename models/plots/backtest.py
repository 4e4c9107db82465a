"""Figures of a backtest: calibration and metrics window by window, segments side by side.

As in ``models/plots.py``, each function returns a Figure and touches no global state of matplotlib.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from tagcast.models.plots.model import (
    BLUE,
    GREY,
    ORANGE,
    calibration_limits,
    draw_calibration,
    plain_panels,
)
from tagcast.models.stats.metrics import Estimate

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from tagcast.models.evaluation.backtest import Pooled, Window
    from tagcast.models.evaluation.measures import Measures

PANELS_A_ROW = 3
MOST_SEGMENTS = 60
"""Segments that a forest plot draws, the largest: more cannot be read."""
_COLOURS = (ORANGE, GREY)


def calibration_by_window(windows: Sequence[Window[Any]]) -> Figure:
    """Draw a panel a window: what came over the mean score of ten bins, with 95 % intervals."""
    figure, panels = plain_panels(len(windows), min(len(windows), PANELS_A_ROW), (3.6, 3.5))
    measures = windows[0].measures
    bins = [measures.bins(w.scores) for w in windows]
    limits = calibration_limits(bins)
    for axes, window, each in zip(panels, windows, bins, strict=True):
        draw_calibration(axes, each, limits, measures.outcome_title)
        axes.set_title(f"{window.test} (n = {len(window.y):,})", fontsize=10)
    figure.suptitle("Calibration of each window (dashed: perfect)", fontsize=12)
    return figure


def metrics_by_window(windows: Sequence[Window[Any]]) -> Figure:
    """Draw every metric over the windows with its 95 % interval, beside what it has to beat."""
    measures, references = windows[0].measures, windows[0].references
    figure, panels = plain_panels(len(measures.titles), PANELS_A_ROW, (3.7, 2.8))
    place = np.arange(len(windows))
    colours = dict(zip(references, _COLOURS, strict=False))
    legend: dict[str, Any] = {}
    for axes, (name, title) in zip(panels, measures.titles.items(), strict=True):
        _interval(axes, place, [w.test_metrics["tagcast"][name] for w in windows], BLUE, "tagcast")
        if who := measures.against.get(name):
            # Beside, not upon, so that both intervals can be read.
            found = [w.test_metrics[who][name] for w in windows]
            _interval(axes, place + 0.14, found, colours[who], str(references[who]))
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


def segments_plot(pooled: Pooled, measures: Measures) -> Figure:
    """Draw a forest plot: how well each segment is ranked, and whether it is scored too high or too low."""
    rows = sorted(pooled.segments, key=lambda r: -r.n)[:MOST_SEGMENTS]
    rows = [r for r in pooled.segments if r in rows][::-1]
    figure, (ranks, level) = plain_panels(2, 2, (4.8, 1.4 + 0.24 * len(rows)))
    place = np.arange(len(rows))
    ranking, implied = zip(*(measures.ranking(r) for r in rows), strict=True)
    ranks.plot(implied, place, "|", color=ORANGE, markersize=9, markeredgewidth=1.6)
    ranks.hlines(place, [e.low for e in ranking], [e.high for e in ranking], color=BLUE, linewidth=1.4)
    ranks.plot([e.value for e in ranking], place, "o", color=BLUE, markersize=4)
    ranks.set_xlabel(measures.ranking_title, fontsize=9)
    ranks.set_title("How well it ranks", fontsize=10)
    ranks.set_yticks(place, [f"{r.segment}: {r.value} ({r.n:,})" for r in rows], fontsize=8)

    came = [measures.mean_outcome(r) for r in rows]
    said = np.array([r.mean_score for r in rows])
    low, middle, high = (np.array([getattr(e, part) for e in came]) for part in ("low", "value", "high"))
    level.axvline(0, color=GREY, linewidth=1, linestyle="--")
    level.hlines(place, low - said, high - said, color=BLUE, linewidth=1.4)
    level.plot(middle - said, place, "o", color=BLUE, markersize=4)
    level.set_xlabel(f"{measures.outcome_title} minus mean score", fontsize=9)
    level.set_title("Scored too high (−) or too low (+)", fontsize=10)
    level.set_yticks(place, [""] * len(rows))
    for axes in (ranks, level):
        axes.set_ylim(-0.7, len(rows) - 0.3)
    figure.suptitle("Segments, all windows together, 95 % intervals", fontsize=12)
    return figure

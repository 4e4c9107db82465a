"""Dependence plots: how a feature's contribution goes with its value, each profile a dot."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from textwrap import fill
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from tagcast.models.inference.attributions import contributions
from tagcast.models.plots.model import BLUE, GREY, ORANGE

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from tagcast.models.artifacts.trained_model import TrainedModel
    from tagcast.models.evaluation.global_drivers import Titled

Floats = npt.NDArray[np.float64]

TOP = 6
BINS = 15
SKEWED = 8.0
"""Values whose 99th percentile is so many times their median are drawn on a compressed axis."""
TITLE_WIDTH = 34


def dependence_grid(
    model: TrainedModel,
    X: Floats | pd.DataFrame,
    features: Sequence[str],
    titles: Mapping[str, Titled],
    *,
    given: Floats | None = None,
) -> Figure:
    """Draw the first ``TOP`` of ``features`` side by side; all share the scale of contributions.

    Parameters
    ----------
    model : TrainedModel
    X : array or DataFrame of shape (n, p)
    features : sequence of str
        In order of importance.
    titles : mapping of str to Titled
    given : ndarray of shape (n, p), optional
        Exact contributions of ``X``, where they are known already.
    """
    from matplotlib.figure import Figure

    X = model.matrix(X)
    given = contributions(model, X, exact=True) if given is None else given
    places = [model.features.index(name) for name in features[:TOP]]
    columns = min(3, max(1, len(places)))
    lines = max(1, -(-len(places) // columns))
    figure = Figure(figsize=(3.4 * columns, 0.4 + 2.7 * lines), dpi=130, layout="tight")
    shared: Axes | None = None
    for number, j in enumerate(places):
        axes = figure.add_subplot(lines, columns, number + 1, sharey=shared)
        shared = shared or axes
        name = model.features[j]
        _draw(axes, X[:, j], given[:, j], titles[name].en if name in titles else name)
        axes.tick_params(labelleft=number % columns == 0)
    figure.supylabel(f"contribution to the {model.unit} (above 0: {model.towards})", fontsize=9)
    return figure


def _draw(axes: Axes, value: Floats, given: Floats, title: str) -> None:
    axes.spines[["top", "right"]].set_visible(False)
    axes.grid(color="#e6e6e6", linewidth=0.6)
    axes.set_axisbelow(True)
    axes.axhline(0, color=GREY, linewidth=0.8)
    axes.set_title(fill(title, TITLE_WIDTH), fontsize=9)
    axes.tick_params(labelsize=8)
    known = ~np.isnan(value)
    if known.any():
        x, y = value[known], given[known]
        # The outermost half per cent would squeeze everybody else into a corner.
        low, high = np.quantile(x, [0.005, 0.995]).tolist()
        _scale(axes, x, low, high)
        alpha = float(np.clip(300 / len(x), 0.25, 0.6))
        axes.scatter(x, y, s=6, color=BLUE, alpha=alpha, linewidths=0, rasterized=True)
        middle, level = binned_median(x, y)
        axes.plot(middle, level, color=ORANGE, linewidth=1.8, marker="o", markersize=2.5)
    if not known.all():
        typical = float(np.median(given[~known]))
        axes.axhline(typical, color=GREY, linewidth=1, linestyle=":")
        axes.text(
            0.98,
            0.03,
            f"unknown ({1 - known.mean():.0%}): {typical:+.2f}",
            transform=axes.transAxes,
            ha="right",
            fontsize=7.5,
            color="#5c5c5c",
            bbox={"facecolor": "white", "alpha": 0.8, "linewidth": 0, "pad": 1.5},
        )


def binned_median(x: Floats, y: Floats, bins: int = BINS) -> tuple[Floats, Floats]:
    """Return the median value and the median contribution of bins of about equal count.

    Equal values share a bin, so a feature with few values has a point for each.

    Parameters
    ----------
    x, y : ndarray of shape (n,)
        At least one row.
    """
    distinct = np.unique(x)
    if len(distinct) > bins:
        # Cuts on ranks rather than on values: a value that half of all share makes one bin, not many.
        edges = np.unique(np.quantile(x, np.linspace(0, 1, bins + 1)[1:-1], method="lower"))
    else:
        edges = distinct[1:]
    place = np.searchsorted(edges, x, side="right")
    present = np.unique(place)
    middle = np.array([np.median(x[place == b]) for b in present])
    return middle, np.array([np.median(y[place == b]) for b in present])


def _scale(axes: Axes, x: Floats, low: float, high: float) -> None:
    """Set limits, and a compressed axis (log1p either side of 0) where few values are far from most."""
    size = np.abs(x)
    unit = float(np.median(size[size > 0])) if (size > 0).any() else 1.0
    if float(np.quantile(size, 0.99)) > SKEWED * unit:
        axes.set_xscale(
            "function",
            functions=(
                lambda v: np.sign(v) * np.log1p(np.abs(v) / unit),
                lambda t: np.sign(t) * unit * np.expm1(np.abs(t)),
            ),
        )
        ticks = _ticks(low, high, unit)
        axes.set_xticks(ticks, [f"{t:,.6g}" for t in ticks])
        axes.minorticks_off()
    if high > low:
        margin = 0.02 * (high - low)
        axes.set_xlim(low - (margin if low < 0 else min(margin, 0.05 * unit)), high + margin)


def _ticks(low: float, high: float, unit: float) -> list[float]:
    """Return round numbers, about evenly spread on the compressed axis: 0, 10, 50, 200, …"""
    steps = [m * 10.0**e for e in range(-6, 10) for m in (1, 2, 5)]
    candidates = sorted({0.0, *steps, *(-s for s in steps)})
    chosen: list[float] = []
    span = _compressed(high, unit) - _compressed(low, unit)
    for tick in candidates:
        if not low <= tick <= high:
            continue
        if not chosen or _compressed(tick, unit) - _compressed(chosen[-1], unit) > span / 5:
            chosen.append(tick)
    return chosen


def _compressed(value: float, unit: float) -> float:
    return float(np.sign(value) * np.log1p(abs(value) / unit))

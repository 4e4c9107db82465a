"""Figures of a trained tag: calibration, lift, promised against actual.

Each function returns a Figure and touches no global state of matplotlib, so threads and notebooks may
call them side by side.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import numpy.typing as npt

from tagcast.models.stats.draws import Weight, part, share_of, weighted_mean
from tagcast.models.stats.metrics import CalibrationBin
from tagcast.models.stats.observed_accuracy import as_words

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


Floats = npt.NDArray[np.float64]
Labels = npt.NDArray[np.int8]

BLUE, GREY, ORANGE = "#1f6f9f", "#8a8a8a", "#d1702b"
BINS = 10
PNG_DPI = 100


def to_png(figure: Figure, dpi: float = PNG_DPI) -> bytes:
    """Return a figure as PNG; laid out and drawn once, where ``savefig`` does both twice."""
    from io import BytesIO

    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.layout_engine import TightLayoutEngine

    stream = BytesIO()
    figure.set_dpi(dpi)
    if isinstance(figure.get_layout_engine(), TightLayoutEngine):
        # Within a rectangle, the whole figure by default, it measures every text a second time.
        none: Any = None
        figure.set_layout_engine(TightLayoutEngine(rect=none))
    canvas: Any = FigureCanvasAgg(figure)
    canvas.print_png(stream)
    return stream.getvalue()


def plain_figure(width: float = 5.6, height: float = 4.2) -> tuple[Figure, Axes]:
    """Return an empty figure of the house style, its size in inches."""
    figure, (axes,) = plain_panels(1, size=(width, height), layout="tight")
    return figure, axes


def plain_panels(
    count: int,
    columns: int | None = None,
    size: tuple[float, float] = (5.6, 4.2),
    layout: Literal["tight", "constrained"] = "constrained",
) -> tuple[Figure, list[Axes]]:
    """Return a figure of ``count`` empty panels, each of ``size`` inches; all in one row by default."""
    from matplotlib.figure import Figure

    columns = columns or count
    rows = -(-count // columns)
    figure = Figure(figsize=(size[0] * columns, size[1] * rows), dpi=130, layout=layout)
    panels = [figure.add_subplot(rows, columns, place + 1) for place in range(count)]
    for axes in panels:
        axes.spines[["top", "right"]].set_visible(False)
        axes.grid(color="#e6e6e6", linewidth=0.6)
        axes.set_axisbelow(True)
    return figure, panels


def calibration_plot(bins: Sequence[CalibrationBin], outcome: str) -> Figure:
    """Draw what came over the mean score of bins of about equal count, with 95 % intervals.

    ``outcome`` is what came, as ``mean amount``.
    """
    figure, axes = plain_figure()
    draw_calibration(axes, bins, calibration_limits([bins]), outcome)
    axes.set_title("Calibration on the test snapshot")
    axes.legend(frameon=False, loc="upper left")
    return figure


def calibration_limits(several: Sequence[Sequence[CalibrationBin]]) -> tuple[float, float]:
    """Return where the axes of calibrations begin and end that stand side by side."""
    every = [b for bins in several for b in bins]
    top = 1.08 * max(max(b.mean_score, b.high) for b in every)
    # Effects may do harm, chances and amounts begin at 0.
    bottom = (
        1.08 * min(b.low for b in every) if min(min(b.mean_score, b.observed) for b in every) < 0 else 0.0
    )
    # Chances end at 1, amounts do not.
    return bottom, min(1.0, top) if all(b.mean_score <= 1 for b in every) else top


def draw_calibration(
    axes: Axes, bins: Sequence[CalibrationBin], limits: tuple[float, float], outcome: str
) -> None:
    """Draw one calibration into ``axes``, which begin and end at ``limits``."""
    said, came, low, high = (
        np.array([getattr(b, part) for b in bins]) for part in ("mean_score", "observed", "low", "high")
    )
    axes.plot(limits, limits, color=GREY, linewidth=1, linestyle="--", label="perfect")
    axes.errorbar(
        said, came, [came - low, high - came], fmt="o-", color=BLUE, markersize=4, linewidth=1.2, capsize=2
    )
    axes.set(xlim=limits, ylim=limits, xlabel="mean score of the bin", ylabel=outcome)


def lift_plot(y: Labels, score: Floats, weight: Weight = None) -> Figure:
    """Draw the share of all true outcomes found in the top x % by score, beside chance and the ideal."""
    figure, axes = plain_figure()
    order = np.argsort(-score, kind="stable")
    counts = np.ones(len(y)) if weight is None else weight[order]
    asked = np.r_[0, np.cumsum(counts)] / counts.sum() * 100
    true = counts * y[order]
    found = np.r_[0, np.cumsum(true)] / max(1, true.sum()) * 100
    axes.plot([0, 100 * weighted_mean(y, weight), 100], [0, 100, 100], color=GREY, linewidth=1, label="ideal")
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
    came: Labels | npt.NDArray[np.object_],
    value: npt.NDArray[np.object_],
    confidence: Floats,
    weight: Weight = None,
    bins: int = BINS,
) -> Figure:
    """Draw the share that turned out right over the mean confidence, in bins of equal count.

    Points on or above the line keep the promise.
    """
    figure, axes = plain_figure()
    said = np.flatnonzero(value != "unknown")
    right = value == as_words(came)
    groups = [b for b in np.array_split(said[np.argsort(confidence[said], kind="stable")], bins) if len(b)]
    axes.plot([0, 1], [0, 1], color=GREY, linewidth=1, linestyle="--", label="the promise")
    axes.fill_between([0, 1], [0, 1], [1, 1], color=BLUE, alpha=0.06, linewidth=0)
    start = 0.5
    if groups:
        mean = np.array([weighted_mean(confidence[b], part(weight, b)) for b in groups])
        low, rate, high = np.array([share_of(right[b], part(weight, b)) for b in groups]).T
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
        title="Promised vs. actual",
    )
    axes.legend(frameon=False, loc="lower right")
    return figure

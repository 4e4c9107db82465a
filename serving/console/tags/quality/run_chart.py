"""A figure of a tag over its runs: what each expected with its interval, and what was measured once that could be known."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import date
from itertools import pairwise
from math import ceil, floor
from typing import NamedTuple

from markupsafe import Markup

from tagcast.serving.console.ui.charts import points_of
from tagcast.serving.console.ui.html import h

_STEP = 0.05
"""The axis begins and ends at a multiple of it."""


class RunPoint(NamedTuple):
    """One run; ``low`` and ``high`` are the value where it has no interval."""

    as_of: date
    version: str
    value: float
    low: float
    high: float
    measured: float | None = None


def over_runs(
    points: Sequence[RunPoint],
    figure: Callable[[float], str],
    version: Callable[[str], str],
    label: str,
    *,
    from_zero: bool = False,
) -> Markup:
    """Return a line over the days of the runs with its interval around it, dots for what was measured, and where the version changed.

    Parameters
    ----------
    points : sequence of RunPoint
        Oldest first, at least two days.
    figure : callable
        Writes a value.
    version : callable
        Names a version.
    label : str
    from_zero : bool
        Whether the axis begins at 0.
    """
    width, height, left, base, upper = 320, 130, 40, 104, 10
    ends = [end for p in points for end in (p.low, p.high, p.value if p.measured is None else p.measured)]
    bottom, top = _axis(0.0 if from_zero else min(ends), max(ends))
    first, days = points[0].as_of, max((points[-1].as_of - points[0].as_of).days, 1)

    def at(day: date, value: float) -> tuple[float, float]:
        across = left + 8 + (day - first).days / days * (width - left - 24)
        return across, base - (value - bottom) / (top - bottom) * (base - upper)

    parts = []
    for tick in (bottom, (bottom + top) / 2, top):
        _, y = at(first, tick)
        parts.append(h("line", x1=left, x2=width - 8, y1=f"{y:.1f}", y2=f"{y:.1f}", class_="svg-line"))
        parts.append(h("text", figure(tick), x=left - 6, y=f"{y + 4:.1f}", text_anchor="end"))
    for before, point in pairwise(points):
        if point.version != before.version:
            x, _ = at(point.as_of, bottom)
            ends_of = {"x1": f"{x:.1f}", "x2": f"{x:.1f}", "y1": upper, "y2": base}
            mark = h("line", **ends_of, stroke="var(--line-strong)", stroke_dasharray="3 3")
            parts.append(h("g", h("title", f"{point.as_of}: {version(point.version)}"), mark))
    around = [at(p.as_of, p.high) for p in points] + [at(p.as_of, p.low) for p in reversed(points)]
    parts.append(h("polygon", points=points_of(around), fill="var(--accent)", fill_opacity="0.14"))
    line = points_of([at(p.as_of, p.value) for p in points])
    parts.append(h("polyline", points=line, fill="none", stroke="var(--accent)", stroke_width="1.8"))
    parts.extend(_dot(p, at, figure) for p in points)
    for point, anchor in ((points[0], "start"), (points[-1], "end")):
        x, _ = at(point.as_of, bottom)
        parts.append(h("text", str(point.as_of), x=f"{x:.1f}", y=base + 18, text_anchor=anchor))
    spoken = ", ".join(f"{p.as_of} {figure(p.value)}" for p in (points[0], points[-1]))
    return h(
        "svg",
        parts,
        viewBox=f"0 0 {width} {height}",
        class_="chart",
        role="img",
        aria_label=f"{label}: {spoken}",
    )


def _axis(least: float, most: float) -> tuple[float, float]:
    """Return where the axis begins and ends: its middle is a multiple of the step, too."""
    low, high = floor(least / _STEP + 1e-9), ceil(most / _STEP - 1e-9)
    span = max(2, high - low + (high - low) % 2)
    if most <= 1:
        low = min(low, round(1 / _STEP) - span)  # shares end at 1
    return _STEP * low, _STEP * (low + span)


def _dot(
    point: RunPoint, at: Callable[[date, float], tuple[float, float]], figure: Callable[[float], str]
) -> Markup:
    """Return the point of a run: filled in another colour what was measured, else a small one that shows the figures."""
    text = f"{point.as_of}: {figure(point.value)}"
    if point.low < point.high:
        text += f" ({figure(point.low)}–{figure(point.high)})"
    x, y = at(point.as_of, point.value)
    dots = [h("circle", cx=f"{x:.1f}", cy=f"{y:.1f}", r="2.2", fill="var(--accent)")]
    if point.measured is not None:
        _, y = at(point.as_of, point.measured)
        dots.append(h("circle", cx=f"{x:.1f}", cy=f"{y:.1f}", r="3.4", fill="var(--second)"))
        text += f" → {figure(point.measured)}"
    return h("g", h("title", text), dots)

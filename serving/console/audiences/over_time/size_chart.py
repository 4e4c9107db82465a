"""The size of an audience over its runs, as a line over an axis of days and one of members."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

from markupsafe import Markup

from tagcast.serving.console.ui.charts import LEAST_SPAN, points_of
from tagcast.serving.console.ui.formatting import number
from tagcast.serving.console.ui.html import h

_WIDTH, _HEIGHT, _LEFT, _RIGHT, _TOP, _BASE = 460, 200, 52, 14, 14, 164
_MOST_DAYS = 5
"""That are written under the axis."""


def size_chart(sizes: Sequence[tuple[date, int]], label: str) -> Markup:
    """Return the chart.

    Parameters
    ----------
    sizes : sequence of (date, int)
        One at least, oldest first. Days lie as far apart as they are.
    label : str
        What readers of the screen hear.
    """
    members = [size for _, size in sizes]
    low, high, step = _axis(min(members), max(members))
    first, last = sizes[0][0].toordinal(), sizes[-1][0].toordinal()

    def at(day: date, size: float) -> tuple[float, float]:
        across = (day.toordinal() - first) / (last - first) if last > first else 0.5
        x = _LEFT + across * (_WIDTH - _LEFT - _RIGHT)
        return x, _BASE - (size - low) / (high - low) * (_BASE - _TOP)

    parts = []
    for place in range(round((high - low) / step) + 1):
        tick = low + place * step
        _, y = at(sizes[0][0], tick)
        kind = "svg-line" if place else "svg-axis"
        parts.append(h("line", x1=_LEFT, x2=_WIDTH - _RIGHT, y1=f"{y:.1f}", y2=f"{y:.1f}", class_=kind))
        parts.append(h("text", number(tick), x=_LEFT - 8, y=f"{y + 4:.1f}", text_anchor="end"))
    if len(sizes) > 1:
        line = points_of([at(day, size) for day, size in sizes])
        parts.append(h("polyline", points=line, fill="none", stroke="var(--accent)", stroke_width="2"))
    written = {
        round(k * (len(sizes) - 1) / max(1, min(_MOST_DAYS, len(sizes)) - 1)) for k in range(_MOST_DAYS)
    }
    end = -1e9
    for place, (day, size) in enumerate(sizes):
        x, y = at(day, size)
        tooltip = h("title", f"{day:%Y-%m-%d}: {number(size)}")
        parts.append(
            h("g", tooltip, h("circle", cx=f"{x:.1f}", cy=f"{y:.1f}", r="3.4", fill="var(--accent)"))
        )
        # Days that lie close together would be written over one another; the last always stands.
        fits = x - end > 90 and (place == len(sizes) - 1 or at(sizes[-1][0], 0)[0] - x > 90)
        if place in written and (fits or place == len(sizes) - 1):
            anchor = "start" if x < _LEFT + 30 else "end" if x > _WIDTH - _RIGHT - 30 else "middle"
            parts.append(h("text", f"{day:%Y-%m-%d}", x=f"{x:.1f}", y=_BASE + 22, text_anchor=anchor))
            end = x
    return h(
        "svg", parts, viewBox=f"0 0 {_WIDTH} {_HEIGHT}", class_="chart plot", role="img", aria_label=label
    )


def _axis(least: int, most: int) -> tuple[float, float, float]:
    """Return where the axis of members begins and ends, and how far its lines lie apart, in round numbers."""
    span = max(most - least, LEAST_SPAN * most, 4)
    middle = (least + most) / 2
    low, high = max(0.0, middle - span * 0.6), middle + span * 0.6
    power = 1
    while (high - low) / power > 50:
        power *= 10
    step = next(power * k for k in (1, 2, 5, 10, 20, 50) if (high - low) / (power * k) <= 5)
    return step * (low // step), step * -(-high // step), step

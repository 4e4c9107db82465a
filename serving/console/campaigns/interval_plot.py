"""A lift with its range on a line, and where no effect would be."""

from __future__ import annotations

from markupsafe import Markup

from tagcast.features.core.signed_numbers import points
from tagcast.models.stats.lift.estimates import Lift
from tagcast.serving.campaigns.words import points_range
from tagcast.serving.console.ui.html import h

_STEPS = (0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5)


def interval_plot(lift: Lift, *, good: bool | None, none: str, label: str) -> Markup:
    """Return a lift in points with its 95 % range.

    Parameters
    ----------
    lift : Lift
        Of shares.
    good : bool or None
        Whether it is of the wanted kind; None where zero lies within the range.
    none : str
        What stands at zero.
    label : str
        For who does not see it.
    """
    width, height, left, right, middle, base = 460, 110, 16, 444, 42, 74
    low, high = min(lift.low, 0.0), max(lift.high, 0.0)
    span = (high - low) or 0.01
    low, high = low - 0.06 * span, high + 0.06 * span

    def x(share: float) -> float:
        return left + (share - low) / (high - low) * (right - left)

    step = next((one for one in _STEPS if (high - low) / one <= 6), 1.0)
    ticks = [k * step for k in range(int(low / step) - 1, int(high / step) + 2) if low <= k * step <= high]
    ink = "var(--ink-3)" if good is None else "var(--good)" if good else "var(--bad)"
    parts = [h("line", x1=left, x2=right, y1=base, y2=base, class_="svg-line")]
    for tick in ticks:
        parts.append(
            h("line", x1=f"{x(tick):.1f}", x2=f"{x(tick):.1f}", y1=base, y2=base + 5, class_="svg-line")
        )
        parts.append(
            h("text", points(tick) if tick else "0", x=f"{x(tick):.1f}", y=base + 19, text_anchor="middle")
        )
    zero = f"{x(0.0):.1f}"
    anchor = "start" if x(0.0) < width / 3 else "end" if x(0.0) > 2 * width / 3 else "middle"
    parts.append(h("line", x1=zero, x2=zero, y1=20, y2=base, stroke="var(--ink-3)", stroke_dasharray="4 4"))
    parts.append(h("text", none, x=zero, y=13, text_anchor=anchor))
    ends = {"x1": f"{x(lift.low):.1f}", "x2": f"{x(lift.high):.1f}", "y1": middle, "y2": middle}
    tooltip = h("title", f"{points(lift.lift)} ({points_range(lift)})")
    line = h("line", **ends, stroke=ink, stroke_width="6", stroke_opacity="0.4", stroke_linecap="round")
    dot = h("circle", cx=f"{x(lift.lift):.1f}", cy=middle, r="6", fill=ink)
    parts.append(h("g", tooltip, line, dot))
    return h("svg", parts, viewBox=f"0 0 {width} {height}", class_="chart plot", role="img", aria_label=label)

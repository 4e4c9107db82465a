"""A year of a promise, week by week: what was promised, what turned out right, and how exactly that is known."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from markupsafe import Markup

from tagcast.serving.console.ui.charts import points_of
from tagcast.serving.console.ui.formatting import percent
from tagcast.serving.console.ui.html import h

if TYPE_CHECKING:
    from tagcast.registry.governance.observed_accuracy import PromiseRow


def promise_weeks(weeks: Sequence[PromiseRow], titles: tuple[str, str], label: str) -> Markup:
    """Return shares that turned out right, with their 95 % intervals, beside what was promised, week by week.

    Parameters
    ----------
    weeks : sequence of PromiseRow
        Of :func:`tagcast.registry.governance.observed_accuracy.by_week`, oldest first.
    titles : (str, str)
        Of what was promised, and of what turned out right.
    label : str
    """
    width, height, left, base, upper = 460, 170, 40, 132, 22
    seen = [(week, week.promised or 0.0, week.right or 0.0, week.interval or (0.0, 1.0)) for week in weeks]
    floor = min(0.9, *(min(promised, between[0]) for _, promised, _, between in seen))
    bottom = max(0.0, int(floor * 20) / 20)
    step = (width - left - 20) / max(len(seen) - 1, 1)

    def y(share: float) -> float:
        return base - (share - bottom) / (1 - bottom) * (base - upper)

    parts = []
    for tick in (bottom, (1 + bottom) / 2, 1.0):
        parts.append(
            h("line", x1=left, x2=width - 14, y1=f"{y(tick):.1f}", y2=f"{y(tick):.1f}", class_="svg-line")
        )
        parts.append(h("text", percent(tick, 0), x=left - 7, y=f"{y(tick) + 4:.1f}", text_anchor="end"))
    promised_line = [(left + 6 + place * step, y(promised)) for place, (_, promised, _, _) in enumerate(seen)]
    parts.append(
        h(
            "polyline",
            points=points_of(promised_line),
            fill="none",
            stroke="var(--ink-3)",
            stroke_dasharray="4 4",
        )
    )
    every = -(-len(seen) // 6)
    for place, (week, promised, right, (low, high)) in enumerate(seen):
        x = left + 6 + place * step
        ink = "var(--bad)" if week.is_broken else "var(--accent)"
        tooltip = h(
            "title", f"{week.as_of}: {percent(promised)} → {percent(right)} ({percent(low)}, {percent(high)})"
        )
        ends = {"x1": f"{x:.1f}", "x2": f"{x:.1f}", "y1": f"{y(low):.1f}", "y2": f"{y(high):.1f}"}
        line = h("line", **ends, stroke=ink, stroke_width="1.6", stroke_opacity="0.55")
        dot = h("circle", cx=f"{x:.1f}", cy=f"{y(right):.1f}", r="3.4", fill=ink)
        parts.append(h("g", tooltip, line, dot))
        if place % every == 0:
            parts.append(h("text", f"{week.as_of:%m-%d}", x=f"{x:.1f}", y=base + 17, text_anchor="middle"))
    parts.append(h("text", f"- -  {titles[0]}", x=width - 14, y=base + 35, text_anchor="end"))
    parts.append(h("text", titles[1], x=2, y=12))
    return h("svg", parts, viewBox=f"0 0 {width} {height}", class_="chart plot", role="img", aria_label=label)

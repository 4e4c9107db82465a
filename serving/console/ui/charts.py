"""Small charts as inline SVG: they load with the page, follow the colours, and need no script."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from markupsafe import Markup, escape

from tagcast.serving.console.ui.formatting import NONE, number, percent
from tagcast.serving.console.ui.html import h, join

if TYPE_CHECKING:
    from tagcast.models.stats.metrics import CalibrationBin

_TIERS = ("var(--tier-1)", "var(--tier-2)", "var(--tier-3)", "var(--tier-4)", "var(--tier-5)")
_WORDS = {"yes": "var(--yes)", "no": "var(--no)", "unknown": "var(--unknown)"}


def colour(value: str, values: Sequence[str]) -> str:
    """Return the colour of one of the ``values`` of a tag: tiers run from pale to deep."""
    if value in _WORDS:
        return _WORDS[value]
    place = values.index(value) if value in values else 0
    return _TIERS[round(place * (len(_TIERS) - 1) / max(len(values) - 1, 1))]


def stacked(said: Mapping[str, int], values: Sequence[str], label: str) -> Markup:
    """Return one bar parted by value."""
    whole = sum(said.values()) or 1
    parts = [
        h(
            "i",
            style=f"width:{100 * said[v] / whole:.2f}%;background:{colour(v, values)}",
            title=f"{v} {percent(said[v] / whole)}",
        )
        for v in [*values, "unknown"]
        if said.get(v)
    ]
    return h("div", parts, class_="bar", role="img", aria_label=label)


LEAST_SPAN = 0.1
"""Of the largest value: what a trend without axes spans at least."""


def spark(values: Sequence[float], label: str, width: int = 96, height: int = 26) -> Markup:
    """Return a line without axes; its last point is marked.

    Its height spans at least a tenth of the largest value, so that one customer more is not drawn as a boom.
    """
    if not values:
        return escape(NONE)
    low, high = min(values), max(values)
    span = max(high - low, LEAST_SPAN * max(abs(low), abs(high))) or 1
    low = (low + high - span) / 2
    step = (width - 8) / max(len(values) - 1, 1)
    points = [(4 + i * step, height - 4 - (v - low) / span * (height - 8)) for i, v in enumerate(values)]
    line = (
        h("polyline", points=points_of(points), fill="none", stroke="var(--accent)", stroke_width="1.6")
        if len(points) > 1
        else None
    )
    dot = h("circle", cx=f"{points[-1][0]:.1f}", cy=f"{points[-1][1]:.1f}", r="2.6", fill="var(--accent)")
    return h(
        "svg",
        line,
        dot,
        viewBox=f"0 0 {width} {height}",
        width=width,
        height=height,
        role="img",
        aria_label=label,
    )


def points_of(points: Sequence[tuple[float, float]]) -> str:
    """Return a polyline's points as SVG writes them."""
    return " ".join(f"{x:.1f},{y:.1f}" for x, y in points)


def curve(
    points: Sequence[tuple[float, float, float, float]], best: tuple[float, float] | None, label: str
) -> Markup:
    """Return a line with its range around it, and its best point marked.

    Parameters
    ----------
    points : sequence of (x, y, low, high)
    best : (x, y), optional
    """
    width, height, left, base = 520, 190, 52, 160
    xs, ends = [p[0] for p in points], [v for p in points for v in p[2:]]
    across = max(xs, default=1) or 1
    low, high = min([*ends, 0.0]), max([*ends, 0.0])
    span = (high - low) or 1

    def at(x: float, y: float) -> tuple[float, float]:
        return left + x / across * (width - left - 10), base - (y - low) / span * (base - 12)

    parts = []
    written: list[float] = []
    for y in sorted({low, 0.0, high}, key=abs):
        _, place = at(0, y)
        parts.append(
            h(
                "line",
                x1=left,
                x2=width,
                y1=f"{place:.1f}",
                y2=f"{place:.1f}",
                class_="svg-axis" if y == 0 else "svg-line",
            )
        )
        if all(abs(place - other) > 14 for other in written):  # else two figures would lie on one another
            parts.append(h("text", number(round(y)), x=left - 8, y=f"{place + 4:.1f}", text_anchor="end"))
            written.append(place)
    area = [at(x, top) for x, _, _, top in points] + [at(x, bottom) for x, _, bottom, _ in reversed(points)]
    parts.append(h("polygon", points=points_of(area), fill="var(--accent)", fill_opacity="0.14"))
    parts.append(
        h(
            "polyline",
            points=points_of([at(x, y) for x, y, *_ in points]),
            fill="none",
            stroke="var(--accent)",
            stroke_width="2",
        )
    )
    if best is not None:
        x, y = at(*best)
        parts.append(
            h(
                "line",
                x1=f"{x:.1f}",
                x2=f"{x:.1f}",
                y1=f"{y:.1f}",
                y2=base,
                stroke="var(--second)",
                stroke_dasharray="3 3",
            )
        )
        parts.append(h("circle", cx=f"{x:.1f}", cy=f"{y:.1f}", r="5", fill="var(--second)"))
        parts.append(h("text", number(best[0]), x=f"{x:.1f}", y=base + 16, text_anchor="middle"))
    if best is None or best[0] < 0.85 * across:  # else the two figures would lie on one another
        parts.append(h("text", number(across), x=width - 10, y=base + 16, text_anchor="end"))
    return h("svg", parts, viewBox=f"0 0 {width} {height}", class_="chart", role="img", aria_label=label)


def calibration(bins: Sequence[CalibrationBin], titles: tuple[str, str], label: str) -> Markup:
    """Return observed shares over mean scores, with their 95 % intervals, beside the diagonal.

    Parameters
    ----------
    bins : sequence of CalibrationBin
    titles : (str, str)
        Of the axis of scores, and of the axis of what came.
    label : str
    """
    width, height, left, base, upper = 460, 250, 40, 206, 22
    top = min(1.0, 1.06 * max(max(b.mean_score, b.high) for b in bins))

    def at(score: float, share: float) -> tuple[float, float]:
        return left + score / top * (width - left - 14), base - share / top * (base - upper)

    parts = []
    step = next(s for s in (0.02, 0.05, 0.1, 0.2) if top / s <= 6)
    for tick in [step * k for k in range(int(top / step + 1e-9) + 1)]:
        x, y = at(tick, tick)
        kind = "svg-line" if tick else "svg-axis"
        parts.append(h("line", x1=left, x2=width - 14, y1=f"{y:.1f}", y2=f"{y:.1f}", class_=kind))
        parts.append(h("text", f"{tick:.3g}", x=left - 7, y=f"{y + 4:.1f}", text_anchor="end"))
        parts.append(h("text", f"{tick:.3g}", x=f"{x:.1f}", y=base + 17, text_anchor="middle"))
    parts.append(
        h(
            "polyline",
            points=points_of([at(0, 0), at(top, top)]),
            stroke="var(--ink-3)",
            stroke_dasharray="4 4",
        )
    )
    for b in bins:
        x, y = at(b.mean_score, b.observed)
        (_, low), (_, high) = at(0, b.low), at(0, b.high)
        tooltip = h(
            "title", f"{b.mean_score:.3f} → {b.observed:.3f} ({b.low:.3f}, {b.high:.3f}); {number(b.n)}"
        )
        ends = {"x1": f"{x:.1f}", "x2": f"{x:.1f}", "y1": f"{low:.1f}", "y2": f"{high:.1f}"}
        line = h("line", **ends, stroke="var(--accent)", stroke_width="1.6", stroke_opacity="0.55")
        dot = h("circle", cx=f"{x:.1f}", cy=f"{y:.1f}", r="4", fill="var(--accent)")
        parts.append(h("g", tooltip, line, dot))
    parts.append(h("text", titles[0], x=width - 14, y=base + 36, text_anchor="end"))
    parts.append(h("text", titles[1], x=2, y=12))
    return h("svg", parts, viewBox=f"0 0 {width} {height}", class_="chart plot", role="img", aria_label=label)


def legend(values: Sequence[str], shown: Mapping[str, str]) -> Markup:
    """Return what the colours of ``values`` stand for."""
    return h(
        "div",
        [
            h("span", h("i", style=f"background:{colour(v, values)}"), shown.get(v, v), class_="key")
            for v in values
        ],
        class_="legend",
    )


def overlap(a: int, b: int, shared_members: int, label: str) -> Markup:
    """Return two circles whose sizes and common part follow the counts."""
    from math import sqrt

    most = max(a, b, 1)
    ra, rb = 80 * sqrt(a / most), 80 * sqrt(b / most)
    shared = shared_members / max(min(a, b), 1)
    # From touching to one inside the other, by the share of the smaller one that is common.
    gap = (ra + rb) - shared * (ra + rb - abs(ra - rb))
    xa = 180 - gap / 2
    circles = [
        h("circle", cx=f"{xa:.1f}", cy=95, r=f"{ra:.1f}", fill="var(--accent)", fill_opacity="0.55"),
        h("circle", cx=f"{xa + gap:.1f}", cy=95, r=f"{rb:.1f}", fill="var(--second)", fill_opacity="0.5"),
    ]
    return h("svg", join(circles), viewBox="0 0 360 190", class_="chart", role="img", aria_label=label)


def range_bar(low: float, centre: float, high: float, whole: float) -> Markup:
    """Return a bar of ``whole`` with a range and its centre on it."""
    of = 100 / max(whole, 1)
    return h(
        "div",
        h("i", style=f"left:{of * low:.2f}%;width:{max(of * (high - low), 0.8):.2f}%", class_="range"),
        h("i", style=f"left:{of * centre:.2f}%", class_="centre"),
        class_="range-bar",
        aria_hidden="true",
    )

"""A tag's gain chart: how many of all come true among how many of highest score, against as many at random."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from markupsafe import Markup

from tagcast.serving.console.ui.charts import points_of
from tagcast.serving.console.ui.formatting import percent
from tagcast.serving.console.ui.html import h

if TYPE_CHECKING:
    from tagcast.serving.audiences.outcome.gain import GainStep

_WIDTH, _HEIGHT, _LEFT, _BASE, _TOP = 420, 250, 46, 210, 10


def gain_chart(steps: Sequence[GainStep], chosen: GainStep, axes: tuple[str, str], label: str) -> Markup:
    """Return the chart, with one step marked.

    Parameters
    ----------
    steps : sequence of GainStep
        Rising, the last of everybody.
    chosen : GainStep
        One of them.
    axes : (str, str)
        What runs to the right, and upwards.
    label : str
        What it is read as.
    """
    parts = []
    for share in (0.0, 0.25, 0.5, 0.75, 1.0):
        x, y = _at(share, share)
        parts.append(h("line", x1=_LEFT, x2=_WIDTH - 10, y1=f"{y:.1f}", y2=f"{y:.1f}", class_="svg-line"))
        parts.append(h("text", percent(share, 0), x=_LEFT - 8, y=f"{y + 4:.1f}", text_anchor="end"))
        parts.append(h("text", percent(share, 0), x=f"{x:.1f}", y=_BASE + 17, text_anchor="middle"))
    parts.append(h("text", axes[0], x=(_LEFT + _WIDTH) / 2, y=_HEIGHT - 4, text_anchor="middle"))
    (x0, y0), (x1, y1) = _at(0, 0), _at(1, 1)
    parts.append(h("line", x1=x0, y1=y0, x2=x1, y2=y1, stroke="var(--line-strong)", stroke_dasharray="4 4"))
    line = [_at(0, 0), *(_at(step.share, step.caught) for step in steps)]
    parts.append(h("polyline", points=points_of(line), fill="none", stroke="var(--accent)", stroke_width="2"))
    x, y = _at(chosen.share, chosen.caught)
    for x2, y2 in ((x, _BASE), (_LEFT, y)):
        parts.append(
            h(
                "line", x1=f"{x:.1f}", y1=f"{y:.1f}", x2=f"{x2:.1f}", y2=f"{y2:.1f}",
                stroke="var(--second)", stroke_dasharray="3 3",
            )
        )  # fmt: skip
    parts.append(h("circle", cx=f"{x:.1f}", cy=f"{y:.1f}", r="5", fill="var(--second)"))
    picture = h("svg", parts, viewBox=f"0 0 {_WIDTH} {_HEIGHT}", class_="chart", role="img", aria_label=label)
    return h("figure", h("figcaption", axes[1], class_="faint"), picture)


def _at(share: float, caught: float) -> tuple[float, float]:
    return _LEFT + share * (_WIDTH - _LEFT - 10), _BASE - caught * (_BASE - _TOP)

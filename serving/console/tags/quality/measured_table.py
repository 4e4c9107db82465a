"""What a run expected of itself beside what was measured once its window had closed."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from markupsafe import Markup

from tagcast.features.core.messages import msg
from tagcast.registry.governance.observed_metrics import METRIC_TITLES
from tagcast.serving.console.ui.formatting import day
from tagcast.serving.console.ui.html import h

if TYPE_CHECKING:
    from tagcast.registry.governance.observed_metrics import MetricRow
    from tagcast.serving.console.ui.page_context import PageContext


def measured_table(page: PageContext, rows: Sequence[MetricRow]) -> Markup:
    """Return the metrics of the newest run that was judged.

    Parameters
    ----------
    page : PageContext
    rows : sequence of MetricRow
        Newest day first; at least one.
    """
    say, newest = page.say, rows[0]
    head = h(
        "tr",
        h("th", day(newest.as_of)),
        h("th", say(msg("Expected")), class_="r"),
        h("th", say(msg("Measured")), class_="r"),
        h("th", say(msg("95% interval")), class_="r"),
    )
    of_newest = {
        row.metric: row for row in rows if (row.as_of, row.version) == (newest.as_of, newest.version)
    }
    lines = [
        h(
            "tr",
            h("td", say(title)),
            h("td", "–" if row.expected is None else f"{row.expected:.3f}", class_="r"),
            h("td", h("b", f"{row.value:.3f}"), class_="r"),
            h("td", f"{row.low:.3f}–{row.high:.3f}", class_="r faint"),
        )
        for metric, title in METRIC_TITLES.items()
        if (row := of_newest.get(metric)) is not None
    ]
    return h("table", h("thead", head), h("tbody", lines), class_="t tight")

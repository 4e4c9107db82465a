"""Yes and no apart: how many of those called so turned out as said, in the run that was judged last."""

from __future__ import annotations

from typing import TYPE_CHECKING

from markupsafe import Markup

from tagcast.features.core.messages import msg
from tagcast.models.filters.fields import YES_NO
from tagcast.serving.console.ui.charts import colour
from tagcast.serving.console.ui.formatting import percent
from tagcast.serving.console.ui.html import h

if TYPE_CHECKING:
    from tagcast.features.core.messages import Message
    from tagcast.registry.governance.observed_metrics import MetricRow
    from tagcast.serving.catalog.tag_details import TagDetails
    from tagcast.serving.console.ui.page_context import PageContext


def right_of_the_rest(precision: float, recall: float, rate: float) -> float | None:
    """Return the share without the outcome among those not called yes, from what is on record; None where all are called yes.

    All three are of the same people: ``recall * rate`` of them were called yes and had the outcome, so ``recall * rate / precision``
    were called yes at all.
    """
    caught = recall * rate
    called = caught / precision if precision else 0.0
    return None if called >= 1 else 1 - (rate - caught) / (1 - called)


def value_rows(page: PageContext, details: TagDetails, columns: int) -> list[Markup]:
    """Return a row for yes and one for the rest; nothing of tags with other values, and where nothing was measured."""
    if details.row.values != YES_NO or not details.measured:
        return []
    newest = details.measured[0]
    found = {
        row.metric: row
        for row in details.measured
        if (row.as_of, row.version) == (newest.as_of, newest.version)
    }
    if not {"precision", "recall", "rate"} <= set(found):
        return []
    precision, recall, rate = (found[name] for name in ("precision", "recall", "rate"))
    lines = [_row(page, "yes", msg("called yes, and had the outcome"), precision, None, columns)]
    # Where nobody who was called yes had it, what is on record does not tell how many were called so.
    rest = right_of_the_rest(precision.value, recall.value, rate.value) if precision.value else None
    if rest is not None:
        lines.append(_row(page, "no", msg("not called yes, and had it not"), None, rest, columns))
    return lines


def _row(
    page: PageContext, value: str, words: Message, row: MetricRow | None, share: float | None, columns: int
) -> Markup:
    title = h("span", h("i", style=f"background:{colour(value, YES_NO)}"), page.say(words), class_="key")
    expected = None if row is None else row.expected
    between = (
        None if row is None else h("div", f"{percent(row.low, 0)}–{percent(row.high, 0)}", class_="faint")
    )
    return h(
        "tr",
        h("td", title, colspan=2),
        h("td", percent(expected), class_="r"),
        h("td", h("b", percent(share if row is None else row.value)), between, class_="r"),
        h("td", colspan=columns - 4),
        class_=f"of-{value}",
    )

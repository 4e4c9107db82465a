"""The values of a tag: how many customers have each, and its share over the runs on a scale of its own."""

from __future__ import annotations

from typing import TYPE_CHECKING

from markupsafe import Markup

from tagcast.features.core.messages import listed, msg, pmsg
from tagcast.serving.catalog.shown_counts import rounded_note, smallest_cell
from tagcast.serving.console.ui.charts import spark
from tagcast.serving.console.ui.formatting import day, minute, number, percent
from tagcast.serving.console.ui.html import h
from tagcast.serving.console.ui.tag_badges import value_key, value_word

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tagcast.serving.catalog.tag_details import TagDetails
    from tagcast.serving.console.ui.page_context import PageContext

_SPOKEN_RUNS = 6
_SMALL = 0.01
"""Shares below it are written with another digit: else they would look alike."""


def values_card(page: PageContext, details: TagDetails) -> Markup:
    """Return the card."""
    say, row = page.say, details.row
    order = [*row.values, "unknown"]
    shown = sorted(details.values, key=lambda v: order.index(v.value) if v.value in order else len(order))
    over_time = len(details.trend) > 1
    lines = [
        h(
            "tr",
            h("td", value_key(say, one.value, row.values)),
            h("td", number(one.members), class_="r"),
            h("td", percent(one.share), class_="r"),
            h("td", _trend(page, details, one.value)) if over_time else None,
        )
        for one in shown
    ]
    head = h(
        "tr",
        h("th", say(msg("Value"))),
        h("th", say(pmsg("count", "Customers")), class_="r"),
        h("th", say(msg("Share")), class_="r"),
        h("th", say(msg("Share over time"))) if over_time else None,
    )
    table = h("table", h("thead", head), h("tbody", lines), class_="t tight values") if lines else None
    notes = [] if over_time else [_no_trend(page, details)]
    if over_time:
        first, last = details.trend[0].as_of, details.trend[-1].as_of
        notes.append(
            say(
                msg(
                    "From {first} to {last}, each share on a scale of its own.",
                    first=day(first),
                    last=day(last),
                )
            )
        )
    if details.last_run:
        notes.append(say(msg("Scored {at}", at=minute(details.last_run.scored_at))))
    cell = smallest_cell(page.context, page.person)
    if cell > 1 and lines:
        notes.append(say(rounded_note(cell)))
    faint = [h("p", note, class_="faint") for note in notes]
    return h("section", h("h2", say(msg("Values"))), table, faint, class_="card spaced")


def _trend(page: PageContext, details: TagDetails, value: str) -> Markup:
    shares = [point.shares.get(value, 0.0) for point in details.trend]
    spoken = [
        f"{day(point.as_of)} {_percent(share)}" for point, share in zip(details.trend, shares, strict=True)
    ]
    said = listed([value_word(page.say, value), *spoken[-_SPOKEN_RUNS:]])
    label = page.say(msg("Over time: {shares}", shares=said))
    return h(
        "div",
        spark(shares, label, 110, 28),
        h("span", _between(shares), class_="faint num"),
        class_="share-trend",
    )


def _between(shares: Sequence[float]) -> str:
    """Return between which shares a trend lies."""
    low, high = _percent(min(shares)), _percent(max(shares))
    return low if low == high else f"{low}–{high}"


def _percent(share: float) -> str:
    return percent(share, 2 if share < _SMALL else 1)


def _no_trend(page: PageContext, details: TagDetails) -> str:
    if details.row.population is None:
        return page.say(msg("No run has scored this tag yet."))
    return page.say(msg("Only one run so far; the trend starts with the next one."))

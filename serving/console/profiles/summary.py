"""Who this customer is, at a glance: what they bought, what they like, what is said of them that matters, what to expect."""

from __future__ import annotations

from math import isnan
from typing import TYPE_CHECKING, Any

from markupsafe import Markup

from tagcast.features.core.messages import listed, msg, nmsg
from tagcast.models.filters.fields import YES_NO
from tagcast.serving.console.i18n.figures import figure, money
from tagcast.serving.console.profiles.tags import rank_words, sureness, tag_title
from tagcast.serving.console.ui.formatting import NONE, day, number, percent
from tagcast.serving.console.ui.html import h
from tagcast.serving.console.ui.page_context import PageContext, link
from tagcast.serving.console.ui.tag_badges import value_word

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tagcast.serving.audiences.wording.field_words import FieldWords
    from tagcast.serving.profiles.profile_details import ProfileDetails
    from tagcast.serving.profiles.purchases import PurchaseWindow

_MOST_TAGS = 4


def summary(page: PageContext, details: ProfileDetails, named: FieldWords) -> Markup:
    """Return the card at the top of the page."""
    return h(
        "section",
        h("h2", page.say(msg("At a glance")), class_="sr"),
        _figures(page, details, named.currency),
        _lines(page, details, named),
        class_="stack at-a-glance",
    )


def _figures(page: PageContext, details: ProfileDetails, currency: str) -> Markup | None:
    say, bought = page.say, details.purchases
    if bought is None:
        return None
    if bought.first is None:
        return h("p", say(msg("Never bought anything before {day}.", day=day(details.as_of))), class_="note")
    since = (details.as_of - bought.first).days
    stats = [
        (msg("First purchase"), day(bought.first), say(msg("{days} ago", days=figure(say, since, "days")))),
        (
            msg("Last purchase"),
            day(bought.last),
            say(msg("{days} ago", days=figure(say, bought.days_since_last, "days"))),
        ),
    ]
    for window in bought.windows:
        title = msg("Last {n:,} days", n=window.days)
        stats.append((title, *_window(page, window, currency)))
    return h(
        "dl",
        [
            h("div", h("dt", say(title)), h("dd", shown, h("div", below, class_="faint")), class_="stat")
            for title, shown, below in stats
        ],
        class_="stats",
    )


def _window(page: PageContext, window: PurchaseWindow, currency: str) -> tuple[str, str]:
    orders = page.say(nmsg("{n:,} order", "{n:,} orders", window.orders))
    if window.spend is None:
        return number(window.orders) if window.orders else NONE, orders
    return money(page.say, window.spend, currency), orders


def _lines(page: PageContext, details: ProfileDetails, named: FieldWords) -> Markup | None:
    say = page.say
    lines: list[tuple[str, Any]] = []
    stages = [row for row in details.tags if _is_stage(row)]
    if stages:
        said = [h("b", value_word(say, row["value"])) for row in stages]
        lines += [(tag_title(page, row), value) for row, value in zip(stages, said, strict=True)]
    bought = details.purchases
    if bought is not None and bought.categories:
        shares = [
            msg("{category} {share}", category=one.category, share=percent(one.share, 0))
            for one in bought.categories
        ]
        lines.append((say(msg("Buys most")), say(listed(shares))))
    matters = [row for row in details.tags if _matters(row)]
    matters = sorted(matters, key=lambda row: -row["percentile"])[:_MOST_TAGS]
    if matters:
        shown = [
            h(
                "li",
                h("a", tag_title(page, row), href=link("/tags", row["tag"]), class_="cover"),
                ": ",
                h("b", value_word(say, row["value"])),
                h(
                    "span",
                    f" · {rank_words(page, row['percentile'])} · {sureness(page, row, named.currency)}",
                    class_="faint",
                ),
            )
            for row in matters
        ]
        lines.append((say(msg("Stands out")), h("ul", shown)))
    expected = [row for row in details.tags if row.get("in_currency") and _is_said(row)]
    lines += [(tag_title(page, row), sureness(page, row, named.currency)) for row in expected]
    if not lines:
        return None
    return h(
        "div",
        h("dl", [[h("dt", title), h("dd", value)] for title, value in lines], class_="facts"),
        class_="card",
    )


def _is_said(row: Mapping[str, Any]) -> bool:
    return not row.get("unknown_because") and not row.get("expired")


def _is_stage(row: Mapping[str, Any]) -> bool:
    """Return whether a tag says which of several kinds of customer somebody is, for certain."""
    return row["kind"] == "rule" and _is_said(row) and not set(row["values"]) <= {*YES_NO}


def _matters(row: Mapping[str, Any]) -> bool:
    """Return whether a prediction says something of this customer that it says of few: yes, or the highest tier."""
    rank = row.get("percentile")
    if row["kind"] == "rule" or not _is_said(row) or rank is None or isnan(rank):
        return False
    top = "yes" if "yes" in row["values"] else row["values"][-1]
    return bool(row["value"] == top)

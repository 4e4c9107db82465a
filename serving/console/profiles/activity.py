"""What one customer did, basket by basket, and how what is said of them changed."""

from __future__ import annotations

from collections import Counter
from itertools import groupby
from typing import TYPE_CHECKING, Any

from markupsafe import Markup

from tagcast.features.core.messages import msg, nmsg
from tagcast.serving.console.i18n.figures import money
from tagcast.serving.console.ui.formatting import minute
from tagcast.serving.console.ui.html import h
from tagcast.serving.console.ui.tag_badges import value_word
from tagcast.serving.profiles.purchases import PURCHASE

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from tagcast.features.core.messages import Message
    from tagcast.serving.console.ui.page_context import PageContext
    from tagcast.serving.profiles.profile_details import Cause, ProfileDetails

EVENTS = 400
"""Lines that are asked for: enough for the baskets that are shown."""
_MOST_BASKETS, _MOST_CHANGES, _MOST_CATEGORIES = 12, 12, 6
_CAUSES: dict[Cause, Message] = {
    "data": msg("new data"),
    "model": msg("new model"),
    "threshold": msg("new threshold or rule"),
}


def changes(page: PageContext, details: ProfileDetails) -> Markup:
    """Return which values changed, when, and through what."""
    say = page.say
    titles = {row["tag"]: say.of(row.get("title") or {"en": row["tag"]}) for row in details.tags}
    lines = []
    for at, of_run in groupby((c for c in details.history if c.was_value != c.value), key=lambda c: c.at):
        steps = []
        for one in of_run:
            was, now = (
                say(msg("not covered")) if value is None else value_word(say, value)
                for value in (one.was_value, one.value)
            )
            step = h("b", say(msg("{was} → {now}", was=was, now=now)))
            cause = h("span", say(_CAUSES[one.cause]), class_="faint")
            steps.append(h("div", f"{titles.get(one.tag, one.tag)}: ", step, " · ", cause))
        lines.append(h("li", h("span", minute(at), class_="faint num"), steps))
    body = (
        h("ol", lines[:_MOST_CHANGES], class_="line")
        if lines
        else h("p", say(msg("Nothing has changed since the first run.")), class_="faint")
    )
    return h("section", h("h2", say(msg("Changes"))), body, class_="card")


def baskets(page: PageContext, details: ProfileDetails, currency: str) -> Markup:
    """Return the last things that a customer did, what was bought at one moment together."""
    say = page.say
    found = [(at, list(lines)) for at, lines in groupby(details.events, key=lambda row: row["event_time"])]
    if len(details.events) == EVENTS and len(found) > 1:
        found.pop()  # the lines may end amid this basket
    lines = [_basket(page, at, rows, currency) for at, rows in found[:_MOST_BASKETS]]
    body = (
        h("ol", lines, class_="line") if lines else h("p", say(msg("No activity on record.")), class_="faint")
    )
    return h("section", h("h2", say(msg("Recent activity"))), body, class_="card")


def _basket(page: PageContext, at: Any, rows: Sequence[Mapping[str, Any]], currency: str) -> Markup:
    say = page.say
    amounts = [float(row["amount"]) for row in rows if row.get("amount") is not None]
    total = money(say, sum(amounts), currency) if amounts else ""
    kinds = Counter(str(row["event"]) for row in rows)
    bought = kinds.pop(PURCHASE, 0)
    said = [say(nmsg("{n:,} item line", "{n:,} item lines", bought))] if bought else []
    said += [f"{kind} ×{n}" if n > 1 else kind for kind, n in kinds.items()]
    return h(
        "li",
        h("div", h("span", minute(at), class_="faint num"), h("b", total, class_="num"), class_="between"),
        h("div", " · ".join(said), " ", h("span", _what(rows), class_="muted")),
    )


def _what(rows: Sequence[Mapping[str, Any]]) -> str:
    """Return the categories of a basket, the commonest first, and its channel."""
    categories = Counter(str(row["category"]) for row in rows if row.get("category"))
    names = [f"{name} ×{n}" if n > 1 else name for name, n in categories.most_common()]
    shown = names[:_MOST_CATEGORIES] + (["…"] if len(names) > _MOST_CATEGORIES else [])
    channels = dict.fromkeys(str(row["channel"]) for row in rows if row.get("channel"))
    return " · ".join(filter(None, [", ".join(shown), ", ".join(channels)]))

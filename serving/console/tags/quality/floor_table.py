"""The floors of an uplift tag: what it promised of the members of campaigns, and the lift that was measured on them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from markupsafe import Markup

from tagcast.features.core.messages import msg, pmsg
from tagcast.features.core.signed_numbers import points
from tagcast.registry.operations.floors import FloorRow
from tagcast.serving.campaigns.words import effect_range, kept_campaigns
from tagcast.serving.catalog.tag_details import TagDetails
from tagcast.serving.console.ui.formatting import day, number
from tagcast.serving.console.ui.html import h

if TYPE_CHECKING:
    from tagcast.registry.governance.observed_accuracy import PromiseRow
    from tagcast.serving.console.i18n.translator import Translator


def floor_record(say: Translator, details: TagDetails) -> Markup:
    """Return the floors that campaigns judged, newest first, and those of the version's own cases that were scored unseen."""
    parts = [
        h("h3", say(msg("Promised vs. actual"))),
        h(
            "p",
            say(
                msg(
                    "Promised is the mean lower bound of a campaign's members: a floor on its lift, in points. It is judged once the campaign is over."
                )
            ),
            class_="faint",
        ),
    ]
    judged = [row for row in details.observed if isinstance(row, FloorRow) and row.right is not None]
    rows = [_campaign(say, row) for row in judged]
    rows += [_own_cases(say, row) for row in details.promise if row.right is not None]
    if judged:
        parts.append(h("p", h("b", say(kept_campaigns(judged)))))
    if rows:
        head = h(
            "tr",
            h("th", say(msg("Campaign"))),
            h("th", say(pmsg("count", "Customers")), class_="r"),
            h("th", say(msg("Promised")), class_="r"),
            h("th", say(msg("Actual")), class_="r"),
            h("th", h("span", say(msg("kept")), class_="sr")),
        )
        parts.append(h("table", h("thead", head), h("tbody", rows), class_="t tight"))
    else:
        parts.append(h("p", say(msg("No outcomes are known yet.")), class_="faint"))
    return h("div", parts, class_="promises")


def _campaign(say: Translator, row: FloorRow) -> Markup:
    kept = row.is_kept
    mark = h("span", say(msg("kept") if kept else msg("missed")), class_=f"pill {'good' if kept else 'bad'}")
    between = h("div", effect_range(row), class_="faint")
    return _line(row.name, day(row.as_of), row, between, mark)


def _own_cases(say: Translator, row: PromiseRow) -> Markup:
    level = say(msg("confidence ≥ {level}", level=f"{row.at_least:.0%}"))
    which = level if row.at_least else say(msg("everyone with a value"))
    return _line(say(msg("test snapshot")), which, row, None, None)


def _line(title: str, under: str, row: PromiseRow, between: Markup | None, mark: Markup | None) -> Markup:
    promised, right = points(row.promised or 0.0), points(row.right or 0.0)
    return h(
        "tr",
        h("td", title, h("div", under, class_="faint")),
        h("td", number(row.predicted), class_="r"),
        h("td", promised, class_="r"),
        h("td", h("b", right), between, class_="r"),
        h("td", mark, class_="r"),
    )

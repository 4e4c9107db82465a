"""How far to trust a tag: its grade and why, promised against actual, the model's own figures."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from markupsafe import Markup

from tagcast.features.core.messages import Message, from_json, msg, pmsg
from tagcast.models.definitions.score_scale import SCALES
from tagcast.registry.governance.observed_accuracy import by_week, kept_weeks, newest_of, not_judged
from tagcast.serving.catalog.tag_details import TagDetails
from tagcast.serving.console.tags.quality.floor_table import floor_record
from tagcast.serving.console.tags.quality.measured_table import measured_table
from tagcast.serving.console.tags.quality.promise_chart import promise_weeks
from tagcast.serving.console.ui import charts
from tagcast.serving.console.ui.formatting import day, number, of_100, percent
from tagcast.serving.console.ui.html import h
from tagcast.serving.console.ui.tag_badges import grade_mark
from tagcast.serving.console.ui.widgets import html

if TYPE_CHECKING:
    from tagcast.registry.governance.observed_accuracy import PromiseRow
    from tagcast.serving.console.ui.page_context import PageContext

_DRIVERS = 8
_GRADES: dict[str, Message] = {
    "A": msg("very good: a clear lead, and its promise holds"),
    "B": msg("good: reliable enough for targeting"),
    "C": msg("fair: somewhat better than simple rules"),
    "D": msg("weak: treat it as a hint"),
}


def trust_card(page: PageContext, details: TagDetails) -> None:
    """Show grade, promise and calibration."""
    from nicegui import ui

    say, row = page.say, details.row
    with ui.element("section").classes("card"):
        html(h("h2", say(msg("Reliability"))))
        if row.kind == "rule":
            html(h("p", say(msg("certain: a rule based on facts")), class_="lead"))
            return
        if row.grade:
            reasons = [h("li", say(from_json(reason))) for reason in details.grade_reasons]
            grade = h("b", say(msg("Grade {grade}", grade=row.grade)), ": ", say(_GRADES[row.grade]))
            html(
                h(
                    "div",
                    grade_mark(say, row.grade),
                    h("div", grade, h("ul", reasons, class_="faint bullets")),
                    class_="grade-row",
                )
            )
        else:
            html(
                h(
                    "p",
                    say(
                        msg(
                            "Where it gives a value, it is expected to be right for at least {floor} in 100 customers.",
                            floor=of_100(row.mean_confidence),
                        )
                    ),
                    class_="lead",
                )
            )
        html(_promises(page, details))
        if figure := _calibration(page, details):
            html(figure)


def _promises(page: PageContext, details: TagDetails) -> Markup:
    say = page.say
    if SCALES[details.row.kind].is_difference:
        return floor_record(say, details)
    parts = [
        h("h3", say(msg("Promised vs. actual"))),
        h(
            "p",
            say(msg("Promised is the mean confidence; actual is the share that turned out right.")),
            class_="faint",
        ),
    ]
    seen = newest_of(details.observed) if details.observed else []
    weeks = by_week(row for row in details.observed if not row.at_least)
    if len(weeks) > 1:
        said = say(kept_weeks(weeks))
        parts.append(h("p", h("b", said)))
        parts.append(promise_weeks(weeks, (say(msg("Promised")), say(msg("Actual"))), said))
    newest = day(seen[0].as_of) if seen else ""
    for rows, title in ((seen, newest), (details.promise, say(msg("test snapshot")))):
        if rows:
            parts.append(_promise_table(page, rows, title))
            parts.extend(h("p", say(one), class_="faint") for one in not_judged(rows[0]))
    if details.measured:
        parts.append(measured_table(page, details.measured))
    parts.extend(h("p", say(one.text)) for one in details.shadows)
    if not seen and not details.promise:
        parts.append(h("p", say(msg("No outcomes are known yet.")), class_="faint"))
    return h("div", parts, class_="promises")


def _promise_table(page: PageContext, rows: Sequence[PromiseRow], title: str) -> Markup:
    say = page.say
    head = h(
        "tr",
        h("th", title),
        h("th", say(pmsg("count", "Customers")), class_="r"),
        h("th", say(msg("Promised")), class_="r"),
        h("th", say(msg("Actual")), class_="r"),
        h("th", h("span", say(msg("kept")), class_="sr")),
    )
    lines = []
    for row in rows:
        if row.promised is None or row.right is None:
            continue
        covered = (
            say(msg("everyone with a value"))
            if not row.at_least
            else say(msg("confidence ≥ {level}", level=percent(row.at_least, 0)))
        )
        kept = row.is_kept
        mark = h(
            "span", say(msg("kept") if kept else msg("missed")), class_=f"pill {'good' if kept else 'bad'}"
        )
        lines.append(
            h(
                "tr",
                h("td", covered, _dumbbell(row.promised, row.right)),
                h("td", number(row.predicted), class_="r"),
                h("td", percent(row.promised), class_="r"),
                h("td", h("b", percent(row.right)), class_="r"),
                h("td", mark, class_="r"),
            )
        )
    return h("table", h("thead", head), h("tbody", lines), class_="t tight")


def _dumbbell(promised: float, right: float) -> Markup:
    """Return the promise and what came of it on one line from a half to all."""
    low, high = sorted((promised, right))

    def at(share: float) -> float:
        return max(0.0, min(100.0, 200 * (share - 0.5)))

    return h(
        "div",
        h("i", class_="span", style=f"left:{at(low):.1f}%;width:{at(high) - at(low):.1f}%"),
        h("i", class_="from", style=f"left:{at(promised):.1f}%"),
        h("i", class_="to", style=f"left:{at(right):.1f}%"),
        class_="dumbbell",
        aria_hidden="true",
    )


def _calibration(page: PageContext, details: TagDetails) -> Markup | None:
    """Return mean scores beside what came, on the test snapshot."""
    say = page.say
    if not details.calibration:
        return None
    titles = (
        say(msg("mean score of each tenth of customers")),
        say(msg("share with the outcome, 95% interval")),
    )
    return h(
        "figure",
        h("h3", say(msg("Predicted vs. actual"))),
        h(
            "p",
            say(
                msg(
                    "On the diagonal, scores mean what they say: of 100 customers with a score of 0.7, 70 had the outcome."
                )
            ),
            class_="faint",
        ),
        charts.calibration(details.calibration, titles, say(msg("Predicted vs. actual"))),
    )


def drivers_card(page: PageContext, details: TagDetails) -> Markup:
    """Return what the score is made of."""
    say = page.say
    most = max((d.share for d in details.drivers), default=1.0) or 1.0
    ways = {"rises": "↗", "falls": "↘"}
    lines = [
        h(
            "li",
            h("span", say.of(d.title), class_="level", title=say.of(d.sentence)),
            h("span", h("i", style=f"width:{100 * d.share / most:.1f}%"), class_="bar", aria_hidden="true"),
            h("span", percent(d.share, 0), class_="num"),
            h("span", ways.get(d.direction, "·"), class_="way", title=say.of(d.sentence), aria_hidden="true"),
            h("span", say.of(d.sentence), class_="sr"),
        )
        for d in details.drivers[:_DRIVERS]
    ]
    legend = h(
        "p", say(msg("Share of the score; ↗ more of it raises the score, ↘ lowers it.")), class_="faint"
    )
    return h(
        "section", h("h2", say(msg("Main drivers"))), legend, h("ul", lines, class_="drivers"), class_="card"
    )

"""What was promised and what came: the weeks as a chart, one table of levels and of yes and no, the model's own figures."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from markupsafe import Markup

from tagcast.features.core.messages import msg, pmsg
from tagcast.models.definitions.score_scale import SCALES
from tagcast.registry.governance.observed_accuracy import by_week, kept_weeks, newest_of, not_judged
from tagcast.serving.catalog.tag_details import TagDetails
from tagcast.serving.console.tags.quality.floor_table import floor_record
from tagcast.serving.console.tags.quality.measured_table import measured_table
from tagcast.serving.console.tags.quality.promise_chart import promise_weeks
from tagcast.serving.console.tags.quality.value_rows import value_rows
from tagcast.serving.console.ui import charts
from tagcast.serving.console.ui.formatting import day, number, percent
from tagcast.serving.console.ui.html import h

if TYPE_CHECKING:
    from tagcast.registry.governance.observed_accuracy import PromiseRow
    from tagcast.serving.console.ui.page_context import PageContext


def promise_card(page: PageContext, details: TagDetails) -> Markup:
    """Return the record of the promise."""
    say = page.say
    return h(
        "section",
        h("h2", say(msg("Promised vs. actual"))),
        _promises(page, details),
        _calibration(page, details),
        class_="card",
    )


def _promises(page: PageContext, details: TagDetails) -> Markup:
    say = page.say
    if SCALES[details.row.kind].is_difference:
        return floor_record(say, details)
    about = msg("Promised is the mean confidence; actual is the share that turned out right.")
    parts = [h("p", say(about), class_="faint")]
    seen = newest_of(details.observed) if details.observed else []
    weeks = by_week(row for row in details.observed if not row.at_least)
    if len(weeks) > 1:
        said = say(kept_weeks(weeks))
        parts.append(h("p", h("b", said)))
        parts.append(promise_weeks(weeks, (say(msg("Promised")), say(msg("Actual"))), said))
    if seen or details.promise:
        parts.append(_table(page, details, seen))
        judged = seen or details.promise
        parts.extend(h("p", say(one), class_="faint") for one in not_judged(judged[0]))
    else:
        parts.append(h("p", say(msg("No outcomes are known yet.")), class_="faint"))
    if details.measured:
        parts.append(measured_table(page, details.measured))
    parts.extend(h("p", say(one.text)) for one in details.shadows)
    return h("div", parts, class_="promises")


def _table(page: PageContext, details: TagDetails, seen: Sequence[PromiseRow]) -> Markup:
    """Return levels of confidence, then yes and no: in the run that was judged last, beside the test of the version."""
    say = page.say
    newest = {row.at_least: row for row in seen if row.right is not None}
    test = {row.at_least: row for row in details.promise if row.right is not None}
    head = h(
        "tr",
        h("th", day(seen[0].as_of) if newest else say(msg("test snapshot"))),
        h("th", say(pmsg("count", "Customers")), class_="r"),
        h("th", say(msg("Promised")), class_="r"),
        h("th", say(msg("Actual")), class_="r"),
        h("th", h("span", say(msg("kept")), class_="sr")),
        h("th", say(msg("In the test")), class_="r") if newest and test else None,
    )
    lines = [
        _line(page, row, test.get(level) if newest else None, beside=bool(newest and test))
        for level, row in sorted((newest or test).items())
    ]
    lines += value_rows(page, details, columns=6 if newest and test else 5)
    return h("table", h("thead", head), h("tbody", lines), class_="t tight promise-table")


def _line(page: PageContext, row: PromiseRow, tested: PromiseRow | None, *, beside: bool) -> Markup:
    say, kept = page.say, row.is_kept
    level = msg("confidence ≥ {level}", level=percent(row.at_least, 0))
    pill = h("span", say(msg("kept") if kept else msg("missed")), class_=f"pill {'good' if kept else 'bad'}")
    return h(
        "tr",
        h("td", say(level if row.at_least else msg("everyone with a value"))),
        h("td", number(row.predicted), class_="r"),
        h("td", percent(row.promised), class_="r"),
        h("td", h("b", percent(row.right)), class_="r"),
        h("td", pill, class_="r"),
        h("td", f"{percent(tested.promised)} → {percent(tested.right)}" if tested else "–", class_="r faint")
        if beside
        else None,
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

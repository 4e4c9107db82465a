"""The page of one tag: what it means, what it says, how far to trust it."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from markupsafe import Markup

from tagcast.features.core.errors import NotFoundError
from tagcast.features.core.messages import Joined, Text, listed, msg, nmsg, pmsg
from tagcast.models.filters.conditions import Compare, FieldRef
from tagcast.serving.catalog.shown_counts import rounded_note, smallest_cell
from tagcast.serving.catalog.tag_details import TagDetails, tag_details
from tagcast.serving.console.i18n.vocabulary import CATEGORY_TITLES, KIND_TITLES, STEP_TITLES
from tagcast.serving.console.tags.lifecycle_dialog import step_dialog
from tagcast.serving.console.tags.quality.run_quality import quality_card
from tagcast.serving.console.tags.quality.tag_quality import drivers_card, trust_card
from tagcast.serving.console.tags.tag_history import feedback_card, record_cards
from tagcast.serving.console.ui.charts import trend
from tagcast.serving.console.ui.formatting import day, minute, number, of_100, percent
from tagcast.serving.console.ui.html import h
from tagcast.serving.console.ui.notices import empty, hint_of
from tagcast.serving.console.ui.page_context import PageContext, link
from tagcast.serving.console.ui.tag_badges import (
    crumbs,
    floor_text,
    reservation_pills,
    said_bar,
    status_pill,
    value_key,
    value_word,
)
from tagcast.serving.console.ui.widgets import button, html, link_button

if TYPE_CHECKING:
    from tagcast.registry.governance.lifecycle import Status

_QUIET: tuple[Status, ...] = ("retired", "suspended")
_FEATURES = 8


async def tag_view(page: PageContext) -> None:
    """Show the page of the tag that the address names."""
    from nicegui import ui

    say, name = page.say, page.parameter("name")
    try:
        details = await page.run(tag_details, name)
    except NotFoundError as error:
        html(
            empty(
                say(msg("There is no tag with that name")),
                hint_of(page, error),
                whole=True,
            )
        )
        return
    _head(page, details)
    if cautions := _cautions(page, details):
        html(cautions)
    html(_stats(page, details))
    with ui.element("div").classes("cols-main tag-page"):
        with ui.element("div").classes("stack"):
            html(_meaning(page, details))
            html(_values(page, details))
            trust_card(page, details)
            if card := quality_card(page, details):
                html(card)
            if details.drivers:
                html(drivers_card(page, details))
        with ui.element("div").classes("stack"):
            feedback_card(page, details)
            html(h("div", record_cards(page, details), class_="stack"))


def _head(page: PageContext, details: TagDetails) -> None:
    from nicegui import ui

    say, row = page.say, details.row
    title = say.of(row.title)
    with ui.element("div").classes("head"):
        marks = [
            status_pill(say, row.status),
            h("span", say(KIND_TITLES[row.kind]), class_="pill") if row.kind != "model" else None,
            h("span", say(msg("Sensitive")), class_="pill warn") if row.sensitivity == "sensitive" else None,
            h("span", say(msg("Expired")), class_="pill bad") if row.expired else None,
            h("span", say(msg("Out of date")), class_="pill warn")
            if row.out_of_date and not row.expired
            else None,
            *reservation_pills(say, row.reservations),
        ]
        html(
            h(
                "div",
                crumbs([say.word(CATEGORY_TITLES, part) for part in row.path], say(msg("Tags"))),
                h("div", h("h1", title), marks, class_="row"),
                h("code", row.name, class_="faint"),
            ),
            classes="grow",
        )
        with ui.element("div").classes("actions"):
            if row.champion:
                card = link("/api/v1/tags", row.name, "card", language=page.language)
                html(h("a", say(msg("Model card")), href=card, target="_blank", rel="noopener", class_="btn"))
            for step in details.next_steps:
                if _may_take(page, step):
                    kind = "danger" if step in _QUIET else ""
                    button(say(STEP_TITLES[step]), partial(step_dialog, page, {row.name: title}, step), kind)
            if row.population is not None and (row.status == "published" or page.person.may("review")):
                first = Compare(field=FieldRef(name=row.name, part="value"), op="=", value=row.values[0])
                html(
                    link_button(
                        say(msg("Build an audience")),
                        link("/audience", filter=first.text()),
                        "primary",
                        "build",
                    )
                )


def _may_take(page: PageContext, step: Status) -> bool:
    """Return whether a step is worth a button: marketers submit what they drafted, the rest is for reviewers."""
    return page.person.may("draft" if step == "in_review" else "review")


def _stats(page: PageContext, details: TagDetails) -> Markup:
    say, row, run = page.say, details.row, details.last_run
    base = run.profiles if run else 0
    share = (
        say(
            nmsg("{share} of {n:,} customer", "{share} of {n:,} customers", base, share=percent(row.coverage))
        )
        if row.population is not None
        else None
    )
    shown = [
        (say(msg("Customers covered")), number(row.population), share),
        (say(msg("Values")), said_bar(say, row.predicted, row.values) if row.predicted else "–", None),
        (
            say(msg("Confidence")),
            *_confidence(page, details),
        ),
        (
            say(msg("Last run")),
            day(run.as_of) if run else say(msg("not scored yet")),
            say(msg("Valid until {day}", day=day(run.valid_until))) if run else None,
        ),
    ]
    cells = [
        h(
            "div",
            h("dt", key),
            h("dd", value, h("small", note) if note else None, class_="num"),
            class_="stat",
        )
        for key, value, note in shown
    ]
    return h("dl", cells, class_="stats")


def _confidence(page: PageContext, details: TagDetails) -> tuple[str, str | None]:
    """Return how sure the tag is and what that means; of one that no run has scored there is nothing to be sure of."""
    say, row = page.say, details.row
    if row.population is None:
        return "–", say(msg("known after the first run that scores it"))
    figure = "100%" if row.kind == "rule" else f"≥ {of_100(row.mean_confidence)}%"
    return figure, floor_text(say, row.mean_confidence, row.kind)


def _cautions(page: PageContext, details: TagDetails) -> Markup | None:
    """Return what speaks against relying on the values of the last run, and what to do about its model."""
    notes = [
        *(details.last_run.cautions if details.last_run else ()),
        *([details.advice] if details.advice else []),
    ]
    return h("div", [h("p", page.say(note), class_="note warn") for note in notes]) if notes else None


def _meaning(page: PageContext, details: TagDetails) -> Markup:
    say = page.say
    is_rule = details.row.kind == "rule"
    names = [say.of(feature.title) for feature in details.features]
    features: Text | Joined = listed(names[:_FEATURES])
    if len(names) > _FEATURES:
        features = msg("{features} and {more} more", features=features, more=len(names) - _FEATURES)
    facts = (
        (say(pmsg("decision", "Rule") if is_rule else msg("Predicts")), say.of(details.question)),
        (say(pmsg("decision", "Rule")), say.of(details.decision)),
        (say(msg("Applies to")), say.of(details.population)),
        (say(msg("Features used")), say(features)),
        (say(msg("Owner")), details.row.owner),
        (say(msg("Schedule")), h("code", details.refresh) if details.refresh else ""),
        (
            say(msg("Expires")),
            say(
                nmsg(
                    "{n} day after that of the data",
                    "{n} days after that of the data",
                    details.expires_after_days,
                )
            )
            if details.expires_after_days
            else "",
        ),
        (
            say(msg("Sensitivity")),
            say(msg("Sensitive")) if details.row.sensitivity == "sensitive" else say(msg("normal")),
        ),
    )
    lines = [[h("dt", key), h("dd", value)] for key, value in facts if value]
    about = say.of(details.description)
    lead = h("p", about, class_="lead") if about else None
    return h("section", h("h2", say(msg("Meaning"))), lead, h("dl", lines, class_="facts"), class_="card")


def _values(page: PageContext, details: TagDetails) -> Markup:
    say, row = page.say, details.row
    order = [*row.values, "unknown"]
    lines = [
        h(
            "tr",
            h("td", value_key(say, one.value, row.values)),
            h("td", number(one.members), class_="r"),
            h("td", percent(one.share), class_="r"),
        )
        for one in sorted(
            details.values, key=lambda v: order.index(v.value) if v.value in order else len(order)
        )
    ]
    head = h(
        "tr",
        h("th", say(msg("Value"))),
        h("th", say(pmsg("count", "Customers")), class_="r"),
        h("th", say(msg("Share")), class_="r"),
    )
    table = h("table", h("thead", head), h("tbody", lines), class_="t tight") if lines else None
    runs = [
        (day(p.as_of), {value: round(p.population * share) for value, share in p.shares.items()})
        for p in details.trend
    ]
    first = row.values[0]
    shares = [
        f"{at} {value_word(say, first)} {percent(counts.get(first, 0) / max(sum(counts.values()), 1))}"
        for at, counts in runs[-6:]
    ]
    label = say(msg("Over time: {shares}", shares=listed(shares)))
    drawn = (
        trend(runs, row.values, label) if len(runs) > 1 else h("p", _no_trend(page, details), class_="faint")
    )
    body = h("div", table, h("div", h("h3", say(msg("Over time"))), drawn), class_="cols2")
    at = (
        h("p", say(msg("Scored {at}", at=minute(details.last_run.scored_at))), class_="faint")
        if details.last_run
        else None
    )
    cell = smallest_cell(page.context, page.person)
    rounded = h("p", say(rounded_note(cell)), class_="faint") if cell > 1 and lines else None
    return h("section", h("h2", say(msg("Values"))), body, at, rounded, class_="card")


def _no_trend(page: PageContext, details: TagDetails) -> str:
    if details.row.population is None:
        return page.say(msg("No run has scored this tag yet."))
    return page.say(msg("Only one run so far; the trend starts with the next one."))

"""The page of one tag: what it means, what it says, how far to trust it."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from markupsafe import Markup

from tagcast.features.core.errors import NotFoundError
from tagcast.features.core.messages import render
from tagcast.models.filters.conditions import Compare, FieldRef
from tagcast.serving.catalog.tag_details import TagDetails, tag_details
from tagcast.serving.console.tags.lifecycle_dialog import step_dialog
from tagcast.serving.console.tags.tag_history import feedback_card, record_cards
from tagcast.serving.console.tags.tag_quality import drivers_card, trust_card
from tagcast.serving.console.ui.charts import trend
from tagcast.serving.console.ui.formatting import day, minute, number, of_100, percent
from tagcast.serving.console.ui.html import h
from tagcast.serving.console.ui.notices import empty
from tagcast.serving.console.ui.page_context import PageContext, link
from tagcast.serving.console.ui.tag_badges import (
    crumbs,
    floor_text,
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

    say, name = page.say, page.asked("name")
    try:
        details = await page.ask(tag_details, name)
    except NotFoundError as error:
        html(empty(say("tag.unknown_tag"), render(error.hint, page.language), whole=True))
        return
    _head(page, details)
    html(_stats(page, details))
    with ui.element("div").classes("cols-main tag-page"):
        with ui.element("div").classes("stack"):
            html(_meaning(page, details))
            html(_values(page, details))
            trust_card(page, details)
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
            h("span", say(f"kind.{row.kind}"), class_="pill") if row.kind != "model" else None,
            h("span", say("tags.sensitive"), class_="pill warn") if row.sensitivity == "sensitive" else None,
            h("span", say("tags.expired"), class_="pill bad") if row.expired else None,
        ]
        html(
            h(
                "div",
                crumbs([say.known("path", part) for part in row.path], say("tags.title")),
                h("div", h("h1", title), marks, class_="row"),
                h("code", row.name, class_="faint"),
            ),
            classes="grow",
        )
        with ui.element("div").classes("actions"):
            if row.champion:
                card = link("/api/v1/tags", row.name, "card")
                html(h("a", say("tag.card"), href=card, target="_blank", rel="noopener", class_="btn"))
            for step in details.next_steps:
                if _may_take(page, step):
                    kind = "danger" if step in _QUIET else ""
                    button(say(f"tag.step.{step}"), partial(step_dialog, page, row.name, title, step), kind)
            if row.population is not None and (row.status == "published" or page.person.may("review")):
                first = Compare(field=FieldRef(name=row.name, part="value"), op="=", value=row.values[0])
                html(
                    link_button(say("tag.build"), link("/audience", filter=first.text()), "primary", "build")
                )


def _may_take(page: PageContext, step: Status) -> bool:
    """Return whether a step is worth a button: marketers submit what they drafted, the rest is for reviewers."""
    return page.person.may("draft" if step == "in_review" else "review")


def _stats(page: PageContext, details: TagDetails) -> Markup:
    say, row, run = page.say, details.row, details.last_run
    base = run.profiles if run else 0
    share = (
        say("tag.of_base", share=percent(row.coverage), base=number(base))
        if row.population is not None
        else None
    )
    shown = [
        (say("tag.speaks_of"), number(row.population), share),
        (say("tags.says"), said_bar(say, row.said, row.values) if row.said else "–", None),
        (
            say("tag.confidence"),
            "100 %" if row.kind == "rule" else f"≥ {of_100(row.mean_confidence)} %",
            floor_text(say, row.mean_confidence, row.kind),
        ),
        (
            say("tag.refreshed"),
            day(run.as_of) if run else say("tags.not_scored"),
            f"{say('tags.until')} {day(row.expires_at)}" if row.expires_at else None,
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


def _meaning(page: PageContext, details: TagDetails) -> Markup:
    say = page.say
    names = [say.of(feature.title) for feature in details.features]
    more = f" … +{len(names) - _FEATURES}" if len(names) > _FEATURES else ""
    comma = "、" if page.language == "zh" else ", "
    facts = (
        (say("tag.question"), say.of(details.question)),
        (say("tag.decides"), say.of(details.decision)),
        (say("tag.population"), say.of(details.population)),
        (say("tag.sources"), comma.join(names[:_FEATURES]) + more if names else ""),
        (say("tag.owner"), details.row.owner),
        (say("tag.refresh"), h("code", details.refresh) if details.refresh else ""),
        (
            say("tag.expiry"),
            say("tag.days", count=details.expires_after_days) if details.expires_after_days else "",
        ),
        (
            say("tag.sensitivity"),
            say("tags.sensitive") if details.row.sensitivity == "sensitive" else say("tag.normal"),
        ),
    )
    told = [[h("dt", key), h("dd", value)] for key, value in facts if value]
    about = say.of(details.description)
    lead = h("p", about, class_="lead") if about else None
    return h("section", h("h2", say("tag.means")), lead, h("dl", told, class_="facts"), class_="card")


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
        h("th", say("tag.value")),
        h("th", say("tag.profiles"), class_="r"),
        h("th", say("tag.share"), class_="r"),
    )
    table = h("table", h("thead", head), h("tbody", lines), class_="t tight") if lines else None
    runs = [
        (day(p.as_of), {value: round(p.population * share) for value, share in p.shares.items()})
        for p in details.trend
    ]
    label = f"{say('tag.trend')}: " + ", ".join(
        f"{at} {value_word(say, row.values[0])} {percent(said.get(row.values[0], 0) / max(sum(said.values()), 1))}"
        for at, said in runs[-6:]
    )
    drawn = trend(runs, row.values, label) if len(runs) > 1 else h("p", say("tag.trend_none"), class_="faint")
    body = h("div", table, h("div", h("h3", say("tag.trend")), drawn), class_="cols2")
    at = (
        h("p", say("tag.run_at", at=minute(details.last_run.scored_at)), class_="faint")
        if details.last_run
        else None
    )
    return h("section", h("h2", say("tag.values")), body, at, class_="card")

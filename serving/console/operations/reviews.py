"""Reviews: new models and tags that wait for a second pair of eyes."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from tagcast.features.core.errors import TagcastError
from tagcast.registry.access.roles import require
from tagcast.serving.catalog import catalog as catalogue
from tagcast.serving.catalog import tag_actions as tag_steps
from tagcast.serving.catalog.category_size_checks import FEWEST, MOST
from tagcast.serving.catalog.tag_details import TagPage, tag_page
from tagcast.serving.console.i18n.service_messages import translated
from tagcast.serving.console.tags.lifecycle_dialog import step_dialog
from tagcast.serving.console.ui.formatting import minute, number
from tagcast.serving.console.ui.html import Markup, h
from tagcast.serving.console.ui.notices import done, empty, error_markup
from tagcast.serving.console.ui.page_context import Visit, link
from tagcast.serving.console.ui.tag_badges import grade_mark, status_pill
from tagcast.serving.console.ui.tag_titles import both_titles
from tagcast.serving.console.ui.widgets import area_field, button, dialog, html

if TYPE_CHECKING:
    from tagcast.registry.access.roles import Person
    from tagcast.serving.catalog.category_size_checks import LeafWarning
    from tagcast.serving.catalog.tag_actions import PendingChampion
    from tagcast.serving.context import Desk

_SHOWN = ("auc", "log_loss", "brier", "mae", "rmse", "tier_accuracy", "calibration_error")


def waiting(desk: Desk, person: Person) -> tuple[list[PendingChampion], list[TagPage], list[LeafWarning]]:
    """Return the models and tags that wait, and what is to be said of the tag tree."""
    require(person, "review")
    steps = [tag_page(desk, person, row.name) for row in catalogue.tags(desk, person, status="in_review")]
    return tag_steps.pending_champions(desk, person), steps, catalogue.tree_leaves(desk)


async def reviews_page(visit: Visit) -> None:
    """Show what waits."""
    from nicegui import ui

    say = visit.say
    html(h("div", h("h1", say("review.title")), h("p", say("review.lead"))), classes="head")
    champions, steps, warnings = await visit.ask(waiting)
    titles = await visit.ask(both_titles)
    if not champions and not steps:
        html(empty(say("review.none"), say("review.none_hint")))
    if champions:
        html(h("h2", say("review.champions")))
        for one in champions:
            _champion(visit, one, say.of(titles.get(one.tag, {"en": one.tag})))
    if steps:
        with ui.element("section").classes("card"):
            html(h("h2", say("review.steps")))
            for page in steps:
                _step(visit, page)
    if warnings:
        lines = [_leaf(visit, one) for one in warnings]
        html(h("section", h("h2", say("review.warnings")), h("ul", lines, class_="notes"), class_="card"))


def _champion(visit: Visit, one: PendingChampion, title: str) -> None:
    from nicegui import ui

    say = visit.say
    over = say("review.replaces", version=one.champion) if one.champion else say("review.first")
    with ui.element("article").classes("card champion"):
        with ui.element("div").classes("head"):
            name = h("a", title, href=link("/tags", one.tag), class_="cover")
            mark = h("span", say("tag.version"), f" {one.version}", class_="pill accent")
            about = h(
                "p", say("review.proposed", who=one.proposed_by, at=minute(one.proposed_at)), " · ", over
            )
            html(
                h(
                    "div",
                    h("div", grade_mark(say, one.grade), h("h2", name), mark, class_="row"),
                    about,
                    h("p", translated(one.reason, visit.language)),
                ),
                classes="grow",
            )
            with ui.element("div").classes("actions"):
                button(say("review.refuse"), partial(_decide, visit, one, approve=False), "danger")
                button(say("review.approve"), partial(_decide, visit, one, approve=True), "primary")
        html(h("div", _metrics(visit, one), _checks(visit, one), class_="cols2"))


def _metrics(visit: Visit, one: PendingChampion) -> Markup:
    say = visit.say
    heads = h(
        "tr",
        h("th", say("review.measure")),
        h("th", say("review.new"), class_="r"),
        h("th", say("review.old"), class_="r"),
    )
    lines = [
        h(
            "tr",
            h("td", say.known("metric", name)),
            h("td", number(one.metrics[name]), class_="r"),
            h("td", number(one.champion_metrics.get(name)), class_="r muted"),
        )
        for name in _SHOWN
        if name in one.metrics
    ]
    return h("table", h("thead", heads), h("tbody", lines), class_="t tight")


def _checks(visit: Visit, one: PendingChampion) -> Markup:
    say, tones = visit.say, {"pass": "good", "fail": "bad"}
    lines = []
    for check in one.checks:
        outcome = str(check.get("outcome", ""))
        lines.append(
            h(
                "li",
                h("span", say.known("check", outcome), class_=f"pill {tones.get(outcome, 'warn')}"),
                " ",
                h("b", say.known("gate", str(check.get("name", "")))),
                h("div", translated(str(check.get("text", "")), visit.language), class_="faint"),
            )
        )
    return h("div", h("h3", say("review.checks")), h("ul", lines, class_="notes"))


def _step(visit: Visit, page: TagPage) -> None:
    from nicegui import ui

    say, row = visit.say, page.row
    with ui.element("div").classes("review-step"):
        name = h("a", say.of(row.title), href=link("/tags", row.name), class_="cover")
        put = page.history[-1] if page.history else None
        html(
            h(
                "div",
                h("div", name, " ", status_pill(say, row.status), " ", h("code", row.name, class_="faint")),
                h("p", say.of(page.question)) if page.question else None,
                h("p", say("review.proposed", who=put.who, at=minute(put.at)), class_="faint")
                if put
                else None,
                h("p", f"“{put.reason}”", class_="muted") if put and put.reason else None,
            ),
            classes="grow",
        )
        with ui.element("div").classes("actions"):
            button(
                say("tag.step.draft"),
                partial(step_dialog, visit, row.name, say.of(row.title), "draft"),
                "small",
            )
            button(
                say("tag.step.published"),
                partial(step_dialog, visit, row.name, say.of(row.title), "published"),
                "small primary",
            )


def _decide(visit: Visit, one: PendingChampion, *, approve: bool) -> None:
    """Ask for the reason, then decide."""
    from nicegui import ui

    say = visit.say
    title = say("review.approve" if approve else "review.refuse")
    with dialog(f"{title}: {one.tag} {one.version}") as box:
        reason = area_field(say("review.reason"), rows=2).props("autofocus")
        trouble = html(Markup(""))

        async def go() -> None:
            act = tag_steps.approve_champion if approve else tag_steps.refuse_champion
            try:
                await visit.ask(act, one.tag, one.version, reason.value or "")
            except TagcastError as error:
                trouble.content = error_markup(visit, error)
                return
            done(say("review.approved" if approve else "review.refused", tag=one.tag, version=one.version))
            box.close()
            ui.navigate.reload()

        with ui.element("div").classes("actions"):
            button(say("do.cancel"), box.close, "quiet")
            button(title, go, "primary" if approve else "danger")


def _leaf(visit: Visit, one: LeafWarning) -> Markup:
    say = visit.say
    path = " › ".join(say.known("path", part) for part in one.path)
    return h("li", say("review.leaf", path=path, count=one.tags, fewest=FEWEST, most=MOST))

"""Reviews: new models and tags that wait for a second pair of eyes."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from markupsafe import Markup

from tagcast.features.core.errors import TagcastError
from tagcast.registry.access.roles import require
from tagcast.serving.catalog import catalog as catalogue
from tagcast.serving.catalog import tag_actions as tag_steps
from tagcast.serving.catalog.category_size_checks import FEWEST, MOST
from tagcast.serving.catalog.tag_details import TagDetails, tag_details
from tagcast.serving.console.i18n.service_messages import translated
from tagcast.serving.console.tags.lifecycle_dialog import step_dialog
from tagcast.serving.console.ui.formatting import minute, number
from tagcast.serving.console.ui.html import h
from tagcast.serving.console.ui.notices import done, empty, error_markup
from tagcast.serving.console.ui.page_context import PageContext, link
from tagcast.serving.console.ui.tag_badges import grade_mark, status_pill
from tagcast.serving.console.ui.tag_titles import both_titles
from tagcast.serving.console.ui.widgets import area_field, button, dialog, html

if TYPE_CHECKING:
    from tagcast.registry.access.roles import Person
    from tagcast.serving.catalog.category_size_checks import LeafWarning
    from tagcast.serving.catalog.tag_actions import PendingChampion
    from tagcast.serving.context import ServiceContext

_SHOWN = ("auc", "log_loss", "brier", "mae", "rmse", "tier_accuracy", "calibration_error")


def waiting(
    context: ServiceContext, person: Person
) -> tuple[list[PendingChampion], list[TagDetails], list[LeafWarning]]:
    """Return the models and tags that wait, and what is to be said of the tag tree."""
    require(person, "review")
    steps = [
        tag_details(context, person, row.name) for row in catalogue.tags(context, person, status="in_review")
    ]
    return tag_steps.pending_champions(context, person), steps, catalogue.tree_leaves(context)


async def reviews_page(page: PageContext) -> None:
    """Show what waits."""
    from nicegui import ui

    say = page.say
    html(h("div", h("h1", say("review.title")), h("p", say("review.lead"))), classes="head")
    champions, steps, warnings = await page.ask(waiting)
    titles = await page.ask(both_titles)
    if not champions and not steps:
        html(empty(say("review.none"), say("review.none_hint")))
    if champions:
        html(h("h2", say("review.champions")))
        for one in champions:
            _champion(page, one, say.of(titles.get(one.tag, {"en": one.tag})))
    if steps:
        with ui.element("section").classes("card"):
            html(h("h2", say("review.steps")))
            for details in steps:
                _step(page, details)
    if warnings:
        lines = [_leaf(page, one) for one in warnings]
        html(h("section", h("h2", say("review.warnings")), h("ul", lines, class_="notes"), class_="card"))


def _champion(page: PageContext, one: PendingChampion, title: str) -> None:
    from nicegui import ui

    say = page.say
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
                    h("p", translated(one.reason, page.language)),
                ),
                classes="grow",
            )
            with ui.element("div").classes("actions"):
                button(say("review.refuse"), partial(_decide, page, one, approve=False), "danger")
                button(say("review.approve"), partial(_decide, page, one, approve=True), "primary")
        html(h("div", _metrics(page, one), _checks(page, one), class_="cols2"))


def _metrics(page: PageContext, one: PendingChampion) -> Markup:
    say = page.say
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


def _checks(page: PageContext, one: PendingChampion) -> Markup:
    say, tones = page.say, {"pass": "good", "fail": "bad"}
    lines = []
    for check in one.checks:
        outcome = str(check.get("outcome", ""))
        lines.append(
            h(
                "li",
                h("span", say.known("check", outcome), class_=f"pill {tones.get(outcome, 'warn')}"),
                " ",
                h("b", say.known("gate", str(check.get("name", "")))),
                h("div", translated(str(check.get("text", "")), page.language), class_="faint"),
            )
        )
    return h("div", h("h3", say("review.checks")), h("ul", lines, class_="notes"))


def _step(page: PageContext, details: TagDetails) -> None:
    from nicegui import ui

    say, row = page.say, details.row
    with ui.element("div").classes("review-step"):
        name = h("a", say.of(row.title), href=link("/tags", row.name), class_="cover")
        put = details.history[-1] if details.history else None
        html(
            h(
                "div",
                h("div", name, " ", status_pill(say, row.status), " ", h("code", row.name, class_="faint")),
                h("p", say.of(details.question)) if details.question else None,
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
                partial(step_dialog, page, row.name, say.of(row.title), "draft"),
                "small",
            )
            button(
                say("tag.step.published"),
                partial(step_dialog, page, row.name, say.of(row.title), "published"),
                "small primary",
            )


def _decide(page: PageContext, one: PendingChampion, *, approve: bool) -> None:
    """Ask for the reason, then decide."""
    from nicegui import ui

    say = page.say
    title = say("review.approve" if approve else "review.refuse")
    with dialog(f"{title}: {one.tag} {one.version}") as box:
        reason = area_field(say("review.reason"), rows=2).props("autofocus")
        trouble = html(Markup(""))

        async def go() -> None:
            act = tag_steps.approve_champion if approve else tag_steps.refuse_champion
            try:
                await page.ask(act, one.tag, one.version, reason.value or "")
            except TagcastError as error:
                trouble.content = error_markup(page, error)
                return
            done(say("review.approved" if approve else "review.refused", tag=one.tag, version=one.version))
            box.close()
            ui.navigate.reload()

        with ui.element("div").classes("actions"):
            button(say("do.cancel"), box.close, "quiet")
            button(title, go, "primary" if approve else "danger")


def _leaf(page: PageContext, one: LeafWarning) -> Markup:
    say = page.say
    path = " › ".join(say.known("path", part) for part in one.path)
    return h("li", say("review.leaf", path=path, count=one.tags, fewest=FEWEST, most=MOST))

"""Reviews: new models, challengers that did better, and tags, which wait for a second pair of eyes."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from markupsafe import Markup

from tagcast.features.core.messages import Message, from_json, msg, nmsg, pmsg
from tagcast.registry.access.roles import require
from tagcast.registry.gates.checks import CHECK_TITLES
from tagcast.registry.versions.names import SHADOW
from tagcast.serving import rule_drafts
from tagcast.serving.catalog import catalog as catalogue
from tagcast.serving.catalog import tag_actions as tag_steps
from tagcast.serving.catalog.category_size_checks import FEWEST, MOST
from tagcast.serving.catalog.tag_details import TagDetails, tag_details
from tagcast.serving.console.i18n.vocabulary import CATEGORY_TITLES
from tagcast.serving.console.operations.champion_decision import decide
from tagcast.serving.console.operations.tag_reviews import draft_row, review_row
from tagcast.serving.console.tags.lifecycle_dialog import Selection
from tagcast.serving.console.ui.formatting import minute, number
from tagcast.serving.console.ui.html import h
from tagcast.serving.console.ui.notices import empty
from tagcast.serving.console.ui.page_context import PageContext, link
from tagcast.serving.console.ui.tag_badges import grade_mark
from tagcast.serving.console.ui.titles import both_titles
from tagcast.serving.console.ui.widgets import button, html

if TYPE_CHECKING:
    from tagcast.registry.access.roles import Person
    from tagcast.serving.catalog.catalog import TagRow
    from tagcast.serving.catalog.category_size_checks import LeafWarning
    from tagcast.serving.catalog.tag_actions import PendingChampion
    from tagcast.serving.context import ServiceContext

_METRICS: dict[str, Message] = {
    "auc": msg("AUC"),
    "log_loss": msg("Log loss"),
    "brier": msg("Brier score"),
    "mae": msg("Mean absolute error"),
    "rmse": msg("RMSE"),
    "tier_accuracy": msg("Tier accuracy"),
    "calibration_error": msg("Calibration error"),
}
_OUTCOMES: dict[str, Message] = {
    "pass": msg("passed"),
    "warn": msg("warning"),
    "fail": msg("failed"),
}


def waiting(
    context: ServiceContext, person: Person
) -> tuple[list[PendingChampion], list[TagDetails], list[TagRow], list[LeafWarning]]:
    """Return the models and tags that wait, scored drafts that nobody has submitted, and what is to be said of the tag tree."""
    require(person, "review")
    steps = [
        tag_details(context, person, row.name) for row in catalogue.tags(context, person, status="in_review")
    ]
    drafts = [row for row in catalogue.tags(context, person, status="draft") if row.population is not None]
    return tag_steps.pending_champions(context, person), steps, drafts, catalogue.tree_leaves(context)


async def reviews_page(page: PageContext) -> None:
    """Show what waits."""
    from nicegui import ui

    say = page.say
    html(
        h(
            "div",
            h("h1", say(msg("Reviews"))),
            h("p", say(msg("New models and tags wait here for a second person to review them."))),
        ),
        classes="head",
    )
    champions, steps, drafts, warnings = await page.run(waiting)
    titles = await page.run(both_titles)
    kept = {one.tag: one for one in await page.run(rule_drafts.drafts)}
    if not champions and not steps and not drafts:
        html(empty(say(msg("Nothing to review")), say(msg("Trained models and submitted tags appear here."))))
    if champions:
        html(h("h2", say(msg("New models"))))
        for one in champions:
            _champion(page, one, say.of(titles.get(one.tag, {"en": one.tag})))
    if steps:
        with ui.element("section").classes("card"):
            html(h("h2", say(msg("Tags in review"))))
            chosen = Selection(page)
            for details in steps:
                review_row(page, details, chosen, kept.get(details.row.name))
            chosen.actions("published")
    if drafts:
        with ui.element("section").classes("card"):
            html(h("h2", say(msg("Drafts"))))
            html(h("p", say(msg("Scored, and not published yet: submit them for review.")), class_="faint"))
            chosen = Selection(page)
            for row in drafts:
                draft_row(page, row, chosen)
            chosen.actions("in_review")
    if warnings:
        lines = [_leaf(page, one) for one in warnings]
        html(h("section", h("h2", say(msg("Tag tree"))), h("ul", lines, class_="notes"), class_="card"))


def _champion(page: PageContext, one: PendingChampion, title: str) -> None:
    from nicegui import ui

    say = page.say
    over = (
        say(msg("replaces version {version}", version=one.champion))
        if one.champion
        else say(msg("the first version"))
    )
    with ui.element("article").classes("card champion"):
        with ui.element("div").classes("head"):
            name = h("a", title, href=link("/tags", one.tag), class_="cover")
            mark = h("span", say(msg("Version {version}", version=one.version)), class_="pill accent")
            at = minute(one.proposed_at)
            origin = msg("Proposed by {who}, {at}", who=one.proposed_by, at=at)
            if one.proposed_by == SHADOW:
                origin = msg("Did better in the shadow than the active model, {at}", at=at)
            about = h("p", say(origin), " · ", over)
            html(
                h(
                    "div",
                    h("div", grade_mark(say, one.grade), h("h2", name), mark, class_="row"),
                    about,
                    h("p", say(from_json(one.reason))),
                ),
                classes="grow",
            )
            with ui.element("div").classes("actions"):
                button(say(msg("Reject")), partial(decide, page, one, approve=False), "danger")
                button(say(msg("Approve")), partial(decide, page, one, approve=True), "primary")
        html(h("div", _metrics(page, one), _checks(page, one), class_="cols2"))


def _metrics(page: PageContext, one: PendingChampion) -> Markup:
    say = page.say
    heads = h(
        "tr",
        h("th", say(msg("Metric"))),
        h("th", say(pmsg("version", "New")), class_="r"),
        h("th", say(msg("Active")), class_="r"),
    )
    lines = [
        h(
            "tr",
            h("td", say(title)),
            h("td", number(one.metrics[name]), class_="r"),
            h("td", number(one.champion_metrics.get(name)), class_="r muted"),
        )
        for name, title in _METRICS.items()
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
                h("span", say.word(_OUTCOMES, outcome), class_=f"pill {tones.get(outcome, 'warn')}"),
                " ",
                h("b", say.word(CHECK_TITLES, str(check.get("name", "")))),
                h("div", say(from_json(check.get("text", ""))), class_="faint"),
            )
        )
    return h("div", h("h3", say(msg("Checks"))), h("ul", lines, class_="notes"))


def _leaf(page: PageContext, one: LeafWarning) -> Markup:
    say = page.say
    path = " › ".join(say.word(CATEGORY_TITLES, part) for part in one.path)
    return h(
        "li",
        say(
            nmsg(
                "{path}: {n} tag; {fewest} to {most} are easy to keep track of",
                "{path}: {n} tags; {fewest} to {most} are easy to keep track of",
                one.tags,
                path=path,
                fewest=FEWEST,
                most=MOST,
            )
        ),
    )

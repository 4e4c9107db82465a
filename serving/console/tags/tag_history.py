"""What happened to a tag: its versions, decisions, steps, where it is used, what people think of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from markupsafe import Markup

from tagcast.features.core.errors import TagcastError
from tagcast.serving.catalog import tag_actions as tag_steps
from tagcast.serving.console.i18n.service_messages import translated
from tagcast.serving.console.ui.formatting import day, minute, number
from tagcast.serving.console.ui.html import h
from tagcast.serving.console.ui.notices import done, failed
from tagcast.serving.console.ui.page_context import PageContext, link
from tagcast.serving.console.ui.tag_badges import grade_mark, status_pill
from tagcast.serving.console.ui.widgets import area_field, button, html

if TYPE_CHECKING:
    from nicegui.elements.html import Html

    from tagcast.serving.catalog.tag_details import TagDetails

_VERSIONS, _DECISIONS, _COMMENTS = 5, 6, 4
_QUALITY = (("auc", "AUC"), ("mae", "MAE"))


def record_cards(page: PageContext, details: TagDetails) -> list[Markup]:
    """Return the cards of the record."""
    cards = [_uses(page, details), _life(page, details)]
    if details.versions:
        cards.append(_versions(page, details))
    return cards


def _uses(page: PageContext, details: TagDetails) -> Markup:
    say, uses = page.say, details.uses
    names = [h("a", name, href=link("/audience", saved=name)) for name in uses.audiences]
    listed = h("div", [h("div", name) for name in names]) if names else say("tag.used_none")
    facts = (
        (say("tag.used_audiences"), listed),
        (say("tag.used_exports"), number(uses.exports)),
        (say("tag.used_api"), number(uses.api_calls)),
        (say("tag.used_last"), minute(uses.last_used)),
    )
    told = [[h("dt", key), h("dd", value, class_="num")] for key, value in facts]
    return h("section", h("h2", say("tag.used")), h("dl", told, class_="facts"), class_="card")


def _life(page: PageContext, details: TagDetails) -> Markup:
    say = page.say
    lines = [
        h(
            "li",
            h("span", minute(step.at), class_="faint num"),
            h("div", status_pill(say, step.to), " ", h("b", step.who)),
            h("div", step.reason, class_="muted") if step.reason else None,
        )
        for step in reversed(details.history)
    ]
    body = h("ol", lines, class_="line") if lines else h("p", say("tag.life_none"), class_="faint")
    return h("section", h("h2", say("tag.life")), body, class_="card")


def _versions(page: PageContext, details: TagDetails) -> Markup:
    say = page.say
    lines = []
    for one in details.versions[:_VERSIONS]:
        quality = next(
            (f"{word} {one.metrics[name]:.3f}" for name, word in _QUALITY if name in one.metrics), ""
        )
        mine = h("span", say("tag.in_force"), class_="pill good") if "champion" in one.aliases else None
        lines.append(
            h(
                "li",
                h(
                    "div",
                    h("b", f"{say('tag.version')} {one.version}"),
                    " ",
                    grade_mark(say, one.grade),
                    " ",
                    mine,
                    class_="row tight-pills",
                ),
                h(
                    "div",
                    f"{day(one.created)} · {quality}" if quality else day(one.created),
                    class_="faint num",
                ),
            )
        )
    steps = [
        h(
            "li",
            h("span", minute(d.at), class_="faint num"),
            h(
                "div",
                h("b", say("tag.version"), f" {d.version}"),
                " ",
                say.known("decision", d.action),
                " · ",
                say("tag.by_gate") if d.how == "gate" else d.by,
            ),
            h("div", translated(d.reason, page.language) if d.how == "gate" else d.reason, class_="muted"),
        )
        for d in details.decisions[:_DECISIONS]
    ]
    decisions = [h("h3", say("tag.decisions")), h("ol", steps, class_="line")] if steps else []
    return h(
        "section",
        h("h2", say("tag.versions")),
        h("ol", lines, class_="line"),
        decisions,
        class_="card spaced",
    )


def feedback_card(page: PageContext, details: TagDetails) -> None:
    """Show what people think, and let them say it."""
    from nicegui import ui

    say, told = page.say, details.feedback
    with ui.element("section").classes("card"):
        html(h("h2", say("tag.feedback")))
        mean = told.mean
        summary = (
            h("p", _stars(mean), " ", say("tag.feedback_mean", mean=f"{mean:.1f}", count=told.count))
            if mean is not None
            else h("p", say("tag.feedback_none"), class_="faint")
        )
        comments = [
            h(
                "li",
                h("div", h("b", one.who), " ", _stars(one.stars), class_="row tight-pills"),
                h("div", one.text),
                h("span", day(one.at), class_="faint"),
            )
            for one in told.comments[:_COMMENTS]
        ]
        html(
            h(
                "div",
                summary,
                h("ul", comments, class_="line") if comments else None,
                class_="stack tight-stack",
            )
        )
        if page.person.may("comment"):
            _rate(page, details)


def _stars(mean: float) -> Markup:
    whole = round(mean)
    return h(
        "span", "★" * whole, h("span", "★" * (5 - whole), class_="off"), class_="stars", aria_hidden="true"
    )


def _rate(page: PageContext, details: TagDetails) -> None:
    from nicegui import ui

    say = page.say
    chosen = {"stars": 0}
    stars: list[Html] = []

    def choose(count: int) -> None:
        chosen["stars"] = count
        for place, star in enumerate(stars, start=1):
            star.classes(add="on") if place <= count else star.classes(remove="on")
            star.props["aria-pressed"] = "true" if place == count else "false"
            star.update()
        more.visible = True

    async def send() -> None:
        try:
            await page.ask(tag_steps.rate_tag, details.row.name, chosen["stars"], comment.value or "")
        except TagcastError as error:
            failed(page, error)
            return
        done(say("tag.feedback_thanks"))
        ui.navigate.reload()

    with ui.element("div").classes("rate").props("role=group") as group:
        group.props["aria-label"] = say("tag.feedback")
        for count in range(1, 6):
            star = html(Markup("★"), "button", "star").props("type=button")
            star.props["aria-label"] = say("tag.star", count=count)
            star.on("click", lambda count=count: choose(count))
            stars.append(star)
    with ui.element("div").classes("stack tight-stack") as more:
        comment = area_field(say("tag.feedback_comment"), rows=2)
        button(say("tag.feedback_send"), send, "small")
    more.visible = False

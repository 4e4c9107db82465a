"""What happened to a tag: its versions, decisions, steps, where it is used, what people think of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from markupsafe import Markup

from tagcast.features.core.errors import TagcastError
from tagcast.features.core.messages import Message, from_json, msg, nmsg
from tagcast.serving.catalog import tag_actions as tag_steps
from tagcast.serving.console.ui.formatting import day, minute, number
from tagcast.serving.console.ui.html import h
from tagcast.serving.console.ui.notices import done, failed
from tagcast.serving.console.ui.page_context import PageContext, link
from tagcast.serving.console.ui.tag_badges import grade_mark, reservation_pills, status_pill
from tagcast.serving.console.ui.widgets import area_field, button, html

if TYPE_CHECKING:
    from nicegui.elements.html import Html

    from tagcast.serving.catalog.tag_details import TagDetails

_SHOWN_VERSIONS, _SHOWN_DECISIONS, _SHOWN_COMMENTS = 5, 6, 4
_QUALITY = (("auc", "AUC"), ("mae", "MAE"))
_DECISIONS: dict[str, Message] = {
    "promoted": msg("activated"),
    "refused": msg("refused"),
    "proposed": msg("proposed"),
    "challenger": msg("kept as challenger"),
    "turned_down": msg("rejected"),
}
_BY: dict[str, Message] = {"gate": msg("automatic check"), "shadow": msg("measured in the shadow")}


def record_cards(page: PageContext, details: TagDetails) -> list[Markup]:
    """Return the cards of the record."""
    cards = [_uses(page, details), _life(page, details)]
    if details.versions:
        cards.append(_versions(page, details))
    return cards


def _uses(page: PageContext, details: TagDetails) -> Markup:
    say, uses = page.say, details.uses
    names = [h("a", name, href=link("/audiences", name)) for name in uses.audiences]
    listed = (
        h("div", [h("div", name) for name in names]) if names else say(msg("not used in any saved audience"))
    )
    facts = (
        (say(msg("Saved audiences")), listed),
        (say(msg("Exports")), number(uses.exports)),
        (say(msg("API calls")), number(uses.api_calls)),
        (say(msg("Last used")), minute(uses.last_used)),
    )
    feedback = [[h("dt", key), h("dd", value, class_="num")] for key, value in facts]
    return h("section", h("h2", say(msg("Usage"))), h("dl", feedback, class_="facts"), class_="card")


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
    body = (
        h("ol", lines, class_="line")
        if lines
        else h("p", say(msg("No changes recorded yet.")), class_="faint")
    )
    return h("section", h("h2", say(msg("Status history"))), body, class_="card")


def _versions(page: PageContext, details: TagDetails) -> Markup:
    say = page.say
    lines = []
    for one in details.versions[:_SHOWN_VERSIONS]:
        quality = next(
            (f"{word} {one.metrics[name]:.3f}" for name, word in _QUALITY if name in one.metrics), ""
        )
        active = h("span", say(msg("active")), class_="pill good") if "champion" in one.aliases else None
        lines.append(
            h(
                "li",
                h(
                    "div",
                    h("b", say(msg("Version {version}", version=one.version))),
                    " ",
                    grade_mark(say, one.grade),
                    " ",
                    active,
                    *(reservation_pills(say, one.reservations) if active else ()),
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
                h("b", say(msg("Version {version}", version=d.version))),
                " ",
                say.word(_DECISIONS, d.action),
                " · ",
                say(_BY[d.how]) if d.how in _BY else d.by,
            ),
            h("div", say(from_json(d.reason)), class_="muted"),
        )
        for d in details.decisions[:_SHOWN_DECISIONS]
    ]
    decisions = [h("h3", say(msg("Decisions"))), h("ol", steps, class_="line")] if steps else []
    return h(
        "section",
        h("h2", say(msg("Model versions"))),
        h("ol", lines, class_="line"),
        decisions,
        class_="card spaced",
    )


def feedback_card(page: PageContext, details: TagDetails) -> None:
    """Show what people think, and let them say it."""
    from nicegui import ui

    say, feedback = page.say, details.feedback
    with ui.element("section").classes("card"):
        html(h("h2", say(msg("Ratings and comments"))))
        mean = feedback.mean
        summary = (
            h(
                "p",
                _stars(mean),
                " ",
                say(
                    nmsg(
                        "{mean:.1f} of 5 from {n} rating",
                        "{mean:.1f} of 5 from {n} ratings",
                        feedback.count,
                        mean=mean,
                    )
                ),
            )
            if mean is not None
            else h("p", say(msg("No ratings yet.")), class_="faint")
        )
        comments = [
            h(
                "li",
                h("div", h("b", one.who), " ", _stars(one.stars), class_="row tight-pills"),
                h("div", one.text),
                h("span", day(one.at), class_="faint"),
            )
            for one in feedback.comments[:_SHOWN_COMMENTS]
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
            await page.run(tag_steps.rate_tag, details.row.name, chosen["stars"], comment.value or "")
        except TagcastError as error:
            failed(page, error)
            return
        done(say(msg("Thank you. Your rating has been saved.")))
        ui.navigate.reload()

    with ui.element("div").classes("rate").props("role=group") as group:
        group.props["aria-label"] = say(msg("Ratings and comments"))
        for count in range(1, 6):
            star = html(Markup("★"), "button", "star").props("type=button")
            star.props["aria-label"] = say(nmsg("{n} star", "{n} stars", count))
            star.on("click", lambda count=count: choose(count))
            stars.append(star)
    with ui.element("div").classes("stack tight-stack") as more:
        comment = area_field(say(msg("What should others know?")), rows=2)
        button(say(msg("Submit rating")), send, "small")
    more.visible = False

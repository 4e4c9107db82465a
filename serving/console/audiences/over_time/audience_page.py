"""The page of one saved audience: its size over time, who joined and left and why, and what people made of it."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from markupsafe import Markup

from tagcast.features.core.messages import msg, nmsg
from tagcast.serving.audiences.over_time.words import alert_words
from tagcast.serving.console.audiences.export_dialog import export_dialog
from tagcast.serving.console.audiences.over_time.audience_view import audience_view
from tagcast.serving.console.audiences.over_time.change_card import change_card
from tagcast.serving.console.audiences.over_time.record_cards import about_card, edits_card
from tagcast.serving.console.audiences.over_time.size_chart import size_chart
from tagcast.serving.console.audiences.over_time.team_dialogs import (
    delete_dialog,
    duplicate_dialog,
    labels_dialog,
    transfer_dialog,
)
from tagcast.serving.console.i18n.vocabulary import MEMBERSHIP_TITLES
from tagcast.serving.console.ui.formatting import day, number
from tagcast.serving.console.ui.html import h, join
from tagcast.serving.console.ui.notices import error_markup
from tagcast.serving.console.ui.page_context import PageContext, link
from tagcast.serving.console.ui.widgets import button, html, link_button

if TYPE_CHECKING:
    from tagcast.serving.console.audiences.over_time.audience_view import AudienceView


async def saved_audience_page(page: PageContext) -> None:
    """Show the saved audience that the address names."""
    from nicegui import ui

    say = page.say
    view = await page.run(audience_view, page.parameter("name"), page.language)
    audience = view.audience
    with ui.element("div").classes("head"):
        pills = [h("span", say(MEMBERSHIP_TITLES[audience.kind]), class_="pill")]
        pills += [
            h("a", word, href=link("/audiences", label=word), class_="pill label") for word in view.labels
        ]
        html(
            h(
                "div",
                h("h1", audience.name),
                h("p", audience.description) if audience.description else None,
                h("div", [join([pill, " "]) for pill in pills]),
            ),
            classes="grow",
        )
        _actions(page, view)
    if view.alert is not None:
        html(h("p", say(alert_words(view.alert, view.titles)), class_="note warn"))
    if view.trouble is not None:
        html(error_markup(page, view.trouble))
    with ui.element("div").classes("cols2"):
        with ui.element("div").classes("stack"):
            html(_size(page, view))
            change_card(page, audience.name, view.change, view.titles)
        with ui.element("div").classes("stack"):
            html(about_card(page, view))
            html(edits_card(page, view.edits))


def _actions(page: PageContext, view: AudienceView) -> None:
    from nicegui import ui

    say, person, audience = page.say, page.person, view.audience
    manages = person.may("save") and (
        person.name == audience.owner or person.may("team") or person.may("access")
    )
    with ui.element("div").classes("actions"):
        if view.tree is not None and person.may("export"):
            export = partial(export_dialog, page, view.tree, audience.members or 0, audience.name)
            button(say(msg("Export")), export, "primary", "download")
        builder, portrait = link("/audience", saved=audience.name), link("/portrait", name=audience.name)
        html(link_button(say(msg("Open in the builder")), builder, "", "pencil"))
        html(link_button(say(msg("Portrait")), portrait, "quiet", "portrait"))
        if person.may("save"):
            button(say(msg("Duplicate")), partial(duplicate_dialog, page, audience.name), "quiet")
        if manages:
            button(say(msg("Labels")), partial(labels_dialog, page, audience.name, view.labels), "quiet")
            button(say(msg("Change owner")), partial(transfer_dialog, page, audience), "quiet")
        if person.may("save") and (person.name == audience.owner or person.may("access")):
            button(say(msg("Delete")), partial(delete_dialog, page, audience.name, "/audiences"), "quiet")


def _size(page: PageContext, view: AudienceView) -> Markup:
    say, audience = page.say, view.audience
    about: Markup | None = None
    if page.person.limits:
        about = h(
            "p",
            say(msg("Sizes over time are of all customers; they are shown to those who may see all.")),
            class_="faint",
        )
    elif view.sizes:
        label = say(
            msg(
                "Size over time: {first} on {since}, {last} on {until}",
                first=number(view.sizes[0][1]),
                since=day(view.sizes[0][0]),
                last=number(view.sizes[-1][1]),
                until=day(view.sizes[-1][0]),
            )
        )
        about = size_chart(view.sizes, label)
    members = None
    if audience.members is not None:
        members = h(
            "div",
            h("b", number(audience.members), class_="num"),
            " ",
            h("span", say(nmsg("member", "members", audience.members)), class_="muted"),
            class_="answer-count",
        )
    return h("section", h("h2", say(msg("Size over time"))), members, about, class_="card")

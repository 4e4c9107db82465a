"""The page of one customer: who they are, what is predicted and why, what they did, what they belong to."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from markupsafe import Markup

from tagcast.features.core.errors import NotFoundError, StoreError
from tagcast.features.core.messages import msg, nmsg
from tagcast.serving.audiences.wording.field_words import field_words
from tagcast.serving.console.profiles.activity import EVENTS, baskets, changes
from tagcast.serving.console.profiles.lookup import id_field
from tagcast.serving.console.profiles.reasons import found_words
from tagcast.serving.console.profiles.summary import summary
from tagcast.serving.console.profiles.tags import tag_groups
from tagcast.serving.console.ui.formatting import day, number
from tagcast.serving.console.ui.html import h
from tagcast.serving.console.ui.notices import empty, hint_of
from tagcast.serving.console.ui.page_context import PageContext, link
from tagcast.serving.console.ui.tag_badges import value_of, value_word
from tagcast.serving.console.ui.widgets import html
from tagcast.serving.profiles.memberships import memberships
from tagcast.serving.profiles.profile_details import ProfileDetails, profile_page

if TYPE_CHECKING:
    from tagcast.serving.audiences.wording.field_words import FieldWords
    from tagcast.serving.profiles.memberships import CampaignMembership, Memberships

_MOST_FEATURES = 12


async def profile_view(page: PageContext) -> None:
    """Show the profile that the address names."""
    from nicegui import ui

    say, identity = page.say, page.parameter("profile_id")
    try:
        details = await page.run(profile_page, identity, events=EVENTS)
    except (NotFoundError, StoreError) as error:
        if page.context.store.current() is None:
            raise
        html(h("div", h("h1", say(msg("Customer lookup"))), class_="head"))
        id_field(page, identity)
        html(empty(say(msg("There is no customer {id}", id=identity)), hint_of(page, error)))
        return
    named = await page.run(field_words)
    html(
        h(
            "div",
            h("div", h("a", say(msg("Customer lookup")), href="/profile"), class_="crumbs"),
            h(
                "h1",
                h("span", details.profile_id, class_="mono"),
                " ",
                h("span", say(msg("as of {day}", day=day(details.as_of))), class_="aside"),
            ),
            class_="grow",
        ),
        classes="head",
    )
    html(summary(page, details, named))
    with ui.element("div").classes("cols-main"):
        with ui.element("div").classes("stack"):
            tags = tag_groups(page, details, named)
            html(h("section", h("h2", say(msg("Tags and reasons"))), tags, class_="card"))
        with ui.element("div").classes("stack"):
            belongs = html(Markup(""))
            html(_attributes(page, details, named))
            html(changes(page, details))
            html(baskets(page, details, named.currency))
            html(_features(page, details, named))
    # Read last: the lists of many campaigns take a moment.
    belongs.content = _belongs(page, await page.run(memberships, details.profile_id))


def _belongs(page: PageContext, found: Memberships) -> Markup:
    say = page.say
    parts: list[Any] = []
    if found.audiences is not None:
        links = [h("a", name, href=link("/audience", saved=name), class_="pill") for name in found.audiences]
        none = h("p", say(msg("In no saved audience.")), class_="faint")
        parts += [
            h("h3", say(msg("Saved audiences"))),
            h("div", links, class_="row tight-pills") if links else none,
        ]
    if found.campaigns is not None:
        lines = [_campaign(page, one) for one in found.campaigns]
        none = h("p", say(msg("Chosen for no campaign.")), class_="faint")
        parts += [h("h3", say(msg("Campaigns"))), h("ul", lines, class_="notes") if lines else none]
    if not parts:
        return Markup("")
    return h("section", h("h2", say(msg("Audiences and campaigns"))), parts, class_="card spaced")


def _campaign(page: PageContext, one: CampaignMembership) -> Markup:
    starts = day(one.starts)
    contacted = one.arm == "contacted"
    arm = (
        msg("to be contacted from {day}", day=starts) if contacted else msg("held out from {day}", day=starts)
    )
    return h(
        "li",
        h("a", one.name or one.id, href=link("/campaigns", one.id)),
        " · ",
        h("span", page.say(arm), class_="faint"),
    )


def _attributes(page: PageContext, details: ProfileDetails, named: FieldWords) -> Markup:
    say = page.say
    rows = []
    for name, value in details.attributes.items():
        shown = (
            h("span", say(msg("not filled in")), class_="faint")
            if value is None
            else _plain(page, named, name, value)
        )
        rows.append([h("dt", named.title(name, page.language)), h("dd", shown)])
    hidden = len(details.hidden)
    note = nmsg(
        "{n} more field is sensitive and hidden from your role.",
        "{n} more fields are sensitive and hidden from your role.",
        hidden,
    )
    return h(
        "section",
        h("h2", say(msg("Attributes"))),
        h("dl", rows, class_="facts") if rows else h("p", say(msg("None are known.")), class_="faint"),
        h("p", say(note), class_="faint") if hidden else None,
        class_="card",
    )


def _plain(page: PageContext, named: FieldWords, name: str, value: Any) -> str:
    shown = value_of(page, named, name, value)
    numeric = isinstance(value, int | float) and not isinstance(value, bool)
    # A number without a label of its own is written as numbers are.
    return number(value) if numeric and shown == value_word(page.say, value) else shown


def _features(page: PageContext, details: ProfileDetails, named: FieldWords) -> Markup:
    if not details.features:
        return Markup("")
    facts = [
        [
            h("dt", page.say.of(one["title"])),
            h(
                "dd",
                found_words(page, named.facts.get(one["feature"]), one["value"], named.currency),
                class_="num",
            ),
        ]
        for one in details.features[:_MOST_FEATURES]
    ]
    return h(
        "section", h("h2", page.say(msg("Key features"))), h("dl", facts, class_="facts wide"), class_="card"
    )

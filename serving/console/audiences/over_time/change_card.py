"""Who joined and left an audience since the run before, and why."""

from __future__ import annotations

from typing import TYPE_CHECKING

from markupsafe import Markup

from tagcast.features.core.errors import TagcastError
from tagcast.features.core.messages import msg, nmsg
from tagcast.serving.audiences.over_time.changes import changed_members
from tagcast.serving.audiences.over_time.words import cause_words, reason_words
from tagcast.serving.console.purpose import with_purpose
from tagcast.serving.console.ui.formatting import number
from tagcast.serving.console.ui.html import h
from tagcast.serving.console.ui.notices import error_markup, failed
from tagcast.serving.console.ui.page_context import link
from tagcast.serving.console.ui.widgets import button, dialog, head_row, html

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tagcast.registry.governance.audiences.membership_changes import MembershipChange
    from tagcast.serving.console.ui.page_context import PageContext


def change_card(
    page: PageContext,
    name: str,
    change: MembershipChange | TagcastError | None,
    titles: Mapping[str, str],
) -> None:
    """Show the card; an error in place of a change says why there is none."""
    from nicegui import ui

    say = page.say
    with ui.element("section").classes("card"):
        html(h("h2", say(msg("Who joined and who left"))))
        if isinstance(change, TagcastError):
            html(error_markup(page, change))
            return
        if change is None:
            html(
                h(
                    "p",
                    say(msg("One run so far; from the next one on it is shown who joined and left.")),
                    class_="faint",
                )
            )
            return
        html(_summary(page, change))
        if not change.reasons:
            html(h("p", say(msg("Nobody joined and nobody left.")), class_="faint"))
            return
        html(_reasons(page, change, titles), classes="table-wrap")
        if any(one.cause == "model" for one in change.reasons):
            about = msg(
                "Where a tag has another model or threshold, every change of its values counts as the model’s; the page Runs shows how much of it "
                "new data would have changed alone."
            )
            html(h("p", say(about), class_="faint"))
        if page.person.may("profiles"):
            with ui.element("div").classes("actions more"):
                button(say(msg("Show some of them")), lambda: _some(page, name, titles), "small")


def _summary(page: PageContext, change: MembershipChange) -> Markup:
    say = page.say
    text = msg(
        "{joined} joined and {left} left since the run before: {was} → {members}",
        joined=number(change.joined),
        left=number(change.left),
        was=number(change.was),
        members=number(change.members),
    )
    return h("p", h("b", say(text), class_="num"))


def _reasons(page: PageContext, change: MembershipChange, titles: Mapping[str, str]) -> Markup:
    say = page.say
    most = max(max(one.joined, one.left) for one in change.reasons)

    def cell(n: int, colour: str) -> Markup:
        bar = h(
            "div",
            h("i", style=f"width:{100 * n / most:.1f}%;background:{colour}"),
            class_="bar",
            aria_hidden="true",
        )
        return h("td", h("span", number(n), class_="num"), bar if n else None)

    lines = [
        h(
            "tr",
            h("th", say(reason_words(one, titles)), scope="row", class_="wrap"),
            cell(one.joined, "var(--yes)"),
            cell(one.left, "var(--no)"),
        )
        for one in change.reasons
    ]
    heads = (msg("Reason"), msg("Joined"), msg("Left"))
    return h("table", h("thead", head_row(say, heads)), h("tbody", lines), class_="t why")


async def _some(page: PageContext, name: str, titles: Mapping[str, str]) -> None:
    from nicegui import ui

    say = page.say

    async def show(visit: PageContext) -> None:
        found = await visit.run(changed_members, name)
        for direction, heading in (
            (
                "joined",
                nmsg("{n} who joined", "{n} who joined", sum(one.direction == "joined" for one in found)),
            ),
            ("left", nmsg("{n} who left", "{n} who left", sum(one.direction == "left" for one in found))),
        ):
            lines = [
                h(
                    "tr",
                    h("td", h("a", one.profile_id, href=link("/profile", one.profile_id)), class_="mono"),
                    h("td", say(cause_words(one.cause, titles.get(one.field, one.field))), class_="wrap"),
                )
                for one in found
                if one.direction == direction
            ]
            if lines:
                heads = head_row(say, (msg("Customer"), msg("Reason")))
                html(h("h3", say(heading)))
                html(h("table", h("thead", heads), h("tbody", lines), class_="t"), classes="table-wrap")

    with dialog(say(msg("Some of those who joined or left")), wide=True) as box:
        html(h("p", say(msg("Who they are is recorded in the access log.")), class_="faint"))
        try:
            await with_purpose(page, show)
        except TagcastError as error:
            failed(page, error)
        with ui.element("div").classes("actions"):
            button(say(msg("Close")), box.close, "quiet").props("autofocus")

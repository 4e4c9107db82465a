"""The dialog that approves or rejects a version which waits for a person, wherever that is shown."""

from __future__ import annotations

from typing import TYPE_CHECKING

from markupsafe import Markup

from tagcast.features.core.errors import TagcastError
from tagcast.features.core.messages import msg
from tagcast.serving.catalog import tag_actions as tag_steps
from tagcast.serving.console.ui.notices import done, error_markup
from tagcast.serving.console.ui.widgets import area_field, button, dialog, html

if TYPE_CHECKING:
    from tagcast.serving.catalog.tag_actions import PendingChampion
    from tagcast.serving.console.ui.page_context import PageContext


def decide(page: PageContext, one: PendingChampion, *, approve: bool) -> None:
    """Ask for the reason, then decide on a version."""
    from nicegui import ui

    say = page.say
    title = say(msg("Approve") if approve else msg("Reject"))
    with dialog(f"{title}: {one.tag} {one.version}") as box:
        reason = area_field(say(msg("Reason (kept on record)")), rows=2).props("autofocus")
        trouble = html(Markup(""))

        async def go() -> None:
            act = tag_steps.approve_champion if approve else tag_steps.refuse_champion
            try:
                await page.run(act, one.tag, one.version, reason.value or "")
            except TagcastError as error:
                trouble.content = error_markup(page, error)
                return
            done(
                say(
                    msg("Version {version} of {tag} is active", tag=one.tag, version=one.version)
                    if approve
                    else msg("Version {version} of {tag} was rejected", tag=one.tag, version=one.version)
                )
            )
            box.close()
            ui.navigate.reload()

        with ui.element("div").classes("actions"):
            button(say(msg("Cancel")), box.close, "quiet")
            button(title, go, "primary" if approve else "danger")

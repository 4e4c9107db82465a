"""Steps in the life of a tag: which may be taken, and the dialog that asks why."""

from __future__ import annotations

from typing import TYPE_CHECKING

from markupsafe import Markup

from tagcast.features.core.errors import TagcastError
from tagcast.features.core.messages import msg
from tagcast.serving.catalog import tag_actions as tag_steps
from tagcast.serving.console.i18n.vocabulary import STATUS_TITLES, STEP_TITLES
from tagcast.serving.console.ui.html import h
from tagcast.serving.console.ui.notices import done, error_markup
from tagcast.serving.console.ui.widgets import area_field, button, dialog, html

if TYPE_CHECKING:
    from tagcast.registry.governance.lifecycle import Status
    from tagcast.serving.console.ui.page_context import PageContext


async def step_dialog(page: PageContext, tag: str, title: str, to: Status) -> None:
    """Ask why, then take the step; retiring shows first what depends on the tag."""
    from nicegui import ui

    from tagcast.serving.catalog.tag_details import dependents

    say = page.say
    leaving = to in {"retired", "suspended"}
    needed = await page.run(lambda context, _person: dependents(context, tag)) if leaving else []
    step = say(STEP_TITLES[to])
    with dialog(say(msg("{step}: {tag}", step=step, tag=title))) as box:
        if needed:
            listed = h("ul", [h("li", name) for name in needed], class_="notes")
            html(
                h(
                    "div",
                    say(msg("These saved audiences use this tag and will be affected:")),
                    listed,
                    class_="note warn",
                )
            )
        reason = area_field(say(msg("Reason")), rows=2).props("autofocus")
        trouble = html(Markup(""))

        async def go() -> None:
            try:
                await page.run(tag_steps.transition_tag, tag, to, reason.value or "")
            except TagcastError as error:
                trouble.content = error_markup(page, error)
                return
            done(say(msg("{tag} is now: {status}", tag=title, status=say(STATUS_TITLES[to]))))
            box.close()
            ui.navigate.reload()

        with ui.element("div").classes("actions"):
            button(say(msg("Cancel")), box.close, "quiet")
            button(step, go, "danger" if leaving else "primary")

"""Steps in the life of a tag: which may be taken, and the dialog that asks why."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tagcast.features.core.errors import TagcastError
from tagcast.serving.catalog import tag_actions as tag_steps
from tagcast.serving.console.ui.html import Markup, h
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
    needed = await page.ask(lambda context, _person: dependents(context, tag)) if leaving else []
    step = say(f"tag.step.{to}")
    with dialog(say("tag.step_title", step=step, tag=title)) as box:
        if needed:
            listed = h("ul", [h("li", name) for name in needed], class_="notes")
            html(h("div", say("tag.step_depends"), listed, class_="note warn"))
        reason = area_field(say("tag.step_reason"), rows=2).props("autofocus")
        trouble = html(Markup(""))

        async def go() -> None:
            try:
                await page.ask(tag_steps.transition_tag, tag, to, reason.value or "")
            except TagcastError as error:
                trouble.content = error_markup(page, error)
                return
            done(say("tag.stepped", tag=title, status=say(f"status.{to}")))
            box.close()
            ui.navigate.reload()

        with ui.element("div").classes("actions"):
            button(say("do.cancel"), box.close, "quiet")
            button(step, go, "danger" if leaving else "primary")

"""Steps in the life of tags: the dialog that asks why, for one tag or several at once, and the choice of several."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import TYPE_CHECKING

from markupsafe import Markup

from tagcast.features.core.errors import TagcastError
from tagcast.features.core.messages import msg, nmsg
from tagcast.serving.catalog import tag_actions as tag_steps
from tagcast.serving.console.i18n.vocabulary import STATUS_TITLES, STEP_TITLES
from tagcast.serving.console.ui.html import h
from tagcast.serving.console.ui.notices import done, error_markup
from tagcast.serving.console.ui.widgets import area_field, button, dialog, html

if TYPE_CHECKING:
    from nicegui.elements.checkbox import Checkbox

    from tagcast.registry.governance.lifecycle import Status
    from tagcast.serving.console.ui.page_context import PageContext


async def step_dialog(page: PageContext, titles: Mapping[str, str], to: Status) -> None:
    """Ask why, then take the step; retiring and suspending show first what depends on the tags.

    Parameters
    ----------
    page : PageContext
    titles : mapping of str to str
        Names of the tags, with their titles; all take the step, or none.
    to : Status
    """
    from nicegui import ui

    from tagcast.serving.catalog.tag_details import dependents

    say = page.say
    leaving = to in {"retired", "suspended"}
    needed = [
        name
        for tag in (titles if leaving else ())
        for name in await page.run(lambda context, _person, tag=tag: dependents(context, tag))
    ]
    step = say(STEP_TITLES[to])
    spoken = (
        next(iter(titles.values())) if len(titles) == 1 else say(nmsg("{n} tag", "{n} tags", len(titles)))
    )
    with dialog(say(msg("{step}: {tag}", step=step, tag=spoken))) as box:
        if len(titles) > 1:
            html(h("ul", [h("li", title) for title in titles.values()], class_="notes"))
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
                await page.run(tag_steps.transition_tags, list(titles), to, reason.value or "")
            except TagcastError as error:
                trouble.content = error_markup(page, error)
                return
            done(say(msg("{tag} is now: {status}", tag=spoken, status=say(STATUS_TITLES[to]))))
            box.close()
            ui.navigate.reload()

        with ui.element("div").classes("actions"):
            button(say(msg("Cancel")), box.close, "quiet")
            button(step, go, "danger" if leaving else "primary")


class Selection:
    """Several tags of a list, chosen by their boxes, that take a step together."""

    def __init__(self, page: PageContext) -> None:
        self.page = page
        self.titles: dict[str, str] = {}
        self.boxes: dict[str, Checkbox] = {}

    def box(self, tag: str, title: str) -> None:
        """Show the box that chooses a tag."""
        from nicegui import ui

        made = ui.checkbox()
        made.props["aria-label"] = self.page.say(msg("Select {tag}", tag=title))
        self.titles[tag], self.boxes[tag] = title, made

    def actions(self, to: Status) -> None:
        """Show the buttons that choose all and take the step; nothing where there are not several to choose from."""
        from nicegui import ui

        if len(self.boxes) < 2:
            return
        step = self.page.say(STEP_TITLES[to])
        with ui.element("div").classes("actions"):
            button(self.page.say(msg("Select all")), self._choose_all, "small quiet")
            label = self.page.say(msg("{step}: selected tags", step=step))
            button(label, partial(self._take, to), "small primary")

    def _choose_all(self) -> None:
        for one in self.boxes.values():
            one.value = True

    async def _take(self, to: Status) -> None:
        chosen = {tag: self.titles[tag] for tag, one in self.boxes.items() if one.value}
        if not chosen:
            done(self.page.say(msg("Select the tags first.")))
            return
        await step_dialog(self.page, chosen, to)

"""Changed definitions: what is written against what is active, what it would change, and the button that applies it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from markupsafe import Markup

from tagcast.features.core.errors import TagcastError
from tagcast.features.core.messages import listed, msg, nmsg
from tagcast.serving.audiences.wording.field_words import field_words
from tagcast.serving.catalog.shown_counts import rounded_note, smallest_cell
from tagcast.serving.console.definitions.plan_tables import audiences_card, tag_card
from tagcast.serving.console.ui.formatting import minute
from tagcast.serving.console.ui.html import h
from tagcast.serving.console.ui.notices import done, empty, error_markup
from tagcast.serving.console.ui.page_context import PageContext
from tagcast.serving.console.ui.widgets import area_field, button, html
from tagcast.serving.definitions import plan_actions

if TYPE_CHECKING:
    from tagcast.serving.plans.changes import Plan
    from tagcast.serving.plans.planner import PlanState

LOOK_SECONDS = 1.0
"""Between two looks whether a plan is ready."""


async def plan_page(page: PageContext) -> None:
    """Show the newest plan; where there is none yet, have it made."""
    say = page.say
    html(
        h(
            "div",
            h("h1", say(msg("Changed definitions"))),
            h(
                "p",
                say(
                    msg(
                        "What the files of the project say, against what is active. Nothing changes until it is applied."
                    )
                ),
            ),
        ),
        classes="head",
    )
    state = await page.run(plan_actions.plan_state)
    if state.stage == "none":
        state = await page.run(plan_actions.begin_plan)
    await _Plan(page).show(state)


class _Plan:
    """The body of the page, drawn anew when a plan is ready."""

    def __init__(self, page: PageContext) -> None:
        from nicegui import ui

        self.page = page
        self.titles: dict[str, str] = {}
        self.body = ui.element("div").classes("stack plan")
        self.timer = ui.timer(LOOK_SECONDS, self._look, active=False)

    async def show(self, state: PlanState) -> None:
        """Draw where the plan stands."""
        self.body.clear()
        self.timer.active = state.stage == "working"
        if state.plan is not None and state.plan.run is not None:
            words = await self.page.run(field_words)
            self.titles = {name: words.title(name, self.page.language) for name in words.titles}
        with self.body:
            self._about(state)
            if state.plan is not None and state.stage == "ready":
                self._plan(state, state.plan)

    async def _look(self) -> None:
        try:
            state = await self.page.run(plan_actions.plan_state)
        except TagcastError:
            self.timer.active = False
            raise
        if state.stage != "working":
            await self.show(state)

    async def _again(self) -> None:
        await self.show(await self.page.run(plan_actions.begin_plan))

    def _about(self, state: PlanState) -> None:
        """Say of when the plan is, and whether it is still one of what is written."""
        from nicegui import ui

        say = self.page.say
        with ui.element("section").classes("card"):
            if state.stage == "working":
                text = msg(
                    "Everybody is scored again with the changed definitions; this takes as long as a run."
                )
                begun = msg("Begun by {who}, {at}", who=state.by, at=minute(state.begun))
                html(
                    h(
                        "div",
                        h("progress", style="width:100%", aria_label=say(msg("Planning"))),
                        h("p", say(text)),
                        h("p", say(begun), class_="faint"),
                        role="status",
                    )
                )
                return
            if state.stage == "failed":
                html(error_markup(self.page, TagcastError(state.problem, hint=state.hint)))
            elif not state.current:
                changed = say(
                    msg("Something has changed since this plan was made. Plan again before you apply it.")
                )
                html(h("div", changed, class_="note warn", role="status"))
            at = msg("Planned by {who}, {at}", who=state.by, at=minute(state.ended))
            run = state.plan.run if state.plan else None
            counted = msg("counted on run {run}", run=run) if run else msg("nothing is published to count on")
            with ui.element("div").classes("row"):
                html(h("p", say(listed([at, counted], "sentences")), class_="faint grow"))
                button(say(msg("Plan again")), self._again, "small")

    def _plan(self, state: PlanState, plan: Plan) -> None:
        page, say = self.page, self.page.say
        if not plan.tags and not state.hidden:
            nothing = say(msg("What is written is active; change a file of the project, and plan again."))
            html(empty(say(msg("Nothing differs")), nothing))
            return
        for change in plan.tags:
            html(tag_card(page, change, self.titles))
        if plan.audiences:
            html(audiences_card(page, plan.audiences))
        if state.hidden:
            more = nmsg(
                "{n} more changed tag is sensitive and not shown to your role; applying applies it too.",
                "{n} more changed tags are sensitive and not shown to your role; applying applies them too.",
                state.hidden,
            )
            html(h("p", say(more), class_="note"))
        if (cell := smallest_cell(page.context, page.person)) > 1:
            html(h("p", say(rounded_note(cell)), class_="faint"))
        if state.current:
            self._apply_card(state)

    def _apply_card(self, state: PlanState) -> None:
        from nicegui import ui

        page, say = self.page, self.page.say
        second = page.context.settings.review.second_person
        with ui.element("section").classes("card stack"):
            html(h("h2", say(msg("Apply"))))
            about = msg(
                "The next run uses what is applied; what needs training stays as it is until it is trained."
            )
            html(h("p", say(about)))
            if second:
                two = msg(
                    "A second person has to agree: whoever applies first proposes, another one activates."
                )
                html(h("p", say(two), class_="faint"))
            reason = area_field(say(msg("Reason (kept on record)")), rows=2)
            trouble = html(Markup(""))

            async def go() -> None:
                try:
                    found = await page.run(plan_actions.apply_definitions, reason.value or "", state.written)
                except TagcastError as error:
                    trouble.content = error_markup(page, error)
                    return
                if found.applied:
                    done(say(msg("Active from the next run: {tags}", tags=listed(found.applied))))
                if found.proposed:
                    done(
                        say(msg("Proposed, somebody else has to agree: {tags}", tags=listed(found.proposed)))
                    )
                await self._again()

            with ui.element("div").classes("actions"):
                button(say(msg("Apply the changes")), go, "primary")

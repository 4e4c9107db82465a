"""Changed definitions: what is written against what is active, what it would change, and the button that applies it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import yaml
from markupsafe import Markup

from tagcast.features.core.errors import TagcastError
from tagcast.features.core.messages import Message, listed, msg, nmsg, pmsg
from tagcast.features.core.signed_numbers import signed
from tagcast.serving.catalog.shown_counts import rounded_note, smallest_cell
from tagcast.serving.console.i18n.vocabulary import KIND_TITLES
from tagcast.serving.console.ui.formatting import minute, number
from tagcast.serving.console.ui.html import h, join
from tagcast.serving.console.ui.notices import done, empty, error_markup
from tagcast.serving.console.ui.page_context import PageContext, link
from tagcast.serving.console.ui.tag_badges import value_word
from tagcast.serving.console.ui.widgets import area_field, button, html
from tagcast.serving.definitions import plan_actions

if TYPE_CHECKING:
    from tagcast.serving.plans.changes import AudienceChange, Plan, TagChange
    from tagcast.serving.plans.planner import PlanState

LOOK_SECONDS = 1.0
"""Between two looks whether a plan is ready."""
KEY_TITLES: dict[str, Message] = {
    "decision": msg("Decision rule"),
    "bands": msg("Levels of the score"),
    "min_confidence": msg("Minimum confidence"),
    "hysteresis": msg("Hysteresis"),
    "title": msg("Title"),
    "description": msg("Meaning"),
    "path": msg("Place in the tag tree"),
    "owner": msg("Owner"),
    "refresh": msg("When it is scored"),
    "retrain": msg("When it is trained"),
    "expires_after_days": msg("Days until it expires"),
    "sensitivity": msg("Sensitivity"),
    "population": msg("Customers covered"),
    "category": msg("Category"),
    "rule": msg("Rule"),
    "cases": msg("Cases"),
    "otherwise": msg("Otherwise"),
    "outcome": msg("Outcome"),
    "kind": msg("Kind"),
}
_CHANGES: dict[str, tuple[Message, str]] = {
    "new": (pmsg("definition", "new"), "good"),
    "changed": (pmsg("definition", "changed"), "accent"),
    "removed": (pmsg("definition", "removed"), "warn"),
}


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
        self.body = ui.element("div").classes("stack plan")
        self.timer = ui.timer(LOOK_SECONDS, self._look, active=False)

    async def show(self, state: PlanState) -> None:
        """Draw where the plan stands."""
        self.body.clear()
        self.timer.active = state.stage == "working"
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
                        h("div", class_="skeleton", style="height:8px"),
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
            html(_tag_card(page, change))
        if plan.audiences:
            html(_audiences_card(page, plan.audiences))
        if state.hidden:
            more = nmsg(
                "{n} more changed tag is sensitive and not shown to your role; applying applies it too.",
                "{n} more changed tags are sensitive and not shown to your role; applying applies them too.",
                state.hidden,
            )
            html(h("p", say(more), class_="note"))
        if (cell := smallest_cell(page.context, page.person)) > 1:
            html(h("p", say(rounded_note(cell)), class_="faint"))
        self._apply_card(state, plan)

    def _apply_card(self, state: PlanState, plan: Plan) -> None:
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


def _tag_card(page: PageContext, change: TagChange) -> Markup:
    say = page.say
    title, tone = _CHANGES[change.change]
    head = h(
        "div",
        h("h2", h("a", change.tag, href=link("/tags", change.tag), class_="cover")),
        h("span", say(title), class_=f"pill {tone}"),
        h("span", say.word(KIND_TITLES, change.kind), class_="pill"),
        class_="row",
    )
    waiting = (
        h(
            "p",
            say(msg("Proposed by {who}; waits for a second person", who=change.proposed_by)),
            class_="note",
        )
        if change.proposed_by
        else None
    )
    return h(
        "section",
        head,
        waiting,
        _what_it_takes(page, change),
        _keys(page, change),
        _values(page, change),
        class_="card",
    )


def _what_it_takes(page: PageContext, change: TagChange) -> Markup | None:
    if change.change == "new":
        text = msg("It has to be trained first.") if change.train else msg("The next run computes it.")
    elif change.change == "removed":
        text = (
            msg("The next run drops it.")
            if change.kind == "rule"
            else msg("It stays in the runs until it is retired on its page.")
        )
    else:
        return None
    return h("p", page.say(text))


def _keys(page: PageContext, change: TagChange) -> Markup | None:
    say = page.say
    lines = [
        h(
            "tr",
            h("th", say.word(KEY_TITLES, key.key), scope="row"),
            h("td", h("code", _short(key.was))),
            h("td", h("code", _short(key.now))),
            h("td", say(msg("after training") if key.retrain else msg("with the next run"))),
        )
        for key in change.keys
    ]
    heads = (msg("What"), msg("Active"), msg("Written"), msg("Takes effect"))
    return _table(page, heads, lines) if lines else None


def _values(page: PageContext, change: TagChange) -> Markup | None:
    """Return how many customers would have each value, and how many would have another one than now."""
    if change.will_say is None:
        return None
    say, now, then = page.say, change.says or {}, change.will_say
    lines = [
        _size_line(value_word(say, value), now.get(value, 0), then.get(value, 0))
        for value in dict.fromkeys([*now, *then])
    ]
    moved = nmsg(
        "{n:,} customer would get another value.",
        "{n:,} customers would get another value.",
        change.moved or 0,
    )
    nobody = None
    if change.kind == "model" and not then.get("yes"):
        text = msg("Nobody would get a yes: lower its threshold or minimum confidence before you apply it.")
        nobody = h("p", say(text), class_="note warn")
    heads = (msg("Value"), msg("Now"), msg("Then"), msg("Change"))
    return join([h("p", h("b", say(moved))), nobody, _table(page, heads, lines, numbers=True)])


def _audiences_card(page: PageContext, audiences: tuple[AudienceChange, ...]) -> Markup:
    say = page.say
    lines = []
    for one in audiences:
        name = h("a", one.name, href=link("/audience", saved=one.name), class_="cover")
        if one.problem:
            note = h("div", say(one.problem), class_="faint")
            lines.append(
                h(
                    "tr",
                    h("th", name, note, scope="row"),
                    h("td", number(one.members), class_="r"),
                    h("td", "–", class_="r"),
                    h("td", "–", class_="r"),
                )
            )
            continue
        lines.append(_size_line(name, one.members or 0, one.will_have or 0))
    heads = (msg("Audience"), msg("Now"), msg("Then"), msg("Change"))
    table = _table(page, heads, lines, numbers=True)
    return h("section", h("h2", say(msg("Saved audiences that would change"))), table, class_="card")


def _size_line(name: str | Markup, now: int, then: int) -> Markup:
    return h(
        "tr",
        h("th", name, scope="row"),
        h("td", number(now), class_="r"),
        h("td", number(then), class_="r"),
        h("td", signed(then - now), class_="r"),
    )


def _table(
    page: PageContext, heads: tuple[Message, ...], lines: list[Markup], *, numbers: bool = False
) -> Markup:
    first, *rest = heads
    cells = [h("th", page.say(head), scope="col", class_="r" if numbers else None) for head in rest]
    row = h("tr", h("th", page.say(first), scope="col"), cells)
    return h("div", h("table", h("thead", row), h("tbody", lines), class_="t tight"), class_="table-wrap")


def _short(value: Any) -> str:
    """Return a setting as a file writes it."""
    if value is None:
        return "–"
    text = yaml.safe_dump(value, default_flow_style=True, allow_unicode=True, width=1_000)
    return text.split("\n...")[0].strip()

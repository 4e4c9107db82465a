"""The tree of conditions: groups inside groups, each condition a line of fields."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from serving.attribute_levels import levels
from serving.console.draft import MEMBER_TESTS, Group, Row, tests_of
from serving.console.fields import button, html, icon_button, number_field, select
from serving.console.markup import Markup, h

if TYPE_CHECKING:
    from nicegui.elements.html import Html

    from serving.console.builder_fields import Fields

_MODES = ("all", "any", "none")
_LIMITS = {"confidence": (0.0, 1.0, 0.05), "percentile": (0.0, 100.0, 5.0)}


class Tree:
    """Draws a draft and changes it as it is clicked.

    Parameters
    ----------
    fields : Fields
    changed : callable
        Called after every change of the draft.
    """

    def __init__(self, fields: Fields, changed: Callable[[], None]) -> None:
        from nicegui import ui

        self.fields = fields
        self.say = fields.visit.say
        self.changed = changed
        self.draft = Group()
        self.effects: dict[int, Html] = {}
        self._levels: dict[str, list[str]] = {}
        self.place = ui.element("div").classes("tree")

    def show(self, draft: Group) -> None:
        """Draw ``draft`` in place of what stood there."""
        self.draft = draft
        self.redraw()

    def redraw(self) -> None:
        """Draw the draft again, after groups or fields came or went."""
        self.place.clear()
        self.effects = {}
        with self.place:
            self._group(self.draft, None)

    def tell_effects(self, texts: dict[int, Markup]) -> None:
        """Write beside the rows (by ``id``) what they take away; others say nothing."""
        for row, mark in self.effects.items():
            mark.content = texts.get(row, Markup(""))

    def _restructured(self) -> None:
        self.redraw()
        self.changed()

    def _group(self, group: Group, parent: Group | None) -> None:
        from nicegui import ui

        with ui.element("div").classes(f"group {group.mode}").props("role=group") as box:
            box.props["aria-label"] = f"{self.say('build.group')}: {self.say(f'build.{group.mode}')}"
            with ui.element("div").classes("group-head"):
                self._modes(group)
                if parent is not None:
                    icon_button("close", self.say("build.remove_group"), lambda: self._remove(parent, group))
            if not group.items and parent is None:
                html(
                    h(
                        "div",
                        h("b", self.say("build.empty")),
                        " ",
                        self.say("build.empty_hint"),
                        class_="muted",
                    ),
                    classes="group-empty",
                )
            for item in group.items:
                if isinstance(item, Group):
                    self._group(item, group)
                else:
                    self._row(item, group)
            with ui.element("div").classes("group-foot"):
                button(self.say("build.add"), lambda: self._add(group, Row()), "small", "plus")
                button(
                    self.say("build.add_group"),
                    lambda: self._add(group, self._fresh(group)),
                    "small quiet",
                    "plus",
                )

    def _modes(self, group: Group) -> None:
        from nicegui import ui

        def choose(mode: Any) -> None:
            group.mode = mode
            self._restructured()

        with ui.element("div").classes("seg").props("role=group"):
            for mode in _MODES:
                made = html(h("span", self.say(f"build.{mode}")), "button").props("type=button")
                made.props["aria-pressed"] = "true" if group.mode == mode else "false"
                made.on("click", lambda mode=mode: choose(mode))

    @staticmethod
    def _fresh(group: Group) -> Group:
        return Group("any" if group.mode == "all" else "all", [Row()])

    def _add(self, group: Group, item: Row | Group) -> None:
        group.items.append(item)
        self._restructured()

    def _remove(self, group: Group, item: Row | Group) -> None:
        group.items[:] = [kept for kept in group.items if kept is not item]
        self._restructured()

    def _row(self, row: Row, group: Group) -> None:
        from nicegui import ui

        with ui.element("div").classes("cond") as line:
            self._draw_row(row, group, line)

    def _draw_row(self, row: Row, group: Group, line: Any) -> None:
        fields, say = self.fields, self.say

        def again(change: Callable[[], None]) -> None:
            change()
            line.clear()
            with line:
                self._draw_row(row, group, line)
            self.changed()

        select(
            fields.choices(),
            fields.key(row),
            say("build.field"),
            lambda key: again(lambda: fields.put(row, key)),
            search=True,
            shown=not row.name,
        ).classes("c-field")
        if row.name:
            if row.part is not None:
                select(
                    fields.parts(),
                    row.part,
                    say("build.part"),
                    lambda part: again(lambda: fields.put_part(row, part)),
                    shown=False,
                ).classes("c-part")
            tests = {test: say(f"op.{test}") for test in tests_of(fields.names, row)}
            select(
                tests,
                row.test,
                say("build.operator"),
                lambda test: again(lambda: self._put_test(row, test)),
                shown=False,
            ).classes("c-test")
            self._values(row)
        self.effects[id(row)] = html(Markup(""), "span", "c-effect num")
        icon_button("close", say("build.remove"), lambda: self._remove(group, row)).classes("c-remove")

    @staticmethod
    def _put_test(row: Row, test: Any) -> None:
        one = {"ge", "gt", "le", "lt", "eq", "ne"}
        if (row.test in one) != (test in one):
            row.values = []
        row.test = test

    def _values(self, row: Row) -> None:
        if row.test in {"null", "not_null", *MEMBER_TESTS}:
            return

        def put(values: list[Any]) -> None:
            row.values = values
            self.changed()

        if self.fields.kind(row) == "number":
            self._number(row, put)
            return
        known = self.fields.levels(row)
        if known is not None:
            select(
                known,
                [v for v in row.values if v in known],
                self.say("build.value"),
                lambda values: put(list(values)),
                many=True,
                shown=False,
            ).classes("c-value")
            return
        self._free(row, put)

    def _number(self, row: Row, put: Callable[[list[Any]], None]) -> None:
        start = float(row.values[0]) if row.values else None
        least, most, step = _LIMITS.get(row.part or "", (None, None, None))
        number_field(
            self.say("build.value"),
            start,
            lambda value: put([] if value is None else [float(value)]),
            shown=False,
            least=least,
            most=most,
            step=step,
        ).classes("c-value")

    def _free(self, row: Row, put: Callable[[list[Any]], None]) -> None:
        """Show a field of values that are known from the data once they were looked up."""
        found = self._levels.get(row.name) if row.part is None else []
        choices = {value: str(value) for value in [*row.values, *(found or [])]}
        field = select(
            choices,
            list(row.values),
            self.say("build.value"),
            lambda values: put([str(v) for v in values]),
            many=True,
            free=True,
            shown=False,
        ).classes("c-value")
        if found is not None:
            return
        from nicegui import background_tasks

        async def look_up() -> None:
            self._levels[row.name] = await self.fields.visit.ask(levels, row.name)
            field.set_options(
                {v: str(v) for v in [*row.values, *self._levels[row.name]]}, value=list(row.values)
            )

        background_tasks.create(look_up(), name="levels of an attribute")

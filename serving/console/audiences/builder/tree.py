"""The tree of conditions: groups inside groups, of which all, any or none have to hold."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING

from markupsafe import Markup

from tagcast.features.core.messages import Message, msg
from tagcast.serving.console.audiences.builder.draft import Group, Mode, Row
from tagcast.serving.console.audiences.builder.row import Line
from tagcast.serving.console.ui.html import h
from tagcast.serving.console.ui.widgets import button, focus, html, icon_button

if TYPE_CHECKING:
    from nicegui.element import Element
    from nicegui.elements.html import Html

    from tagcast.serving.console.audiences.builder.field_choices import Fields

_MODES: dict[Mode, Message] = {
    "all": msg("Match all"),
    "any": msg("Match any"),
    "none": msg("Match none"),
}


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
        self.say = fields.page.say
        self.changed = changed
        self.draft = Group()
        self.lines: dict[int, Line] = {}
        self.boxes: dict[int, Element] = {}
        self.modes: dict[tuple[int, Mode], Html] = {}
        self.levels: dict[str, list[str]] = {}
        self.ranges: dict[str, tuple[float, float] | None] = {}
        self.place = ui.element("div").classes("tree")

    def show(self, draft: Group) -> None:
        """Draw ``draft`` in place of what stood there."""
        self.draft = draft
        self.place.clear()
        self.lines, self.boxes, self.modes = {}, {}, {}
        with self.place:
            self._group(draft, None)

    def show_unreadable(self) -> None:
        """Show that the text holds a filter that cannot be drawn; no button here may overwrite it."""
        self.place.clear()
        self.lines, self.boxes, self.modes = {}, {}, {}
        with self.place:
            title = h("b", self.say(msg("This filter cannot be read")))
            hint = self.say(msg("Correct it in the text below; its conditions appear here then."))
            html(h("p", title, " ", hint, class_="muted"), classes="group-empty")

    def show_effects(self, texts: dict[int, Markup]) -> None:
        """Write beside the rows (by ``id``) what they take away; others say nothing."""
        for row, line in self.lines.items():
            line.show_effect(texts.get(row, Markup("")))

    def _restructured(self) -> None:
        self.show(self.draft)
        self.changed()

    def _group(self, group: Group, parent: Group | None) -> None:
        from nicegui import ui

        say = self.say
        with ui.element("div").classes("group").props("role=group") as box:
            self.boxes[id(group)] = box
            if parent is None:
                box.classes("group-root")
            with ui.element("div").classes("group-head"):
                self._modes(group)
                if parent is not None:
                    icon_button("close", say(msg("Remove group")), partial(self._remove, parent, group))
            if not group.items and parent is None:
                note = h(
                    "p",
                    h("b", say(msg("Everyone so far"))),
                    " ",
                    say(msg("Add a condition to narrow it down.")),
                    class_="muted",
                )
                html(note, classes="group-empty")
            for item in group.items:
                if isinstance(item, Group):
                    self._group(item, group)
                else:
                    removed = partial(self._remove, group, item)
                    self.lines[id(item)] = Line(
                        self.fields, item, self.changed, removed, self.levels, self.ranges
                    )
            self._mark(group)
            with ui.element("div").classes("group-foot"):
                button(say(msg("Condition")), lambda: self._add(group, Row()), "small", "plus")
                button(say(msg("Group")), lambda: self._add(group, _fresh(group)), "small quiet", "plus")

    def _modes(self, group: Group) -> None:
        from nicegui import ui

        with ui.element("div").classes("seg").props("role=group"):
            for mode, title in _MODES.items():
                made = html(h("span", self.say(title)), "button").props("type=button")
                made.on("click", partial(self._choose, group, mode))
                self.modes[id(group), mode] = made

    def _mark(self, group: Group) -> None:
        """Show how the conditions of ``group`` are joined; they themselves stay as they are drawn."""
        box = self.boxes[id(group)]
        box.props["aria-label"] = self.say(msg("Group: {mode}", mode=_MODES[group.mode]))
        box.classes(remove=" ".join(_MODES), add=group.mode)
        for mode in _MODES:
            self.modes[id(group), mode].props(f"aria-pressed={'true' if group.mode == mode else 'false'}")

    def _choose(self, group: Group, mode: Mode) -> None:
        group.mode = mode
        self._mark(group)
        self.changed()

    def _add(self, group: Group, item: Row | Group) -> None:
        group.items.append(item)
        self._restructured()
        first = item if isinstance(item, Row) else item.rows()[0]
        self.lines[id(first)].focus()

    def _remove(self, group: Group, item: Row | Group) -> None:
        group.items[:] = [kept for kept in group.items if kept is not item]
        self._restructured()
        focus(self.modes[id(group), group.mode])


def _fresh(group: Group) -> Group:
    """Return a group to put into ``group``: of the other kind, since one of the same would change nothing."""
    return Group("any" if group.mode == "all" else "all", [Row()])

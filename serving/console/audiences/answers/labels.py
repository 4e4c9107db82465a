"""How many labels of an audience are right, tag by tag and value by value: found out once somebody opens it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from markupsafe import Markup

from tagcast.features.core.messages import msg
from tagcast.models.filters.conditions import Filter
from tagcast.serving.audiences.outcome.sentences import FLOOR
from tagcast.serving.audiences.service import Expected, expected
from tagcast.serving.console.ui.charts import range_bar
from tagcast.serving.console.ui.debounce import Debouncer
from tagcast.serving.console.ui.formatting import number
from tagcast.serving.console.ui.html import h
from tagcast.serving.console.ui.notices import error_markup
from tagcast.serving.console.ui.tag_badges import value_word
from tagcast.serving.console.ui.widgets import html

if TYPE_CHECKING:
    from tagcast.serving.console.audiences.builder.field_choices import Fields


class Labels:
    """The panel of labels; not there for who may not look at single profiles.

    Parameters
    ----------
    fields : Fields
    """

    def __init__(self, fields: Fields) -> None:
        from nicegui import ui

        self.fields, self.say = fields, fields.page.say
        self.tree: Filter | None = None
        self.is_open = False
        self.computing: Debouncer[list[Expected]] = Debouncer(self._show, self._fail, pause=0)
        with ui.element("details").classes("card fold") as self.fold:
            html(h("h2", self.say(msg("How many labels are right"))), "summary")
            html(h("p", self.say(FLOOR), class_="faint"))
            self.lines = html(Markup(""), classes="expected")
        self.fold.on("toggle", self._toggled, js_handler="(event) => emit(event.target.open)")
        self.fold.set_visibility(fields.page.person.may("profiles"))

    def follow(self, tree: Filter | None) -> None:
        """Look at another audience from now on; None: at none."""
        self.tree = tree
        self._update()

    def _toggled(self, event: object) -> None:
        self.is_open = bool(getattr(event, "args", False))
        self._update()

    def _update(self) -> None:
        from nicegui import background_tasks

        tree = self.tree
        if tree is None:
            self.computing.forget()
            self._show([])
        elif self.is_open:
            task = self.computing.run(lambda: self.fields.page.run(expected, tree, estimate=True))
            background_tasks.create(task, name="labels of an audience")

    def _show(self, found: list[Expected]) -> None:
        say, titles = self.say, self.fields.titles
        if not found:
            none = say(msg("Add a condition on a tag to see how many of its labels are right."))
            self.lines.content = h("p", none, class_="faint")
            return
        rows = []
        for one in found:
            about = msg(
                "{tag}: about {right} of {members} labels “{value}” are right",
                tag=titles.get(one.tag, one.tag),
                value=value_word(say, one.value),
                right=number(round(one.right)),
                members=number(one.members),
            )
            ends = msg("95% range {low}–{high}", low=number(round(one.low)), high=number(round(one.high)))
            bar = range_bar(one.low, one.right, one.high, one.members)
            rows.append(
                h("li", h("div", say(about), class_="num"), bar, h("div", say(ends), class_="faint num"))
            )
        self.lines.content = h("ul", rows)

    def _fail(self, error: Exception) -> None:
        self.lines.content = error_markup(self.fields.page, error)

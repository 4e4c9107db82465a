"""The members with the most value at risk, as a condition."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from markupsafe import Markup

from tagcast.features.core.messages import msg
from tagcast.models.filters.conditions import Filter
from tagcast.serving.audiences.outcome.paired_tags import VALUE_AT_RISK
from tagcast.serving.audiences.outcome.sentences import shown
from tagcast.serving.audiences.outcome.value_at_risk import MOST_TOP, top_at_risk
from tagcast.serving.console.ui.formatting import number
from tagcast.serving.console.ui.html import h
from tagcast.serving.console.ui.notices import error_markup
from tagcast.serving.console.ui.widgets import button, html, number_field

if TYPE_CHECKING:
    from tagcast.serving.audiences.outcome.value_at_risk import TopAtRisk
    from tagcast.serving.console.audiences.builder.field_choices import Fields

FIRST = 100
"""So many at first: people change it."""


class AtRisk:
    """The ranking by value at risk; nothing where the project has none.

    Parameters
    ----------
    fields : Fields
    use : callable
        Takes the text of the filter with the condition.
    """

    def __init__(self, fields: Fields, use: Callable[[str], None]) -> None:
        from nicegui import ui

        self.fields, self.say, self.use = fields, fields.page.say, use
        self.tree: Filter | None = None
        self.top: float | None = FIRST
        pair = fields.names.products.get(VALUE_AT_RISK)
        if pair is None:
            return
        say = self.say
        with ui.element("details").classes("card fold"):
            html(h("h2", say(msg("Value at risk"))), "summary")
            about = msg(
                "{loss} × {amount}: what each is expected to spend, times how likely they are lost.",
                loss=fields.titles.get(pair[0], pair[0]),
                amount=fields.titles.get(pair[1], pair[1]),
            )
            html(h("p", say(about), class_="faint"))
            with ui.element("div").classes("profit-fields"):
                number_field(say(msg("How many")), FIRST, self._put, least=1, most=MOST_TOP)
            button(say(msg("Keep those with the most value at risk")), self._rank, "small", "plus")
            self.answer = html(Markup(""), classes="faint").props('role=status aria-live="polite"')

    def follow(self, tree: Filter | None) -> None:
        """Rank another audience from now on; None: everyone."""
        self.tree = tree

    def _put(self, top: float | None) -> None:
        self.top = top

    async def _rank(self) -> None:
        from tagcast.features.core.errors import TagcastError

        try:
            found = await self.fields.page.run(top_at_risk, self.tree, int(self.top or 0))
        except TagcastError as error:
            self.answer.content = error_markup(self.fields.page, error)
            return
        self._show(found)

    def _show(self, found: TopAtRisk | None) -> None:
        if found is None or not found.members:
            self.answer.content = h("span", self.say(msg("No one matches.")))
            return
        text = msg(
            "{members} with about {risk} at risk", members=number(found.members), risk=shown(found.at_risk)
        )
        self.answer.content = h("span", self.say(text))
        self.use(found.filter)

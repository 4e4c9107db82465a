"""What an audience is worth: with the worth of a success and the cost of an approach, how far down the scores it pays to go."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from markupsafe import Markup

from tagcast.features.core.messages import Message, msg
from tagcast.models.filters.conditions import Filter
from tagcast.serving.audiences.service import ProfitCurve, profit_curve
from tagcast.serving.console.ui.charts import curve
from tagcast.serving.console.ui.debounce import Debouncer
from tagcast.serving.console.ui.formatting import number
from tagcast.serving.console.ui.html import h
from tagcast.serving.console.ui.notices import error_markup
from tagcast.serving.console.ui.widgets import button, html, number_field, select

if TYPE_CHECKING:
    from nicegui.elements.number import Number

    from tagcast.serving.console.audiences.builder.field_choices import Fields


class Profit:
    """The panel of profit.

    Parameters
    ----------
    fields : Fields
    add : callable
        Takes a condition to be added to the filter.
    """

    def __init__(self, fields: Fields, add: Callable[[str], None]) -> None:
        from nicegui import ui

        self.fields, self.say, self.add = fields, fields.page.say, add
        self.tree: Filter | None = None
        self.profit: ProfitCurve | None = None
        # Empty until somebody gives them: a figure that stands there already is taken for a fact.
        self.benefit: float | None = None
        self.cost: float | None = None
        self.saved: float | None = None
        self.capacity: float | None = None
        self.computing: Debouncer[ProfitCurve] = Debouncer(self._show, self._fail)
        tags = {tag: fields.titles.get(tag, tag) for tag in fields.names.tags}
        self.tag = next(iter(tags), "")
        with ui.element("details").classes("card fold") as self.fold:
            html(h("h2", self.say(msg("Profit"))), "summary")
            currency = fields.page.context.settings.currency or self.say(msg("the currency of your data"))
            amounts = self.say(msg("Amounts are in {currency}.", currency=currency))
            html(h("p", self.say(msg("Value per success, cost per contact")), " · ", amounts, class_="faint"))
            with ui.element("div").classes("profit-fields"):
                self.choice = select(tags, self.tag or None, self.say(msg("Ranked by")), self._put_tag)
                self._field(msg("Value per success"), "benefit", least=0)
                self._field(msg("Cost per contact"), "cost", least=0)
                self.saving = self._field(
                    msg("Kept by a contact, of 100 who would leave"), "saved", least=0, most=100
                )
                self._field(msg("Contact limit"), "capacity", least=1)
            self._show_saving()
            self.picture = html(Markup(""), classes="profit-picture")
            self.use = button(self.say(msg("Add this threshold as a condition")), self._use, "small", "plus")
            self.use.visible = False
        self.is_open = False
        self.fold.on("toggle", self._toggled, js_handler="(event) => emit(event.target.open)")

    def _toggled(self, event: object) -> None:
        self.is_open = bool(getattr(event, "args", False))
        self._update()

    def follow(self, tree: Filter | None) -> None:
        """Look at another audience from now on, ranked by the first tag that it speaks of."""
        from tagcast.serving.filters.where import tags_of

        self.tree = tree
        if tree is None:
            self.computing.forget()
            self.picture.content = Markup("")
            self.use.visible = False
        spoken = tags_of(tree) if tree else []
        if spoken and spoken[0] != self.tag and self.tag not in spoken:
            self.choice.value = spoken[0]  # asks by itself
        else:
            self._update()

    def _field(self, title: Message, name: str, *, least: float, most: float | None = None) -> Number:
        return number_field(
            self.say(title), None, lambda value: self._put(name, value), least=least, most=most
        )

    def _show_saving(self) -> None:
        """Ask how many a contact keeps where the outcome is a loss: whoever leaves is not kept by being written to alone."""
        self.saving.visible = self.tag in self.fields.losses

    def _put(self, name: str, value: float | None) -> None:
        setattr(self, name, value)
        self._update()

    def _put_tag(self, tag: str) -> None:
        self.tag = tag
        self._show_saving()
        self._update()

    def _update(self) -> None:
        from nicegui import background_tasks

        if not self.is_open or self.tree is None or not self.tag:
            return
        share = (self.saved or 0) / 100 if self.tag in self.fields.losses else None
        if not self.benefit or self.cost is None or share == 0:
            self.computing.forget()
            self.use.visible = False
            self.picture.content = h(
                "p", self.say(msg("Fill in the figures to see what pays.")), class_="faint"
            )
            return
        tree, tag, benefit, cost = self.tree, self.tag, float(self.benefit), float(self.cost)
        most = int(self.capacity) if self.capacity else None
        task = self.computing.run(
            lambda: self.fields.page.run(profit_curve, tree, tag, benefit, cost, most, share)
        )
        background_tasks.create(task, name="profit of an audience")

    def _show(self, profit: ProfitCurve) -> None:
        say, best = self.say, profit.best
        self.profit = profit
        pays = best.members > 0 and best.profit > 0
        text = (
            say(
                msg(
                    "Contact the top {members}: expected profit {profit} ({low} to {high}).",
                    members=number(best.members),
                    profit=number(round(best.profit)),
                    low=number(round(best.low)),
                    high=number(round(best.high)),
                )
            )
            if pays
            else say(msg("With these figures, it does not pay to contact anyone."))
        )
        points = [(float(p.members), p.profit, p.low, p.high) for p in profit.points]
        drawn = curve(
            points,
            (float(best.members), best.profit) if pays else None,
            say(msg("Expected profit by number contacted")),
        )
        self.picture.content = h(
            "figure",
            h("p", text, class_="best"),
            drawn,
            h("figcaption", say(msg("Expected profit by number contacted")), class_="faint"),
        )
        self.use.visible = pays and bool(profit.condition)

    def _fail(self, error: Exception) -> None:
        self.use.visible = False
        self.picture.content = error_markup(self.fields.page, error)

    def _use(self) -> None:
        if self.profit and self.profit.condition:
            self.add(self.profit.condition)

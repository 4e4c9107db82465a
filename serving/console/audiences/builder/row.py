"""One condition as a line of fields: of what, which part, how compared, with what."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from markupsafe import Markup

from tagcast.features.core.messages import Message, msg, pmsg
from tagcast.serving.audiences.portraits.fields import levels, usual_range
from tagcast.serving.console.audiences.builder.draft import MEMBER_TESTS, Row, Test, tests_of
from tagcast.serving.console.ui.formatting import number
from tagcast.serving.console.ui.widgets import html, icon_button, number_field, select

if TYPE_CHECKING:
    from nicegui.elements.number import Number
    from nicegui.elements.select import Select

    from tagcast.serving.console.audiences.builder.field_choices import Fields

_LIMITS = {"confidence": (0.0, 1.0, 0.05), "percentile": (0.0, 100.0, 5.0)}
_OF_ONE = {"ge", "gt", "le", "lt", "eq", "ne"}
_TESTS: dict[Test, Message] = {
    "in": msg("is"),
    "not_in": msg("is not"),
    "ge": msg("at least"),
    "gt": msg("more than"),
    "le": msg("at most"),
    "lt": msg("less than"),
    "eq": pmsg("number", "is"),
    "ne": pmsg("number", "is not"),
    "null": msg("has no value"),
    "not_null": msg("has a value"),
    "member": msg("is a member"),
    "not_member": msg("is not a member"),
}
_TESTS_OF_ATTRIBUTES: dict[Test, Message] = {
    "null": pmsg("attribute", "has no value"),
    "not_null": pmsg("attribute", "has a value"),
}
_TESTS_OF_FACTS: dict[Test, Message] = {"null": msg("is not known"), "not_null": msg("is known")}
_TESTS_SINCE: dict[Test, Message] = {
    "eq": msg("exactly"),
    "ne": msg("not exactly"),
    "null": pmsg("days since", "never"),
    "not_null": pmsg("days since", "at least once"),
}


class Line:
    """The fields of one condition.

    Parameters
    ----------
    fields : Fields
    row : Row
        What they change.
    changed : callable
        Called after every change.
    removed : callable
        Called where the condition is to go.
    known_levels : dict of str to list of str
        Values of attributes and facts that were looked up already; added to.
    known_ranges : dict of str to (float, float) or None
        Between which numbers nearly everybody lies, as far as it was looked up; added to.
    """

    def __init__(
        self,
        fields: Fields,
        row: Row,
        changed: Callable[[], None],
        removed: Callable[[], None],
        known_levels: dict[str, list[str]],
        known_ranges: dict[str, tuple[float, float] | None],
    ) -> None:
        from nicegui import ui

        self.fields, self.row, self.say = fields, row, fields.page.say
        self.changed, self.removed = changed, removed
        self.known_levels, self.known_ranges = known_levels, known_ranges
        self.drawn: dict[str, Select] = {}
        self.place = ui.element("div")
        self._draw()

    def focus(self, field: str = "c-field") -> None:
        """Put the keyboard's focus on a field."""
        if field in self.drawn:
            self.drawn[field].run_method("focus")

    def show_effect(self, text: Markup) -> None:
        """Write what the condition takes away."""
        self.effect.content = text

    def _again(self, change: Callable[[], None], focus: str) -> None:
        change()
        self.place.clear()
        self._draw()
        self.focus(focus)  # it was on the field that has just been drawn anew
        self.changed()

    def _draw(self) -> None:
        row, fields, say = self.row, self.fields, self.say
        valued = row.test not in {"null", "not_null", *MEMBER_TESTS}
        windows = fields.windows(row)
        shape = "" if row.part is not None or windows else "attribute" if row.name else "fresh"
        self.place.classes(replace=f"cond {shape} {'' if valued else 'wide'}")
        self.drawn = {}
        with self.place:
            self._field()
            if row.part is not None:
                self._choice("c-part", fields.parts(), row.part, msg("Aspect"), fields.put_part)
            elif windows:
                self._choice("c-part", windows, row.name, msg("Period"), fields.put_window)
            if row.name:
                titles = _TESTS if row.part is not None else _TESTS | _TESTS_OF_ATTRIBUTES
                if (fact := fields.fact(row)) is not None:
                    titles = _TESTS | (_TESTS_SINCE if fact.since else _TESTS_OF_FACTS)
                tests = {test: say(titles[test]) for test in tests_of(fields.names, row)}
                self._choice("c-test", tests, row.test, msg("Operator"), _put_test)
                if valued:
                    self._values()
            self.effect = html(Markup(""), "span", "c-effect num")
            icon_button("close", say(msg("Remove condition")), self.removed).classes("c-remove")

    def _field(self) -> None:
        from tagcast.serving.console.audiences.builder.field_picker import FieldPicker

        fields, row = self.fields, self.row
        label = self.say(msg("Tag, fact or attribute"))

        def choose(key: str) -> None:
            self._again(lambda: fields.put(row, key), "c-field")

        self.drawn["c-field"] = FieldPicker(fields.choices, fields.key(row), label, choose).classes("c-field")

    def _choice(
        self, name: str, choices: dict[Any, str], value: Any, label: Message, put: Callable[[Row, Any], None]
    ) -> None:
        made = select(
            choices,
            value,
            self.say(label),
            lambda chosen: self._again(lambda: put(self.row, chosen), name),
            shown=False,
        )
        self.drawn[name] = made.classes(name)

    # What it is compared with.

    def _put(self, values: list[Any]) -> None:
        self.row.values = values
        self.changed()

    def _values(self) -> None:
        if self.fields.kind(self.row) == "number":
            self._number()
            return
        known = self.fields.levels(self.row)
        if known is None:
            self._free()
            return
        chosen = [value for value in self.row.values if value in known]
        self._many(known, chosen, lambda values: self._put(list(values)))

    def _number(self) -> None:
        least, most, step = _LIMITS.get(self.row.part or "", (None, None, None))
        fact = self.fields.fact(self.row)
        # A share is written as a percentage.
        times = 100.0 if fact is not None and fact.unit == "share" else 1.0
        value = round(times * float(self.row.values[0]), 10) if self.row.values else None
        made = number_field(
            self.say(msg("Value")),
            value,
            lambda chosen: self._put([] if chosen is None else [round(float(chosen) / times, 12)]),
            shown=False,
            least=least,
            most=most,
            step=step,
        ).classes("c-value")
        if fact is not None:
            made.props["suffix"] = self.fields.unit(fact)
        if self.row.part is None:
            self._show_range(made, times)

    def _show_range(self, field: Number, times: float) -> None:
        """Write into an empty field between which numbers nearly everybody lies."""
        from nicegui import background_tasks

        name = self.row.name

        async def look_up() -> None:
            if name not in self.known_ranges:
                self.known_ranges[name] = await self.fields.page.run(usual_range, name)
            if (found := self.known_ranges[name]) is not None and not field.is_deleted:
                low, high = (number(times * edge) for edge in found)
                field.props["placeholder"] = f"{low} – {high}"
                field.props["title"] = self.say(msg("Most are between {low} and {high}", low=low, high=high))

        background_tasks.create(look_up(), name="range of a number")

    def _many(
        self, choices: dict[Any, str], chosen: list[Any], put: Callable[[Any], None], *, free: bool = False
    ) -> Select:
        made = select(choices, chosen, self.say(msg("Value")), put, many=True, free=free, shown=False)
        self.drawn["c-value"] = made.classes("c-value")
        if not chosen:
            made.props["placeholder"] = self.say(msg("Value"))
        return made

    def _free(self) -> None:
        """Show a field of values that are looked up in the data, and may be typed."""
        from nicegui import background_tasks

        row = self.row
        looked_up = self.known_levels.get(row.name) if row.part is None else []

        def called(values: list[Any]) -> dict[Any, str]:
            return {value: self.fields.value(row.name, value) for value in values}

        choices = called([*row.values, *(looked_up or [])])
        field = self._many(
            choices, list(row.values), lambda values: self._put([str(v) for v in values]), free=True
        )

        async def look_up() -> None:
            looked = self.known_levels[row.name] = await self.fields.page.run(levels, row.name)
            field.set_options(called([*row.values, *looked]), value=list(row.values))

        if looked_up is None:
            background_tasks.create(look_up(), name="levels of an attribute")


def _put_test(row: Row, test: Test) -> None:
    """Give a row another test; its values stay where they fit that as well."""
    if (row.test in _OF_ONE) != (test in _OF_ONE):
        row.values = []
    row.test = test

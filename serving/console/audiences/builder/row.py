"""One condition as a line of fields: of what, which part, how compared, with what."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from markupsafe import Markup

from tagcast.features.core.messages import Message, msg, pmsg
from tagcast.serving.audiences.portrait_fields import levels
from tagcast.serving.console.audiences.builder.draft import MEMBER_TESTS, Row, Test, tests_of
from tagcast.serving.console.ui.widgets import html, icon_button, number_field, select

if TYPE_CHECKING:
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
        Values of attributes that were looked up already; added to.
    """

    def __init__(
        self,
        fields: Fields,
        row: Row,
        changed: Callable[[], None],
        removed: Callable[[], None],
        known_levels: dict[str, list[str]],
    ) -> None:
        from nicegui import ui

        self.fields, self.row, self.say = fields, row, fields.page.say
        self.changed, self.removed = changed, removed
        self.known_levels = known_levels
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
        shape = "" if row.part is not None else "attribute" if row.name else "fresh"
        self.place.classes(replace=f"cond {shape} {'' if valued else 'wide'}")
        self.drawn = {}
        with self.place:
            self._choice(
                "c-field", fields.choices(), fields.key(row), msg("Tag or attribute"), fields.put, search=True
            )
            if row.part is not None:
                self._choice("c-part", fields.parts(), row.part, msg("Aspect"), fields.put_part)
            if row.name:
                titles = _TESTS if row.part is not None else _TESTS | _TESTS_OF_ATTRIBUTES
                tests = {test: say(titles[test]) for test in tests_of(fields.names, row)}
                self._choice("c-test", tests, row.test, msg("Operator"), _put_test)
                if valued:
                    self._values()
            self.effect = html(Markup(""), "span", "c-effect num")
            icon_button("close", say(msg("Remove condition")), self.removed).classes("c-remove")

    def _choice(
        self,
        name: str,
        choices: dict[Any, str],
        value: Any,
        label: Message,
        put: Callable[[Row, Any], None],
        *,
        search: bool = False,
    ) -> None:
        made = select(
            choices,
            value,
            self.say(label),
            lambda chosen: self._again(lambda: put(self.row, chosen), name),
            search=search,
            shown=False,
        )
        if value is None:
            made.props["placeholder"] = self.say(label)
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
        number_field(
            self.say(msg("Value")),
            float(self.row.values[0]) if self.row.values else None,
            lambda value: self._put([] if value is None else [float(value)]),
            shown=False,
            least=least,
            most=most,
            step=step,
        ).classes("c-value")

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
        choices: dict[Any, str] = {value: str(value) for value in [*row.values, *(looked_up or [])]}
        field = self._many(
            choices, list(row.values), lambda values: self._put([str(v) for v in values]), free=True
        )

        async def look_up() -> None:
            looked = self.known_levels[row.name] = await self.fields.page.run(levels, row.name)
            field.set_options({v: str(v) for v in [*row.values, *looked]}, value=list(row.values))

        if looked_up is None:
            background_tasks.create(look_up(), name="levels of an attribute")


def _put_test(row: Row, test: Test) -> None:
    """Give a row another test; its values stay where they fit that as well."""
    if (row.test in _OF_ONE) != (test in _OF_ONE):
        row.values = []
    row.test = test

"""A field to choose what a condition speaks of: choices in groups, found by either language and by name."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from nicegui.elements.select import Select

if TYPE_CHECKING:
    from tagcast.serving.console.audiences.builder.field_choices import FieldChoice


class FieldPicker(Select):
    """Choices under headings.

    NiceGUI's field searches the ``label`` of an option; here that is all by which a choice is found, and Quasar shows its ``title``.
    A heading can be found by all that stands under it, and never be chosen.

    Parameters
    ----------
    choices : sequence of FieldChoice
        Those of a group follow each other.
    value : str, optional
        Key of what is chosen.
    label : str
        For screen readers, and where nothing is chosen.
    act : callable
        Takes the key of what is chosen then.
    """

    def __init__(
        self, choices: Sequence[FieldChoice], value: str | None, label: str, act: Callable[[str], Any]
    ) -> None:
        self._choices = {choice.key: choice for choice in choices}
        self._under: dict[str, list[str]] = {}
        options: dict[str, str] = {}
        for choice in choices:
            if choice.group not in self._under:
                options[_heading(choice.group)] = choice.group
            self._under.setdefault(choice.group, []).append(choice.searched)
            options[choice.key] = choice.searched
        super().__init__(options, value=value, on_change=lambda event: act(event.value), with_input=True)
        self.props(
            "outlined dense options-dense behavior=menu option-label=title popup-content-class=field-choices"
        )
        self.props["aria-label"] = label
        if value is None:
            self.props["placeholder"] = label

    def _option(self, place: int, key: str) -> dict[str, Any]:
        choice = self._choices.get(key)
        if choice is not None:
            return {"value": place, "label": choice.searched, "title": choice.title}
        group = self._labels[place]
        found_by = " · ".join((group, *self._under[group]))
        return {"value": place, "label": found_by, "title": group, "disable": True}

    def _update_options(self) -> None:
        before = self.value
        self._props["options"] = [self._option(place, key) for place, key in enumerate(self._values)]
        self._props[self.VALUE_PROP] = self._value_to_model_value(before)

    def _value_to_model_value(self, value: Any) -> Any:
        return self._option(self._values.index(value), value) if value in self._choices else None


def _heading(group: str) -> str:
    return f"heading:{group}"

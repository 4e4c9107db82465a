"""Buttons, fields and dialogs, all in the console's clothes."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from markupsafe import Markup

from tagcast.serving.console.ui.html import h, join
from tagcast.serving.console.ui.icons import icon

if TYPE_CHECKING:
    from nicegui.elements.dialog import Dialog
    from nicegui.elements.html import Html
    from nicegui.elements.input import Input
    from nicegui.elements.number import Number
    from nicegui.elements.select import Select
    from nicegui.elements.textarea import Textarea

    from tagcast.features.core.messages import Text
    from tagcast.serving.console.i18n.translator import Translator

Act = Callable[[], Any]
Choices = Mapping[Any, str] | Sequence[str]


def html(content: Markup, tag: str = "div", classes: str = "") -> Html:
    """Show markup; what it holds was escaped when it was made."""
    from nicegui import ui

    return ui.html(content, sanitize=False, tag=tag).classes(classes)


def head_row(say: Translator, heads: Sequence[Text]) -> Markup:
    """Return the row of headings of a table."""
    return h("tr", [h("th", say(head), scope="col") for head in heads])


def button(text: str, act: Act, kind: str = "", picture: str | None = None) -> Html:
    """Show a button; ``kind`` names classes such as ``primary``, ``quiet``, ``danger``, ``small``."""
    content = join([icon(picture) if picture else None, text])
    return html(content, "button", f"btn {kind}").props("type=button").on("click", act)


def icon_button(picture: str, label: str, act: Act) -> Html:
    """Show a button that is a picture; ``label`` is what it is read as."""
    made = html(icon(picture), "button", "icon-btn").props("type=button").on("click", act)
    made.props["aria-label"] = label
    made.props["title"] = label
    return made


def focus(made: Html) -> None:
    """Put the keyboard's focus on what has just been drawn."""
    # By its own client: what was clicked may be gone with what has been drawn anew, and the page of a moment ago with it.
    element = f"document.getElementById('{made.html_id}')"
    made.client.run_javascript(f"requestAnimationFrame(() => {element}?.focus())")


def link_button(text: str, href: str, kind: str = "", picture: str | None = None) -> Markup:
    """Return a link that looks like a button."""
    return h("a", icon(picture) if picture else None, text, href=href, class_=f"btn {kind}")


def more_menu(label: str, acts: Mapping[str, Act]) -> None:
    """Show the button behind which what is seldom needed lies; nothing where nothing does."""
    from nicegui import ui

    if not acts:
        return
    opener = ui.element("button").classes("btn more").props("type=button aria-haspopup=menu")
    opener.props["aria-label"] = label
    opener.props["title"] = label
    with opener:
        html(icon("more"), "span")
    with opener, ui.menu().props('anchor="bottom right" self="top right" role=menu'):
        for title, act in acts.items():
            ui.menu_item(title, act).props("role=menuitem")


def select(
    choices: Choices,
    value: Any,
    label: str,
    act: Callable[[Any], Any],
    *,
    many: bool = False,
    search: bool = False,
    free: bool = False,
    shown: bool = True,
    chips: bool = False,
) -> Select:
    """Show a field to choose from.

    Parameters
    ----------
    act : callable
        Takes what is chosen then.
    many, search : bool
        Whether several can be chosen; whether it is found by typing.
    free : bool
        Whether what is typed counts although it is none of the choices.
    shown : bool
        Whether the label stands in the field, or is for screen readers alone.
    chips : bool
        Whether what is chosen stands in chips, which take as many lines as they need.
    """
    from nicegui import ui

    options = dict(choices) if isinstance(choices, Mapping) else list(choices)
    made = ui.select(
        options,
        value=value,
        label=label if shown else None,
        on_change=lambda event: act(event.value),
        multiple=many,
        with_input=search or free,
        new_value_mode="add-unique" if free else None,
    )
    made.props("outlined dense options-dense behavior=menu" + (" use-chips" if chips else ""))
    made.props["aria-label"] = label
    return made


def text_field(
    label: str,
    value: str = "",
    act: Callable[[str], Any] | None = None,
    *,
    hint: str = "",
    kind: str = "text",
) -> Input:
    """Show a field for a line of text; ``act`` takes what it holds after a pause in typing."""
    from nicegui import ui

    made = ui.input(label, value=value, on_change=lambda event: act(event.value or "") if act else None)
    made.props(f"outlined dense debounce=250 type={kind} autocomplete=off")
    if hint:
        made.props["hint"] = hint
    return made


def search_field(label: str, act: Callable[[str], Any], value: str = "", *, pause: int = 100) -> Input:
    """Show a field to search in; ``act`` takes what it holds after ``pause`` milliseconds."""
    from nicegui import ui

    made = ui.input(placeholder=label, value=value, on_change=lambda event: act(event.value or ""))
    made.props(f"outlined dense clearable debounce={pause} type=search autocomplete=off")
    made.props["aria-label"] = label
    return made.classes("f-search")


def number_field(
    label: str,
    value: float | None = None,
    act: Callable[[float | None], Any] | None = None,
    *,
    shown: bool = True,
    least: float | None = None,
    most: float | None = None,
    step: float | None = None,
) -> Number:
    """Show a field for a number from ``least`` to ``most``."""
    from nicegui import ui

    made = ui.number(
        label if shown else None,
        value=value,
        on_change=lambda event: act(event.value) if act else None,
        min=least,
        max=most,
        step=step,
    )
    made.props("outlined dense debounce=50")
    made.props["aria-label"] = label
    return made


def area_field(
    label: str, value: str = "", act: Callable[[str], Any] | None = None, *, rows: int = 3, pause: int = 400
) -> Textarea:
    """Show a field for several lines."""
    from nicegui import ui

    made = ui.textarea(
        label or None, value=value, on_change=lambda event: act(event.value or "") if act else None
    )
    made.props(f"outlined dense debounce={pause} rows={rows} autogrow spellcheck=false")
    return made


@contextmanager
def dialog(title: str, *, wide: bool = False) -> Iterator[Dialog]:
    """Show a dialog with a title; what is made inside stands in it; it is gone once it is closed."""
    from nicegui import ui

    with ui.dialog() as made, ui.element("div").classes("sheet-dialog" + (" wide" if wide else "")):
        made.props["aria-label"] = title
        html(h("h2", title))
        yield made
    made.on("hide", made.delete)
    made.open()

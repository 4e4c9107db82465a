"""Dialogs of the builder: save an audience, look at some of its members."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from markupsafe import Markup

from tagcast.features.core.errors import TagcastError
from tagcast.features.core.messages import msg, nmsg
from tagcast.models.filters.conditions import Filter
from tagcast.serving.audiences import service as questions
from tagcast.serving.console.i18n.vocabulary import PART_TITLES
from tagcast.serving.console.purpose import with_purpose
from tagcast.serving.console.ui.formatting import number
from tagcast.serving.console.ui.html import h
from tagcast.serving.console.ui.notices import done, error_markup, failed
from tagcast.serving.console.ui.page_context import link
from tagcast.serving.console.ui.widgets import area_field, button, dialog, html, select, text_field

if TYPE_CHECKING:
    from tagcast.registry.governance.saved_audiences import SavedAudience
    from tagcast.serving.console.audiences.builder.field_choices import Fields
    from tagcast.serving.console.ui.page_context import PageContext

_SAMPLE = 10


def save_dialog(
    page: PageContext, text: str, kept: SavedAudience | None, saved: Callable[[Any], None]
) -> None:
    """Ask for a name and keep the audience."""
    from nicegui import ui

    from tagcast.serving.audiences.saved_audience_actions import save

    say = page.say
    with dialog(say(msg("Save"))) as box:
        name = text_field(say(msg("Name")), kept.name if kept else "").props("autofocus")
        about = area_field(say(msg("Purpose")), kept.description if kept else "", rows=2)
        kinds = {"dynamic": say(msg("updates with every run")), "frozen": say(msg("stays as it is now"))}
        kind = select(kinds, kept.kind if kept else "dynamic", say(msg("Membership")), lambda _: None)
        trouble = html(Markup(""))

        async def go() -> None:
            try:
                made = await page.run(
                    save, name.value or "", text, description=about.value or "", kind=kind.value
                )
            except TagcastError as error:
                trouble.content = error_markup(page, error)
                return
            done(say(msg("Saved as {name}", name=made.name)))
            box.close()
            saved(made)

        with ui.element("div").classes("actions"):
            button(say(msg("Cancel")), box.close, "quiet")
            button(say(msg("Save")), go, "primary")


async def sample_dialog(page: PageContext, fields: Fields, tree: Filter | None) -> None:
    """Show some members, each with a link to its profile."""
    from nicegui import ui

    say = page.say
    if tree is None:
        done(say(msg("Add a condition to narrow it down.")))
        return
    asked = page.context.settings.access.ask_purpose
    rows: list[dict[str, Any]] = []
    if not asked:
        try:
            rows = await page.run(questions.sample, tree, _SAMPLE)
        except TagcastError as error:
            failed(page, error)
            return

    async def show(visit: PageContext) -> None:
        found = await visit.run(questions.sample, tree, _SAMPLE) if asked else rows
        html(_members(page, fields, found) if found else h("p", say(msg("No one matches.")), class_="muted"))

    title = (
        say(msg("Sample")) if asked else say(nmsg("Sample of {n} member", "Sample of {n} members", len(rows)))
    )
    with dialog(title, wide=True) as box:
        await with_purpose(page, show)
        with ui.element("div").classes("actions"):
            button(say(msg("Close")), box.close, "quiet").props("autofocus")


def _members(page: PageContext, fields: Fields, rows: list[dict[str, Any]]) -> Markup:
    say = page.say
    # What the filter's tags say of them first: it is why they are in it.
    ranked = {name: _column(page, fields, name) == name for name in rows[0]}
    shown = sorted((name for name in rows[0] if name != "profile_id"), key=ranked.__getitem__)
    heads = [h("th", say(msg("Customer"))), *[h("th", _column(page, fields, name)) for name in shown]]
    may = page.person.may("profiles")
    lines = []
    for row in rows:
        identity = str(row["profile_id"])
        first = h("a", identity, href=link("/profile", identity)) if may else identity
        cells = [h("td", _cell(fields, name, row[name]), class_="num") for name in shown]
        lines.append(h("tr", h("td", first, class_="mono"), cells))
    return h(
        "div", h("table", h("thead", h("tr", heads)), h("tbody", lines), class_="t"), class_="table-wrap"
    )


def _column(page: PageContext, fields: Fields, name: str) -> str:
    for tag, title in fields.titles.items():
        if name == tag:
            return title
        for part in ("score", "confidence"):
            if name == f"{tag}.{part}":
                return f"{title}: {page.say(PART_TITLES[part])}"
    return name


def _cell(fields: Fields, name: str, value: object) -> str:
    if isinstance(value, float) and fields.words.label(name, value, fields.page.language) is None:
        return number(value)
    return fields.value(name, value)

"""Dialogs of saved audiences: copy, label, hand on, delete one; give a list of ids."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import TYPE_CHECKING, Any

from markupsafe import Markup

from tagcast.features.core.errors import TagcastError
from tagcast.features.core.messages import Message, listed, msg
from tagcast.serving.audiences.over_time import team
from tagcast.serving.audiences.over_time.id_lists import MOST_IDS, read_ids, save_list
from tagcast.serving.audiences.saved_audience_actions import delete
from tagcast.serving.console.ui.formatting import number
from tagcast.serving.console.ui.html import h, join
from tagcast.serving.console.ui.icons import icon
from tagcast.serving.console.ui.notices import done, error_markup
from tagcast.serving.console.ui.page_context import link
from tagcast.serving.console.ui.widgets import (
    area_field,
    button,
    dialog,
    html,
    link_button,
    select,
    text_field,
)

if TYPE_CHECKING:
    from tagcast.registry.access.roles import Person
    from tagcast.registry.governance.saved_audiences import SavedAudience
    from tagcast.serving.audiences.over_time.id_lists import SavedList
    from tagcast.serving.console.ui.page_context import PageContext
    from tagcast.serving.context import ServiceContext


def _answers(
    page: PageContext, box: Any, title: Message, act: Callable[[], Awaitable[str]], kind: str = "primary"
) -> None:
    """Show the buttons of a dialog: what goes wrong stays in it, else the address that ``act`` returns is opened."""
    from nicegui import ui

    say = page.say
    trouble = html(Markup("")).props('role=status aria-live="polite"')

    async def go() -> None:
        try:
            address = await act()
        except TagcastError as error:
            trouble.content = error_markup(page, error)
            return
        box.close()
        ui.navigate.to(address)

    with ui.element("div").classes("actions"):
        button(say(msg("Cancel")), box.close, "quiet")
        button(say(title), go, kind)


def duplicate_dialog(page: PageContext, name: str) -> None:
    """Ask what a copy is called."""
    say = page.say
    with dialog(say(msg("Duplicate"))) as box:
        field = text_field(say(msg("Name")), say(msg("{name} (copy)", name=name))).props("autofocus")

        async def go() -> str:
            made = await page.run(team.duplicate, name, field.value or "")
            done(say(msg("Saved as {name}", name=made.name)))
            return link("/audiences", made.name)

        _answers(page, box, msg("Duplicate"), go)


def labels_dialog(page: PageContext, name: str, labels: Sequence[str]) -> None:
    """Ask for the labels of an audience."""
    from nicegui import background_tasks

    say = page.say
    with dialog(say(msg("Labels"))) as box:
        field = select(
            list(labels), list(labels), say(msg("Labels")), lambda _: None, many=True, free=True, chips=True
        )
        field.props["hint"] = say(msg("Type a word and press Enter; the list can be narrowed by labels."))

        async def offer() -> None:
            known = {word for words in (await page.run(team.labels_of)).values() for word in words}
            field.set_options(sorted(known | set(labels)), value=list(field.value or []))

        async def go() -> str:
            await page.run(team.set_labels, name, list(field.value or []))
            return link("/audiences", name)

        _answers(page, box, msg("Save"), go)
        background_tasks.create(offer(), name="labels that are known")


async def transfer_dialog(page: PageContext, audience: SavedAudience) -> None:
    """Ask who becomes the owner."""
    say = page.say
    names = [one for one in await page.run(team.possible_owners) if one != audience.owner]
    with dialog(say(msg("Change owner"))) as box:
        about = msg(
            "Only the owner can change or delete an audience. It belongs to {owner}.", owner=audience.owner
        )
        html(h("p", say(about)))
        field = select(names, None, say(msg("New owner")), lambda _: None, search=True)

        async def go() -> str:
            made = await page.run(team.transfer, audience.name, field.value or "")
            done(say(msg("{name} belongs to {owner} now", name=made.name, owner=made.owner)))
            return link("/audiences", made.name)

        _answers(page, box, msg("Change owner"), go)


def delete_dialog(page: PageContext, name: str, then: str) -> None:
    """Ask once more, then delete and open another page."""
    say = page.say
    with dialog(say(msg("Delete"))) as box:
        html(h("p", say(msg("Delete {name}? The history of its size is deleted too.", name=name))))

        async def go() -> str:
            await page.run(delete, name)
            done(say(msg("{name} deleted", name=name)))
            return then

        _answers(page, box, msg("Delete"), go, "danger")


def _keep(context: ServiceContext, person: Person, name: str, text: str, description: str) -> SavedList:
    profiles = context.settings.profiles
    ids = read_ids(text, profiles.key if profiles else "")
    return save_list(context, person, name, ids, description=description)


def ids_dialog(page: PageContext) -> None:
    """Ask for a list of ids, as a file or pasted, and save it."""
    from nicegui import ui

    say = page.say
    with dialog(say(msg("Audience from a list of IDs"))) as box:
        name = text_field(say(msg("Name"))).props("autofocus")
        about = area_field(say(msg("Purpose")), rows=2)
        given = area_field(say(msg("IDs, one a line")), rows=6)
        file: dict[str, str] = {}

        async def take(event: Any) -> None:
            content = event.file if hasattr(event, "file") else event.content
            raw = await content.read() if hasattr(event, "file") else content.read()
            file["text"] = raw.decode("utf-8-sig", errors="replace")
            chosen.content = h("p", say(msg("The file is read; its first column is taken.")), class_="faint")

        # Quasar's own field cannot be read out: a button opens its choice of files in its place.
        upload = ui.upload(on_upload=take, auto_upload=True, max_files=1)
        upload.props("accept=.csv,.txt,text/csv,text/plain").classes("hidden")
        pick = html(join([icon("plus"), say(msg("Choose a text or CSV file"))]), "button", "btn small")
        pick.props("type=button").on(
            "click", js_handler=f"() => getElement({upload.id}).$refs.qRef.pickFiles()"
        )
        chosen = html(Markup(""))
        html(
            h(
                "p",
                say(
                    msg(
                        "At most {most} IDs. IDs that are not known are left out and counted.",
                        most=number(MOST_IDS),
                    )
                ),
                class_="faint",
            )
        )
        answer = html(Markup("")).props('role=status aria-live="polite"')

        async def go() -> None:
            text = file.get("text") or given.value or ""
            try:
                found = await page.run(_keep, name.value or "", text, about.value or "")
            except TagcastError as error:
                answer.content = error_markup(page, error)
                return
            answer.content = _list_note(page, found)
            run.set_visibility(False)

        with ui.element("div").classes("actions"):
            button(say(msg("Close")), box.close, "quiet")
            run = button(say(msg("Save")), go, "primary")


def _list_note(page: PageContext, found: SavedList) -> Markup:
    say = page.say
    known = msg(
        "{known} of {given} IDs are known and saved.",
        known=number(found.given - found.unknown),
        given=number(found.given),
    )
    lines = [h("div", h("b", say(known)))]
    if found.merged:
        merged = msg("{n} are known under another ID today: accounts were merged.", n=number(found.merged))
        lines.append(h("div", say(merged)))
    if found.unknown:
        unknown = msg(
            "{n} are not known and left out, such as {examples}.",
            n=number(found.unknown),
            examples=listed(found.examples),
        )
        lines.append(h("div", say(unknown)))
    name = found.audience.name
    lines.append(h("div", link_button(say(msg("Open {name}", name=name)), link("/audiences", name), "small")))
    return h("div", lines, class_="note good" if not found.unknown else "note warn")

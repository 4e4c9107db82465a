"""The frame around every page: navigation, language, colours, and what is shown where a page fails."""

from __future__ import annotations

import asyncio
import copy
import hashlib
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from markupsafe import Markup

from tagcast.features.core.errors import StoreError, TagcastError
from tagcast.features.core.messages import LANGUAGES, Message, msg, pmsg
from tagcast.registry.access.roles import Right
from tagcast.serving.console.i18n.translator import NAMES, SHORT
from tagcast.serving.console.i18n.vocabulary import role_title
from tagcast.serving.console.ui.html import h, join
from tagcast.serving.console.ui.icons import icon
from tagcast.serving.console.ui.notices import show_error, show_not_allowed, show_nothing_yet
from tagcast.serving.console.ui.page_context import (
    ASK_BEFORE_LEAVING,
    THEMES,
    PageContext,
    Theme,
    link,
    visit_of,
)
from tagcast.serving.console.ui.titles import CUSTOMERS, entity_title
from tagcast.serving.console.ui.widgets import html
from tagcast.serving.web.error_handlers import log_mistake

if TYPE_CHECKING:
    from fastapi import Request
    from nicegui import Client
    from nicegui.element import Element

    from tagcast.serving.context import ServiceContext

STATIC = Path(__file__).parents[1] / "static"
STATIC_PATH = "/console-files"
SHEETS = ("tokens.css", "frame.css", "parts.css", "pages.css")
PATIENCE_SECONDS = 0.4
"""A page that takes longer is sent as an outline, and filled when it is there."""
Build = Callable[[PageContext], Awaitable[None]]
_NAV: dict[Message, tuple[tuple[str, Message, str, Right], ...]] = {
    CUSTOMERS: (
        ("/", msg("Tags"), "tags", "see"),
        ("/audience", msg("New audience"), "build", "filter"),
        ("/audiences", msg("Saved audiences"), "audience", "filter"),
        ("/campaigns", msg("Campaigns"), "campaign", "export"),
        ("/exports", pmsg("page", "Exports"), "download", "export"),
        ("/compare", msg("Compare"), "compare", "filter"),
        ("/profile", msg("Customer lookup"), "profile", "profiles"),
    ),
    msg("Operations"): (
        ("/runs", msg("Runs"), "runs", "see"),
        ("/reviews", msg("Reviews"), "review", "review"),
        ("/audit", msg("Audit log"), "audit", "see"),
        ("/access", msg("Users and keys"), "access", "access"),
    ),
}

_THEMES: dict[Theme, tuple[Message, str]] = {
    "light": (msg("Light"), "sun"),
    "dark": (msg("Dark"), "moon"),
    "auto": (msg("System"), "auto"),
}


def add_page(
    context: ServiceContext, path: str, title: Message, nav: str, build: Build, right: Right = "see"
) -> None:
    """Add a page to the console.

    Parameters
    ----------
    path : str
        Its route; ``build`` finds what it matches by ``page.parameter``.
    title : Message
        Of the browser's tab.
    nav : str
        Path of the entry of the navigation that it belongs to.
    right : str
        Who lacks it sees a note instead.
    """
    from fastapi import Request
    from fastapi.responses import RedirectResponse, Response
    from nicegui import Client, background_tasks, ui

    async def show(request: Request, client: Client) -> Response | None:
        page = visit_of(context, request, request.state.person)
        if (wanted := request.query_params.get("entity")) in context.entities:
            here = str(request.url.include_query_params().remove_query_params("entity"))
            back = here.removeprefix(str(request.base_url).rstrip("/"))
            return RedirectResponse(link("/preferences", entity=wanted, back=back), status_code=303)
        _dress(client, page, title)
        with _frame(page, nav):
            if not page.person.may(right):
                show_not_allowed(page, right)
                return None
            body = ui.element("div").classes("body")
            filling = background_tasks.create(_fill(page, path, build, body), name=f"build {path}")
            await asyncio.wait({filling}, timeout=PATIENCE_SECONDS)
            if not filling.done():
                _stand_in(body, filling)
        return None

    # Named rather than as strings: FastAPI looks for them where this function is defined.
    show.__annotations__ = {"request": Request, "client": Client, "return": Response | None}
    ui.page(path, response_timeout=60.0)(show)


async def _fill(page: PageContext, path: str, build: Build, body: Element) -> None:
    with body:
        try:
            await build(page)
        except TagcastError as error:
            if body.is_deleted:
                return
            body.clear()
            if isinstance(error, StoreError) and page.context.store.current() is None:
                show_nothing_yet(page)
            else:
                show_error(page, error)
        except Exception as error:  # noqa: BLE001 (whatever it is, the page must not show it)
            if body.is_deleted:
                return  # the visitor has left while it was built
            body.clear()
            log_mistake(error, "GET", path)
            show_error(page)


def _stand_in(body: Element, filling: asyncio.Task[None]) -> None:
    """Show the outline of a page until it is there as a whole: parts that come one by one would move one another."""
    outline = html(
        h(
            "div",
            h("div", class_="skeleton", style="height:30px;width:40%"),
            h("div", class_="skeleton", style="height:64px"),
            h("div", class_="skeleton", style="height:320px"),
            class_="stack",
            aria_busy="true",
        )
    )
    body.visible = False

    def come(_: object) -> None:
        if not body.is_deleted:
            body.visible = True
            outline.delete()

    filling.add_done_callback(come)


@cache
def _stamp() -> str:
    """Return what changes with the style sheets, so that browsers fetch them anew."""
    return hashlib.sha256(b"".join((STATIC / name).read_bytes() for name in SHEETS)).hexdigest()[:10]


def _dress(client: Client, page: PageContext, title: Message) -> None:
    """Give a client its language, colours and title, before anything is drawn."""
    from nicegui import ui

    own = copy.copy(client.page)  # shared by all clients: this one gets its own
    own.language = "zh-CN" if page.language == "zh" else "en-US"
    own.dark = {"auto": None, "light": False, "dark": True}[page.theme]
    own.title = f"{page.say(title)} · tagcast"
    client.page = own
    sheets = [h("link", rel="stylesheet", href=f"{STATIC_PATH}/{name}?{_stamp()}") for name in SHEETS]
    ui.add_head_html(
        "<script>(()=>{const e=document.documentElement,m=matchMedia('(prefers-color-scheme: dark)'),"
        f"t='{page.theme}',s=()=>e.dataset.theme=t==='auto'?(m.matches?'dark':'light'):t;"
        f"s();m.addEventListener('change',s)}})();{ASK_BEFORE_LEAVING}</script>" + "".join(sheets)
    )


@contextmanager
def _frame(page: PageContext, nav: str) -> Iterator[None]:
    from nicegui import ui

    say = page.say
    _plain_outside(ui.context.client)
    ui.html(h("a", say(msg("Skip to content")), href="#content", class_="skip"), sanitize=False)
    with ui.element("div").classes("shell"):
        ui.html(_side(page, nav), sanitize=False, tag="aside").classes("side")
        ui.html(_top(page, nav), sanitize=False, tag="header").classes("topbar")
        with ui.element("main").classes("page").props('id=content tabindex="-1"'):
            yield


def _plain_outside(client: Client) -> None:
    """Make Quasar's page a plain box: it is a <main> around navigation and content, and a document has one."""
    slot = client.content.parent_slot
    if slot is not None:
        slot.parent.tag = "div"


def _brand() -> Markup:
    return h("a", icon("brand"), "tagcast", href="/", class_="brand")


def _links(page: PageContext, nav: str) -> Markup:
    parts = []
    for heading, entries in _NAV.items():
        allowed = [entry for entry in entries if page.person.may(entry[3])]
        if allowed:
            parts.append(h("h3", entity_title(page) if heading == CUSTOMERS else page.say(heading)))
        for path, key, picture, _ in allowed:
            current = "page" if path == nav else None
            parts.append(h("a", icon(picture), page.say(key), href=path, aria_current=current))
    return h("nav", parts, class_="nav", aria_label=page.say(msg("Navigation")))


def _foot(page: PageContext) -> Markup:
    say, person = page.say, page.person
    here = page.request.url.path + (f"?{page.request.url.query}" if page.request.url.query else "")
    person_mark = h(
        "a",
        h("span", person.name[:1], class_="avatar", aria_hidden="true"),
        h("div", h("b", person.name), h("span", role_title(say, person.roles, person.role), class_="faint")),
        class_="who", href="/account", title=say(msg("My account")),
    )  # fmt: skip
    languages = h(
        "div",
        [
            h(
                "a",
                SHORT[one],
                href=link("/preferences", language=one, back=here),
                lang=one,
                title=NAMES[one],
                aria_label=NAMES[one],
                aria_current="true" if one == page.language else None,
            )
            for one in LANGUAGES
        ],
        class_="seg",
        role="group",
        aria_label=say(msg("Language")),
    )
    themes = h(
        "div",
        [
            h(
                "a",
                icon(_THEMES[one][1]),
                href=link("/preferences", theme=one, back=here),
                title=say(_THEMES[one][0]),
                aria_label=say(_THEMES[one][0]),
                aria_current="true" if one == page.theme else None,
            )
            for one in THEMES
        ],
        class_="seg",
        role="group",
        aria_label=say(msg("Theme")),
    )
    out = h("form", h("button", say(msg("Log out")), type="submit"), method="post", action="/logout")
    return h("div", person_mark, h("div", languages, themes, class_="prefs"), out, class_="foot")


def _project(page: PageContext) -> Markup:
    """Return the project's name, and the switch between its entities where it has several."""
    settings = page.context.settings.whole
    name = h("div", settings.name, class_="project")
    if not settings.entities:
        return name
    switch = h(
        "div",
        [
            h(
                "a",
                entity_title(page, entity),
                href=link("/preferences", entity=entity, back="/"),
                aria_current="true" if entity == page.context.settings.entity else None,
            )
            for entity in page.context.entities
        ],
        class_="seg entities",
        role="group",
        aria_label=page.say(msg("What the tags are about")),
    )
    return join([name, switch])


def _side(page: PageContext, nav: str) -> Markup:
    return join([_brand(), _project(page), _links(page, nav), _foot(page)])


def _top(page: PageContext, nav: str) -> Markup:
    burger = h("span", icon("menu"), class_="burger")
    label = h("span", page.say(msg("Menu")), class_="sr")
    brand = h("span", icon("brand"), "tagcast", class_="brand")
    sheet = h("div", _project(page), _links(page, nav), _foot(page), class_="sheet")
    return h("details", h("summary", brand, label, burger), sheet)

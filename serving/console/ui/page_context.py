"""One visit to a page: the person, their language, and how the service layer is called off the event loop."""

from __future__ import annotations

import json
from asyncio import CancelledError
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Literal, TypeVar, cast
from urllib.parse import quote, urlencode

from tagcast.features.core.errors import NotAllowedError
from tagcast.features.core.messages import Language, msg
from tagcast.features.core.schema.entities import PROFILE
from tagcast.registry.access.origin import asked_from, cleaned_purpose
from tagcast.serving.console.i18n.translator import Translator
from tagcast.serving.web.plain_pages import ENTITY_COOKIE, THEME_COOKIE, language_of

if TYPE_CHECKING:
    from fastapi import Request
    from nicegui import Client

    from tagcast.registry.access.origin import Origin
    from tagcast.registry.access.roles import Person
    from tagcast.serving.context import ServiceContext

Theme = Literal["auto", "light", "dark"]
THEMES: tuple[Theme, ...] = ("light", "dark", "auto")

Answer = TypeVar("Answer")


@dataclass(frozen=True)
class PageContext:
    """What a page needs to know.

    Parameters
    ----------
    context : ServiceContext
    person : Person
    say : Translator
        The language of the visit.
    theme : {"auto", "light", "dark"}
    request : Request
    purpose : str
        What single customers are looked at for, where the visitor was asked.
    """

    context: ServiceContext
    person: Person
    say: Translator
    theme: Theme
    request: Request
    purpose: str = ""

    @property
    def language(self) -> Language:
        """The language of the visit."""
        return self.say.language

    @property
    def origin(self) -> Origin:
        """Where the visit comes from, for the access log."""
        where: Origin = self.request.state.origin
        return replace(where, purpose=self.purpose) if self.purpose else where

    def with_purpose(self, purpose: str) -> PageContext:
        """Return the visit of somebody who says what they look at customers for."""
        return replace(self, purpose=cleaned_purpose(purpose))

    def parameter(self, name: str, default: str = "") -> str:
        """Return a parameter of the address: a part of its path, or of its query."""
        value = self.request.path_params.get(name) or self.request.query_params.get(name)
        return str(value) if value else default

    async def run(self, function: Callable[..., Answer], *given: object, **named: object) -> Answer:
        """Return what a function of the service layer returns, run off the event loop.

        Parameters
        ----------
        function : callable
            Takes the service context, the person, then what is given.
        """
        from nicegui import core, run

        async with self.context.turns.of(self.person.name) as turn:
            if not turn:
                raise NotAllowedError(
                    msg("too many questions are being worked on"), hint=msg("wait until some are answered")
                )
            answer: Any = await run.io_bound(self._ask, function, given, named)
        if core.app.is_stopping or core.app.is_stopped:
            raise CancelledError  # NiceGUI answers None then, and nobody looks any more
        return cast("Answer", answer)

    def _ask(
        self, function: Callable[..., Answer], given: tuple[object, ...], named: dict[str, object]
    ) -> Answer:
        with asked_from(self.origin):  # in the thread that works on it
            return function(self.context, self.person, *given, **named)


def visit_of(context: ServiceContext, request: Request, person: Person) -> PageContext:
    """Return the visit of a request: entity, language and colours by its cookies, else by what the browser prefers."""
    chosen = request.cookies.get(THEME_COOKIE, "")
    context = context.entities.get(request.cookies.get(ENTITY_COOKIE, ""), context)
    theme: Theme = next((t for t in THEMES if t == chosen), "auto")
    say = Translator(language_of(request.headers), context.settings.entity != PROFILE)
    return PageContext(context, person, say, theme, request)


def link(path: str, /, *parts: str, **query: str | None) -> str:
    """Return an address of the console, whatever letters its parts have."""
    where = "/".join([path, *(quote(part, safe="") for part in parts)])
    given_query = {key: value for key, value in query.items() if value}
    return f"{where}?{urlencode(given_query)}" if given_query else where


MOST_ADDRESS = 8_000
"""Characters of an address that every browser and proxy takes."""


# Language and theme lead back to the address as it is now, which holds what is not saved; so only other ways out ask.
ASK_BEFORE_LEAVING = (
    "addEventListener('click',e=>{const a=e.target.closest?.('a[href^=\"/preferences?\"]');if(!a)return;"
    "const u=new URL(a.href);u.searchParams.set('back',location.pathname+location.search);a.href=u.pathname+u.search;"
    "window.tagcastUnsaved=false},true);"
    "addEventListener('beforeunload',e=>{if(window.tagcastUnsaved){e.preventDefault();e.returnValue=''}})"
)


def keep_in_address(client: Client, address: str, *, unsaved: bool = False) -> None:
    """Let the browser's address hold what a page shows, so that reload, back, language and theme bring it again.

    Parameters
    ----------
    client : nicegui.Client
    address : str
        Longer ones than :data:`MOST_ADDRESS` are not kept; then leaving asks alone.
    unsaved : bool
        Whether leaving should ask, since something would be lost.
    """
    kept = (
        f"history.replaceState(history.state, '', {json.dumps(address)});"
        if len(address) <= MOST_ADDRESS
        else ""
    )
    client.run_javascript(f"{kept}window.tagcastUnsaved = {json.dumps(unsaved)};")


def leave_for(client: Client, address: str) -> None:
    """Open another page without asking: what is not saved is saved now, or comes back by the address."""
    # In one script: sent as two messages, the page might go before it knows that it may.
    client.run_javascript(f"window.tagcastUnsaved = false; location.href = {json.dumps(address)}")

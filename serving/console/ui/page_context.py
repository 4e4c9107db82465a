"""One visit to a page: who asks, in which language, and how questions are put to the service context."""

from __future__ import annotations

from asyncio import CancelledError
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, TypeVar, cast
from urllib.parse import quote, urlencode

from tagcast.serving.console.i18n.translator import LANGUAGES, Language, Translator
from tagcast.serving.web.plain_pages import LANGUAGE_COOKIE, THEME_COOKIE

if TYPE_CHECKING:
    from fastapi import Request

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
    """

    context: ServiceContext
    person: Person
    say: Translator
    theme: Theme
    request: Request

    @property
    def language(self) -> Language:
        """The language of the visit."""
        return self.say.language

    def asked(self, name: str, default: str = "") -> str:
        """Return what the address says of ``name``: a part of its path, or of its query."""
        found = self.request.path_params.get(name) or self.request.query_params.get(name)
        return str(found) if found else default

    async def ask(self, question: Callable[..., Answer], *given: object, **named: object) -> Answer:
        """Return the answer to a question of the service layer, off the event loop.

        Parameters
        ----------
        question : callable
            Takes the service context, the person, then what is given.
        """
        from nicegui import core, run

        answer: Any = await run.io_bound(question, self.context, self.person, *given, **named)
        if core.app.is_stopping or core.app.is_stopped:
            raise CancelledError  # NiceGUI answers None then, and nobody looks any more
        return cast("Answer", answer)


def visit_of(context: ServiceContext, request: Request, person: Person) -> PageContext:
    """Return the visit of a request: language and colours by its cookies, else by what the browser prefers."""
    language = request.cookies.get(LANGUAGE_COOKIE, "")
    if language not in LANGUAGES:
        first = request.headers.get("accept-language", "").strip().lower()
        language = "zh" if first.startswith("zh") else "en"
    chosen = request.cookies.get(THEME_COOKIE, "")
    theme: Theme = next((t for t in THEMES if t == chosen), "auto")
    return PageContext(context, person, Translator("zh" if language == "zh" else "en"), theme, request)


def link(path: str, /, *parts: str, **query: str | None) -> str:
    """Return an address of the console, whatever letters its parts have."""
    where = "/".join([path, *(quote(part, safe="") for part in parts)])
    told = {key: value for key, value in query.items() if value}
    return f"{where}?{urlencode(told)}" if told else where

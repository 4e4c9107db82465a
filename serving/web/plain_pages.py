"""Pages of plain HTML that need nothing else from the server, in both languages: log in, nothing there, something failed."""

from __future__ import annotations

from http.cookies import SimpleCookie
from typing import TYPE_CHECKING
from urllib.parse import urlencode

from starlette.responses import HTMLResponse

from tagcast.features.core.messages import (
    LANGUAGES,
    Joined,
    Language,
    Text,
    accepted_language,
    msg,
    pmsg,
    render,
)
from tagcast.features.core.templates import templates

if TYPE_CHECKING:
    from starlette.datastructures import Headers

    from tagcast.features.core.schema.identity_provider import Oidc

LANGUAGE_COOKIE = "tagcast_language"
THEME_COOKIE = "tagcast_theme"
ENTITY_COOKIE = "tagcast_entity"
BEGIN, CALLBACK = "/login/oidc", "/login/oidc/callback"
"""Where a sign-in at an identity provider begins, and where it comes back."""

_TEXTS = {
    "title": msg("Log in"),
    "name": pmsg("login", "Name"),
    "password": msg("Password"),
    "submit": msg("Log in"),
    "intro": msg("Find tags, build audiences, see who is in them."),
    "no": msg("Wrong name or password, or too many failed attempts."),
    "busy": msg("Too many attempts. Wait a minute, then try again."),
    "link": msg(
        "This link has been used already, or belongs to an earlier start. tagcast serve prints a new one each time."
    ),
    "out": msg("You are logged out."),
    "help": msg("No account yet? An administrator can create one with tagcast user add."),
    "failed": msg("Something went wrong"),
    "tell": msg("tagcast made a mistake. Give this number to your administrator:"),
    "missing": msg("There is no such page"),
    "moved": msg("It may have moved, or the address is not quite right."),
    "back": msg("Back to the first page"),
    "or": msg("or with a password"),
    "leaving": msg(
        "You are logged out here. You are being taken to your identity provider, to be logged out there as well."
    ),
    "go": msg("Go on"),
}
_OTHER_LANGUAGE: dict[Language, str] = {"en": "中文", "zh": "English"}

_TAGS: dict[Language, str] = {"en": "en", "zh": "zh-CN"}
_PAGES = templates("tagcast.serving.web")


def language_of(headers: Headers, requested: str | None = None) -> Language:
    """Return the language of a page: as requested, else as chosen before, else as the browser prefers."""
    chosen = (requested, _cookie(headers, LANGUAGE_COOKIE))
    known = (one for wish in chosen for one in LANGUAGES if one == wish)
    return next(known, accepted_language(headers.get("accept-language", "")))


def _cookie(headers: Headers, name: str) -> str:
    cookie = SimpleCookie(headers.get("cookie", "")).get(name)
    return cookie.value if cookie is not None else ""


def safe_path(there: str) -> str:
    """Return ``there`` where it is a page of this server, else the first page."""
    # A second slash or a backslash would lead a browser to another server.
    plain = there.startswith("/") and not there.startswith(("//", "/\\")) and there.isprintable()
    return there if plain and not there.startswith(("/login", "/logout")) else "/"


def login_page(
    headers: Headers,
    *,
    there: str = "/",
    said: str = "",
    problem: Text | Joined | None = None,
    status: int = 200,
    language: str | None = None,
    provider: Oidc | None = None,
) -> HTMLResponse:
    """Return the login page.

    Parameters
    ----------
    headers : Headers
        Of the request; they say in which language.
    there : str
        The page to go to afterwards.
    said : {"", "no", "busy", "link", "out"}
        What the page has to tell.
    problem : Message, Joined or str, optional
        What else it has to tell: why a sign-in elsewhere failed.
    status : int
    language : str, optional
        As requested.
    provider : Oidc, optional
        Where people may sign in instead.
    """
    tongue = language_of(headers, language)
    other: Language = "zh" if tongue == "en" else "en"
    return _page(
        headers,
        "login.html",
        tongue,
        status,
        title=_words(tongue)["title"],
        said=said,
        notice=render(problem, tongue) if problem is not None else _words(tongue)[said] if said else "",
        elsewhere=f"{BEGIN}?{urlencode({'next': safe_path(there)})}" if provider is not None else "",
        sign_in=_sign_in(provider, tongue),
        there=safe_path(there),
        chosen=tongue,
        other=other,
        other_language=_TAGS[other],
    )


def _sign_in(provider: Oidc | None, tongue: Language) -> str:
    if provider is None:
        return ""
    title = provider.title
    return render(msg("Sign in with {title}", title=title.zh if tongue == "zh" else title.en), tongue)


def leaving_page(headers: Headers, url: str) -> HTMLResponse:
    """Return the page that leads on to ``url``, where the provider ends its own session."""
    tongue = language_of(headers)
    words = _words(tongue)
    return _page(headers, "leaving.html", tongue, 200, title=words["out"], text=words["leaving"], url=url)


def missing_page(headers: Headers) -> HTMLResponse:
    """Return the page that stands where there is none."""
    return _message(headers, "missing", "moved", 404)


def failure_page(headers: Headers, problem_id: str) -> HTMLResponse:
    """Return the page that tells of a mistake of the program by its number alone."""
    return _message(headers, "failed", "tell", 500, problem_id)


def _message(headers: Headers, title: str, text: str, status: int, problem_id: str = "") -> HTMLResponse:
    tongue = language_of(headers)
    words = _words(tongue)
    return _page(
        headers, "message.html", tongue, status, title=words[title], text=words[text], problem_id=problem_id
    )


def _words(language: Language) -> dict[str, str]:
    texts = {key: render(text, language) for key, text in _TEXTS.items()}
    return texts | {"other": _OTHER_LANGUAGE[language]}


def _page(headers: Headers, template: str, tongue: Language, status: int, **values: str) -> HTMLResponse:
    chosen = _cookie(headers, THEME_COOKIE)
    theme = chosen if chosen in {"light", "dark"} else "auto"
    html = _PAGES.get_template(template).render(
        language=_TAGS[tongue], theme=theme, words=_words(tongue), **values
    )
    return HTMLResponse(html, status_code=status, headers={"Cache-Control": "no-store"})

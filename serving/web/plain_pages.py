"""Pages of plain HTML that need nothing else from the server, in both languages: log in, nothing there, something failed."""

from __future__ import annotations

from html import escape
from http.cookies import SimpleCookie
from typing import TYPE_CHECKING

from starlette.responses import HTMLResponse

from tagcast.features.core.messages import LANGUAGES, Language, accepted_language, msg, pmsg, render

if TYPE_CHECKING:
    from starlette.datastructures import Headers

LANGUAGE_COOKIE = "tagcast_language"
THEME_COOKIE = "tagcast_theme"

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
}
_OTHER_LANGUAGE: dict[Language, str] = {"en": "中文", "zh": "English"}

_TAGS: dict[Language, str] = {"en": "en", "zh": "zh-CN"}
_LIGHT = """color-scheme:light;--ground:#f6f6f3;--card:#fff;--ink:#1c2326;--soft:#52605f;--line:#e2e1dc;--deed:#0c6b64;
--on-deed:#fff;--bad:#b3372f;--bad-ground:#fbe7e4;--info:#efefeb"""
_DARK = """color-scheme:dark;--ground:#101417;--card:#171c20;--ink:#e8ecec;--soft:#a9b5b4;--line:#2a3238;--deed:#58c4b6;
--on-deed:#06211e;--bad:#f0867d;--bad-ground:#3d1f1d;--info:#1e252a"""
_STYLE = (
    f""":root{{{_LIGHT}}}@media (prefers-color-scheme:dark){{:root:not([data-theme=light]){{{_DARK}}}}}
:root[data-theme=dark]{{{_DARK}}}
"""
    """*{box-sizing:border-box}body{margin:0;min-height:100vh;display:grid;place-items:center;padding:1.5rem;background:var(--ground);
color:var(--ink);font:16px/1.5 system-ui,"Noto Sans","Noto Sans CJK SC","PingFang SC","Microsoft YaHei",sans-serif}
main{width:min(24rem,100%);background:var(--card);border:1px solid var(--line);border-radius:14px;padding:2rem}
h1{font-size:1.35rem;margin:0 0 .25rem}p{margin:0 0 1.25rem;color:var(--soft)}label{display:block;margin:0 0 .3rem;font-weight:600}
input{width:100%;font:inherit;color:inherit;background:transparent;border:1px solid var(--line);border-radius:9px;padding:.6rem .75rem;
margin-bottom:1rem}button{width:100%;font:inherit;font-weight:600;border:0;border-radius:9px;padding:.7rem;cursor:pointer;
background:var(--deed);color:var(--on-deed)}:focus-visible{outline:3px solid var(--deed);outline-offset:2px}
.said{border-radius:9px;padding:.6rem .75rem;margin-bottom:1rem;color:var(--bad);background:var(--bad-ground)}
.said.out{color:var(--ink);background:var(--info)}
.foot{display:flex;justify-content:space-between;gap:1rem;margin:1.25rem 0 0;font-size:.875rem}a{color:var(--deed);white-space:nowrap}
"""
)


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
    headers: Headers, *, there: str = "/", said: str = "", status: int = 200, language: str | None = None
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
    status : int
    language : str, optional
        As requested.
    """
    tongue = language_of(headers, language)
    words = _escaped(tongue)
    other: Language = "zh" if tongue == "en" else "en"
    role = "status" if said == "out" else "alert"
    notice = f'<div class="said {said}" role="{role}">{words[said]}</div>' if said else ""
    body = f"""<h1>tagcast</h1><p>{words["intro"]}</p>{notice}
<form method="post" action="/login">
<input type="hidden" name="next" value="{escape(safe_path(there))}"><input type="hidden" name="language" value="{tongue}">
<label for="name">{words["name"]}</label>
<input id="name" name="name" autocomplete="username" autocapitalize="none" required autofocus>
<label for="password">{words["password"]}</label>
<input id="password" name="password" type="password" autocomplete="current-password" required>
<button type="submit">{words["submit"]}</button></form>
<p class="foot"><span>{words["help"]}</span><a href="/login?language={other}" lang="{_TAGS[other]}">{words["other"]}</a></p>"""
    return _page(headers, tongue, words["title"], body, status)


def missing_page(headers: Headers) -> HTMLResponse:
    """Return the page that stands where there is none."""
    tongue = language_of(headers)
    words = _escaped(tongue)
    body = f"""<h1>{words["missing"]}</h1><p>{words["moved"]}</p>
<p class="foot"><a href="/">{words["back"]}</a></p>"""
    return _page(headers, tongue, words["missing"], body, 404)


def failure_page(headers: Headers, problem_id: str) -> HTMLResponse:
    """Return the page that tells of a mistake of the program by its number alone."""
    tongue = language_of(headers)
    words = _escaped(tongue)
    body = f"""<h1>{words["failed"]}</h1><p>{words["tell"]} <strong>{escape(problem_id)}</strong></p>
<p class="foot"><a href="/">{words["back"]}</a></p>"""
    return _page(headers, tongue, words["failed"], body, 500)


def _escaped(language: Language) -> dict[str, str]:
    texts = {key: render(text, language) for key, text in _TEXTS.items()} | {
        "other": _OTHER_LANGUAGE[language]
    }
    return {key: escape(text) for key, text in texts.items()}


def _page(headers: Headers, tongue: Language, title: str, body: str, status: int) -> HTMLResponse:
    chosen = _cookie(headers, THEME_COOKIE)
    theme = chosen if chosen in {"light", "dark"} else "auto"
    html = f"""<!doctype html>
<html lang="{_TAGS[tongue]}" data-theme="{theme}"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title} · tagcast</title><link rel="icon" href="data:,"><style>{_STYLE}</style></head>
<body><main>{body}</main></body></html>"""
    return HTMLResponse(html, status_code=status, headers={"Cache-Control": "no-store"})

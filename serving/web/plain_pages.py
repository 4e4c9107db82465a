"""Pages of plain HTML that need nothing else from the server, in both languages: log in, nothing there, something failed."""

from __future__ import annotations

from http.cookies import SimpleCookie
from typing import TYPE_CHECKING

from starlette.responses import HTMLResponse

from tagcast.features.core.templates import templates

if TYPE_CHECKING:
    from starlette.datastructures import Headers

LANGUAGE_COOKIE = "tagcast_language"
THEME_COOKIE = "tagcast_theme"

WORDS = {
    "en": {
        "title": "Log in",
        "name": "Name",
        "password": "Password",
        "submit": "Log in",
        "intro": "Find tags, choose audiences, see who is in them.",
        "no": "That name and password do not go together, or too many attempts failed.",
        "busy": "Too many attempts. Wait a minute, then try again.",
        "link": "That link has been used, or is of an earlier start. tagcast serve prints a new one each time.",
        "out": "You are logged out.",
        "help": "No account yet? An administrator makes one with tagcast user add.",
        "other": "中文",
        "failed": "Something went wrong",
        "tell": "tagcast has made a mistake. Tell whoever runs it:",
        "missing": "There is no such page",
        "moved": "It may have moved, or the address is not quite right.",
        "back": "Back to the first page",
    },
    "zh": {
        "title": "登录",
        "name": "用户名",
        "password": "密码",
        "submit": "登录",
        "intro": "查找标签，圈选人群，了解人群构成。",
        "no": "用户名或密码不正确，或失败次数过多。",
        "busy": "尝试次数过多，请一分钟后再试。",
        "link": "该链接已被使用，或属于上一次启动。每次运行 tagcast serve 都会显示新的链接。",
        "out": "您已退出登录。",
        "help": "还没有账号？请管理员运行 tagcast user add 创建。",
        "other": "English",
        "failed": "出错了",
        "tell": "tagcast 内部出错。请将以下编号告知管理员：",
        "missing": "页面不存在",
        "moved": "页面可能已移动，或地址有误。",
        "back": "返回首页",
    },
}

_TAGS = {"en": "en", "zh": "zh-CN"}
_PAGES = templates("tagcast.serving.web")


def language_of(headers: Headers, asked: str | None = None) -> str:
    """Return ``en`` or ``zh``: as asked, else as chosen before, else as the browser prefers."""
    if asked in WORDS:
        return str(asked)
    chosen = _cookie(headers, LANGUAGE_COOKIE)
    if chosen in WORDS:
        return chosen
    for part in headers.get("accept-language", "").split(","):
        tongue = part.split(";")[0].strip().lower().split("-")[0]
        if tongue in WORDS:
            return tongue
    return "en"


def _cookie(headers: Headers, name: str) -> str:
    found = SimpleCookie(headers.get("cookie", "")).get(name)
    return found.value if found is not None else ""


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
        What has to be told.
    status : int
    language : str, optional
        As asked for.
    """
    tongue = language_of(headers, language)
    other = "zh" if tongue == "en" else "en"
    return _page(
        headers,
        "login.html",
        tongue,
        status,
        title=WORDS[tongue]["title"],
        said=said,
        there=safe_path(there),
        chosen=tongue,
        other=other,
        other_language=_TAGS[other],
    )


def missing_page(headers: Headers) -> HTMLResponse:
    """Return the page that stands where there is none."""
    return _message(headers, "missing", "moved", 404)


def failure_page(headers: Headers, problem_id: str) -> HTMLResponse:
    """Return the page that tells of a mistake of the program by its number alone."""
    return _message(headers, "failed", "tell", 500, problem_id)


def _message(headers: Headers, title: str, text: str, status: int, problem_id: str = "") -> HTMLResponse:
    tongue = language_of(headers)
    words = WORDS[tongue]
    return _page(
        headers, "message.html", tongue, status, title=words[title], text=words[text], problem_id=problem_id
    )


def _page(headers: Headers, template: str, tongue: str, status: int, **values: str) -> HTMLResponse:
    chosen = _cookie(headers, THEME_COOKIE)
    theme = chosen if chosen in {"light", "dark"} else "auto"
    html = _PAGES.get_template(template).render(
        language=_TAGS[tongue], theme=theme, words=WORDS[tongue], **values
    )
    return HTMLResponse(html, status_code=status, headers={"Cache-Control": "no-store"})

"""Errors as answers: what is wrong and how to fix it, never how the program looks inside."""

from __future__ import annotations

import logging
import secrets
from typing import TYPE_CHECKING, Any

from starlette.responses import JSONResponse

from tagcast.features.core.errors import (
    ConfigError,
    ConflictError,
    DefinitionError,
    FilterError,
    NotAllowedError,
    NotFoundError,
    StateError,
    StoreBusyError,
    StoreError,
    TagcastError,
)
from tagcast.features.core.messages import Joined, Message, Text, msg, render
from tagcast.features.core.telemetry.json_log import brief
from tagcast.serving.web.plain_pages import language_of
from tagcast.serving.web.request_errors import request_problem

if TYPE_CHECKING:
    from fastapi import FastAPI
    from starlette.datastructures import Headers
    from starlette.requests import Request
    from starlette.types import Scope

log = logging.getLogger("tagcast")

_STATUS: tuple[tuple[type[TagcastError], int], ...] = (
    (NotAllowedError, 403),
    (NotFoundError, 404),
    (ConflictError, 409),
    (StoreBusyError, 409),
    (FilterError, 422),
    (DefinitionError, 422),
    (StoreError, 503),
    (StateError, 503),
    (ConfigError, 503),
)

_HTTP: dict[int, tuple[str, Message]] = {
    400: ("invalid_request", msg("the body of the request cannot be read")),
    404: ("not_found", msg("there is no such route")),
    405: ("method_not_allowed", msg("this route does not take that method")),
    413: ("too_large", msg("the request is too large")),
}


def status_of(error: TagcastError) -> int:
    """Return the status code of an error that a person can fix."""
    return next((status for kind, status in _STATUS if isinstance(error, kind)), 400)


def problem(
    headers: Headers, status: int, code: str, error: Text | Joined, hint: Text | Joined = "", **more: Any
) -> JSONResponse:
    """Return an error as JSON in the reader's language.

    Parameters
    ----------
    headers : Headers
        Of the request; they say in which language.
    status : int
    code : str
        What programs branch on; the same in every language.
    error, hint : Message, Joined or str
        What is wrong, and how to fix it.
    more
        What else is known, such as ``params`` and ``position``.
    """
    language = language_of(headers)
    body = {"code": code, "error": render(error, language), "hint": render(hint, language), **more}
    return JSONResponse(body, status_code=status, headers={"Content-Language": language})


def answer_of(headers: Headers, error: TagcastError) -> JSONResponse:
    """Return the answer to an error that a person can fix."""
    more = {"position": error.position} if isinstance(error, FilterError) else {}
    return problem(
        headers, status_of(error), error.code, error.message, error.hint, params=error.params, **more
    )


def log_mistake(error: BaseException, method: str, path: str) -> str:
    """Log a mistake of the program and return the number that a client gets.

    The log gets the kind of the error and where it happened, not its message: that may quote a profile.
    """
    number = secrets.token_hex(4)
    log.error("problem %s: %s in %s %s", number, brief(error), method, path)
    return number


class Brief(logging.Filter):
    """Lets a library log that something failed, and where, but nothing that an error or an address quotes."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Shorten a record."""
        error = record.exc_info[1] if record.exc_info else None
        shown = record.levelno >= logging.ERROR
        if error is not None:
            record.msg, record.args, record.exc_info, record.exc_text = brief(error), (), None, None
        return shown


def mistake(headers: Headers, number: str) -> JSONResponse:
    """Return the answer to a mistake of the program."""
    return problem(
        headers,
        500,
        "internal",
        msg("tagcast has made a mistake"),
        msg("give this number to whoever runs tagcast: {number}", number=number),
        id=number,
    )


def route_of(scope: Scope) -> str:
    """Return the path of the route, without what it names: a profile's id belongs into no log."""
    return str(getattr(scope.get("route"), "path", "(no route)"))


def add_handlers(app: FastAPI) -> None:
    """Let ``app`` answer errors in one way."""
    from fastapi.exceptions import RequestValidationError
    from starlette.exceptions import HTTPException

    async def known(request: Request, error: Exception) -> JSONResponse:
        assert isinstance(error, TagcastError)  # noqa: S101
        return answer_of(request.headers, error)

    async def wrong(request: Request, error: Exception) -> JSONResponse:
        assert isinstance(error, RequestValidationError)  # noqa: S101
        hint = msg("/api/v1/docs shows what each route takes")
        return problem(request.headers, 422, "invalid_request", request_problem(error.errors()), hint)

    async def http(request: Request, error: Exception) -> JSONResponse:
        assert isinstance(error, HTTPException)  # noqa: S101
        code, sentence = _HTTP.get(error.status_code, ("http", str(error.detail)))
        hint = msg("/api/v1/docs lists the routes")
        answer = problem(request.headers, error.status_code, code, sentence, hint)
        answer.headers.update(error.headers or {})
        return answer

    async def unknown(request: Request, error: Exception) -> JSONResponse:
        number = log_mistake(error, request.method, route_of(request.scope))
        return mistake(request.headers, number)

    app.add_exception_handler(TagcastError, known)
    app.add_exception_handler(RequestValidationError, wrong)
    app.add_exception_handler(HTTPException, http)
    app.add_exception_handler(Exception, unknown)

"""Errors as answers: what is wrong and how to fix it, never how the program looks inside."""

from __future__ import annotations

import logging
import secrets
import traceback
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

if TYPE_CHECKING:
    from fastapi import FastAPI
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


def status_of(error: TagcastError) -> int:
    """Return the status code of an error that a person can fix."""
    return next((status for kind, status in _STATUS if isinstance(error, kind)), 400)


def problem(status: int, error: str, hint: str = "", **more: Any) -> JSONResponse:
    """Return an error as JSON: ``error``, ``hint`` and what else is known."""
    return JSONResponse({"error": error, "hint": hint, **more}, status_code=status)


def answer_of(error: TagcastError) -> JSONResponse:
    """Return the answer to an error that a person can fix."""
    more = {"position": error.position} if isinstance(error, FilterError) else {}
    message, hint = error.rendered("en")
    return problem(status_of(error), message, hint, **more)


def log_mistake(error: BaseException, method: str, path: str) -> str:
    """Log a mistake of the program and return the number that a client is told.

    The log gets the kind of the error and where it happened, not its message: that may quote a profile.
    """
    number = secrets.token_hex(4)
    log.error("problem %s: %s in %s %s", number, brief(error), method, path)
    return number


def brief(error: BaseException) -> str:
    """Return the kind of an error and the last places it came through."""
    frames = traceback.extract_tb(error.__traceback__)[-6:]
    return f"{type(error).__name__} ({' < '.join(f'{f.filename}:{f.lineno} {f.name}' for f in reversed(frames))})"


class Brief(logging.Filter):
    """Lets a library log that something failed, and where, but nothing that an error or an address quotes."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Shorten a record."""
        error = record.exc_info[1] if record.exc_info else None
        shown = record.levelno >= logging.ERROR
        if error is not None:
            record.msg, record.args, record.exc_info, record.exc_text = brief(error), (), None, None
        return shown


def mistake(number: str) -> JSONResponse:
    """Return the answer to a mistake of the program."""
    return problem(500, "tagcast has made a mistake", f"tell whoever runs it: problem {number}", id=number)


def route_of(scope: Scope) -> str:
    """Return the path of the route, without what it names: a profile's id belongs into no log."""
    return str(getattr(scope.get("route"), "path", "(no route)"))


def add_handlers(app: FastAPI) -> None:
    """Let ``app`` answer errors in one way."""
    from fastapi.exceptions import RequestValidationError
    from starlette.exceptions import HTTPException

    async def known(_request: Request, error: Exception) -> JSONResponse:
        assert isinstance(error, TagcastError)  # noqa: S101
        return answer_of(error)

    async def wrong(_request: Request, error: Exception) -> JSONResponse:
        assert isinstance(error, RequestValidationError)  # noqa: S101
        # What was found is not repeated: it may be megabytes, or a profile.
        said = [f"{'.'.join(map(str, e['loc']))}: {e['msg']}" for e in error.errors()[:10]]
        return problem(422, "; ".join(said), "/api/v1/docs shows what each route takes")

    async def http(_request: Request, error: Exception) -> JSONResponse:
        assert isinstance(error, HTTPException)  # noqa: S101
        answer = problem(error.status_code, str(error.detail), "/api/v1/docs lists the routes")
        answer.headers.update(error.headers or {})
        return answer

    async def unknown(request: Request, error: Exception) -> JSONResponse:
        return mistake(log_mistake(error, request.method, route_of(request.scope)))

    app.add_exception_handler(TagcastError, known)
    app.add_exception_handler(RequestValidationError, wrong)
    app.add_exception_handler(HTTPException, http)
    app.add_exception_handler(Exception, unknown)

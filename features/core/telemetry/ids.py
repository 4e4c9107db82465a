"""Which request, and which call of a command, is worked on: what its log lines and spans have in common."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

_request: ContextVar[str] = ContextVar("tagcast_request_id", default="")
_run: ContextVar[str] = ContextVar("tagcast_run_id", default="")


def request_id() -> str:
    """Return the id of the request that is answered, as its answer has it under ``X-Request-Id``; empty outside of one."""
    return _request.get()


def run_id() -> str:
    """Return the id of the call of a command that runs; empty where none does."""
    return _run.get()


def new_id() -> str:
    """Return an id that nothing else has."""
    return secrets.token_hex(8)


@contextmanager
def within_request(name: str) -> Iterator[None]:
    """Let what runs inside be of the request ``name``."""
    before = _request.set(name)
    try:
        yield
    finally:
        _request.reset(before)


@contextmanager
def within_run(name: str) -> Iterator[None]:
    """Let what runs inside be of the call ``name``."""
    before = _run.set(name)
    try:
        yield
    finally:
        _run.reset(before)

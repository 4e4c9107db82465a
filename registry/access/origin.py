"""Where a question comes from: by which door, from which address, in which request, and for what.

Services take the person who asks. What surrounds the question is the same for all that one request does, and only the access log
wants it; so it is set once where a request, a command or a page begins, and read where a line is written.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Literal

from tagcast.features.core.errors import PurposeNeededError
from tagcast.features.core.messages import msg
from tagcast.registry.state.text_validation import storable

MOST_PURPOSE = 300


@dataclass(frozen=True)
class Origin:
    """Where a question comes from.

    Parameters
    ----------
    via : {"api", "console", "cli", "python"}
    address : str
        Of the client; empty on this machine.
    request : str
        Id of the request, as its answer has it under ``X-Request-Id``.
    purpose : str
        What it is asked for, where somebody said so.
    owns_files : bool
        Whether it is asked by who reads the project's files anyway, without a key.
    """

    via: Literal["api", "console", "cli", "python"] = "python"
    address: str = ""
    request: str = ""
    purpose: str = ""
    owns_files: bool = False


_current: ContextVar[Origin] = ContextVar("tagcast_origin")


def origin() -> Origin:
    """Return where what runs now was asked from; what nobody has set is Python in this process."""
    return _current.get(Origin())


@contextmanager
def asked_from(where: Origin) -> Iterator[None]:
    """Let what runs inside be asked from ``where``."""
    before = _current.set(where)
    try:
        yield
    finally:
        _current.reset(before)


def cleaned_purpose(text: str | None) -> str:
    """Return a purpose as it is kept: one line, of at most 300 characters."""
    line = " ".join((text or "").split())
    return line[:MOST_PURPOSE] if storable(line) and line.isprintable() else ""


def check_purpose(*, needed: bool) -> None:
    """Pass only a question that says what it is for, where that is ``needed`` (``[access] ask_purpose``).

    Raises
    ------
    PurposeNeededError
        Before anything is read.
    """
    if needed and not origin().purpose:
        raise PurposeNeededError(
            msg("whoever looks at single profiles has to say what for"),
            hint=msg(
                "{option} in a command, the header {header} to the API",
                option="--purpose TEXT",
                header="X-Purpose",
            ),
        )

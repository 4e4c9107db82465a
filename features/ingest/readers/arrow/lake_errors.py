"""What stands in the way of reading a table of a lake, and how to fix it; never with a key or token of its store."""

from __future__ import annotations

import re

from tagcast.features.core.errors import DataError
from tagcast.features.core.messages import Message, msg
from tagcast.features.core.raw_errors import raw_text

_IN_NO_NAME = r"(?<![\w./-])(?:{})(?![\w/-]|\.\w)"
DENIED = _IN_NO_NAME.format("401|403")
"""A status of HTTP that stands by itself: folders and files may be called so too."""
_GONE = re.compile(rf"not ?found|no such file|{_IN_NO_NAME.format(404)}|does not exist", re.IGNORECASE)
_DENIED = re.compile(
    rf"access ?denied|forbidden|unauthori[sz]ed|permission|{DENIED}|credential|invalidaccesskey|signature",
    re.IGNORECASE,
)
_SECRETS = re.compile(r"\?[^\s'\"]*|(?<=://)[^/\s@]+@")


def driver_missing(kind: str, library: str, extra: str, where: str) -> DataError:
    """Return the error that the library of a kind is not installed."""
    return DataError(
        msg("{where}: a table of {kind} is read by {library}, which is not installed", where=where, kind=kind,
            library=library),
        hint=msg("install it: {command}", command=f"pip install 'tagcast[{extra}]'"),
    )  # fmt: skip


def lake_error(error: Exception, kind: str, address: str, where: str) -> DataError:
    """Return what a library raised while it opened or read a table, as one of the data."""
    raw = str(error)
    hint: Message = msg(
        "check that the folder is a whole table, and that this version of the library reads it"
    )
    if is_denied(raw):
        hint = msg("check the credentials of the store in the environment, and its rights")
    elif isinstance(error, FileNotFoundError) or _GONE.search(raw):
        hint = msg(
            "a file of the version is gone, or the table is: restore it, or write a new version; tables must be kept "
            "(VACUUM, expired snapshots) for longer than a load takes"
        )
    return DataError(
        msg("{where}: {path} cannot be read as a table of {kind}: {reason}", where=where, path=address, kind=kind,
            reason=raw_text(without_secrets(raw) or type(error).__name__)),
        hint=hint,
    )  # fmt: skip


def is_denied(raw: str) -> bool:
    """Return whether what a library said is about rights or keys."""
    return _DENIED.search(raw) is not None


def without_secrets(text: str) -> str:
    """Return a library's message without what follows a question mark in addresses, or stands before their host."""
    return _SECRETS.sub("", text)

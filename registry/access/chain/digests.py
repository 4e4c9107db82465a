"""Digests of lines: one text for each line, hashed with what was before it."""

from __future__ import annotations

import hmac
import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import sha256
from typing import Any, Literal

from sqlalchemy import Connection, Table, select

from tagcast.registry.state.tables import ACCESSES, AUDIT, AUDIT_CHAIN

LogName = Literal["audit", "access"]
LOGS: dict[LogName, Table] = {"audit": AUDIT, "access": ACCESSES}
KEY = "TAGCAST_AUDIT_KEY"
"""Environment variable that holds the key of the digests; without it they are plain SHA-256."""
FIRST = "0" * 64
"""Stands for the digest before the first line."""


@dataclass(frozen=True)
class Head:
    """The last line of the chain.

    Parameters
    ----------
    number : int
        How many lines there are.
    digest : str
        Of the last one, in hexadecimal.
    """

    number: int
    digest: str


def head_of(connection: Connection) -> Head:
    """Return the head of the chain as the database has it."""
    query = select(AUDIT_CHAIN.c.number, AUDIT_CHAIN.c.digest).order_by(AUDIT_CHAIN.c.number.desc()).limit(1)
    last = connection.execute(query).one_or_none()
    return Head(0, FIRST) if last is None else Head(last.number, last.digest)


def seal_of(connection: Connection, below: int | None) -> str:
    """Return a digest of all lines of the audit log, or those with an id below ``below``, in their order."""
    query = select(AUDIT).order_by(AUDIT.c.id)
    if below is not None:
        query = query.where(AUDIT.c.id < below)
    whole = sha256()
    for line in connection.execute(query.execution_options(yield_per=1_000)).mappings():
        whole.update(canonical(dict(line)).encode() + b"\n")
    return whole.hexdigest()


def digest_of(entry: Mapping[str, Any], line: Mapping[str, Any]) -> str:
    """Return the digest of a line and its place in the chain.

    Parameters
    ----------
    entry : mapping
        ``number``, ``log``, ``line`` (its id), ``before`` and ``key``, as the chain holds them.
    line : mapping
        As its log holds it.
    """
    place = {name: entry[name] for name in ("number", "log", "before", "key")}
    text = canonical({**place, "line": line}).encode()
    secret = os.environ.get(KEY, "").encode()
    return hmac.new(secret, text, sha256).hexdigest() if entry["key"] else sha256(text).hexdigest()


def canonical(value: Mapping[str, Any]) -> str:
    """Return JSON of which there is one for each value: keys in order, no blanks, ASCII alone, moments in UTC."""
    return json.dumps(
        dict(value), sort_keys=True, separators=(",", ":"), ensure_ascii=True, default=_as_plain
    )


def _as_plain(value: Any) -> Any:
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat(timespec="microseconds")
    return dict(value)


def key_name() -> str:
    """Return what names the key of the environment without telling it; empty where there is none."""
    secret = os.environ.get(KEY, "")
    return sha256(b"tagcast audit key " + secret.encode()).hexdigest()[:16] if secret else ""

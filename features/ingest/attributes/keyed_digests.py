"""Attributes as keyed digests: HMAC-SHA256 of what the source says, so that equal values stay equal and none can be read."""

from __future__ import annotations

import hmac
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pyarrow as pa
from sqlglot import exp

from tagcast.features.core.errors import ConfigError
from tagcast.features.core.messages import msg
from tagcast.features.core.settings import Settings
from tagcast.features.core.urls import expand

SHORTEST_KEY = 32
_FUNCTION = "tagcast_keyed_digest"


def hashed_columns(settings: Settings) -> tuple[str, ...]:
    """Return the attributes that are stored as keyed digests."""
    return settings.profiles.hashed if settings.profiles else ()


def hash_key(settings: Settings) -> bytes | None:
    """Return the key of the digests, None where nothing is hashed.

    Raises
    ------
    ConfigError
        When its variable is not set, or holds what can be tried out: who knows the key knows every email by trying.
    """
    place = settings.profiles
    if place is None or place.hash_key is None:
        return None
    where = f"{settings.path.name}: profiles.hash_key"
    key = expand(place.hash_key, where)
    if len(key) < SHORTEST_KEY:
        raise ConfigError(
            msg(
                "{where}: the key has {length} characters, at least {least} are needed",
                where=where,
                length=len(key),
                least=SHORTEST_KEY,
            ),
            hint=msg(
                "make one with {command}, and keep it: digests in saved audiences are made with it",
                command="openssl rand -hex 32",
            ),
        )
    return key.encode()


def keyed_digest(key: bytes, text: str) -> str:
    """Return the digest of a text as 64 hexadecimal digits, as ``openssl dgst -sha256 -hmac KEY`` writes it."""
    return hmac.digest(key, text.encode(), "sha256").hex()


def mark_of_key(settings: Settings) -> str:
    """Return what is other where the key is another, and tells nothing of it; empty where nothing is hashed."""
    key = hash_key(settings)
    return "" if key is None else keyed_digest(key, "tagcast: the key of the last load")


def digest(text: exp.Expr) -> exp.Expr:
    """Return the expression of the digest of a text; it runs within :func:`digests`."""
    return exp.Anonymous(this=_FUNCTION, expressions=[text])


@contextmanager
def digests(connection: Any, key: bytes | None) -> Iterator[None]:
    """Let queries of a DuckDB connection compute digests. The key is in no text of a query, which errors quote."""
    if key is None:
        yield
        return

    def of_texts(texts: pa.ChunkedArray) -> pa.Array:
        return pa.array([None if t is None else keyed_digest(key, t) for t in texts.to_pylist()], pa.string())

    connection.create_function(_FUNCTION, of_texts, ["VARCHAR"], "VARCHAR", type="arrow")
    try:
        yield
    finally:
        connection.remove_function(_FUNCTION)

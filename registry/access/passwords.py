"""Passwords: hashed by argon2."""

from __future__ import annotations

import secrets
from functools import cache
from threading import BoundedSemaphore
from typing import TYPE_CHECKING

from tagcast.features.core.errors import TagcastError
from tagcast.features.core.messages import msg
from tagcast.registry.state.text_validation import storable

if TYPE_CHECKING:
    from argon2 import PasswordHasher

LENGTHS = (10, 1_000)
_hashing_slots = BoundedSemaphore(4)  # each takes 64 MB: a crowd at the door must not take the memory


def hashed(password: str, name: str) -> str:
    """Return what is stored of ``password``.

    Raises
    ------
    TagcastError
        For one that is too short or too long, or the name of its owner.
    """
    shortest, longest = LENGTHS
    if not shortest <= len(password) <= longest or not storable(password):
        raise TagcastError(
            msg(
                "expected a password of {shortest} to {longest:,} characters",
                shortest=shortest,
                longest=longest,
            ),
            hint=msg("take a longer one"),
        )
    if password.casefold() == name:
        raise TagcastError(msg("the password is the name"), hint=msg("take another one"))
    with _hashing_slots:
        return _hasher().hash(password)


def matches(stored: str | None, password: str) -> bool:
    """Return whether ``password`` is the one that ``stored`` was made of; takes as long where nothing is stored."""
    from argon2.exceptions import Argon2Error, InvalidHashError

    nobodys = _nobodys()
    if not storable(password) or len(password) > LENGTHS[1]:
        password, stored = "", None
    try:
        with _hashing_slots:
            return _hasher().verify(stored or nobodys, password) and stored is not None
    except (Argon2Error, InvalidHashError):
        return False


def outdated(stored: str) -> bool:
    """Return whether argon2 requires more effort today than when ``stored`` was made."""
    return _hasher().check_needs_rehash(stored)


@cache
def _hasher() -> PasswordHasher:
    from argon2 import PasswordHasher

    return PasswordHasher()


@cache
def _nobodys() -> str:
    """Return the hash of a password that nobody knows."""
    return _hasher().hash(secrets.token_urlsafe(32))

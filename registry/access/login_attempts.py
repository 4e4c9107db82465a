"""Wrong passwords are counted by name and address together: a stranger keeps nobody else out."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import sha256
from ipaddress import IPv6Address, ip_address, ip_network

from sqlalchemy import delete, func, select

from tagcast.registry.state.database import State
from tagcast.registry.state.tables import LOGIN_ATTEMPTS

ATTEMPTS_ALLOWED = 10
ATTEMPTS_WITHIN = timedelta(minutes=15)
IPV6_PREFIX = 64
"""Bits that a provider gives to one customer: whoever has one address there has all."""


@dataclass(frozen=True)
class Attempt:
    """One try at a password.

    Parameters
    ----------
    allowed : bool
        Whether it may be checked at all.
    last : bool
        Whether the next one has to wait unless this one is right.
    """

    allowed: bool
    last: bool


def note_attempt(state: State, name: str, address: str, now: datetime) -> Attempt:
    """Note an attempt for ``name`` from ``address``: of 15 minutes, the first 10 are allowed.

    The attempt is noted before the password is checked: many at once are counted like many in turn.
    """
    table = LOGIN_ATTEMPTS
    pair = {"name": _digest(name), "address": _digest(network_of(address))}
    with state.writing() as connection:
        connection.execute(delete(table).where(table.c.at <= now - ATTEMPTS_WITHIN))
        same = (table.c.name == pair["name"]) & (table.c.address == pair["address"])
        count = connection.scalar(select(func.count()).select_from(table).where(same)) or 0
        if count < ATTEMPTS_ALLOWED:
            connection.execute(table.insert().values(**pair, at=now))
    return Attempt(allowed=count < ATTEMPTS_ALLOWED, last=count == ATTEMPTS_ALLOWED - 1)


def forgive(state: State, name: str, address: str | None = None) -> None:
    """Forget the attempts for ``name``: those from ``address`` since one was right, or all of them."""
    which = LOGIN_ATTEMPTS.c.name == _digest(name)
    if address is not None:
        which &= LOGIN_ATTEMPTS.c.address == _digest(network_of(address))
    with state.writing() as connection:
        connection.execute(delete(LOGIN_ATTEMPTS).where(which))


def network_of(address: str) -> str:
    """Return who is counted as one: an address of version 4, a network of 64 bits of version 6."""
    try:
        there = ip_address(address)
    except ValueError:
        return address
    if not isinstance(there, IPv6Address):
        return str(there)
    if there.ipv4_mapped is not None:
        return str(there.ipv4_mapped)
    return str(ip_network((there.packed[: IPV6_PREFIX // 8] + bytes(8), IPV6_PREFIX)))


def _digest(text: str) -> str:
    """Return a name as it is noted: somebody may have typed a password into the wrong field."""
    return sha256(text.encode("utf-8", "surrogatepass")).hexdigest()

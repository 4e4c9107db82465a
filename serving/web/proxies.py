"""Who is at the other end of a connection, also behind a reverse proxy, and what the access log keeps of that."""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from starlette.datastructures import Headers

from tagcast.registry.access.origin import Origin, cleaned_purpose

if TYPE_CHECKING:
    from starlette.types import Scope


PURPOSE = "X-Purpose"


@dataclass(frozen=True)
class Peer:
    """Where a request comes from.

    Parameters
    ----------
    address : str
        Of the client; behind a trusted proxy, the one that it names.
    secure : bool
        Whether the client speaks https.
    proxied : bool
        Whether a trusted proxy hands the request on: its headers are believed.
    """

    address: str
    secure: bool
    proxied: bool


class TrustedProxies:
    """Tells who is at the other end.

    Parameters
    ----------
    trusted : sequence of str
        Addresses or networks of the reverse proxies that are believed.
    """

    def __init__(self, trusted: Sequence[str]) -> None:
        self._trusted: list[IPv4Network | IPv6Network] = [ip_network(t, strict=False) for t in trusted]

    def of(self, scope: Scope) -> Peer:
        """Return who sent the request of an ASGI ``scope``."""
        client: Any = scope.get("client")
        address = str(client[0]) if client else ""
        secure = scope.get("scheme") in {"https", "wss"}
        if not self._is_trusted(address):
            return Peer(address, secure, proxied=False)
        headers = Headers(scope=scope)
        # The nearest proxy writes on the right: the first one there that is not ours is the client.
        hops = [
            h.strip() for line in headers.getlist("x-forwarded-for") for h in line.split(",") if h.strip()
        ]
        far = next((hop for hop in reversed(hops) if not self._is_trusted(hop)), address)
        schemes = [s.strip() for s in headers.get("x-forwarded-proto", "").split(",") if s.strip()]
        return Peer(far, schemes[-1] == "https" if schemes else secure, proxied=True)

    def _is_trusted(self, address: str) -> bool:
        try:
            there = ip_address(address)
        except ValueError:
            return False
        return any(there in network for network in self._trusted)


def is_same_origin(scope: Scope, origins: Collection[str]) -> bool:
    """Return whether a browser sent the request from a page of ours.

    Browsers name the page's origin in every request that changes something and in every websocket; a request
    that names none is not believed, since it carries the person's cookie all the same.

    Parameters
    ----------
    scope : Scope
    origins : collection of str
        Further origins of the console, ``https://…``.
    """
    headers = Headers(scope=scope)
    origin = headers.get("origin") or headers.get("referer") or ""
    parts = urlsplit(origin)
    if not parts.netloc:
        return False
    return parts.netloc == headers.get("host") or f"{parts.scheme}://{parts.netloc}" in origins


def is_known_host(scope: Scope, hosts: Collection[str]) -> bool:
    """Return whether a request is for one of ``hosts``, whatever its port; no hosts are any.

    A page of another site whose name an attacker lets point here would be served as ours otherwise.

    Parameters
    ----------
    scope : Scope
    hosts : collection of str
        In small letters; ``*.example.org`` is every name below it.
    """
    if not hosts:
        return True
    given = Headers(scope=scope).getlist("host")
    host = re.sub(r":\d*$", "", given[0]).lower().rstrip(".") if len(given) == 1 else ""
    return host in hosts or any(h.startswith("*.") and host.endswith(h[1:]) and host != h[1:] for h in hosts)


def origin_of(scope: Scope, peer: Peer) -> Origin:
    """Return where a request comes from.

    Parameters
    ----------
    scope : Scope
        With the id that :class:`tagcast.serving.web.request_log.RequestLog` gave it; its header ``X-Purpose`` is UTF-8.
    peer : Peer
    """
    headers = Headers(scope=scope)
    number = scope["state"]["request_id"]
    purpose = headers.get(PURPOSE, "").encode("latin-1").decode("utf-8", "replace")
    to_api = scope["path"].startswith("/api/")
    return Origin("api" if to_api else "console", peer.address, number, cleaned_purpose(purpose))

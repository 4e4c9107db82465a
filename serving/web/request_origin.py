"""Where a request comes from, as the access log keeps it: by which door, from which address, under which id, what for."""

from __future__ import annotations

from typing import TYPE_CHECKING

from starlette.datastructures import Headers

from tagcast.registry.access.origin import Origin, cleaned_purpose

if TYPE_CHECKING:
    from starlette.types import Scope

    from tagcast.serving.web.proxies import Peer

PURPOSE = "X-Purpose"


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

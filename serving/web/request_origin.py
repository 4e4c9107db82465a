"""Where a request comes from, as the access log keeps it: by which door, from which address, under which id, what for."""

from __future__ import annotations

import re
import secrets
from typing import TYPE_CHECKING

from starlette.datastructures import Headers

from tagcast.registry.access.origin import Origin, cleaned_purpose

if TYPE_CHECKING:
    from starlette.types import Scope

    from tagcast.serving.web.proxies import Peer

REQUEST_ID, PURPOSE = "X-Request-Id", "X-Purpose"
_ID = re.compile(r"[A-Za-z0-9._-]{1,64}")


def origin_of(scope: Scope, peer: Peer) -> Origin:
    """Return where a request comes from.

    Parameters
    ----------
    scope : Scope
        Its header ``X-Request-Id`` counts where a trusted proxy hands it on, so that the proxy's log and ours tell of one request
        alike; anybody else could give the id of another's. ``X-Purpose`` is UTF-8.
    peer : Peer
    """
    headers = Headers(scope=scope)
    given = headers.get(REQUEST_ID, "") if peer.proxied else ""
    number = given if _ID.fullmatch(given) else secrets.token_hex(8)
    purpose = headers.get(PURPOSE, "").encode("latin-1").decode("utf-8", "replace")
    to_api = scope["path"].startswith("/api/")
    return Origin("api" if to_api else "console", peer.address, number, cleaned_purpose(purpose))

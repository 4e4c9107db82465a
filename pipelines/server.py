"""`tagcast serve`: console and API of one project, in one process."""

from __future__ import annotations

import ipaddress
import logging
import secrets
import socket
import ssl
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from threading import Thread
from typing import TYPE_CHECKING

from tagcast.features.core.errors import ConfigError, TagcastError
from tagcast.features.core.home.extras import require_extra
from tagcast.features.core.messages import msg
from tagcast.features.core.raw_errors import raw_text
from tagcast.features.core.telemetry.json_log import writes_json
from tagcast.pipelines.tls import TlsFiles, server_tls

if TYPE_CHECKING:
    from fastapi import FastAPI

    from tagcast.features.core.settings import Settings
    from tagcast.serving.context import ServiceContext
    from tagcast.serving.plans.planner import Planner

log = logging.getLogger("tagcast")
_MESSAGE_BYTES = 2_000_000
_GRACE_SECONDS = 3
_LOOPBACK_NAMES = frozenset({"localhost", "127.0.0.1", "[::1]"})


@dataclass(frozen=True)
class Service:
    """An application and where it listens.

    Parameters
    ----------
    app : FastAPI
    listener : socket.socket
    url : str
        Where a browser finds it.
    login : str or None
        A link that logs in once; None where there are accounts.
    context : ServiceContext
        What is served.
    tls : ssl.SSLContext or None
        What it proves itself with; None where it speaks plain HTTP.
    """

    app: FastAPI
    listener: socket.socket
    url: str
    login: str | None
    context: ServiceContext
    tls: ssl.SSLContext | None = None


def prepare(
    settings: Settings,
    host: str,
    port: int,
    clock: Callable[[], datetime],
    tls: TlsFiles | None = None,
    make_planner: Callable[[ServiceContext], Planner] | None = None,
) -> Service:
    """Open the project and the port.

    Parameters
    ----------
    settings : Settings
    host : str
    port : int
        0 takes any that is free.
    clock : callable
    tls : TlsFiles, optional
        Serve HTTPS with them.
    make_planner : callable, optional
        Makes what plans changed definitions; without it the console and the API do not.

    Raises
    ------
    ConfigError
        When others could reach it and nobody has an account, the port is taken, or the certificate cannot be used.
    MachineError
        When the extra ``console`` is not installed.
    """
    from tagcast.pipelines.project.local_user import caller
    from tagcast.registry.access.accounts import any_user
    from tagcast.registry.access.api_keys import keys
    from tagcast.serving.context import open_context
    from tagcast.serving.web.login import OnceLink
    from tagcast.serving.web_app import create_app

    require_extra("console")
    proof = None if tls is None else server_tls(tls)
    context = open_context(settings, clock, make_planner=make_planner)
    link = None
    vouched = settings.access.header is not None or settings.access.oidc is not None
    if not vouched and not any_user(context.state):
        if is_loopback(host):
            link = OnceLink(caller(context.state, clock()), secrets.token_urlsafe(24))
        elif not keys(context.state):
            raise ConfigError(
                msg("nobody has an account yet, and {host} can be reached from other machines", host=host),
                hint=msg("tagcast user add NAME --role owner, then serve again; or leave --host out"),
            )
    listener = _listen(host, port)
    url = f"{'http' if proof is None else 'https'}://{_in_url(host)}:{listener.getsockname()[1]}"
    # A reverse proxy on this machine hands on whatever name it is reached under.
    alone = is_loopback(host) and not (settings.access.trusted_proxies or settings.access.origins)
    hosts = {*_LOOPBACK_NAMES, _in_url(host)} if alone else ()
    app = create_app(context, link=link, hosts=hosts)
    return Service(app, listener, url, f"{url}/login?token={link.token}" if link else None, context, proof)


def run(service: Service) -> None:
    """Serve until stopped; where tagcast's log lines are JSON, those of the server are, too."""
    import uvicorn
    from uvicorn.config import LOGGING_CONFIG

    from tagcast.serving.web.error_handlers import Brief

    tls = service.tls

    config = uvicorn.Config(
        service.app,
        proxy_headers=False,  # The guard reads them: it has to know the proxy itself.
        server_header=False,
        access_log=False,  # Paths and queries name profiles.
        log_level=logging.WARNING,
        log_config=None if writes_json() else LOGGING_CONFIG,
        ws_max_size=_MESSAGE_BYTES,
        timeout_graceful_shutdown=_GRACE_SECONDS,
        ssl_context_factory=None if tls is None else lambda *_: tls,
    )
    logging.getLogger("uvicorn.error").addFilter(Brief())
    _warn_of_conditions(service.context)
    # The registry takes seconds to open: whoever asks first should not wait for it.
    Thread(target=_open_registry, args=(service.context,), daemon=True).start()
    uvicorn.Server(config).run(sockets=[service.listener])


def _warn_of_conditions(context: ServiceContext) -> None:
    """Say which conditions on rows do not fit the active run, before somebody whom they limit meets it."""
    from tagcast.serving.filters.row_rights import unusable_conditions

    with suppress(TagcastError):  # nothing of it keeps the server from serving the others
        for entity in context.entities.values():
            for sentence in unusable_conditions(entity):
                log.warning(sentence)


def _open_registry(context: ServiceContext) -> None:
    with suppress(TagcastError):  # The request itself reports the error.
        _ = context.tracking


def is_loopback(host: str) -> bool:
    """Return whether only this machine reaches ``host``."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _in_url(host: str) -> str:
    return f"[{host}]" if ":" in host else host


def _listen(host: str, port: int) -> socket.socket:
    try:
        family, kind, proto, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        listener = socket.socket(family, kind, proto)
        try:
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listener.bind(address)
            listener.listen()  # Whoever reads the address and is quicker than the server waits for it.
        except OSError:
            listener.close()
            raise
    except OSError as error:
        raise ConfigError(
            msg(
                "cannot listen at {host}, port {port}: {reason}",
                host=host,
                port=port,
                reason=raw_text(error.strerror or error),
            ),
            hint=msg("another tagcast serve may run; give --port another number"),
        ) from error
    return listener

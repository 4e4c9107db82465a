"""The command that serves console and API."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from tagcast.features.core.messages import msg
from tagcast.pipelines.cli.groups import Invocation, ProjectCommand
from tagcast.pipelines.cli.options import needs
from tagcast.pipelines.deployment.plan_jobs import PlanJobs
from tagcast.pipelines.nights.caller import NightCaller
from tagcast.pipelines.project.clock import clock
from tagcast.pipelines.reports.terminal import say
from tagcast.pipelines.server import prepare, run
from tagcast.pipelines.tls import TlsFiles
from tagcast.registry.access.rights import ROLE_NAMES


@click.command(cls=ProjectCommand)
@click.option(
    "--host",
    default="127.0.0.1",
    show_default=True,
    help="Address to listen at; default: this machine alone.",
)
@click.option(
    "--port", type=click.IntRange(0, 65535), default=8080, show_default=True, help="0: any free one."
)
@click.option(
    "--tls-cert",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Serve HTTPS with this certificate and those above it (PEM); read again once it is renewed.",
)
@click.option(
    "--tls-key", type=click.Path(path_type=Path), metavar="FILE", help="Key of that certificate (PEM)."
)
@click.option(
    "--run-due",
    "nights",
    is_flag=True,
    help="Also do what is due, as tagcast run due does: for a single container.",
)
@needs("operate")
def serve(
    invocation: Invocation, host: str, port: int, tls_cert: Path | None, tls_key: Path | None, nights: bool
) -> None:
    """Serve the console and the API until stopped.

    As long as nobody has an account it prints a link that logs you in once, as owner with every right; it then
    listens on this machine alone. For others, make accounts first: tagcast user add. With a key in TAGCAST_KEY, its
    role has to be data scientist or owner, and the link logs in with that role.

    \b
    Example:
      tagcast serve
      tagcast serve --host 0.0.0.0 --port 80
      tagcast serve --host 0.0.0.0 --port 443 --tls-cert fullchain.pem --tls-key privkey.pem
      tagcast serve --run-due
    """
    if (tls_cert is None) != (tls_key is None):
        raise click.UsageError("--tls-cert and --tls-key go together: give both, or neither")
    tls = TlsFiles(tls_cert, tls_key) if tls_cert is not None and tls_key is not None else None
    service = prepare(invocation.settings.whole, host, port, clock, tls, PlanJobs)

    def render() -> None:
        say(msg("console: {url}    API: {url}/api/v1/docs    stop with Ctrl+C", url=service.url))
        if service.login and invocation.person.role != "owner":
            say(
                msg(
                    "nobody has an account yet; this link logs you in once, with the role {role}: {link}",
                    role=ROLE_NAMES[invocation.person.role],
                    link=service.login,
                )
            )
        elif service.login:
            say(msg("nobody has an account yet; this link logs you in once: {link}", link=service.login))
            say(
                msg(
                    "you own this project and hold every role; give others theirs: {command}",
                    command="tagcast user add NAME --role marketer",
                )
            )

    invocation.answer(
        {"url": service.url, "api": f"{service.url}/api/v1", "login": service.login},
        render,
    )
    sys.stdout.flush()  # Whoever reads it through a pipe wants the link now.
    caller = NightCaller(invocation.settings.whole, clock) if nights else None
    if caller is not None:
        caller.start()
    try:
        run(service)
    finally:
        if caller is not None:
            caller.stop()

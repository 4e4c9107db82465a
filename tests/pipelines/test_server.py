"""`tagcast serve`: who gets in on the first day, where it listens, and how it starts and stops."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import subprocess
import sys
from datetime import UTC, datetime

import httpx
import pytest

from tagcast.features.core.errors import ConfigError
from tagcast.pipelines.server import is_loopback, prepare
from tagcast.registry.access.accounts import add_user
from tagcast.registry.access.api_keys import add_key
from tests.support.web import Clock, make_desk

EVERYWHERE = "0.0.0.0"  # noqa: S104 (nobody is served: prepare only listens)


@pytest.fixture
def context(tmp_path):
    return make_desk(tmp_path, Clock())


@pytest.fixture
def opened(context):
    """Prepare a service; its port is closed afterwards."""
    services = []

    def opened(host="127.0.0.1", port=0):
        services.append(prepare(context.settings, host, port, lambda: datetime.now(UTC)))
        return services[-1]

    yield opened
    for service in services:
        service.listener.close()


@pytest.mark.parametrize(
    ("host", "alone"),
    [
        ("127.0.0.1", True),
        ("::1", True),
        ("localhost", True),
        (EVERYWHERE, False),
        ("192.0.2.1", False),
        ("db", False),
    ],
)
def test_which_hosts_only_this_machine_reaches(host, alone):
    assert is_loopback(host) == alone


def test_without_an_account_a_link_lets_the_local_person_in(opened):
    service = opened()
    assert re.fullmatch(r"http://127\.0\.0\.1:\d+/login\?token=[\w-]{32}", service.login or "")


def test_without_an_account_nobody_else_is_served(opened):
    with pytest.raises(ConfigError, match="other machines"):
        opened(EVERYWHERE)


def test_with_accounts_there_is_no_link(opened, context):
    add_user(context.state, "ann", "admin", "a long password", by="test", now=context.now)
    assert opened().login is None
    assert opened(EVERYWHERE).login is None


def test_where_people_sign_in_elsewhere_nobody_needs_an_account(tmp_path, monkeypatch):
    monkeypatch.setenv("OIDC_SECRET", "x")
    provider = 'issuer = "https://sso.example.org"\nclient_id = "tagcast"\nclient_secret = "${OIDC_SECRET}"\n'
    more = f'[access]\nhosts = ["tags.example.org"]\n[access.oidc]\n{provider}groups = {{staff = "viewer"}}\n'
    context = make_desk(tmp_path, Clock(), config=more)
    service = prepare(context.settings, EVERYWHERE, 0, lambda: datetime.now(UTC))
    service.listener.close()
    assert service.login is None


def test_with_a_key_programs_are_served_from_elsewhere(opened, context):
    add_key(context.state, "crm", "viewer", by="test", now=context.now)
    assert opened(EVERYWHERE).login is None
    assert opened().login is not None


def test_a_port_that_is_taken_is_named(opened):
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        with pytest.raises(ConfigError, match="cannot listen at 127.0.0.1"):
            opened(port=other.getsockname()[1])


def test_a_host_that_is_none_is_named(opened, context):
    add_user(context.state, "ann", "admin", "a long password", by="test", now=context.now)
    with pytest.raises(ConfigError, match="cannot listen at no.such.host.invalid"):
        opened("no.such.host.invalid")


def test_it_starts_answers_and_stops(context):
    # A suite that runs in the background hands down that interrupts are ignored.
    heeding = "import signal; signal.signal(signal.SIGINT, signal.default_int_handler); from tagcast.pipelines.cli.main import main; main()"
    command = [sys.executable, "-c", heeding, "serve", "--port", "0", "--json"]
    command += ["--config", str(context.settings.path), "--home", str(context.settings.home)]
    environment = {**os.environ, "PYTHONWARNINGS": "ignore"}
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment
    ) as process:
        try:
            assert process.stdout is not None
            lines = []
            while not lines or lines[-1] != "}\n":
                line = process.stdout.readline()
                assert line, process.stderr.read() if process.stderr else ""
                lines.append(line)
            said = json.loads("".join(lines))
            with httpx.Client(follow_redirects=True, timeout=60) as client:
                assert client.get(said["url"]).status_code == 401
                page = client.get(said["login"])
                assert (page.status_code, page.url.path) == (200, "/")
                assert client.get(f"{said['api']}/me").json()["role"] == "owner"
                assert client.get(said["login"]).status_code == 403
        finally:
            process.send_signal(signal.SIGINT)
            _, errors = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "Traceback" not in errors
    assert said["login"].split("=")[1] not in errors


def test_nothing_asks_another_machine(context, monkeypatch):
    """A page, its files and the API are answered without a connection to anywhere."""
    from tests.support.web import key_of, served

    def refused(_self, address):
        raise AssertionError(f"a connection to {address}")

    with served(context) as client:
        monkeypatch.setattr(socket.socket, "connect", refused)
        headers = {**key_of(context, "owner"), "Accept": "text/html"}
        page = client.get("/", headers=headers)
        assert page.status_code == 200
        links = set(re.findall(r"""(?:src|href)=["']([^"']+)["']|url\(["']?([^"')]+)""", page.text))
        found = {one or other for one, other in links}
        assert len(found) > 5
        assert not {link for link in found if re.match(r"(https?:)?//", link)}
        for link in found:
            if link.startswith("/"):
                assert client.get(link, headers=headers).status_code == 200, link


@pytest.mark.parametrize(
    ("config", "pinned"), [("", True), ('\n[access]\ntrusted_proxies = ["127.0.0.1"]\n', False)]
)
def test_on_this_machine_alone_it_answers_to_the_machines_own_names(tmp_path, config, pinned):
    context = make_desk(tmp_path, Clock(), config=config)
    service = prepare(context.settings, "127.0.0.1", 0, lambda: datetime.now(UTC))
    try:
        from fastapi.testclient import TestClient

        client = TestClient(service.app, base_url=service.url)
        assert client.get("/login").status_code == 200
        assert client.get("/login", headers={"Host": "localhost:8080"}).status_code == 200
        assert client.get("/login", headers={"Host": "evil.example"}).status_code == (400 if pinned else 200)
    finally:
        service.listener.close()

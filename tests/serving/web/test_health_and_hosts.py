"""What strangers may ask: health and readiness; under which names the console is reached; and a state that does not answer."""

from __future__ import annotations

import logging
import re

import pytest
from starlette.websockets import WebSocketDisconnect

from tagcast.features.core.errors import ConfigError
from tagcast.registry.access.accounts import add_user
from tagcast.registry.access.audit_log import count_use
from tests.support.web import HOST, Clock, key_of, make_desk, served

PASSWORD = "a long password"
SOCKET = "/_nicegui_ws/socket.io/?EIO=4&transport=websocket"
UPGRADE = {"Connection": "Upgrade", "Upgrade": "websocket", "Origin": HOST}


def break_state(context):
    """Damage the database of the state while it is served."""
    context.state.close()
    file = context.settings.home / "registry.db"
    for part in file.parent.glob("registry.db-*"):
        part.unlink()
    file.write_bytes(b"this is no database " * 1_000)


@pytest.fixture
def context(tmp_path):
    context = make_desk(tmp_path, Clock())
    add_user(context.state, "ann", "owner", PASSWORD, by="test", now=context.now)
    return context


@pytest.fixture
def client(context):
    with served(context, console=False) as client:
        yield client


def test_without_its_state_the_server_says_so_and_makes_no_mistake(context, client, caplog):
    headers = key_of(context, "viewer")
    assert client.get("/readyz").json()["ready"]
    break_state(context)
    assert client.get("/healthz").text == "ok"  # it runs: a restart would help nothing
    ready = client.get("/readyz")
    assert (ready.status_code, ready.json()["code"]) == (503, "not_ready")
    assert str(context.settings.home) not in ready.text
    for answer in (
        client.get("/api/v1/me", headers=headers),
        client.get("/api/v1/tags", headers=headers),
        client.get("/", headers={"Cookie": "tagcast_session=" + "a" * 43, "Accept": "text/html"}),
        client.post("/login", data={"name": "ann", "password": PASSWORD}, headers={"Origin": HOST}),
    ):
        assert answer.status_code == 503, answer.text
        assert "internal" not in answer.text
    with (
        pytest.raises(WebSocketDisconnect),
        client.websocket_connect(SOCKET, headers={**UPGRADE, **headers}),
    ):
        pytest.fail("it opened")
    assert not [record for record in caplog.records if record.levelno >= logging.ERROR]


def test_it_ends_without_a_traceback(context, caplog):
    """Counts of uses that cannot be written at the end are a warning."""
    with served(context, console=False) as client:
        count_use(context.state, "churn_risk", "api", context.now)
        assert client.get("/healthz").text == "ok"
        break_state(context)
    assert not [record for record in caplog.records if record.levelno >= logging.ERROR]


def test_a_store_that_does_not_answer_is_not_ready(context, client, monkeypatch):
    from tagcast.features.core.errors import StoreError

    def fails():
        raise StoreError("the disk at /secret/place is gone")

    monkeypatch.setattr(context.store, "current", fails)
    ready = client.get("/readyz", headers={"Accept-Language": "zh"})
    assert ready.status_code == 503
    assert "/secret" not in ready.text


HOSTS = '\n[access]\nhosts = ["tags.example.org", "*.inside.example", "[::1]"]\norigins = ["https://evil.example"]\n'


@pytest.mark.parametrize(
    ("host", "known"),
    [
        ("tags.example.org", True),
        ("Tags.Example.Org:8443", True),
        ("a.inside.example", True),
        ("[::1]:8080", True),
        ("inside.example", False),
        ("evilinside.example", False),
        ("tags.example.org.evil.example", False),
        ("evil.example", False),
        ("testserver", False),
        ("", False),
        ("tags.example.org@evil.example", False),
    ],
)
def test_hosts_that_the_configuration_does_not_name_are_refused(tmp_path, host, known):
    context = make_desk(tmp_path, Clock(), config=HOSTS)
    headers = {**key_of(context, "viewer"), "Host": host}
    with served(context, console=False) as client:
        assert (client.get("/api/v1/me", headers=headers).status_code == 200) is known
        assert client.get("/login", headers=headers).status_code == (200 if known else 400)
        assert client.get("/healthz", headers=headers).status_code == 200
        if not known:
            with (
                pytest.raises(WebSocketDisconnect),
                client.websocket_connect(SOCKET, headers={**headers, **UPGRADE, "Origin": f"http://{host}"}),
            ):
                pytest.fail("it opened")


def test_a_session_does_not_work_under_a_name_of_an_attackers(tmp_path):
    context = make_desk(tmp_path, Clock(), config='\n[access]\nhosts = ["testserver"]\n')
    add_user(context.state, "ann", "owner", PASSWORD, by="test", now=context.now)
    with served(context, console=False) as client:
        client.post("/login", data={"name": "ann", "password": PASSWORD}, headers={"Origin": HOST})
        cookie = f"tagcast_session={client.cookies['tagcast_session']}"
        evil = {"Host": "evil.example", "Origin": "http://evil.example", "Cookie": cookie}
        answer = client.post("/api/v1/keys", json={"name": "x", "role": "viewer"}, headers=evil)
        assert (answer.status_code, answer.json()["code"]) == (400, "unknown_host")
        assert client.get("/api/v1/me").status_code == 200


@pytest.mark.parametrize("host", ["https://a.example", "a.example:80", "a b", "*", "a.*.example"])
def test_a_host_that_is_none_is_refused_at_start(tmp_path, host):
    with pytest.raises(ConfigError, match=re.escape(host)):
        make_desk(tmp_path, Clock(), config=f'\n[access]\nhosts = ["{host}"]\n')

"""A page of the console serves whom it was built for, while they are who they were: over its websocket, message by message."""

from __future__ import annotations

import json
import re
from contextlib import contextmanager

import pytest
from starlette.websockets import WebSocketDisconnect

from tagcast.registry.access.accounts import add_user, remove_user, set_password
from tagcast.registry.access.api_keys import keys
from tests.support.web import HOST, Clock, key_of, make_desk, served

PASSWORD = "a long password"
FROM_US = {"Origin": HOST}
SOCKET = "/_nicegui_ws/socket.io/?EIO=4&transport=websocket"
UPGRADE = {"Connection": "Upgrade", "Upgrade": "websocket"}


@pytest.fixture
def context(tmp_path):
    pytest.importorskip("tagcast.serving.console.routes")
    context = make_desk(tmp_path, Clock())
    add_user(context.state, "ann", "admin", PASSWORD, by="test", now=context.now)
    add_user(context.state, "bob", "admin", PASSWORD, by="test", now=context.now)
    add_user(context.state, "vera", "viewer", PASSWORD, by="test", now=context.now)
    return context


@pytest.fixture
def client(context):
    with served(context) as client:
        yield client


def log_in(client, name):
    client.cookies.clear()
    assert (
        client.post("/login", data={"name": name, "password": PASSWORD}, headers=FROM_US).status_code == 303
    )


def open_page(client, path="/access"):
    """Return the id of a fresh page."""
    page = client.get(path, headers={"Accept": "text/html"}).text
    (number,) = re.findall(r"'client_id': '([^']+)'", page)
    return number


@contextmanager
def connected(client, query=""):
    """Yield a socket that is past socket.io's greeting."""
    with client.websocket_connect(SOCKET + query, headers={**UPGRADE, **FROM_US}) as socket:
        assert socket.receive_text().startswith("0{")
        socket.send_text("40")
        assert socket.receive_text().startswith("40{")
        yield socket


def handshake(socket, page, tab="tab"):
    """Return whether the page accepts the socket."""
    said = {"client_id": page, "tab_id": tab, "document_id": "document", "old_tab_id": None}
    socket.send_text("421" + json.dumps(["handshake", said]))
    while not (answer := socket.receive_text()).startswith("431"):
        pass  # what the page sends on its own
    return json.loads(answer[3:])[0]


def listener_of(page, label):
    """Return what a browser sends when somebody clicks the button that bears ``label``."""
    from nicegui import Client, ui

    client = Client.instances[page]
    (button,) = [e for e in client.elements.values() if isinstance(e, ui.button) and e.text == label]
    (listener,) = [i for i in button._event_listeners.values() if i.type == "click"]
    return {"id": button.id, "client_id": page, "listener_id": listener.id, "args": []}


def click(socket, event):
    """Click, and wait until the server has dealt with it."""
    socket.send_text("42" + json.dumps(["event", event]))
    # Messages to one page are dealt with in turn: a handshake is answered after it, whatever the answer.
    handshake(socket, event["client_id"])


def add_button(page, clicked):
    """Put a button on a page, which says that it was clicked."""
    from nicegui import Client, ui

    with Client.instances[page]:
        ui.button("Click me", on_click=lambda: clicked.append(page))


def exists(page):
    from nicegui import Client

    return page in Client.instances


def test_a_page_answers_whom_it_was_built_for(client):
    log_in(client, "ann")
    page, clicked = open_page(client), []
    add_button(page, clicked)
    with connected(client) as socket:
        assert handshake(socket, page)
        click(socket, listener_of(page, "Click me"))
    assert clicked == [page]


@pytest.mark.parametrize("name", ["vera", "bob"])
def test_a_page_named_in_the_handshake_alone_is_not_taken_over(client, name):
    log_in(client, "ann")
    page = open_page(client)
    log_in(client, name)
    with connected(client) as socket:
        assert not handshake(socket, page)
    assert exists(page)  # ann still has it


@pytest.mark.parametrize("role", ["viewer", "marketer"])
def test_an_administrator_who_was_demoted_keeps_no_page_of_then(client, context, role):
    key_of(context, "viewer")
    log_in(client, "ann")
    page, clicked = open_page(client), []
    add_button(page, clicked)
    event = listener_of(page, "Click me")
    remove_user(context.state, "ann", by="bob", now=context.now)
    add_user(context.state, "ann", role, PASSWORD, by="bob", now=context.now)
    log_in(client, "ann")
    assert client.get("/api/v1/users").status_code == 403
    with connected(client) as socket:
        assert not handshake(socket, page)
        click(socket, event)
    assert clicked == []
    assert [key.revoked_at for key in keys(context.state)] == [None]


def test_an_event_for_a_page_of_another_is_not_handled_whoever_shook_hands(client):
    log_in(client, "ann")
    page, clicked = open_page(client), []
    add_button(page, clicked)
    cookies = dict(client.cookies)
    with connected(client) as hers:
        assert handshake(hers, page)
        log_in(client, "vera")
        own = open_page(client, "/runs")
        with connected(client, f"&client_id={own}") as socket:
            assert handshake(socket, own, "another tab")
            click(socket, listener_of(page, "Click me"))
            for event in ("javascript_response", "ack", "log"):
                said = {
                    "client_id": page,
                    "request_id": "x",
                    "next_message_id": 1,
                    "level": "info",
                    "message": "x",
                }
                socket.send_text("42" + json.dumps([event, said]))
            assert not handshake(socket, "no such page")
        assert clicked == []
        client.cookies.update(cookies)
        click(hers, listener_of(page, "Click me"))
    assert clicked == [page]


def test_an_implicit_handshake_names_a_page_of_ones_own(client):
    log_in(client, "ann")
    page = open_page(client)
    log_in(client, "vera")
    more = f"&implicit_handshake=true&client_id={page}&tab_id=t&document_id=d&next_message_id=0"
    with pytest.raises(WebSocketDisconnect), connected(client, more):
        pytest.fail("it opened")


def test_the_poll_of_another_is_not_read(client):
    log_in(client, "ann")
    polling = SOCKET.replace("websocket", "polling")
    greeting = client.get(polling, headers=FROM_US)
    assert greeting.status_code == 200
    sid = json.loads(greeting.text[1:])["sid"]
    assert client.post(f"{polling}&sid={sid}", content="40", headers=FROM_US).status_code == 200
    log_in(client, "vera")
    assert client.get(f"{polling}&sid={sid}", headers=FROM_US).status_code == 403
    assert client.post(f"{polling}&sid={sid}", content="41", headers=FROM_US).status_code == 403


def out(client, context):
    client.post("/logout", headers=FROM_US)


def removed(client, context):
    remove_user(context.state, "ann", by="bob", now=context.now)


def new_password(client, context):
    set_password(context.state, "ann", "another password", by="bob", now=context.now)


@pytest.mark.parametrize("ends", [out, removed, new_password])
def test_pages_end_with_the_session_the_account_or_its_password(client, context, ends):
    log_in(client, "ann")
    page, clicked = open_page(client), []
    add_button(page, clicked)
    event = listener_of(page, "Click me")
    with connected(client) as socket:
        assert handshake(socket, page)
        ends(client, context)
        click(socket, event)
    assert clicked == []
    assert not exists(page)


def test_a_page_of_an_ended_session_does_not_pass_to_the_next_one_of_the_same_person(client):
    log_in(client, "ann")
    page = open_page(client)
    client.post("/logout", headers=FROM_US)
    assert not exists(page)
    log_in(client, "ann")
    with connected(client) as socket:
        assert not handshake(socket, page)

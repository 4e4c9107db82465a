"""Nobody gets anywhere unknown: keys, sessions, the header of a proxy, other sites, limits, headers, errors."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest
from starlette.routing import Mount
from starlette.websockets import WebSocketDisconnect

from tagcast.registry.access.accounts import add_user, remove_user
from tagcast.registry.access.api_keys import keys, revoke_key
from tagcast.registry.access.audit_log import entries
from tagcast.registry.access.roles import Person
from tagcast.serving.web.login import OnceLink
from tagcast.serving.web_app import create_app
from tests.support.web import HOST, Clock, key_of, make_desk, served

PASSWORD = "a long password"
FROM_US = {"Origin": HOST}
SOCKET = "/_nicegui_ws/socket.io/?EIO=4&transport=websocket"
UPGRADE = {"Connection": "Upgrade", "Upgrade": "websocket"}
OPEN = {("GET", "/login"), ("POST", "/login"), ("GET", "/healthz"), ("GET", "/readyz")}


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def context(tmp_path, clock):
    context = make_desk(tmp_path, clock)
    add_user(context.state, "ann", "admin", PASSWORD, by="test", now=context.now)
    add_user(context.state, "vera", "viewer", PASSWORD, by="test", now=context.now)
    return context


@pytest.fixture
def client(context):
    with served(context, console=False) as client:
        yield client


def log_in(client, name="ann", password=PASSWORD, **fields):
    return client.post("/login", data={"name": name, "password": password, **fields}, headers=FROM_US)


def every_route(app, prefix=""):
    """Yield method and an example path of each route, those of mounted applications among them."""
    for route in app.routes:
        inner = getattr(route, "original_router", None)
        if inner is not None:
            yield from every_route(inner, prefix)
        elif isinstance(route, Mount):
            yield ("GET", f"{prefix}{route.path}/anything")
            if hasattr(route.app, "routes"):
                yield from every_route(route.app, prefix + route.path)
        else:
            path = prefix + route.path.replace(":path}", "}").replace("{", "").replace("}", "")
            for method in getattr(route, "methods", None) or {"GET"}:
                yield (method, path)


def test_every_route_of_console_and_api_is_closed_to_who_is_unknown(context):
    pytest.importorskip("tagcast.serving.console.routes")
    app = create_app(context)
    routes = set(every_route(app)) - OPEN
    paths = {path for _, path in routes}
    assert {"/api/v1/me", "/api/v1/openapi.json", "/api/v1/docs", "/"} <= paths
    assert any(path.startswith("/_nicegui/") for path in paths)
    routes |= {
        ("GET", path) for path in ("/favicon.ico", "/nothing/of/ours", "/_nicegui_ws/socket.io/?EIO=4")
    }
    routes |= {(method, "//login") for method in ("GET", "POST")} | {
        ("GET", "/login/"),
        ("GET", "/healthz/x"),
    }
    with served(context) as client:
        answers = {(m, p): client.request(m, p).status_code for m, p in sorted(routes)}
    assert {a for a, status in answers.items() if status not in {401, 403}} - {
        (m, p) for m, p in routes if m == "HEAD" and p in {"/login", "/healthz"}
    } == set()


@pytest.mark.parametrize(
    "headers", [{}, {"Authorization": "Bearer tc_0_0"}, {"X-API-Key": "x"}, {"Cookie": "tagcast_session=x"}]
)
def test_a_websocket_is_closed_to_who_is_unknown(client, headers):
    with (
        pytest.raises(WebSocketDisconnect),
        client.websocket_connect(SOCKET, headers={**UPGRADE, **headers, **FROM_US}),
    ):
        pytest.fail("it opened")


def test_what_is_open_tells_nothing(client):
    assert client.get("/healthz").text == "ok"
    page = client.get("/login")
    assert page.status_code == 200
    assert "small shop" not in page.text


def test_a_page_answers_who_is_unknown_with_the_login_page_and_a_program_with_json(client):
    page = client.get("/tag/x?a=1", headers={"Accept": "text/html"})
    assert page.status_code == 401
    assert 'action="/login"' in page.text
    assert 'value="/tag/x?a=1"' in page.text
    answer = client.get("/api/v1/me", headers={"Accept": "text/html"})
    assert answer.status_code == 401
    assert answer.headers["www-authenticate"].startswith("Bearer")
    assert set(answer.json()) == {"code", "error", "hint"}


@pytest.mark.parametrize(
    ("asked", "shown"),
    [
        ({"Accept-Language": "zh-CN,zh;q=0.9"}, "密码"),
        ({"Accept-Language": "de, en;q=0.5"}, "Password"),
        ({}, "Password"),
    ],
)
def test_the_login_page_speaks_the_browsers_language(client, asked, shown):
    assert shown in client.get("/login", headers=asked).text


def test_the_login_page_speaks_the_language_that_was_chosen(client):
    assert "密码" in client.get("/login?language=zh").text
    assert "密码" in client.get("/login").text
    assert "Password" in client.get("/login?language=en").text


@pytest.mark.parametrize("header", ["Authorization", "X-API-Key"])
def test_a_key_opens_until_it_is_revoked(context, client, clock, header):
    value = key_of(context, "viewer")["Authorization"]
    sent = {header: value if header == "Authorization" else value.removeprefix("Bearer ")}
    assert client.get("/api/v1/me", headers=sent).json()["role"] == "viewer"
    revoke_key(context.state, keys(context.state)[0].id, by="test", now=context.now)
    clock.now += timedelta(seconds=6)
    assert client.get("/api/v1/me", headers=sent).status_code == 401


def test_a_wrong_key_is_not_made_good_by_a_session(client):
    log_in(client)
    assert client.get("/api/v1/me").status_code == 200
    assert client.get("/api/v1/me", headers={"X-API-Key": "wrong"}).status_code == 401


def test_log_in_look_around_log_out(context, client):
    answer = log_in(client, next="/tag/churn_risk")
    assert (answer.status_code, answer.headers["location"]) == (303, "/tag/churn_risk")
    cookie = answer.headers["set-cookie"]
    assert "HttpOnly" in cookie
    assert "SameSite=lax" in cookie
    assert "Secure" not in cookie  # Plain http on this machine: a secure cookie would never come back.
    me = client.get("/api/v1/me").json()
    assert (me["name"], me["role"]) == ("ann", "admin")
    token = client.cookies["tagcast_session"]
    assert client.post("/logout", headers=FROM_US).status_code == 303
    assert client.get("/api/v1/me", headers={"Cookie": f"tagcast_session={token}"}).status_code == 401
    assert [e.action for e in entries(context.state) if e.who == "ann"] == ["logout", "login"]


@pytest.mark.parametrize(
    "there", ["//evil.example", "/\\evil.example", "https://evil.example", "/login", "/a\r\nb", ""]
)
def test_a_login_leads_to_pages_of_ours_alone(client, there):
    assert log_in(client, next=there).headers["location"] == "/"


def test_a_wrong_password_and_an_unknown_name_get_one_answer(client):
    wrong, unknown = log_in(client, password="wrong wrong"), log_in(client, name="nobody")
    assert wrong.status_code == unknown.status_code == 403
    assert wrong.text == unknown.text
    assert "set-cookie" not in wrong.headers


def test_the_cookie_is_secure_behind_a_proxy_that_speaks_https(tmp_path, clock):
    context = make_desk(tmp_path, clock, config='\n[access]\ntrusted_proxies = ["10.0.0.1"]\n')
    add_user(context.state, "ann", "admin", PASSWORD, by="test", now=context.now)
    app = create_app(context, console=False)
    from fastapi.testclient import TestClient

    for address, secure in (("10.0.0.1", True), ("10.0.0.2", False)):
        client = TestClient(app, base_url=HOST, client=(address, 1), follow_redirects=False)
        answer = client.post(
            "/login",
            data={"name": "ann", "password": PASSWORD},
            headers={"X-Forwarded-Proto": "https", **FROM_US},
        )
        assert ("Secure" in answer.headers["set-cookie"]) == secure
        assert ("strict-transport-security" in answer.headers) == secure


def test_a_removed_user_is_out_within_seconds(context, client, clock):
    log_in(client, "vera")
    assert client.get("/api/v1/me").status_code == 200
    remove_user(context.state, "vera", by="test", now=context.now)
    clock.now += timedelta(seconds=6)
    assert client.get("/api/v1/me").status_code == 401


def test_a_session_ends_after_twelve_hours(client, clock):
    log_in(client)
    for _ in range(14):  # somebody is there all the time
        clock.now += timedelta(minutes=51)
        assert client.get("/api/v1/me").status_code == 200
    clock.now += timedelta(minutes=7)
    assert client.get("/api/v1/me").status_code == 401


def test_a_session_that_nobody_uses_ends_after_an_hour_whatever_a_browser_asks_by_itself(client, clock):
    log_in(client)
    for minutes in (50, 50):
        clock.now += timedelta(minutes=minutes)
        assert client.get("/api/v1/me").status_code == 200
    for minutes in (20, 20, 19):
        clock.now += timedelta(minutes=minutes)
        assert client.get("/_nicegui/none.js").status_code == 404
        assert client.get("/_nicegui_ws/none", headers=FROM_US).status_code == 404
    clock.now += timedelta(minutes=2)
    assert client.get("/_nicegui/none.js").status_code == 401
    assert client.get("/api/v1/me").status_code == 401


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
        {"Referer": "https://evil.example/testserver"},
        {"Origin": "http://testserver.evil.example"},
    ],
)
def test_another_site_changes_nothing_in_a_persons_name(client, headers):
    log_in(client)
    for method, path in (
        ("POST", "/api/v1/users"),
        ("DELETE", "/api/v1/users/vera"),
        ("POST", "/logout"),
        ("PUT", "/api/v1/x"),
    ):
        assert client.request(method, path, headers=headers).status_code == 403
    assert client.get("/api/v1/me", headers=headers).status_code == 200
    with (
        pytest.raises(WebSocketDisconnect),
        client.websocket_connect(SOCKET, headers={**UPGRADE, **headers}),
    ):
        pytest.fail("it opened")


@pytest.mark.parametrize("headers", [{}, {"Origin": "https://evil.example"}])
def test_another_site_logs_nobody_in(client, headers):
    answer = client.post("/login", data={"name": "ann", "password": PASSWORD}, headers=headers)
    assert answer.status_code == 403
    assert "set-cookie" not in answer.headers


def test_a_page_of_ours_and_an_origin_of_the_configuration_may_change_things(tmp_path, clock):
    context = make_desk(tmp_path, clock, config='\n[access]\norigins = ["https://tags.example.org"]\n')
    add_user(context.state, "ann", "admin", PASSWORD, by="test", now=context.now)
    with served(context, console=False) as client:
        log_in(client)
        for origin in (HOST, "https://tags.example.org"):
            answer = client.post(
                "/api/v1/keys", json={"name": "x", "role": "viewer"}, headers={"Origin": origin}
            )
            assert answer.status_code == 201
        assert client.post("/logout", headers={"Origin": "http://tags.example.org"}).status_code == 403


def test_a_key_needs_no_origin(context, client):
    answer = client.post(
        "/api/v1/keys", json={"name": "x", "role": "viewer"}, headers=key_of(context, "admin")
    )
    assert answer.status_code == 201


@pytest.mark.parametrize(
    ("role_header", "sent", "address", "role"),
    [
        (None, {"X-Remote-User": "vera"}, "10.1.2.3", "viewer"),
        (None, {"X-Remote-User": "nobody"}, "10.1.2.3", None),
        (None, {"X-Remote-User": "ann"}, "10.9.9.9", None),
        ("X-Remote-Role", {"X-Remote-User": "new", "X-Remote-Role": "marketer"}, "10.1.2.3", "marketer"),
        ("X-Remote-Role", {"X-Remote-User": "new"}, "10.1.2.3", "viewer"),
        ("X-Remote-Role", {"X-Remote-User": "new", "X-Remote-Role": "root"}, "10.1.2.3", None),
    ],
)
def test_the_header_of_a_trusted_proxy_and_of_no_other_names_the_person(
    tmp_path, clock, role_header, sent, address, role
):
    from fastapi.testclient import TestClient

    more = f'header_role = "{role_header}"\n' if role_header else ""
    config = f'\n[access]\nheader = "X-Remote-User"\ntrusted_proxies = ["10.1.2.0/24"]\n{more}'
    context = make_desk(tmp_path, clock, config=config)
    add_user(context.state, "ann", "admin", PASSWORD, by="test", now=context.now)
    add_user(context.state, "vera", "viewer", PASSWORD, by="test", now=context.now)
    client = TestClient(create_app(context, console=False), base_url=HOST, client=(address, 1))
    answer = client.get("/api/v1/me", headers=sent)
    assert answer.json().get("role") == role
    # The proxy adds the header to whatever a browser sends: another site's requests among them.
    assert client.post("/api/v1/keys", headers=sent).status_code == (403 if role else 401)


@pytest.mark.parametrize("role_header", [None, "X-Remote-Role"])
def test_whom_an_account_is_limited_to_counts_whatever_role_the_proxy_gives(tmp_path, clock, role_header):
    from fastapi.testclient import TestClient

    more = f'header_role = "{role_header}"\n' if role_header else ""
    config = f'\n[access]\nheader = "X-Remote-User"\ntrusted_proxies = ["10.1.2.0/24"]\n{more}'
    config += "[access.rows]\noslo = \"city = 'Oslo'\"\n"
    context = make_desk(tmp_path, clock, config=config)
    add_user(context.state, "nora", "marketer", PASSWORD, rows=["oslo"], by="test", now=context.now)
    client = TestClient(create_app(context, console=False), base_url=HOST, client=("10.1.2.3", 1))
    sent = {"X-Remote-User": "Nora", "X-Remote-Role": "data_scientist", "Origin": HOST}
    me = client.get("/api/v1/me", headers=sent).json()
    assert me["rows"] == [["oslo"]]
    assert me["role"] == ("data_scientist" if role_header else "marketer")
    found = client.post("/api/v1/audiences/count", json={"filter": "age >= 0"}, headers=sent).json()
    assert found["members"] == found["base"] == 50


def test_a_link_logs_in_once(context):
    link = OnceLink(Person("local", "admin"), "a token")
    with served(context, console=False, link=link) as client:
        assert client.get("/login?token=another").status_code == 403
        answer = client.get("/login?token=a%20token")
        assert (answer.status_code, answer.headers["location"]) == (303, "/")
        assert client.get("/api/v1/me").json()["role"] == "admin"
        assert client.get("/login?token=a%20token").status_code == 403
    assert ("login", "local") in [(e.action, e.who) for e in entries(context.state)]


def test_too_many_requests_have_to_wait(tmp_path, clock):
    context = make_desk(tmp_path, clock, config="\n[access]\nrequests_per_minute = 3\n")
    one, other = key_of(context, "viewer"), key_of(context, "admin")
    with served(context, console=False) as client:
        assert [client.get("/api/v1/me", headers=one).status_code for _ in range(4)] == [200, 200, 200, 429]
        assert client.get("/api/v1/me", headers=other).status_code == 200
        late = client.get("/api/v1/me", headers=one)
        assert (late.status_code, late.headers["retry-after"]) == (429, "21")
        clock.now += timedelta(seconds=21)
        assert client.get("/api/v1/me", headers=one).status_code == 200
        assert [client.get("/x").status_code for _ in range(4)] == [401, 401, 401, 429]


def test_passwords_cannot_be_tried_at_speed(tmp_path, clock):
    context = make_desk(tmp_path, clock, config="\n[access]\nlogins_per_minute = 2\n")
    with served(context, console=False) as client:
        answers = [log_in(client, name=f"name{i}").status_code for i in range(3)]
        assert answers == [403, 403, 429]
        assert client.get("/login").status_code == 200


@pytest.mark.parametrize("path", ["/login", "/api/v1/audiences/count", "/api/v1/keys"])
@pytest.mark.parametrize("streamed", [True, False])
def test_a_body_that_is_too_long_is_refused(context, client, path, streamed):
    body = b"x" * 1_000_001
    content = iter([body[:500_000], body[500_000:]]) if streamed else body
    answer = client.post(path, content=content, headers={**key_of(context, "admin"), **FROM_US})
    assert answer.status_code == 413
    assert "1,000,000" in answer.json()["error"]


def test_a_length_that_is_none_is_refused(context, client):
    headers = {**key_of(context, "admin"), "Content-Length": "-5"}
    assert client.post("/api/v1/keys", headers=headers).status_code == 413


@pytest.mark.parametrize("path", ["/login", "/healthz", "/api/v1/me", "/api/v1/docs", "/nothing"])
def test_every_answer_has_its_headers(context, client, path):
    headers = client.get(path, headers=key_of(context, "viewer")).headers
    policy = headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "frame-ancestors 'none'" in policy
    assert "unsafe-inline' 'unsafe-eval" not in policy
    assert headers["x-frame-options"] == "DENY"
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["referrer-policy"] == "same-origin"
    assert "server" not in headers


def test_the_description_of_the_api_needs_nothing_from_elsewhere(context, client):
    page = client.get("/api/v1/docs", headers=key_of(context, "viewer")).text
    assert "/api/v1/audiences/count" in page
    assert "http://" not in page
    assert "https://" not in page
    assert "<script" not in page


def test_a_mistake_of_the_program_shows_a_number_and_nothing_else(context, client, monkeypatch, caplog):
    def fails(*_args, **_named):
        raise ValueError("profile p007 is ill")

    monkeypatch.setattr("tagcast.serving.audiences.service.count", fails)
    answer = client.post(
        "/api/v1/audiences/count", json={"filter": "age > 30"}, headers=key_of(context, "marketer")
    )
    assert answer.status_code == 500
    number = answer.json()["id"]
    assert "p007" not in answer.text
    assert "Traceback" not in answer.text
    assert "content-security-policy" in answer.headers
    assert number in caplog.text
    assert "p007" not in caplog.text


@pytest.fixture(scope="module")
def console(tmp_path_factory):
    """Return a client of the console; NiceGUI serves one application a process well."""
    pytest.importorskip("tagcast.serving.console.routes")
    clock = Clock()
    context = make_desk(tmp_path_factory.mktemp("console"), clock)
    for name in ("ann", "bob", "cleo"):
        add_user(context.state, name, "admin", PASSWORD, by="test", now=context.now)
    with served(context) as client:
        yield client, context, clock


def test_a_socket_does_not_outlive_its_session(console):
    client, _, clock = console
    log_in(client)
    with client.websocket_connect(SOCKET, headers={**UPGRADE, **FROM_US}) as socket:
        assert socket.receive_text().startswith("0{")
        socket.send_text("40")
        assert socket.receive_text().startswith("40{")
        client.post("/logout", headers=FROM_US)
        clock.now += timedelta(seconds=6)
        socket.send_text('42["event",{}]')
        with pytest.raises(WebSocketDisconnect):
            socket.receive_text()


def test_a_socket_speaks_for_no_page_that_was_built_for_another(console):
    client, _, _ = console
    log_in(client, "ann")
    page = client.get("/runs", headers={"Accept": "text/html"}).text
    (number,) = re.findall(r"'client_id': '([^']+)'", page)
    path = f"{SOCKET}&client_id={number}"
    with client.websocket_connect(path, headers={**UPGRADE, **FROM_US}) as socket:
        assert socket.receive_text().startswith("0{")
    log_in(client, "bob")
    with pytest.raises(WebSocketDisconnect), client.websocket_connect(path, headers={**UPGRADE, **FROM_US}):
        pytest.fail("it opened")
    polling = client.get(path.replace("websocket", "polling"), headers=FROM_US)
    assert polling.status_code == 403


def test_a_page_of_the_console_runs_our_scripts_alone(console):
    client, _, _ = console
    log_in(client)
    answer = client.get("/runs", headers={"Accept": "text/html"})
    policy = answer.headers["content-security-policy"]
    (nonce,) = re.findall(r"'nonce-([^']+)'", policy)
    scripts = re.findall(r"<script[^>]*>", answer.text)
    assert len(scripts) > 3
    assert all(f'nonce="{nonce}"' in script for script in scripts)
    assert "'unsafe-inline'" not in policy.partition("script-src")[2].partition(";")[0]
    assert (
        nonce not in client.get("/runs", headers={"Accept": "text/html"}).headers["content-security-policy"]
    )


@pytest.mark.parametrize(("language", "said"), [("zh", "页面不存在"), ("en", "There is no such page")])
def test_where_there_is_no_page_it_is_said_in_the_readers_language(console, language, said):
    client, _, _ = console
    log_in(client)
    answer = client.get("/nothing/here", headers={"Accept": "text/html", "Accept-Language": language})
    assert answer.status_code == 404
    assert said in answer.text


def test_a_page_that_fails_shows_a_number_and_nothing_else(console, monkeypatch):
    client, context, _ = console
    log_in(client)

    def fails(*_args, **_named):
        raise ValueError("profile p007 is ill")

    monkeypatch.setattr(type(context.store), "log", fails)
    answer = client.get("/runs", headers={"Accept": "text/html"})
    assert "p007" not in answer.text
    assert "Traceback" not in answer.text


def test_nothing_is_kept_outside_the_home(console, monkeypatch):
    from pathlib import Path

    assert not Path(".nicegui").exists()

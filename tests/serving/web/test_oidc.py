"""Signing in at a provider of OpenID Connect over loopback: there and back, forged tokens, new keys, groups, the way out."""

from __future__ import annotations

import base64
import hmac
import itertools
import json
import logging
from datetime import UTC, datetime, timedelta
from urllib.parse import parse_qs, urlsplit

import httpx
import jwt
import pytest
from fastapi.testclient import TestClient

from tagcast.features.core.errors import ConfigError
from tagcast.features.core.settings import load_settings
from tagcast.registry.access.accounts import add_user
from tagcast.registry.access.audit_log import entries
from tagcast.serving.web_app import create_app
from tests.support.browser import chromium, served
from tests.support.company.identity_provider import SECRET, foreign_key, identity_provider
from tests.support.shop import CONFIG as SHOP
from tests.support.web import HOST, Clock, key_of, make_desk

# The provider serves a library's own old names.
pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning:authlib.*")

CONFIG = """
[access.oidc]
issuer = "{url}"
client_id = "tagcast"
client_secret = "${{OIDC_SECRET}}"
title = {{en = "Acme", zh = "埃克米"}}
session_hours = 2
{more}
[access.oidc.groups]
marketing = "marketer"
analysts = "data_scientist"
helpdesk = "admin"
"""


@pytest.fixture(scope="module")
def _provider():
    with identity_provider() as provider:
        provider.add("ann", groups=["marketing", "canteen"])
        provider.add("bo", groups=["marketing", "analysts"])
        provider.add("cy", groups=["canteen"])
        provider.add("di", groups=["marketing", "helpdesk"])
        provider.add("ed", email_verified=False, groups=["marketing"])
        yield provider


@pytest.fixture
def provider(_provider):
    _provider.forge, _provider.metadata = None, {}
    return _provider


@pytest.fixture
def opened(tmp_path, provider, monkeypatch):
    """Return a function that makes a context whose people sign in at the provider."""
    monkeypatch.setenv("OIDC_SECRET", SECRET)

    numbers = itertools.count()

    def make(more="", url=None, change=("", "")):
        clock = Clock()
        clock.now = datetime.now(UTC)
        config = CONFIG.format(url=url or provider.url, more=more).replace(*change)
        return make_desk(tmp_path / str(next(numbers)), clock, config=config)

    return make


@pytest.fixture
def context(opened):
    return opened()


def visitor(context):
    app = create_app(context, console=False, hosts={"testserver"})
    return TestClient(app, base_url=HOST, follow_redirects=False)


def come_back(client, who, there="/", change=None):
    """Sign in at the provider and return the console's answer to what it sends along."""
    out = client.get("/login/oidc", params={"next": there})
    assert out.status_code == 303, out.text
    answer = httpx.post(out.headers["location"], data={"sub": who})
    back = urlsplit(answer.headers["location"])
    assert f"{back.scheme}://{back.netloc}" == HOST
    query = {key: values[0] for key, values in parse_qs(back.query).items()}
    return client.get(back.path, params=change(query) if change else query)


def role_of(client):
    answer = client.get("/api/v1/me")
    return (answer.json()["name"], answer.json()["role"]) if answer.status_code == 200 else answer.status_code


def test_who_signs_in_is_known_by_their_email_and_group_and_goes_where_they_wanted(context, provider):
    client = visitor(context)
    page = client.get("/tag/x", headers={"Accept": "text/html"})
    assert 'href="/login/oidc?next=%2Ftag%2Fx"' in page.text
    assert "Sign in with Acme" in page.text
    assert "使用埃克米登录" in client.get("/login?language=zh").text
    answer = come_back(client, "ann", "/tag/x")
    assert (answer.status_code, answer.headers["location"]) == (303, "/tag/x")
    assert role_of(client) == ("ann@example.org", "marketer")
    (line,) = entries(context.state, action="login")
    assert (line.who, line.detail["by"], line.detail["role"]) == ("ann@example.org", "oidc", "marketer")
    # The secret goes in the header of the exchange, encoded as forms are.
    scheme, _, login = provider.logins[-1].partition(" ")
    assert (scheme, base64.b64decode(login)) == ("Basic", b"tagcast:the%20console%27s%20own%20%26%20secret")


def test_of_several_groups_the_role_that_includes_the_others_counts_and_none_is_no_access(context):
    client = visitor(context)
    assert come_back(client, "bo").status_code == 303
    assert role_of(client) == ("bo@example.org", "data_scientist")
    for who, words in {
        "cy": "no group of yours",
        "di": "none includes the others",
        "ed": "not verified",
    }.items():
        client = visitor(context)
        answer = come_back(client, who)
        assert answer.status_code == 403
        assert words in answer.text
        assert role_of(client) == 401
    refused = [(e.who, e.detail["reason"]) for e in entries(context.state, action="login.failed")]
    assert refused == [("di@example.org", "several_roles"), ("cy@example.org", "no_role")]


def forgeries(provider, now):
    other = foreign_key()
    stamp = int(now.timestamp())
    public = provider.public_pem

    def compact(claims, alg, sign):
        parts = [json.dumps(one).encode() for one in ({"alg": alg, "kid": provider.kid}, claims)]
        text = ".".join(base64.urlsafe_b64encode(one).rstrip(b"=").decode() for one in parts)
        return f"{text}.{base64.urlsafe_b64encode(sign(text.encode())).rstrip(b'=').decode()}"

    def unsigned(claims):
        return compact(claims, "none", lambda _: b"")

    def with_the_public_key(claims):
        return compact(claims, "HS256", lambda text: hmac.digest(public, text, "sha256"))

    def with_(**changed):
        return lambda claims: provider.signed({**claims, **changed})

    def without(claim):
        return lambda claims: provider.signed({k: v for k, v in claims.items() if k != claim})

    return {
        "another key": (lambda c: jwt.encode(c, other, "RS256", {"kid": provider.kid}), "a key of the identity"),
        "a key that nobody has": (lambda c: jwt.encode(c, other, "RS256", {"kid": "x"}), "a key of the identity"),
        "no signature": (unsigned, "in a way that is not accepted"),
        "the public key as a secret": (with_the_public_key, "in a way that is not accepted"),
        "another issuer": (with_(iss="https://evil.example"), "another identity provider"),
        "another audience": (with_(aud="payroll"), "another application"),
        "an audience among others": (with_(aud=["tagcast", "payroll"]), "another application"),
        "another party": (with_(azp="payroll"), "another application"),
        "another sign-in": (with_(nonce="x"), "another sign-in"),
        "no sign-in": (without("nonce"), "another sign-in"),
        "over": (with_(exp=stamp - 61), "its time is over"),
        "to come": (with_(iat=stamp + 3600), "its time is over"),
        "no end": (without("exp"), "its time is over"),
        "nobody": (without("sub"), "something is missing"),
        "no token": (lambda c: "x.y", "cannot be read"),
    }  # fmt: skip


def test_a_forged_token_lets_nobody_in_and_leaves_no_trace_of_itself(context, provider, caplog):
    caplog.set_level(logging.DEBUG, "tagcast")
    client = visitor(context)
    for name, (forge, words) in forgeries(provider, context.now).items():
        provider.forge = forge
        answer = come_back(client, "ann")
        assert (name, answer.status_code, words in answer.text) == (name, 403, True)
        assert role_of(client) == 401
    provider.forge = lambda claims: provider.signed({**claims, "aud": "payroll"})
    client.cookies.set("tagcast_language", "zh")
    assert "它是为另一个应用签发的" in come_back(client, "ann").text
    provider.forge = None
    assert come_back(client, "ann").status_code == 303
    assert "ann@" not in caplog.text
    assert "eyJ" not in caplog.text  # with which every token begins


def test_a_new_key_is_fetched_once_and_a_withdrawn_one_is_not_believed_for_long(context, provider):
    client = visitor(context)
    assert come_back(client, "ann").status_code == 303
    before = provider.pem, provider.kid
    provider.replace_key()
    context.clock.now += timedelta(minutes=1)
    asked = provider.asked.count("/jwks")
    assert come_back(client, "ann").status_code == 303
    assert provider.asked.count("/jwks") == asked + 1
    stale = foreign_key()
    provider.forge = lambda claims: jwt.encode(claims, stale, "RS256", {"kid": "made up"})
    for _ in range(3):  # names of keys that somebody makes up ask nothing of the provider
        assert come_back(client, "ann").status_code == 403
    assert provider.asked.count("/jwks") == asked + 1
    context.clock.now += timedelta(minutes=1)
    provider.forge = lambda claims: jwt.encode(claims, before[0], "RS256", {"kid": before[1]})
    assert come_back(client, "ann").status_code == 403


def test_what_comes_back_has_to_be_of_the_sign_in_that_this_browser_began(context):
    changes = {
        "another state": lambda query: {**query, "state": "x"},
        "no state": lambda query: {"code": query["code"]},
        "another provider": lambda query: {**query, "iss": "https://evil.example"},
        "refused there": lambda query: {"state": query["state"], "error": "access_denied"},
        "no code": lambda query: {"state": query["state"]},
        "another code": lambda query: {**query, "code": "made-up"},
    }
    client = visitor(context)
    for name, change in changes.items():
        assert (name, come_back(client, "ann", change=change).status_code) == (name, 403)
        assert role_of(client) == 401
        assert "tagcast_sign_in" not in client.cookies  # begun anew, not tried again


def test_a_sign_in_of_another_browser_lets_nobody_in(context):
    victim, attacker = visitor(context), visitor(context)
    out = attacker.get("/login/oidc")
    back = httpx.post(out.headers["location"], data={"sub": "ann"}).headers["location"]
    victim.get("/login/oidc")
    assert victim.get(back).status_code == 403
    assert attacker.get(back).status_code == 303
    assert attacker.get(back).status_code == 403  # once


def test_nobody_is_led_elsewhere(context):
    client = visitor(context)
    for there in (
        "//evil.example",
        "https://evil.example/",
        "/\\evil.example",
        "/login/oidc",
        "x",
        "/" + "x" * 2000,
    ):
        assert come_back(client, "ann", there).headers["location"] == "/"


def test_a_session_lives_no_longer_than_configured_and_ends_at_the_provider_too(context, provider):
    client = visitor(context)
    come_back(client, "ann")
    for minutes in (50, 50, 19):  # in use all the time
        context.clock.now += timedelta(minutes=minutes)
        assert role_of(client) == ("ann@example.org", "marketer")
    context.clock.now += timedelta(minutes=2)
    assert role_of(client) == 401
    context.clock.now = datetime.now(UTC)
    come_back(client, "ann")
    page = client.post("/logout", headers={"Origin": HOST})
    assert page.status_code == 200
    leads = (
        f'content="0;url={provider.url}/oauth2/end_session?client_id=tagcast&amp;post_logout_redirect_uri='
    )
    assert leads in page.text
    assert role_of(client) == 401
    provider.metadata = {"end_session_endpoint": None}
    other = visitor(context)  # a server that reads the provider's configuration anew
    come_back(other, "ann")
    assert other.post("/logout", headers={"Origin": HOST}).headers["location"] == "/login?out=true"


def test_where_the_provider_is_down_a_password_still_opens_the_console(opened):
    context = opened(url="http://localhost:9")
    add_user(context.state, "ann", "admin", "a long password", by="test", now=context.now)
    client = visitor(context)
    answer = client.get("/login/oidc", params={"next": "/tag/x"})
    assert answer.status_code == 502
    assert "does not answer" in answer.text
    assert 'value="/tag/x"' in answer.text
    given = {"name": "ann", "password": "a long password"}
    assert client.post("/login", data=given, headers={"Origin": HOST}).status_code == 303
    assert client.post("/logout", headers={"Origin": HOST}).status_code == 303


def test_a_provider_that_calls_itself_otherwise_or_sends_in_the_clear_is_not_used(context, provider):
    for metadata in ({"issuer": "https://evil.example"}, {"token_endpoint": "ftp://x"}, {"jwks_uri": None}):
        provider.metadata = metadata
        assert visitor(context).get("/login/oidc").status_code == 502


def test_claims_that_the_token_lacks_come_from_userinfo_of_the_same_person(context, provider):
    client = visitor(context)
    provider.forge = lambda claims: provider.signed(
        {k: v for k, v in claims.items() if k not in {"groups", "email"}}
    )
    assert come_back(client, "bo").status_code == 303
    assert role_of(client) == ("bo@example.org", "data_scientist")
    provider.forge = lambda claims: provider.signed(
        {k: v for k, v in claims.items() if k != "groups"} | {"sub": "cy"}
    )
    assert come_back(client, "bo").status_code == 403


def test_a_token_of_the_provider_is_no_key_of_a_program(context, provider):
    client = visitor(context)
    kept = []
    provider.forge = lambda claims: kept.append(provider.signed(claims)) or kept[-1]
    come_back(client, "bo")
    program = visitor(context)
    assert program.get("/api/v1/me", headers={"Authorization": f"Bearer {kept[0]}"}).status_code == 401
    assert program.get("/api/v1/me", headers=key_of(context, "viewer")).status_code == 200


def test_other_claims_may_name_people_and_groups(opened, provider):
    more = 'name_claim = "preferred_username"\ngroups_claim = "realm_access.roles"\n'
    context = opened(more)
    provider.forge = lambda claims: provider.signed(
        {
            **claims,
            "preferred_username": "Ann.Smith",
            "realm_access": {"roles": "helpdesk"},
            "email_verified": False,
        }
    )
    client = visitor(context)
    assert come_back(client, "ann").status_code == 303
    assert role_of(client) == ("ann.smith", "admin")


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ('issuer = "http://sso.example.org"', "expected https://"),
        ('issuer = "https://me@sso.example.org"', "expected https://"),
        ('client_secret = "hunter2"', "a secret is written in it"),
        ('client_secret = "x${OIDC_SECRET}"', "a secret is written in it"),
        ("session_hours = 13", "at most 12"),
        ('scope = "openid"', "scopes"),
    ],
)
def test_a_wrong_configuration_is_refused_before_anything_starts(tmp_path, line, words):
    key = line.partition(" ")[0]
    text = CONFIG.format(url="https://sso.example.org", more="")
    kept = "\n".join(one for one in text.splitlines() if not one.startswith(f"{key} "))
    file = tmp_path / "tagcast.toml"
    file.write_text(SHOP + kept.replace("[access.oidc]", f"[access.oidc]\n{line}", 1), encoding="utf-8")
    with pytest.raises(ConfigError) as error:
        load_settings(file, tmp_path / "home", tmp_path)
    assert words in str(error.value) + str(error.value.hint)
    assert "hunter2" not in str(error.value)


def test_a_role_that_there_is_not_a_secret_that_is_not_set_and_a_console_without_a_name_do_not_start(
    opened, provider, monkeypatch
):
    with pytest.raises(ConfigError, match=r"access\.hosts"):
        create_app(opened(), console=False)
    context = opened(change=('"marketer"', '"boss"'))
    with pytest.raises(ConfigError, match=r"groups\.marketing.*boss"):
        create_app(context, console=False, hosts={"testserver"})
    monkeypatch.delenv("OIDC_SECRET")
    with pytest.raises(ConfigError, match="OIDC_SECRET"):
        create_app(context, console=False, hosts={"testserver"})


@pytest.mark.browser
@pytest.mark.slow
@pytest.mark.xdist_group("browser")
def test_a_browser_goes_there_and_back_and_out_under_the_content_security_policy(context, provider):
    with (
        chromium() as browser,
        served(context.settings.path, context.settings.home) as site,
        browser.new_context() as visitor,
    ):
        page = visitor.new_page()
        page.goto(f"{site}/api/v1/me")
        assert page.get_by_text("not_logged_in").count() == 1  # a program's answer; people see a page
        page.goto(f"{site}/login")
        page.get_by_role("link", name="Sign in with Acme").click()
        page.wait_for_url(f"{provider.url}/**")
        page.get_by_placeholder("sub").fill("ann")
        page.get_by_role("button", name="Authorize", exact=True).click()
        page.wait_for_url(f"{site}/")
        page.get_by_role("button", name="Log out").click()
        page.wait_for_url(f"{provider.url}/oauth2/end_session?**")
        page.get_by_role("button", name="End session").click()
        page.wait_for_url(f"{site}/login?out=true")
        assert page.get_by_text("You are logged out.").count() == 1
        assert page.goto(f"{site}/api/v1/me").status == 401


ROWS = """
[access.roles.of_north]
rights = ["see", "filter"]
rows = "north"

[access.roles.of_south]
rights = ["see", "filter"]
rows = "south"

[access.rows]
north = "city = 'Oslo'"
south = "city = 'Bergen'"
"""


def test_whom_somebody_sees_follows_from_their_group_and_their_account(opened):
    groups = 'marketing = "of_north"\nanalysts = "of_south"'
    context = opened(more=ROWS, change=('marketing = "marketer"\nanalysts = "data_scientist"', groups))
    client = visitor(context)
    assert come_back(client, "ann").status_code == 303
    assert client.get("/api/v1/me").json()["role"] == "of_north"
    # Neither of two regions sees what the other does: no role includes both.
    assert come_back(visitor(context), "bo").status_code == 403

    context = opened(more=ROWS)
    add_user(context.state, "ann@example.org", "marketer", "a long password", sensitive=False, rows=("south",), by="t", now=context.now)  # fmt: skip
    client = visitor(context)
    assert come_back(client, "ann").status_code == 303
    assert (client.get("/api/v1/me").json()["role"], client.get("/api/v1/me").json()["rows"]) == (
        "marketer",
        [["south"]],
    )

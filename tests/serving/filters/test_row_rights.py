"""Whoever sees the north learns nothing of the south: every route answers them as if only the north were there."""

from __future__ import annotations

import json
import re
from urllib.parse import quote

import pytest
from fastapi.routing import APIRoute

from tagcast.features.core.errors import FilterError, NotAllowedError, NotFoundError
from tagcast.features.core.schema.roles import ABOUT_EVERYBODY
from tagcast.registry.access.access_log import accesses
from tagcast.registry.access.accounts import add_user
from tagcast.registry.access.roles import Person, roles_of
from tagcast.registry.operations.campaigns import all_campaigns
from tagcast.serving.api.app import PREFIX, create_api
from tagcast.serving.audiences import service
from tagcast.serving.audiences.portraits.fields import levels
from tagcast.serving.audiences.portraits.overlap import compare
from tagcast.serving.audiences.portraits.portrait import portrait
from tagcast.serving.audiences.saved_audience_actions import delete, save
from tagcast.serving.console.audiences.answers.results import counted, outlook
from tagcast.serving.console.profiles.lookup import some_ids
from tagcast.serving.filters.row_rights import reader_for, unusable_conditions
from tagcast.serving.profiles.profile_details import look_up
from tagcast.serving.web_app import create_app
from tests.serving.filters.regions import EACH, MARK, NUMBER, regions
from tests.support.stores import KINDS, make_store
from tests.support.web import HOST, key_of, served

YES = "churn_risk = 'yes'"
GOAL = {"kind": "any_event", "event": "purchase", "horizon_days": 14}
PASSWORD = "a long password"
FILTERED = {"filter": YES}
OWN = {"filter": "age > 20", "kind": "dynamic"}
MARKS = (MARK, f"{NUMBER:.0f}"[:5])

# A request for each route of the API, in an order in which each finds what it speaks of. {campaign} is one of everybody.
REQUESTS: list[tuple[str, str, str, object]] = [
    ("GET", "/me", "/me", None),
    ("GET", "/runs", "/runs", None),
    ("GET", "/tags", "/tags", None),
    ("GET", "/tags", "/tags?query=churn", None),
    ("GET", "/tree", "/tree", None),
    ("GET", "/tags/{name:path}/card", "/tags/churn_risk/card", None),
    ("GET", "/tags/{name:path}/plots/{which}", "/tags/churn_risk/plots/none", None),
    ("GET", "/tags/{name:path}/dependents", "/tags/churn_risk/dependents", None),
    ("GET", "/tags/{name:path}/gain", "/tags/churn_risk/gain", None),
    ("GET", "/tags/{name:path}/feedback", "/tags/churn_risk/feedback", None),
    ("PUT", "/tags/{name:path}/feedback", "/tags/churn_risk/feedback", {"stars": 4}),
    ("GET", "/tags/{name:path}", "/tags/churn_risk", None),
    ("GET", "/rule-fields", "/rule-fields", None),
    ("GET", "/rule-drafts", "/rule-drafts", None),
    ("POST", "/rule-drafts", "/rule-drafts", {"definition": "nothing", "reason": "r"}),
    ("GET", "/rule-drafts/{tag:path}", "/rule-drafts/none", None),
    ("POST", "/rule-drafts/count", "/rule-drafts/count", {"definition": {"name": "old", "title": "Old", "description": "d", "path": ["A", "B"], "owner": "o", "rule": "age > 30"}}),
    ("GET", "/definitions/plan", "/definitions/plan", None),
    ("POST", "/definitions/plan", "/definitions/plan", {}),
    ("POST", "/definitions/apply", "/definitions/apply", {"reason": "r", "written": "none"}),
    ("GET", "/challengers", "/challengers", None),
    ("POST", "/rule-drafts/{tag:path}/submit", "/rule-drafts/none/submit", {"reason": "r"}),
    ("POST", "/audiences/count", "/audiences/count", FILTERED),
    ("POST", "/audiences/count", "/audiences/count", {"filter": "age > 30 AND email_ok = TRUE", "estimate": True}),
    ("POST", "/audiences/count", "/audiences/count", {"filter": "NOT region = 'north'"}),
    ("POST", "/audiences/count", "/audiences/count", {"filter": "IN AUDIENCE 'everybody then'"}),
    ("POST", "/audiences/condition-impact", "/audiences/condition-impact", {"filter": f"{YES} AND age > 30"}),
    ("POST", "/audiences/explain", "/audiences/explain", FILTERED),
    ("POST", "/audiences/expected", "/audiences/expected", FILTERED),
    ("POST", "/audiences/expected-amounts", "/audiences/expected-amounts", FILTERED),
    ("POST", "/audiences/expected-effects", "/audiences/expected-effects", FILTERED),
    ("POST", "/audiences/outcome", "/audiences/outcome", FILTERED),
    ("POST", "/audiences/outcome", "/audiences/outcome", {"filter": "age > 30", "estimate": True}),
    ("POST", "/audiences/alternatives", "/audiences/alternatives", {"filter": f"{YES} AND age > 200"}),
    ("POST", "/audiences/top-at-risk", "/audiences/top-at-risk", {"filter": "age > 20", "top": 5}),
    ("POST", "/audiences/profit", "/audiences/profit", {"filter": "age > 20", "tag": "churn_risk", "benefit": 9, "cost": 1, "saved_share": 0.5}),
    ("POST", "/audiences/portrait", "/audiences/portrait", FILTERED),
    ("POST", "/audiences/portrait", "/audiences/portrait", {**FILTERED, "against": {"filter": "age > 30"}}),
    ("POST", "/audiences/compare", "/audiences/compare", {"a": FILTERED, "b": {"filter": "age > 30"}}),
    ("POST", "/audiences/members", "/audiences/members", FILTERED),
    ("POST", "/audiences/members", "/audiences/members", {"filter": "IN AUDIENCE 'everybody then'", "limit": 500}),
    ("POST", "/audiences/sample", "/audiences/sample", {"filter": "age > 0 OR age IS NULL", "limit": 50, "seed": 3}),
    ("GET", "/columns", "/columns", None),
    ("GET", "/fields", "/fields", None),
    ("POST", "/audiences/reach", "/audiences/reach", {**FILTERED, "channel": "email"}),
    ("POST", "/audiences/power", "/audiences/power", {**FILTERED, "holdout": 0.2, "goal": GOAL}),
    ("POST", "/audiences/export", "/audiences/export", {**FILTERED, "no_contact": True, "columns": ["city", "age", "churn_risk.score"]}),
    ("POST", "/audiences/export", "/audiences/export", {"filter": "IN AUDIENCE 'everybody then'", "channel": "email", "holdout": 0.3, "seed": 5}),
    ("GET", "/audiences", "/audiences", None),
    ("PUT", "/audiences/{name:path}", "/audiences/of {role}", OWN),
    ("PUT", "/audiences/{name:path}", "/audiences/frozen of {role}", {**OWN, "kind": "frozen"}),
    ("GET", "/audiences/{name:path}/sizes", "/audiences/all of them/sizes", None),
    ("PUT", "/audiences/{name:path}/ids", "/audiences/list of {role}/ids", {"ids": ["n003", f"{MARK}070", "n010"]}),
    ("PUT", "/audiences/{name:path}/labels", "/audiences/list of {role}/labels", {"labels": ["spring"]}),
    ("POST", "/audiences/{name:path}/duplicate", "/audiences/list of {role}/duplicate", {"name": "copy of {role}"}),
    ("POST", "/audiences/{name:path}/transfer", "/audiences/all of them/transfer", {"to": "nobody"}),
    ("GET", "/audiences/{name:path}/changes", "/audiences/all of them/changes", None),
    ("GET", "/audiences/{name:path}/changes", "/audiences/leaving/changes", None),
    ("GET", "/audiences/{name:path}/changed-members", "/audiences/leaving/changed-members", None),
    ("GET", "/audiences/{name:path}/edits", "/audiences/all of them/edits", None),
    ("GET", "/audiences/{name:path}/used-by", "/audiences/all of them/used-by", None),
    ("GET", "/audience-labels", "/audience-labels", None),
    ("GET", "/audience-alerts", "/audience-alerts", None),
    ("GET", "/exports", "/exports?mine=true", None),
    ("GET", "/audiences/{name:path}", "/audiences/everybody then", None),
    ("DELETE", "/audiences/{name:path}", "/audiences/frozen of {role}", None),
    ("DELETE", "/audiences/{name:path}", "/audiences/list of {role}", None),
    ("DELETE", "/audiences/{name:path}", "/audiences/copy of {role}", None),
    ("DELETE", "/audiences/{name:path}", "/audiences/of {role}", None),
    ("GET", "/campaigns", "/campaigns", None),
    ("GET", "/campaigns/{campaign}", "/campaigns/{campaign}", None),
    ("GET", "/profiles/{profile_id:path}/page", "/profiles/n007/page", None),
    ("GET", "/profiles/{profile_id:path}/page", f"/profiles/{MARK}070/page", None),
    ("GET", "/profiles/{profile_id:path}", "/profiles/n007", None),
    ("GET", "/profiles/{profile_id:path}", f"/profiles/{MARK}070", None),
    ("GET", "/champions/pending", "/champions/pending", None),
    ("POST", "/champions/{version}/{tag:path}", "/champions/1/churn_risk", {"approve": True, "reason": "r"}),
    ("GET", "/audit", "/audit?who={who}", None),
    ("GET", "/audit/accesses", "/audit/accesses?who={who}", None),
    ("GET", "/audit/accesses", "/audit/accesses?who={who}&profile=n007", None),
    ("GET", "/audit/accesses", f"/audit/accesses?who={{who}}&profile={MARK}070", None),
    ("POST", "/tags/steps", "/tags/steps", {"tags": ["churn_risk"], "to": "published", "reason": "r"}),
    ("POST", "/tags/{name:path}/steps", "/tags/churn_risk/steps", {"to": "published", "reason": "r"}),
    ("GET", "/users", "/users", None),
    ("POST", "/users", "/users", {"name": "x", "role": "king", "password": PASSWORD}),
    ("POST", "/users/{name:path}/unlock", "/users/none/unlock", None),
    ("DELETE", "/users/{name:path}", "/users/none", None),
    ("GET", "/keys", "/keys", None),
    ("POST", "/keys", "/keys", {"name": "x", "role": "king"}),
    ("DELETE", "/keys/{number}", "/keys/none", None),
    ("GET", "/sessions", "/sessions", None),
    ("DELETE", "/sessions/{number}", "/sessions/none", None),
    ("POST", "/me/password", "/me/password", {"old": PASSWORD, "new": f"{PASSWORD} then"}),
    ("GET", "/me/sessions", "/me/sessions", None),
    ("DELETE", "/me/sessions/{number}", "/me/sessions/none", None),
    ("GET", "/docs", "/docs", None),
]  # fmt: skip
COUNT_EVERYBODY = ("/definitions/plan", "/definitions/apply", "/challengers")
"""They count every profile, so whoever sees some only is refused whatever there is."""
PAGES = {
    "/": "/",
    "/tags": "/tags",
    "/tags/{name:path}": "/tags/churn_risk",
    "/rules/new": "/rules/new",
    "/reviews": "/reviews",
    "/definitions": "/definitions",
    "/challengers": "/challengers",
    "/audience": f"/audience?filter={quote(YES)}",
    "/portrait": f"/portrait?filter={quote('age > 0')}",
    "/compare": "/compare?a=all%20of%20them&b=the%20north",
    "/audiences": "/audiences",
    "/audiences/{name:path}": "/audiences/all of them",
    "/exports": "/exports",
    "/campaigns": "/campaigns",
    "/campaigns/{campaign}": "/campaigns/{campaign}",
    "/profile": "/profile",
    "/profile/{profile_id:path}": "/profile/n007",
    "/runs": "/runs",
    "/audit": "/audit",
    "/audit/access": "/audit/access",
    "/account": "/account",
    "/access": "/access",
}
"""A request for each page of the console."""


@pytest.fixture(scope="module")
def both(tmp_path_factory):
    """Both regions, and the north alone; in each, everybody's audiences, a campaign and somebody who sees every profile."""
    found = []
    for south in (True, False):
        folder = tmp_path_factory.mktemp("both" if south else "north")
        context = regions(folder / "project", make_store("duckdb", folder), south=south)
        owner = Person("ow", "owner")
        for name, text, kind in (
            ("all of them", "age > 0", "dynamic"),
            ("everybody then", "churn_risk = 'yes' OR age > 30", "frozen"),
            ("the north", "region = 'north'", "dynamic"),
            ("leaving", YES, "dynamic"),
        ):
            save(context, owner, name, text, kind=kind)
        found.append(context)
    return found


@pytest.fixture(scope="module")
def campaigns(both, tmp_path_factory):
    """A campaign to members of both regions, and the same one where the north alone is there."""
    from tagcast.serving.delivery.exports import export

    owner, out = Person("ow", "owner"), tmp_path_factory.mktemp("out") / "spring.csv"
    ids = []
    for context in both:
        tree = service.parse_for(context, owner, "age > 20")
        export(context, owner, tree, out, holdout=0.3, seed=4, channel="email", name="spring", goal=GOAL)
        ids.append(all_campaigns(context.state)[0].id)
    return ids


@pytest.fixture(scope="module")
def clients(both):
    with served(both[0], console=False) as here, served(both[1], console=False) as there:
        yield here, there


def person(context, role="marketer", *rows):
    return roles_of(context.settings.access).person("no", role, rows=rows)


def plain(answer, campaign):
    """Return what an answer says, but for what differs between any two projects."""
    text = answer.text.replace(campaign, "the campaign")
    return _plain(json.loads(text)) if "json" in answer.headers.get("content-type", "") else text


def _plain(value):
    if isinstance(value, dict):
        if "action" in value and "detail" in value:  # a line of the audit log, which names drawn numbers
            return value["who"], value["action"]
        if "kind" in value and "via" in value:  # and one of the access log
            return [value[k] for k in ("who", "kind", "via", "profiles", "everyone")]
        # A rank is among everybody: the run was published with it. Steps are of who is seen, ranked among themselves.
        return {k: _plain(v) for k, v in value.items() if k not in {"id", "percentile", "steps"}}
    if isinstance(value, list):
        return [_plain(one) for one in value]
    return round(value, 9) if isinstance(value, float) else value


def hidden(path, value):
    """Return an answer to who sees everything without what is no answer to whoever sees some."""
    if path == "/me":
        rights = [one for one in value["rights"] if one not in ABOUT_EVERYBODY]
        return value | {"rows": [["north"]], "rights": rights}
    if path == "/runs":
        return [run | {"profiles": None} for run in value]
    if path.endswith("/sizes"):
        return []
    if path == "/tags/churn_risk" and isinstance(value, dict) and "trend" in value:
        return value | {"trend": []}
    if path.startswith("/campaigns") and isinstance(value, list | dict):
        for one in value if isinstance(value, list) else [value]:
            if "promised" in one:
                one["promised"]["tags"] = {}
    return value


@pytest.mark.parametrize("role", ["viewer", "marketer", "lead", "data_scientist"])
def test_every_route_answers_as_if_the_others_were_not_there(both, clients, campaigns, role):
    limited, whole = key_of(both[0], role, rows=["north"]), key_of(both[1], role)
    answered = 0
    for method, _, path, body in REQUESTS:
        answers = []
        for client, headers, campaign in zip(clients, (limited, whole), campaigns, strict=True):
            asked = path.format(role=role, who=quote(f"a {role}"), campaign=campaign)
            answers.append(
                client.request(method, PREFIX + quote(asked, safe="/?=&%"), headers=headers, json=body)
            )
        here, there = answers
        if path in COUNT_EVERYBODY:
            assert here.status_code == 403, (path, here.text)
            assert not any(one in here.text for one in MARKS), path
            continue
        assert here.status_code == there.status_code < 500, (path, here.text, there.text)
        assert plain(here, campaigns[0]) == hidden(path, plain(there, campaigns[1])), path
        for name in ("rows", "holdout", "without-consent", "sha256"):
            assert here.headers.get(f"x-tagcast-{name}") == there.headers.get(f"x-tagcast-{name}"), path
        if MARK not in f"{path} {body}":
            assert not any(one in here.text for one in MARKS), path
        answered += here.status_code < 300
    assert answered > 15


def registered(routes):
    """Return the methods and paths of routes, of those of routers that were included as well."""
    found = set()
    for route in routes:
        if isinstance(route, APIRoute):
            found |= {(method, route.path) for method in route.methods - {"HEAD"}}
        elif (router := getattr(route, "original_router", None)) is not None:
            found |= registered(router.routes)
    return found


def test_the_walk_has_a_request_for_every_route(both):
    assert registered(create_api(both[0]).routes) == {(method, route) for method, route, _, _ in REQUESTS}
    beside = {("GET", path) for path in ("/healthz", "/readyz", "/metrics", "/login")}
    assert registered(create_app(both[0], console=False).routes) == beside | {
        ("POST", "/login"),
        ("POST", "/logout"),
    }


def test_metrics_count_nobody_for_who_sees_some(both, clients):
    texts = [
        clients[0].get("/metrics", headers=key_of(both[0], "viewer", rows=rows)).text
        for rows in ([], ["north"])
    ]
    assert ["tagcast_run_profiles{" in text for text in texts] == [True, False]


def test_whoever_sees_everybody_does_see_the_marked(both, clients, campaigns):
    """Else the walk would prove nothing: that many of its answers differ where nobody is limited."""
    marked = set()
    headers = key_of(both[0], "marketer")
    for method, route, path, body in REQUESTS:
        asked = quote(path.format(role="marker", who="x", campaign=campaigns[0]), safe="/?=&%")
        if any(
            one in clients[0].request(method, PREFIX + asked, headers=headers, json=body).text
            for one in MARKS
        ):
            marked.add(route)
    assert marked >= {
        "/audiences/members", "/audiences/sample", "/audiences/portrait", "/audiences/export", "/profiles/{profile_id:path}",
    }  # fmt: skip


def test_every_page_of_the_console_shows_the_north_alone(both, campaigns):
    from nicegui import Client

    context = both[0]
    seen = {}
    with served(context) as client:
        assert set(PAGES) == set(Client.page_routes.values())
        for name, role, rows in (
            ("mo", "marketer", ["north"]),
            ("an", "analyst", []),
            ("ow", "owner", []),
        ):
            add_user(context.state, name, role, PASSWORD, rows=rows, by="tests", now=context.now)
            if name == "an":
                continue  # only to be listed
            client.cookies.clear()
            login = {"name": name, "password": PASSWORD}
            assert client.post("/login", data=login, headers={"Origin": HOST}).status_code == 303
            for route, path in PAGES.items():
                page = client.get(path.format(campaign=campaigns[0]), headers={"Accept": "text/html"})
                assert page.status_code == 200, path
                seen[name, route] = sum(one in page.text for one in MARKS)
            if rows:
                assert f"{MARK}070" not in client.get("/profile/n007").text
                gone = client.get(f"/profile/{MARK}070", headers={"Accept": "text/html"}).text
                assert f"There is no customer {MARK}070" in gone
                assert f"{NUMBER:.0f}"[:5] not in gone
        accounts = client.get("/access", headers={"Accept": "text/html"}).text
        assert "Sees only: north" in accounts
        assert "Analyst of the north" in accounts
        assert "北区分析师" in client.get("/access", headers={"Accept-Language": "zh"}).text
    assert {page for page, marks in seen.items() if marks and page[0] != "ow"} == set()
    assert {route for (name, route), marks in seen.items() if marks and name == "ow"} >= {
        "/profile",
        "/portrait",
    }


@pytest.mark.parametrize("kind", KINDS)
def test_each_store_shows_the_rows_alone(kind, tmp_path):
    context = regions(tmp_path / "project", make_store(kind, tmp_path))
    north, every = person(context, "marketer", "north"), person(context)
    tree = service.parse_for(context, north, YES)
    members = [row["profile_id"] for row in service.members(context, north, tree, limit=500).rows]
    whole = [row["profile_id"] for row in service.members(context, every, tree, limit=500).rows]
    assert members == [one for one in whole if not one.startswith(MARK)] != whole
    assert list(service.member_ids(context, north, tree)) == members
    count = service.count(context, north, tree, estimate=True)
    assert (count.members, count.base) == (len(members), EACH)
    assert some_ids(context, north) == [f"n{k:03d}" for k in range(8)]
    assert set(levels(context, north, "city")) == {"Oslo", "Bergen", "Bodø"}
    drawn = portrait(context, north, tree)
    assert (drawn.members, drawn.against) == (len(members), EACH)
    assert MARK not in str(drawn.rows)
    # What is remembered of the run is of whom it was counted.
    whole_drawn = portrait(context, every, tree)
    assert whole_drawn.against == 2 * EACH
    assert MARK in str(whole_drawn.rows)
    assert compare(context, north, tree, service.parse_for(context, north, "age > 0")).b == EACH
    assert counted(context, north, None, "en").count.members == EACH
    assert outlook(context, north, tree).tree == tree
    assert look_up(context, north, "n007").profile_id == "n007"
    with pytest.raises(NotFoundError) as refused:
        look_up(context, north, f"{MARK}070")
    assert MARK not in str(refused.value).replace(f"{MARK}070", "")
    with reader_for(context, north) as reader:
        ids = [
            one for batch in reader.stream(["age", "churn_risk:score"]) for one in batch.column(0).to_pylist()
        ]
        assert ids == [f"n{k:03d}" for k in range(EACH)]
        assert reader.row(f"{MARK}070") is None


def members_of(context, who, text="age > 0"):
    return {
        r["profile_id"]
        for r in service.members(context, who, service.parse_for(context, who, text), limit=500).rows
    }


def test_conditions_of_one_holder_add_up_and_those_of_role_and_account_limit_each_other(both):
    context = both[0]
    north, south, young = (
        members_of(context, person(context, "marketer", one)) for one in ("north", "south", "young")
    )
    assert members_of(context, person(context, "marketer", "north", "south")) == north | south
    assert members_of(context, person(context, "analyst")) == north
    assert members_of(context, person(context, "analyst", "young")) == north & young != north
    assert members_of(context, person(context, "analyst", "south")) == set()
    assert members_of(context, person(context, "marketer", "by_audience")) == north
    likely = members_of(context, person(context, "marketer", "likely"))
    assert likely == members_of(context, person(context), YES)


def test_a_condition_that_does_not_fit_shows_nobody_and_says_why(both, clients):
    context = both[0]
    headers = key_of(context, "marketer", rows=["gone", "north"])
    asked = 0
    for method, _, path, body in REQUESTS:
        if method in {"PUT", "DELETE"} or "{campaign}" in path:
            continue
        answer = clients[0].request(
            method, PREFIX + quote(path.format(role="x", who="x"), safe="/?=&%"), headers=headers, json=body
        )
        # In the place of an answer that could hold a profile or a number of profiles.
        assert not re.search(r'"n\d{3}"|"members": ?[1-9]|Oslo', answer.text), path
        if answer.status_code == 403 and "'regoin'" in answer.text:
            asked += 1
            assert "access.rows" in answer.text
    assert asked > 15
    assert [str(one) for one in unusable_conditions(context)] == [
        "no profile can be shown: the condition 'gone', which limits whom you see, cannot be used: unknown field 'regoin', at character 1"
    ]
    with pytest.raises(NotAllowedError, match="not have it any more"):
        members_of(
            context, Person("no", "marketer", rows=("never",), roles=roles_of(context.settings.access))
        )


def test_whom_somebody_does_not_see_they_have_not_looked_at(both):
    context, who = both[0], "no of the log"
    north = roles_of(context.settings.access).person(who, "marketer", rows=["north"])
    few = service.parse_for(context, north, "age > 0")
    service.sample(context, north, few, limit=500, seed=1)
    service.members(context, north, few, limit=500)
    look_up(context, north, "n007")
    with pytest.raises(NotFoundError):
        look_up(context, north, f"{MARK}070")
    shown = [(line.kind, line.profiles) for line in accesses(context.state, who=who, profiles=["n007"])]
    assert shown == [("profile", 1), ("members", EACH), ("sample", EACH)]
    assert accesses(context.state, who=who, profiles=[f"{MARK}070"]) == []
    assert len(accesses(context.state, who=who)) == len(shown)


def test_who_sees_some_changes_no_audience_that_decides_whom_they_see(both):
    context = both[0]
    north = person(context, "marketer", "north")
    for change in (
        lambda: save(context, north, "the north", "age > 0"),
        lambda: delete(context, north, "the north"),
    ):
        with pytest.raises(NotAllowedError, match="names the audience"):
            change()
    with pytest.raises(FilterError):
        save(context, north, "one that is wrong", "regoin = 'x'")


def test_rights_over_everybody_are_not_for_who_sees_some(both):
    north = person(both[0], "owner", "north")
    assert not any(north.may(right) for right in ABOUT_EVERYBODY)
    assert all(north.may(right) for right in ("see", "export", "profiles", "sensitive", "review"))


def test_the_sizes_on_record_stay_those_of_everybody(both):
    from tagcast.serving.audiences.saved_audience_actions import find, sizes

    context = both[0]
    every, north = person(context, "owner"), person(context, "marketer", "north")
    saved = save(context, north, "mine", "age > 0")
    assert saved.members == EACH
    assert find(context, every, "mine").members is None, "the next run counts it"
    assert find(context, every, "all of them").members == 2 * EACH
    assert find(context, north, "all of them").members == EACH
    assert sizes(context, north, "all of them") == []
    assert json.dumps([s.members for s in sizes(context, every, "all of them")]) == f"[{2 * EACH}]"

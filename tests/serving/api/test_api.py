"""The API: what each route answers, to whom, and that nothing anybody sends makes it fail."""

from __future__ import annotations

import io
from collections import Counter
from contextlib import suppress
from urllib.parse import quote

import pyarrow.parquet as pq
import pytest

from tagcast.registry.access.audit_log import entries, uses_of
from tests.support.web import Clock, key_of, make_desk, served

TAG = "churn_risk"
YES = {"filter": "churn_risk = 'yes'"}
API = "/api/v1"


@pytest.fixture(scope="module")
def context(tmp_path_factory):
    return make_desk(tmp_path_factory.mktemp("api"), Clock())


@pytest.fixture(scope="module")
def client(context):
    with served(context, console=False) as client:
        yield client


@pytest.fixture(scope="module")
def roles(context):
    return {
        role: key_of(context, role) for role in ("viewer", "marketer", "data_scientist", "admin", "owner")
    }


@pytest.fixture
def ask(client, roles):
    """Ask as a role; return the answer."""

    def ask(method, path, role="owner", **more):
        return client.request(method, API + path, headers=roles[role], **more)

    return ask


def test_me_says_what_the_key_may_do(ask):
    me = ask("GET", "/me", "marketer").json()
    assert me["role"] == "marketer"
    assert "export" in me["rights"]
    assert "review" not in me["rights"]


def test_runs_newest_first(ask):
    (run,) = ask("GET", "/runs", "viewer").json()
    assert (run["number"], run["profiles"], run["tags"]) == (1, 100, 2)


def test_a_filter_as_text_and_as_tree_counts_the_same(ask):
    text = ask("POST", "/audiences/count", "viewer", json=YES).json()
    explained = ask("POST", "/audiences/explain", "viewer", json=YES).json()
    tree = ask("POST", "/audiences/count", "viewer", json={"tree": explained["tree"]}).json()
    assert text == tree
    assert 0 < text["members"] < text["base"] == 100
    assert all(explained["sentence"].values())


@pytest.mark.parametrize(
    ("question", "status", "said"),
    [
        ({"filter": "churn_risk ="}, 422, "position"),
        ({"filter": "churn_rsk = 'yes'"}, 422, "churn_risk"),
        ({"filter": "age > 1e999"}, 422, "position"),
        ({"filter": "age IN ()"}, 422, "position"),
        ({"filter": ""}, 422, "position"),
        ({"filter": "age > 1", "tree": None, "more": 1}, 422, "more"),
        ({}, 422, "either filter or tree"),
        ({"filter": "IN AUDIENCE 'nobody knows it'"}, 422, "position"),
    ],
)
def test_a_wrong_filter_is_told_with_its_position(ask, question, status, said):
    answer = ask("POST", "/audiences/count", json=question)
    assert answer.status_code == status
    assert said in answer.text


@pytest.mark.parametrize(
    "body",
    [
        "[" * 100_000,
        '{"tree": ' + '{"kind": "not", "item": ' * 5_000,
        "\xff",
        "NaN",
        '{"filter": "\\ud800"}',
        '{"filter": "\\u0000"}',
    ],
    ids=["deep list", "deep tree", "not UTF-8", "NaN", "half a character", "zero"],
)
def test_a_hostile_body_is_refused(ask, body):
    answer = ask("POST", "/audiences/count", content=body.encode("latin-1"))
    assert answer.status_code in {400, 422}
    assert set(answer.json()) >= {"error", "hint"}


def test_a_tree_with_numbers_that_are_none_is_refused(ask):
    body = '{"tree": {"root": {"kind": "compare", "field": {"name": "age"}, "op": ">", "value": Infinity}}}'
    assert ask("POST", "/audiences/count", content=body).status_code == 422


@pytest.mark.parametrize("path", ["condition-impact", "expected", "portrait", "members", "sample"])
def test_every_question_about_an_audience_is_answered(ask, path):
    answer = ask("POST", f"/audiences/{path}", "data_scientist", json=YES)
    assert answer.status_code == 200, answer.text
    assert answer.json()


def test_two_audiences_overlap(ask):
    no = {"filter": "churn_risk = 'no'"}
    overlap = ask("POST", "/audiences/compare", json={"a": YES, "b": no}).json()
    assert overlap["both"] == 0
    assert overlap["either"] == overlap["a"] + overlap["b"]


def test_the_cut_that_pays(ask):
    curve = ask("POST", "/audiences/profit", json={**YES, "tag": TAG, "benefit": 10, "cost": 1}).json()
    assert curve["best"]["profit"] > 0


def test_members_come_page_by_page(ask):
    seen, after = [], None
    while True:
        page = ask("POST", "/audiences/members", json={**YES, "limit": 7, "after": after}).json()
        seen += [row["profile_id"] for row in page["rows"]]
        after = page["next"]
        if after is None:
            break
    assert len(seen) == len(set(seen)) == ask("POST", "/audiences/count", json=YES).json()["members"]


@pytest.mark.parametrize("kind", ["csv", "parquet"])
def test_an_export_is_a_file_and_on_record(ask, context, kind, tmp_path, monkeypatch):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    answer = ask(
        "POST",
        "/audiences/export",
        "marketer",
        json={**YES, "format": kind, "columns": ["city"], "holdout": 0.5},
    )
    assert answer.status_code == 200
    rows, held = int(answer.headers["x-tagcast-rows"]), int(answer.headers["x-tagcast-holdout"])
    assert rows + held == ask("POST", "/audiences/count", json=YES).json()["members"]
    if kind == "parquet":
        assert pq.read_table(io.BytesIO(answer.content)).column_names == ["profile_id", "city"]
    else:
        assert len(answer.text.splitlines()) == rows + 1
    assert f"audience.{kind}" in answer.headers["content-disposition"]
    assert entries(context.state, action="export")[0].who == "a marketer"
    assert not list(tmp_path.glob("tagcast-export-*"))


def test_an_export_with_a_goal_is_a_campaign(ask, tmp_path, monkeypatch):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    goal = {"kind": "any_event", "event": "purchase", "horizon_days": 14}
    planned = ask("POST", "/audiences/power", json={**YES, "holdout": 0.2, "goal": goal}).json()
    assert planned["smallest_lift"] > planned["others"]["0.5"] > 0
    made = ask(
        "POST", "/audiences/export", "marketer", json={**YES, "holdout": 0.2, "goal": goal, "name": "spring"}
    )
    number = made.headers["x-tagcast-campaign"]
    (listed,) = ask("GET", "/campaigns", "marketer").json()
    one = ask("GET", f"/campaigns/{number}", "marketer").json()
    assert one == listed
    assert (one["name"], one["goal"], one["wanted"], one["days"]) == ("spring", goal, "more", 14)
    assert str(one["given"]) == made.headers["x-tagcast-rows"]
    assert str(one["held_out"]) == made.headers["x-tagcast-holdout"]
    assert one["figures"] is None, "no events were loaded here"
    for path in ("/campaigns", f"/campaigns/{number}"):
        assert ask("GET", path, "viewer").status_code == 403
    assert ask("POST", "/audiences/power", "viewer", json={**YES, "holdout": 0.2}).status_code == 403
    assert ask("GET", "/campaigns/none", "marketer").status_code == 404
    wrong = ask("POST", "/audiences/export", "marketer", json={**YES, "goal": {"kind": "any_event"}})
    assert wrong.status_code in {400, 422}
    assert "horizon_days" in wrong.json()["error"]


def test_where_consent_is_known_an_export_names_its_channel(tmp_path):
    context = make_desk(tmp_path, Clock(), config='[consent]\npost = "city"\n')
    with served(context, console=False) as client:
        headers = key_of(context, "marketer")

        def post(path, **more):
            return client.post(f"{API}/audiences/{path}", headers=headers, json={**YES, **more})

        refused = post("export")
        assert refused.status_code in {400, 422}
        assert "post" in refused.json()["hint"]
        members = post("count").json()["members"]
        # A city is no consent, so the letter goes to nobody; the declaration lets the file out.
        found = post("reach", channel="post").json()
        assert found == {
            "members": members, "without_consent": members, "consent_unknown": 0, "standing": 0,
            "contacted": 0, "at_limit": 0, "rested": 0,
        }  # fmt: skip
        assert post("export", channel="post").headers["x-tagcast-rows"] == "0"
        assert post("export", no_contact=True).headers["x-tagcast-rows"] == str(members)
    assert entries(context.state, action="export")[0].detail["no_contact"] is True


def test_what_is_not_exported_leaves_no_file(ask, tmp_path, monkeypatch):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    assert ask("POST", "/audiences/export", json={**YES, "columns": ["nothing"]}).status_code in {
        400,
        404,
        422,
    }
    assert not list(tmp_path.glob("tagcast-export-*"))


def test_the_catalogue_and_a_tag(ask):
    names = [row["name"] for row in ask("GET", "/tags", "viewer", params={"query": "churn"}).json()]
    assert names[0] == TAG
    assert ask("GET", "/tree", "viewer").json()["owners"]
    page = ask("GET", f"/tags/{TAG}", "viewer").json()
    assert page
    assert ask("GET", "/tags/nobody.knows.it").status_code == 404
    assert ask("GET", f"/tags/{TAG}/dependents").json() == []
    assert ask("GET", f"/tags/{TAG}/card").status_code == 404
    second = ask("GET", "/tags", "viewer").json()
    other = next(row["name"] for row in second if row["name"] != TAG)
    assert ask("GET", f"/tags/{quote(other, safe='')}", "viewer").status_code == 200


def test_what_people_think_of_a_tag(ask):
    assert (
        ask("PUT", f"/tags/{TAG}/feedback", "marketer", json={"stars": 2, "comment": "hm"}).json()["mean"]
        == 2
    )
    ask("PUT", f"/tags/{TAG}/feedback", "marketer", json={"stars": 5, "comment": "good"})
    feedback = ask("GET", f"/tags/{TAG}/feedback", "viewer").json()
    assert (feedback["mean"], feedback["count"]) == (5, 1)
    assert ask("PUT", f"/tags/{TAG}/feedback", "marketer", json={"stars": 6}).status_code == 422


def test_a_suspended_tag_cannot_be_filtered_by_marketers(ask):
    step = ask("POST", f"/tags/{TAG}/steps", "owner", json={"to": "suspended", "reason": "wrong"})
    assert step.status_code == 201, step.text
    assert ask("POST", "/audiences/count", "marketer", json=YES).status_code == 422
    assert ask("POST", "/audiences/count", "data_scientist", json=YES).status_code == 200
    assert ask("POST", f"/tags/{TAG}/steps", "owner", json={"to": "draft", "reason": "r"}).status_code == 409
    back = ask("POST", f"/tags/{TAG}/steps", "owner", json={"to": "published", "reason": "right again"})
    assert back.status_code == 201, back.text
    assert ask("POST", "/audiences/count", "marketer", json=YES).status_code == 200


RULE = """
name: of_oslo
title: {en: Of Oslo, zh: 奥斯陆}
description: {en: Lives in Oslo, zh: 住在奥斯陆}
path: [Place, City]
owner: tests
expires_after_days: 30
rule: "city = 'Oslo'"
"""


def test_a_rule_is_drafted_and_put_into_review(ask):
    assert {
        "name": "city",
        "title": {"en": "city", "zh": "city"},
        "kind": "text",
        "source": "attribute",
    } in ask("GET", "/rule-fields", "marketer").json()
    draft = ask("POST", "/rule-drafts", "marketer", json={"definition": RULE, "reason": "a campaign"})
    assert draft.status_code == 201, draft.text
    assert (draft.json()["tag"], draft.json()["status"]) == ("of_oslo", "draft")
    assert ask("POST", "/rule-drafts", "viewer", json={"definition": RULE, "reason": "r"}).status_code == 403
    wrong = ask(
        "POST", "/rule-drafts", "marketer", json={"definition": RULE.replace("city", "cty"), "reason": "r"}
    )
    assert wrong.status_code == 422
    step = ask("POST", "/rule-drafts/of_oslo/submit", "marketer", json={"reason": "please"})
    assert step.status_code == 201, step.text
    assert ask("GET", "/rule-drafts/of_oslo", "viewer").json()["status"] == "in_review"
    assert (
        ask(
            "POST", "/tags/of_oslo/steps", "data_scientist", json={"to": "published", "reason": "good"}
        ).status_code
        == 201
    )
    assert [d["status"] for d in ask("GET", "/rule-drafts", "viewer").json()] == ["published"]


def test_save_list_change_drop_an_audience(ask):
    path = "/audiences/a%2Fb%20茶"
    made = ask("PUT", path, "marketer", json={**YES, "description": "d"}).json()
    assert (made["name"], made["owner"], made["kind"]) == ("a/b 茶", "a marketer", "dynamic")
    assert made["members"] == ask("POST", "/audiences/count", json=YES).json()["members"]
    assert [a["name"] for a in ask("GET", "/audiences", "viewer").json()] == ["a/b 茶"]
    assert len(ask("GET", f"{path}/sizes", "viewer").json()) == 1
    assert ask("PUT", path, "data_scientist", json=YES).status_code == 403
    assert ask("DELETE", path, "marketer").status_code == 204
    assert ask("GET", path).status_code == 404


def test_one_profile(ask):
    page = ask("GET", "/profiles/p007", "marketer").json()
    assert page["profile_id"] == "p007"
    assert {tag["tag"] for tag in page["tags"]} >= {TAG}
    assert ask("GET", "/profiles/p007/page", "marketer").status_code == 200
    assert ask("GET", "/profiles/nobody", "marketer").status_code == 404


def test_a_tag_counts_the_calls_that_speak_of_it(ask, context):
    before = uses_of(context.state, TAG).api_calls
    ask("POST", "/audiences/count", json={"filter": "churn_risk = 'yes' AND churn_risk.confidence > 0.5"})
    assert uses_of(context.state, TAG).api_calls == before + 1


SEEN_BY_ADMINS = {
    "/runs",
    "/tags",
    "/tree",
    f"/tags/{TAG}",
    f"/tags/{TAG}/feedback",
    "/champions/pending",
    "/audit",
    "/audit/accesses",
}
"""What an admin may see beside accounts and keys: the catalogue and the audit log."""


@pytest.mark.parametrize(
    ("method", "path", "body", "first"),
    [
        ("GET", "/runs", None, "viewer"),
        ("POST", "/audiences/count", YES, "viewer"),
        ("PUT", "/audiences/of {role}", YES, "marketer"),
        ("POST", "/audiences/export", YES, "marketer"),
        ("POST", "/audiences/reach", YES, "marketer"),
        ("GET", "/profiles/p001", None, "marketer"),
        ("GET", "/tags", None, "viewer"),
        ("GET", "/tree", None, "viewer"),
        ("GET", f"/tags/{TAG}", None, "viewer"),
        ("GET", f"/tags/{TAG}/feedback", None, "viewer"),
        ("PUT", f"/tags/{TAG}/feedback", {"stars": 4}, "marketer"),
        ("POST", f"/tags/{TAG}/steps", {"to": "suspended", "reason": "r"}, "data_scientist"),
        ("GET", "/champions/pending", None, "viewer"),
        ("POST", f"/champions/1/{TAG}", {"approve": True, "reason": "r"}, "data_scientist"),
        ("GET", "/audit", None, "viewer"),
        ("GET", "/audit?who=somebody", None, "data_scientist"),
        ("GET", "/audit/accesses", None, "viewer"),
        ("GET", "/audit/accesses?who=somebody", None, "data_scientist"),
        ("GET", "/me/sessions", None, "viewer"),
        ("DELETE", "/me/sessions/none", None, "viewer"),
        ("POST", "/me/password", {"old": "a long password", "new": "another password"}, "viewer"),
        ("GET", "/sessions", None, "admin"),
        ("DELETE", "/sessions/none", None, "admin"),
        ("GET", "/users", None, "admin"),
        ("GET", "/keys", None, "admin"),
        ("POST", "/users", {"name": "x", "role": "viewer", "password": "a long password"}, "admin"),
        ("POST", "/keys", {"name": "x", "role": "viewer"}, "admin"),
        ("DELETE", "/keys/none", None, "admin"),
        ("DELETE", "/users/none", None, "admin"),
    ],
)
def test_each_route_is_for_the_roles_that_have_the_right(ask, method, path, body, first):
    order = ("viewer", "marketer", "data_scientist", "admin")
    for role in order[:3]:
        answer = ask(method, path.format(role=role), role, json=body)
        assert (answer.status_code == 403) == (order.index(role) < order.index(first)), (role, answer.text)
    assert ask(method, path.format(role="owner"), "owner", json=body).status_code != 403
    answer = ask(method, path.format(role="admin"), "admin", json=body)
    seen = path.startswith("/me/") or (method == "GET" and path.partition("?")[0] in SEEN_BY_ADMINS)
    open_to_admins = first == "admin" or seen
    assert (answer.status_code == 403) == (not open_to_admins), answer.text


def test_accounts_and_keys(ask, client):
    made = ask("POST", "/users", json={"name": "zoe", "role": "viewer", "password": "a long password"})
    assert made.status_code == 201
    assert "password" not in made.text
    assert (
        ask(
            "POST", "/users", json={"name": "zoe", "role": "viewer", "password": "a long password"}
        ).status_code
        == 409
    )
    assert "zoe" in [u["name"] for u in ask("GET", "/users").json()]
    assert ask("DELETE", "/users/zoe").status_code == 204
    key = ask(
        "POST", "/keys", json={"name": "crm", "role": "viewer", "expires_at": "2030-01-01T00:00:00"}
    ).json()["key"]
    assert client.get(API + "/me", headers={"X-API-Key": key}).json()["name"] == "crm"
    listed = ask("GET", "/keys").text
    number = key.split("_")[1]
    assert number in listed
    assert key.split("_", 2)[2] not in listed
    assert ask("DELETE", f"/keys/{number}").status_code == 204


@pytest.mark.slow
def test_no_request_makes_the_api_fail(client, roles):
    """Schemathesis sends what the description allows and what it does not; no answer is an error of the server."""
    import schemathesis
    from hypothesis import HealthCheck, given, settings
    from hypothesis.errors import Unsatisfiable
    from schemathesis import GenerationMode

    described = client.get(f"{API}/openapi.json", headers=roles["owner"]).json()
    schema = schemathesis.openapi.from_dict(described)
    answered = Counter()
    plainly = settings(
        max_examples=15,
        deadline=None,
        database=None,
        derandomize=True,
        suppress_health_check=list(HealthCheck),
    )
    for found in schema.get_all_operations():
        operation = found.ok()

        def attempt(case):
            sent = case.as_transport_kwargs(base_url=f"http://testserver{API}")
            headers = {name: str(value) for name, value in (sent.get("headers") or {}).items()}
            bodies = [sent.get("json")]
            if isinstance(bodies[0], dict) and "filter" in bodies[0]:
                bodies.append(
                    {**bodies[0], **YES, "tree": None}
                )  # Past the filter, to what stands behind it.
            for body in bodies:
                answer = client.request(
                    sent["method"],
                    sent["url"],
                    headers={**headers, **roles["owner"]},
                    params=sent.get("params"),
                    json=body,
                )
                answered[answer.status_code] += 1
                assert answer.status_code < 500, (case.method, case.path, answer.text)

        plainly(given(case=operation.as_strategy(generation_mode=GenerationMode.POSITIVE))(attempt))()
        with suppress(Unsatisfiable):  # Where nothing is taken, nothing can be wrong.
            plainly(given(case=operation.as_strategy(generation_mode=GenerationMode.NEGATIVE))(attempt))()
    assert answered[200] > 50, answered
    assert answered[422] > 50, answered

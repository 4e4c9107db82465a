"""What is marked sensitive stays so in whatever names it: rules, drafts, audiences with their sizes, reasons; over HTTP."""

from __future__ import annotations

import pytest

from tests.support.desks import TAGS, desk_over, publish_made
from tests.support.stores import make_store
from tests.support.web import key_of, served

RULE = {
    "name": "rich",
    "title": {"en": "Rich", "zh": "富裕"},
    "description": {"en": "Earns much", "zh": "收入高"},
    "path": ["Value", "Income"],
    "owner": "crm",
    "rule": "income >= 30000",
}
FILE = """
kind: rule
name: churn_risk
title: {en: Churn risk, zh: 流失风险}
description: {en: who may leave, zh: 可能流失}
path: [Lifecycle, Risk]
owner: crm
"""


@pytest.fixture
def context(tmp_path):
    store = make_store("duckdb", tmp_path)
    publish_made(store)
    return desk_over(store, tmp_path / "project")


@pytest.fixture
def client(context):
    with served(context, console=False) as client:
        yield client


@pytest.fixture
def as_of(context):
    """Return the headers of a role."""
    made = {}

    def headers(role, **more):
        key = (role, *more)
        if key not in made:
            made[key] = key_of(context, role, **more)
        return made[key]

    return headers


@pytest.mark.parametrize(
    "rule",
    [
        {"rule": "income >= 30000"},
        {"rule": '"income" = 10000 OR recency_days > 3'},
        {"cases": {"low": "recency_days > 90", "top": "NOT (income < 20000)"}, "rule": None},
        {"rule": "recency_days > 5 AND income IS NOT NULL"},
    ],
)
def test_a_draft_on_a_sensitive_attribute_is_read_by_nobody_without_the_right(client, as_of, rule):
    definition = {key: value for key, value in {**RULE, **rule}.items() if value is not None}
    body = {"definition": definition, "reason": "a campaign"}
    assert client.post("/api/v1/rule-drafts", json=body, headers=as_of("data_scientist")).status_code == 201
    for role in ("viewer", "marketer"):
        assert client.get("/api/v1/rule-drafts", headers=as_of(role)).json() == []
        assert "income" not in client.get("/api/v1/rule-drafts", headers=as_of(role)).text
        assert client.get("/api/v1/tags/rich", headers=as_of(role)).status_code == 403
        assert "rich" not in client.get("/api/v1/tags", headers=as_of(role)).text
    for headers in (as_of("data_scientist"), as_of("marketer", sensitive=True)):
        assert [
            one["definition"]["name"] for one in client.get("/api/v1/rule-drafts", headers=headers).json()
        ] == ["rich"]


def test_a_draft_on_other_things_is_read_by_everybody(client, as_of):
    for name, rule in (("old", "age >= 60"), ("words", "city = 'income'")):
        body = {"definition": {**RULE, "name": name, "rule": rule}, "reason": "a campaign"}
        answer = client.post("/api/v1/rule-drafts", json=body, headers=as_of("marketer"))
        assert answer.status_code == 201, answer.text
    assert len(client.get("/api/v1/rule-drafts", headers=as_of("viewer")).json()) == 2


@pytest.mark.parametrize(
    "body", ["rule: income >= 30000", "cases: {rich: income > 20000, poor: income < 20000}"]
)
def test_a_tag_whose_rule_names_a_sensitive_attribute_is_sensitive(client, context, as_of, body):
    (context.settings.tags_folder / "churn_risk.yaml").write_text(FILE + body, encoding="utf-8")
    question = {"filter": "churn_risk = 'yes'"}
    for role in ("viewer", "marketer"):
        headers = as_of(role)
        assert client.post("/api/v1/audiences/count", json=question, headers=headers).status_code == 422
        assert client.post("/api/v1/audiences/members", json=question, headers=headers).status_code in {
            403,
            422,
        }
        assert client.get("/api/v1/tags/churn_risk", headers=headers).status_code == 403
        assert "churn_risk" not in client.get("/api/v1/tags", headers=headers).text
    page = client.get("/api/v1/profiles/p0001", headers=as_of("marketer")).json()
    assert "churn_risk" in page["hidden"]
    assert "churn_risk" not in {tag["tag"] for tag in page["tags"]}  # its reasons neither
    assert "income" in page["hidden"]
    rows = client.post(
        "/api/v1/audiences/portrait", json={"filter": "age >= 0"}, headers=as_of("marketer")
    ).json()
    assert {"churn_risk", "income", TAGS[1]}.isdisjoint(row["field"] for row in rows["rows"])
    seen = client.post("/api/v1/audiences/count", json=question, headers=as_of("data_scientist"))
    assert seen.status_code == 200


AUDIENCES = {
    "rich": "income >= 30000",
    "tea": f"\"{TAGS[1]}\" = 'yes'",
    "within rich": "IN AUDIENCE 'rich' AND age >= 20",
    "not tea": "NOT (IN AUDIENCE 'tea')",
}


@pytest.mark.parametrize("kind", ["dynamic", "frozen"])
def test_an_audience_on_something_sensitive_shows_neither_text_nor_size(client, as_of, kind):
    for name, text in {**AUDIENCES, "old": "age >= 40"}.items():
        saving = {"filter": text, "kind": kind, "description": "earners"}
        answer = client.put(f"/api/v1/audiences/{name}", json=saving, headers=as_of("data_scientist"))
        assert answer.status_code == 200, answer.text
    for role in ("viewer", "marketer"):
        headers = as_of(role)
        found = client.get("/api/v1/audiences", headers=headers)
        assert [one["name"] for one in found.json()] == ["old"]
        assert "30000" not in found.text
        for name in AUDIENCES:
            assert client.get(f"/api/v1/audiences/{name}", headers=headers).status_code == 404
            assert client.get(f"/api/v1/audiences/{name}/sizes", headers=headers).status_code == 404
            question = {"filter": f"IN AUDIENCE '{name}'"}
            refused = client.post("/api/v1/audiences/count", json=question, headers=headers)
            assert refused.status_code == 422
            assert "income" not in refused.text
            assert "30000" not in refused.text
    assert len(client.get("/api/v1/audiences", headers=as_of("data_scientist")).json()) == 5


def test_sizes_of_audiences_are_rounded_for_who_may_not_look_at_single_profiles(client, as_of):
    for name, text in {"old": "age >= 40", "few": "age >= 88"}.items():
        client.put(f"/api/v1/audiences/{name}", json={"filter": text}, headers=as_of("marketer"))
    exact = {
        one["name"]: one["members"]
        for one in client.get("/api/v1/audiences", headers=as_of("marketer")).json()
    }
    shown = {
        one["name"]: one["members"] for one in client.get("/api/v1/audiences", headers=as_of("viewer")).json()
    }
    assert 0 < exact["few"] < 10
    assert exact["old"] % 10
    assert shown == {"few": 0, "old": exact["old"] // 10 * 10}
    for name, members in shown.items():
        assert client.get(f"/api/v1/audiences/{name}", headers=as_of("viewer")).json()["members"] == members
        sizes = client.get(f"/api/v1/audiences/{name}/sizes", headers=as_of("viewer")).json()
        assert [size["members"] for size in sizes] == [members]


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/api/v1/rule-drafts/mine/submit", {"reason": "now"}),
        ("/api/v1/tags/mine/steps", {"to": "in_review", "reason": "now"}),
    ],
)
def test_a_draft_is_submitted_by_its_owner_or_a_reviewer(client, context, as_of, path, body):
    from tagcast.registry.access.api_keys import add_key

    definition = {**RULE, "name": "mine", "rule": "age >= 60"}
    owner, reviewer = as_of("marketer"), as_of("data_scientist")
    other = {"X-API-Key": add_key(context.state, "another", "marketer", by="test", now=context.now)}
    body_of_draft = {"definition": definition, "reason": "a campaign"}
    assert client.post("/api/v1/rule-drafts", json=body_of_draft, headers=owner).status_code == 201
    refused = client.post(path, json=body, headers=other)
    assert refused.status_code == 403
    assert "draft of a marketer" in refused.text
    assert client.post(path, json=body, headers=owner).status_code == 201
    back = client.post("/api/v1/tags/mine/steps", json={"to": "draft", "reason": "not yet"}, headers=owner)
    assert back.status_code == 201
    assert client.post(path, json=body, headers=reviewer).status_code == 201

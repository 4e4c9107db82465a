"""The language of answers: sentences follow Accept-Language, codes and parameters do not."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest
from pydantic import BaseModel, Field, ValidationError

from tagcast.features.core.messages import NOTHING, listed, msg, nmsg, render
from tagcast.serving.web.request_errors import request_problem
from tagcast.serving.web.sentences import localized
from tests.support.web import Clock, key_of, make_desk, served

API = "/api/v1"
CHINESE = re.compile("[\u4e00-\u9fff]")


@pytest.fixture(scope="module")
def context(tmp_path_factory):
    return make_desk(tmp_path_factory.mktemp("languages"), Clock())


@pytest.fixture(scope="module")
def client(context):
    with served(context, console=False) as client:
        yield client


@pytest.fixture(scope="module")
def key(context):
    return key_of(context, "owner")


ERRORS = [
    ("GET", "/nothing/here", None, 404, "not_found"),
    ("PATCH", "/me", None, 405, "method_not_allowed"),
    ("POST", "/audiences/count", {}, 422, "invalid_request"),
    ("POST", "/audiences/count", {"filter": 3}, 422, "invalid_request"),
    ("POST", "/audiences/count", {"filter": "age > 1", "more": 1}, 422, "invalid_request"),
    ("POST", "/users", {"name": "x", "role": "king", "password": "y"}, 400, "error"),
    ("GET", "/audit?limit=many", None, 422, "invalid_request"),
    ("GET", "/audit?limit=0", None, 422, "invalid_request"),
    ("PUT", "/tags/churn_risk/feedback", {"stars": 9}, 422, "invalid_request"),
]


@pytest.mark.parametrize(("method", "path", "body", "status", "code"), ERRORS)
def test_an_error_is_told_in_the_language_that_is_asked_for(client, key, method, path, body, status, code):
    answers = {}
    for language in ("en-US,en;q=0.9", "zh-CN,zh;q=0.9", "de"):
        headers = {**key, "Accept-Language": language}
        answer = client.request(method, API + path, headers=headers, json=body)
        assert answer.status_code == status
        answers[language[:2]] = error = answer.json()
        assert error["code"] == code
        assert answer.headers["content-language"] == ("zh" if language.startswith("zh") else "en")
    assert CHINESE.search(answers["zh"]["error"])
    assert CHINESE.search(answers["zh"]["hint"])
    assert not re.search(r"[a-z]{2,} [a-z]{2,} [a-z]{2,}", answers["zh"]["error"])
    assert not CHINESE.search(answers["en"]["error"] + answers["en"]["hint"])
    assert answers["de"] == answers["en"]


def test_what_was_sent_is_not_repeated(client, key):
    answer = client.post(API + "/audiences/count", headers=key, json={"filter": ["a profile"]})
    assert answer.status_code == 422
    assert "a profile" not in answer.text


def test_nobody_is_told_so_in_their_language(client):
    for language, said in (("zh", "未登录，也未提供 API 密钥"), ("en", "nobody is logged in")):
        answer = client.get(API + "/me", headers={"Accept-Language": language})
        assert answer.status_code == 401
        assert said in answer.json()["error"]


def test_a_filter_error_keeps_its_position_and_code(client, key):
    both = [
        client.post(
            API + "/audiences/count", headers={**key, "Accept-Language": one}, json={"filter": "nobody = 'x'"}
        ).json()
        for one in ("en", "zh")
    ]
    assert {one["code"] for one in both} == {"filter"}
    assert [one["position"] for one in both] == [0, 0]
    assert both[0]["params"] == both[1]["params"]


def test_the_language_chosen_in_the_console_goes_before_the_browsers(client, key):
    headers = {**key, "Accept-Language": "en", "Cookie": "tagcast_language=zh"}
    assert CHINESE.search(client.get(API + "/nothing", headers=headers).json()["error"])


def test_warnings_of_the_tag_tree(client, key):
    for language, said in (("en", "holds only 2 tags"), ("zh", "只有 2 个标签")):
        tree = client.get(API + "/tree", headers={**key, "Accept-Language": language}).json()
        assert said in tree["warnings"][0]


class Request:
    def __init__(self, language: str) -> None:
        self.headers = {"accept-language": language}


def test_messages_become_texts_wherever_they_stand():
    sentence = nmsg("{n:,} tag", "{n:,} tags", 2)
    answer = {
        "plain": "as it is",
        "message": 3,
        "reasons": [sentence, sentence.to_json(), {"joined": [sentence.to_json(), "x"], "kind": "list"}],
        "nothing": NOTHING,
        "list": listed([sentence, sentence]),
    }
    chinese = localized(Request("zh"), answer)
    assert chinese["reasons"] == ["2 个标签", "2 个标签", "2 个标签、x"]
    assert (chinese["plain"], chinese["message"], chinese["nothing"]) == ("as it is", 3, "")
    assert localized(Request("en"), answer)["list"] == "2 tags, 2 tags"


class Wanted(BaseModel):
    text: str = Field(min_length=2, max_length=3)
    number: int = Field(gt=1, lt=9)
    share: float = Field(ge=0, le=1)
    names: list[str] = Field(min_length=1, max_length=2)
    yes: bool


@pytest.mark.parametrize(
    "given",
    [
        {},
        {"text": "x", "number": 1, "share": -1, "names": [], "yes": "maybe"},
        {"text": "xxxx", "number": 9, "share": 2, "names": ["a"] * 3, "yes": []},
        {"text": 1, "number": "x", "share": "y", "names": "z", "yes": None},
        {"number": 1.5},
    ],
)
def test_every_finding_has_words(given):
    with pytest.raises(ValidationError) as wrong:
        Wanted.model_validate(given)
    found = wrong.value.errors()
    text = render(request_problem(found), "zh")
    assert "取值无效" not in text
    assert len(text.split("；")) == min(len(found), 10)
    assert all(CHINESE.search(one) for one in text.split("；"))
    assert str(msg("{place}: {problem}", place="body", problem="x")) == "body: x"


def test_a_tag_whose_values_are_out_of_date_says_so_in_the_language_that_is_asked_for(tmp_path):
    clock = Clock()
    context = make_desk(tmp_path, clock)
    with served(context, console=False) as client:
        key = key_of(context, "owner")
        clock.now += timedelta(days=400)
        said = {}
        for language in ("en", "zh"):
            answer = client.get(API + "/tags/churn_risk", headers={**key, "Accept-Language": language})
            assert answer.status_code == 200
            said[language] = answer.json()["last_run"]["cautions"]
    assert any("expired" in note for note in said["en"])
    assert CHINESE.search(said["zh"][0])

"""tagcast user, key, audit."""

from __future__ import annotations

import json
import os
import pwd
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from tagcast.features.core.errors import NotAllowedError
from tagcast.features.core.settings import load_settings
from tagcast.pipelines.cli.main import cli
from tagcast.registry.access.accounts import login, person_of_key
from tagcast.registry.access.roles import Person
from tagcast.registry.state.database import State, open_state

NOW = datetime.now(UTC)
PASSWORD = "correct horse"


class Project:
    """A folder with a configuration, and the command line on it."""

    def __init__(self, folder: Path) -> None:
        self.config = folder / "tagcast.toml"
        columns = 'columns = {profile_id = "a", event_time = "b"}'
        self.config.write_text(
            f'name = "shop"\ntimezone = "Asia/Shanghai"\n[[sources]]\nname = "shop"\npath = "x.csv"\n{columns}\n'
        )

    def run(self, *words: str, given: str = "", code: int = 0) -> Result:
        result = CliRunner().invoke(cli, [*words, "--config", str(self.config)], input=given)
        assert result.exit_code == code, result.output + result.stderr
        return result

    def json(self, *words: str):
        return json.loads(self.run(*words, "--json").stdout)

    def add(self, name: str, *words: str) -> Result:
        return self.run("user", "add", name, *words, "--password-file", "-", given=f"{PASSWORD}\n")

    def state(self) -> State:
        return open_state(load_settings(self.config, None, self.config.parent))


@pytest.fixture
def project(tmp_path) -> Project:
    return Project(tmp_path)


def test_a_user_comes_and_goes(project) -> None:
    project.add("Ann", "--role", "admin")
    project.add("王伟", "--role", "marketer", "--sensitive")
    found = project.json("user", "list")
    assert [(u["name"], u["role"], u["sensitive"]) for u in found] == [
        ("ann", "admin", False), ("王伟", "marketer", True),
    ]  # fmt: skip
    assert "王伟" in project.run("user", "list").stdout
    state = project.state()
    assert login(state, "王伟", PASSWORD, NOW, address="192.0.2.1") == Person(
        "王伟", "marketer", sensitive=True
    )
    project.run("user", "password", "王伟", "--password-file", "-", given="battery staple\r\n")
    assert login(state, "王伟", "battery staple", NOW, address="192.0.2.1")
    state.close()
    project.run("user", "remove", "王伟")
    assert [u["name"] for u in project.json("user", "list")] == ["ann"]


def test_the_password_is_asked_for_twice_and_never_shown(project) -> None:
    result = project.run("user", "add", "ann", given=f"{PASSWORD}\n{PASSWORD}\n")
    assert PASSWORD not in result.output
    assert result.stdout.strip() == "ann may log in, as viewer"
    project.run("user", "add", "bo", given=f"{PASSWORD}\nanother horse\n", code=1)
    assert len(project.json("user", "list")) == 1


def test_a_key_is_shown_once(project) -> None:
    result = project.run("key", "add", "crm", "--role", "marketer", "--expires", "2999-01-01")
    text = result.stdout.strip()
    state = project.state()
    assert person_of_key(state, text, NOW) == Person("crm", "marketer")
    [key] = project.json("key", "list")
    # The first day on which it does not work begins at the project's midnight.
    assert key["expires_at"] == "2998-12-31 16:00:00+00:00"
    assert text.split("_", 2)[2] not in project.run("key", "list").stdout + json.dumps(
        project.json("audit", "list")
    )
    project.run("key", "revoke", key["id"])
    assert person_of_key(state, text, NOW + timedelta(seconds=10)) is None
    state.close()


def test_the_audit_log_tells_all_of_it(project) -> None:
    project.add("ann", "--role", "admin")
    project.json("key", "add", "crm")
    project.run("user", "remove", "ann")
    assert [e["action"] for e in project.json("audit", "list")] == ["user.remove", "key.add", "user.add"]
    [entry] = project.json("audit", "list", "--action", "key.")
    assert entry["detail"] == {"role": "viewer", "sensitive": False, "name": "crm", "expires_at": None}
    assert [
        e["action"] for e in project.json("audit", "list", "--limit", "1", "--before", str(entry["id"]))
    ] == ["user.add"]
    assert [e["action"] for e in project.json("audit", "list", "--subject", "ann")] == [
        "user.remove",
        "user.add",
    ]
    assert "role=viewer, sensitive=false" in project.run("audit", "list", "--action", "key.add").stdout


def test_looking_makes_nothing(project) -> None:
    for words in (("user", "list"), ("key", "list"), ("audit", "list")):
        assert project.json(*words) == []
    assert [f.name for f in project.config.parent.iterdir()] == ["tagcast.toml"]


@pytest.mark.parametrize(
    ("words", "given", "code", "says"),
    [
        (("user", "add", "bo", "--password-file", "-"), "short", 1, "10 to 1,000 characters"),
        (("user", "add", "ann", "--password-file", "-"), PASSWORD, 14, "already"),
        (("user", "add", " ", "--password-file", "-"), PASSWORD, 1, "the name has 0 characters"),
        (("user", "add", "bo", "--role", "root"), "", 1, "there is no role 'root'"),
        (("user", "add", "bo", "--rows", "north"), "", 1, "has no condition 'north'"),
        (("key", "add", "crm", "--rows", "north"), "", 1, "has no condition 'north'"),
        (("user", "remove", "bo"), "", 13, "no such user"),
        (("user", "remove", "ann"), "", 14, "last admin"),
        (("user", "password", "bo", "--password-file", "-"), PASSWORD, 13, "no such user"),
        (("key", "revoke", "000000000000"), "", 13, "no such key"),
        (("key", "add", "crm", "--expires", "2001-01-01"), "", 1, "expired"),
    ],
)
def test_what_is_wrong_is_said(project, words, given, code, says) -> None:
    project.add("ann", "--role", "admin")
    project.add("cy")
    result = project.run(*words, given=given, code=code)
    assert says in result.stderr
    assert "Traceback" not in result.output


def test_who_was_locked_out_is_unlocked_from_the_command_line(project) -> None:
    project.add("ann")
    state = project.state()
    for _ in range(10):
        with pytest.raises(NotAllowedError):
            login(state, "ann", "wrong horse", NOW, address="192.0.2.1")
    with pytest.raises(NotAllowedError):
        login(state, "ann", PASSWORD, NOW, address="192.0.2.1")
    assert project.json("user", "unlock", "Ann") == {"unlocked": "Ann"}
    assert login(state, "ann", PASSWORD, NOW, address="192.0.2.1")
    assert project.json("audit", "list", "--action", "user.unlock")[0]["subject"] == "ann"
    project.run("user", "unlock", "bo", code=13)
    state.close()


@pytest.mark.parametrize("variable", ["LOGNAME", "USER", "LNAME", "USERNAME"])
def test_a_variable_makes_nobody_somebody_else(project, monkeypatch, variable) -> None:
    monkeypatch.setenv(variable, "another marketer")
    project.add("ann")
    (line,) = project.json("audit", "list", "--action", "user.add")
    assert line["who"] == pwd.getpwuid(os.getuid()).pw_name


def test_who_has_no_name_is_told_by_number(project, monkeypatch) -> None:
    monkeypatch.setattr("os.getuid", lambda: 4_000_000)
    project.add("ann")
    assert project.json("audit", "list", "--action", "user.add")[0]["who"] == "uid 4000000"


@pytest.mark.parametrize(
    "words",
    [
        ("tag", "apply", "--reason", "r"),
        ("tag", "submit", "churn_risk", "--reason", "r"),
        ("tag", "approve", "churn_risk", "--reason", "r"),
        ("tag", "retire", "churn_risk", "--reason", "r"),
        ("model", "approve", "churn_risk", "1", "--reason", "r"),
        ("model", "promote", "churn_risk", "1", "--reason", "r"),
    ],
)
def test_nobody_says_who_they_are(project, words) -> None:
    assert "No such option '--by'" in project.run(*words, "--by", "somebody else", code=2).stderr


def key_for(project, name: str, role: str) -> str:
    return project.json("key", "add", name, "--role", role)["key"]


def test_a_named_key_says_who_runs_a_command_and_what_they_may_do(project, monkeypatch) -> None:
    admin, viewer = key_for(project, "nightly", "admin"), key_for(project, "looker", "viewer")
    monkeypatch.setenv("TAGCAST_KEY", admin)
    project.add("ann")
    assert project.json("audit", "list", "--action", "user.add")[0]["who"] == "nightly"
    for words in (("audience", "save", "x", "age > 3"), ("tag", "apply", "--reason", "r")):
        assert "an admin may not" in project.run(*words, code=11).stderr
    monkeypatch.setenv("TAGCAST_KEY", viewer)
    for words in (("user", "list"), ("key", "list"), ("user", "remove", "ann"), ("key", "add", "mine")):
        project.run(*words, code=11)
    project.run("user", "add", "me", "--password-file", "-", given=f"{PASSWORD}\n", code=11)
    assert {line["who"] for line in project.json("audit", "list")} <= {"looker"}  # one's own lines


@pytest.mark.parametrize("key", ["tc_0_0", "x", "tc_000000000000_" + "a" * 43])
def test_a_key_that_does_not_work_is_nobody(project, monkeypatch, key) -> None:
    project.add("ann")
    monkeypatch.setenv("TAGCAST_KEY", key)
    refused = project.run("user", "list", code=11)
    assert "TAGCAST_KEY does not work" in refused.stderr
    assert key not in refused.stderr


def test_an_admin_is_told_what_the_role_does_not_hold(project) -> None:
    assert "the role owner" in project.add("ann", "--role", "admin").stdout
    assert "owner" not in project.add("bo", "--role", "marketer").stdout
    assert project.add("cy", "--role", "owner").stdout == "cy may log in, as owner\n"


def test_the_last_who_lets_others_in_stays(project) -> None:
    project.add("ann", "--role", "owner")
    project.add("bo", "--role", "data_scientist")
    project.run("user", "remove", "ann", code=14)
    project.add("cy", "--role", "admin")
    project.run("user", "remove", "ann")

"""`tagcast audit`: who looked at whom by every door of this machine, and a log that was tampered with has its own exit code."""

from __future__ import annotations

import json
import re
import sqlite3

import pytest

import tagcast
from tagcast.features.core.errors import PurposeNeededError
from tagcast.pipelines.scoring.score import score_tags
from tests.support.champion import DAY, NOW, TAG, shop_with_champion
from tests.support.command_line import Project


@pytest.fixture(scope="module")
def asking(tmp_path_factory):
    """A project that asks for a purpose and streams its logs."""
    folder = tmp_path_factory.mktemp("looked")
    workspace = shop_with_champion(folder)
    config = folder / "tagcast.toml"
    with config.open("a", encoding="utf-8") as file:
        file.write(f'\n[access]\nask_purpose = true\naudit_to = "file:{folder}/audit.jsonl"\nkey_days = 10\n')
    score_tags(workspace, None, as_of=DAY, now=NOW)
    return Project(config, workspace.settings.home)


def looks(project: Project, *words: str) -> list[tuple]:
    return [
        (a["kind"], a["via"], a["profiles"], a["purpose"]) for a in project.json("audit", "access", *words)
    ]


def test_every_door_of_this_machine_asks_what_for_and_keeps_it(asking, tmp_path, monkeypatch) -> None:
    out = str(tmp_path / "x.csv")
    commands = [
        ("profile", "show", "c0001"),
        ("profile", "show", "c0001", "--on", "2100-01-01"),
        ("audience", "show", "age > 0", "--limit", "3"),
        ("audience", "show", "age > 0", "--limit", "3", "--seed", "1"),
        ("audience", "export", "age > 0", "--out", out),
    ]
    for words in commands:
        refused = asking.invoke(*words)
        assert refused.exit_code == 11, refused.output
        assert "--purpose TEXT" in refused.stderr
    assert not (tmp_path / "x.csv").exists()
    assert looks(asking) == []
    for words in commands:
        asking.run(*words, "--purpose", "投诉  7")
    rows = len((tmp_path / "x.csv").read_text(encoding="utf-8").splitlines()) - 1
    assert looks(asking) == [
        (kind, "cli", profiles, "投诉 7")
        for kind, profiles in (
            ("export", rows),
            ("sample", 3),
            ("members", 3),
            ("profile", 1),
            ("profile", 1),
        )
    ]
    silent = tagcast.open(asking.config, asking.home)
    for refused in (
        lambda: silent.profile("c0001"),
        lambda: silent.predictions(TAG),
        lambda: silent.audience("age > 0").to_pandas(limit=2),
        silent.feature_batches,
        lambda: silent.training_frame(TAG),
        lambda: silent.score(out=tmp_path / "p.parquet"),
    ):
        with pytest.raises(PurposeNeededError):
            refused()
    assert silent.audience("age > 0").count().members > 0
    opened = tagcast.open(asking.config, asking.home, purpose="a study")
    opened.profile("c0002")
    found = opened.predictions(TAG)
    opened.audience("age > 0").to_pandas(limit=2)
    assert looks(asking)[:3] == [
        ("members", "python", 2, "a study"),
        ("predictions", "python", len(found), "a study"),
        ("profile", "python", 1, "a study"),
    ]
    # Who looked at one of them: whoever was shown them by name, and who took everybody's predictions.
    assert [kind for kind, *_ in looks(asking, "--profile", "c0002")][:2] == ["predictions", "profile"]
    assert "export" in [kind for kind, *_ in looks(asking, "--profile", "c0001")]
    assert looks(asking, "--profile", "nobody") == looks(asking, "--profile", "c0002")[:1]
    assert looks(asking, "--since", "2100-01-01") == looks(asking, "--who", "nobody") == []
    assert "c0001" not in (asking.config.parent / "audit.jsonl").read_text(encoding="utf-8")


def test_who_may_not_read_the_log_sees_what_they_looked_at_themselves(asking, monkeypatch) -> None:
    asking.run("profile", "show", "c0001", "--purpose", "p")
    key = asking.json("key", "add", "crm", "--role", "marketer")["key"]
    monkeypatch.setenv("TAGCAST_KEY", key)
    assert looks(asking) == []
    asking.run("profile", "show", "c0003", "--purpose", "mine")
    assert looks(asking) == [("profile", "cli", 1, "mine")]
    assert asking.invoke("audit", "access", "--who", "somebody").exit_code == 11
    assert asking.invoke("audit", "verify").exit_code == 11


def test_a_key_lives_as_long_as_the_configuration_says_and_ends_with_a_warning(asking) -> None:
    asking.run("key", "add", "dashboard", "--role", "marketer", "--only", "see, filter")
    (key,) = [k for k in asking.json("key", "list") if k["name"] == "dashboard"]
    assert (key["only"], key["ends_soon"], key["used_at"]) == (["see", "filter"], True, None)
    shown = asking.run("key", "list").stdout
    assert re.search(rf"the key {key['id']} of dashboard ends in 9 days", " ".join(shown.split()))
    refused = asking.invoke("key", "add", "x", "--role", "viewer", "--only", "see,export")
    assert refused.exit_code == 1
    assert "export" in refused.stderr


def test_a_key_that_is_limited_does_no_more(asking, monkeypatch) -> None:
    key = asking.json("key", "add", "dashboard", "--role", "owner", "--only", "see,filter")["key"]
    monkeypatch.setenv("TAGCAST_KEY", key)
    assert asking.json("audience", "count", "age > 0")["members"] > 0
    for words in (("audience", "show", "age > 0", "--purpose", "p"), ("user", "list"), ("check",)):
        refused = asking.invoke(*words)
        assert refused.exit_code == 11
        assert "limited to" in refused.stderr


def test_a_log_that_was_tampered_with_has_an_exit_code_of_its_own(asking, tmp_path) -> None:
    asking.run("profile", "show", "c0001", "--purpose", "p")
    whole = asking.json("audit", "verify")
    head = f"{whole['head']['number']}:{whole['head']['digest']}"
    lines = (asking.config.parent / "audit.jsonl").read_text(encoding="utf-8").splitlines()
    assert json.loads(lines[-1])["digest"] == whole["head"]["digest"]
    assert (whole["findings"], whole["not_streamed"]) == ([], 0)
    assert "head: " + head in asking.run("audit", "verify", "--head", head).stdout
    assert asking.invoke("audit", "verify", "--head", "1:x").exit_code == 2
    assert asking.json("audit", "stream")["streamed"] == 0
    with sqlite3.connect(asking.home / "registry.db") as connection:
        connection.execute(
            "UPDATE access_log SET who = 'somebody' WHERE id = (SELECT max(id) FROM access_log)"
        )
    connection.close()
    found = asking.invoke("audit", "verify")
    assert found.exit_code == 18
    assert re.search(
        r"line \d+ of the access log, \d+ of the chain, was changed", " ".join(found.stdout.split())
    )
    assert "1 line of the logs is not as it was written" in found.stderr

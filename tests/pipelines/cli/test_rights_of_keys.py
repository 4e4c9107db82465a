"""A key in TAGCAST_KEY has its role's rights and no more, for every command and at the public door."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from datetime import timedelta
from pathlib import Path

import click
import httpx
import pytest

import tagcast
from tagcast.features.core.errors import NotAllowedError, NotFoundError
from tagcast.pipelines.cli.main import cli
from tagcast.pipelines.scoring.score import score_tags
from tests.support.champion import DAY, NOW, TAG, shop_with_champion
from tests.support.command_line import Project
from tests.support.rule_tags import shop_with_rules
from tests.support.shop import write_shop

ROOT = Path(__file__).parents[3]
ALL = {"viewer", "marketer", "lead", "data_scientist", "admin"}
SCIENTIST, MARKETER, ADMIN = {"data_scientist"}, {"marketer", "lead", "data_scientist"}, {"admin"}
WHY = ("--reason", "r")
COMMANDS: dict[tuple[str, ...], tuple[tuple[str, ...], set[str]]] = {
    ("check",): ((), SCIENTIST),
    ("train",): (("--all",), SCIENTIST),
    ("score",): (("--all",), SCIENTIST),
    ("promise",): ((), SCIENTIST),
    ("campaign", "list"): ((), MARKETER),
    ("campaign", "show"): (("x",), MARKETER),
    ("features", "build"): ((), SCIENTIST),
    ("features", "materialize"): ((), SCIENTIST),
    ("run", "due"): (("--dry-run",), SCIENTIST),
    ("run", "list"): ((), ALL),
    ("run", "diff"): ((), SCIENTIST),
    ("run", "rollback"): (WHY, SCIENTIST),
    ("run", "prune"): ((), SCIENTIST),
    ("model", "list"): ((), ALL),
    ("model", "card"): ((TAG,), ALL),
    ("model", "thresholds"): ((TAG,), ALL),
    ("model", "evaluate"): ((TAG,), SCIENTIST),
    ("model", "approve"): ((TAG, "1", *WHY), SCIENTIST),
    ("model", "prune"): (("--dry-run",), SCIENTIST),
    ("model", "promote"): ((TAG, "1", *WHY), SCIENTIST),
    ("tag", "list"): ((), ALL),
    ("tag", "show"): ((TAG,), ALL),
    ("tag", "history"): ((TAG,), ALL),
    ("tag", "plan"): ((), SCIENTIST),
    ("tag", "apply"): (WHY, SCIENTIST),
    ("tag", "submit"): ((TAG, *WHY), MARKETER),
    ("tag", "approve"): ((TAG, *WHY), SCIENTIST),
    ("tag", "publish"): ((TAG, *WHY), SCIENTIST),
    ("tag", "reopen"): ((TAG, *WHY), SCIENTIST),
    ("tag", "suspend"): ((TAG, *WHY), SCIENTIST),
    ("tag", "retire"): ((TAG, *WHY), SCIENTIST),
    ("audience", "count"): (("age > 30",), ALL - ADMIN),
    ("audience", "outcome"): (("age > 30",), MARKETER),
    ("audience", "explain"): (("age > 30",), ALL - ADMIN),
    ("audience", "portrait"): (("age > 30",), ALL - ADMIN),
    ("audience", "compare"): (("age > 30", "age > 40"), ALL - ADMIN),
    ("audience", "list"): ((), ALL - ADMIN),
    ("audience", "fields"): ((), ALL - ADMIN),
    ("audience", "profit"): (
        ("age > 30", "--tag", TAG, "--benefit", "1", "--cost", "1", "--saved-share", "0.5"),
        MARKETER,
    ),
    ("audience", "show"): (("age > 30",), MARKETER),
    ("audience", "export"): (("age > 30", "--out", "x.csv"), MARKETER),
    ("audience", "save"): (("x", "age > 30"), MARKETER),
    ("audience", "delete"): (("x",), MARKETER),
    ("audience", "changes"): (("x",), MARKETER),
    ("audience", "edits"): (("x",), ALL - ADMIN),
    ("audience", "label"): (("x", "y"), MARKETER),
    ("audience", "transfer"): (("x", "y"), MARKETER),
    ("audience", "duplicate"): (("x", "y"), MARKETER),
    ("audience", "exports"): ((), MARKETER),
    ("profile", "show"): (("c0001",), MARKETER),
    ("profile", "export"): (("c0001",), set()),
    ("profile", "erase"): (("c0001",), set()),
    ("backup",): (("x",), SCIENTIST),
    ("restore",): (("x",), SCIENTIST),
    ("migrate",): ((), SCIENTIST),
    ("home", "show"): ((), SCIENTIST),
    ("home", "prune"): (("--dry-run",), SCIENTIST),
    ("user", "add"): (("x", "--password-file", "-"), ADMIN),
    ("user", "password"): (("x", "--password-file", "-"), ADMIN),
    ("user", "unlock"): (("x",), ADMIN),
    ("user", "list"): ((), ADMIN),
    ("user", "remove"): (("x",), ADMIN),
    ("key", "add"): (("x",), ADMIN),
    ("key", "list"): ((), ADMIN),
    ("key", "revoke"): (("x",), ADMIN),
    ("user", "sessions"): ((), ADMIN),
    ("user", "end"): (("x",), ADMIN),
    ("audit", "list"): ((), ALL),  # of others' lines those who have the right alone
    ("audit", "access"): ((), ALL),
    ("audit", "verify"): ((), SCIENTIST | ADMIN),
    ("audit", "stream"): ((), SCIENTIST | ADMIN),
    ("serve",): (("--port", "0"), SCIENTIST),
}
"""Words that the command takes, and the roles that may use it."""


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    folder = tmp_path_factory.mktemp("rights")
    workspace = shop_with_champion(folder)
    score_tags(workspace, None, as_of=DAY, now=NOW)
    return Project(folder / "tagcast.toml", workspace.settings.home)


@pytest.fixture(scope="module")
def keys(project):
    return {role: project.json("key", "add", role, "--role", role)["key"] for role in sorted(ALL)}


def leaves(command=cli, path=()):
    """Return the words of every command."""
    if not isinstance(command, click.Group):
        return {path}
    with click.Context(command) as context:
        found = [(name, command.get_command(context, name)) for name in command.list_commands(context)]
    return set().union(*(leaves(one, (*path, name)) for name, one in found))


def test_every_command_is_known_here():
    # Before there is a project nobody has a key of it.
    assert leaves() == {*COMMANDS, ("init",)}


@pytest.mark.parametrize("command", sorted(COMMANDS), ids=" ".join)
def test_a_command_refuses_a_key_whose_role_may_not(project, keys, monkeypatch, command):
    words, roles = COMMANDS[command]
    for role in sorted(ALL - roles):
        monkeypatch.setenv("TAGCAST_KEY", keys[role])
        result = project.invoke(*command, *words)
        assert result.exit_code == 11, (role, result.output)
        assert "may not" in result.stderr or "is for who may" in result.stderr
    log = project.home / "store" / "log.jsonl"
    assert not log.exists() or '"rollback"' not in log.read_text(encoding="utf-8")


@pytest.mark.parametrize(
    "command",
    [("run", "list"), ("model", "list"), ("tag", "list"), ("audience", "count"), ("audit", "list")],
    ids=" ".join,
)
def test_a_command_serves_a_key_whose_role_may(project, keys, monkeypatch, command):
    words, roles = COMMANDS[command]
    for role in sorted(roles):
        monkeypatch.setenv("TAGCAST_KEY", keys[role])
        project.run(*command, *words)


@pytest.mark.parametrize("command", sorted(COMMANDS), ids=" ".join)
def test_a_revoked_or_made_up_key_is_nobody_for_every_command(project, monkeypatch, command):
    monkeypatch.setenv("TAGCAST_KEY", "tc_000000000000_" + "a" * 43)
    result = project.invoke(*command, *COMMANDS[command][0])
    assert result.exit_code == 11, result.output
    assert "does not work" in result.stderr


def test_a_server_logs_the_holder_of_a_key_in_with_its_role(project, keys):
    """Nobody has an account yet: the link is the key's, and no way to more rights than it has."""
    environment = {**os.environ, "TAGCAST_KEY": keys["data_scientist"], "PYTHONWARNINGS": "ignore"}
    words = [sys.executable, "-u", "-m", "tagcast.pipelines.cli.main", "serve", "--port", "0"]
    words += ["--config", str(project.config), "--home", str(project.home)]
    with subprocess.Popen(words, stdout=subprocess.PIPE, text=True, env=environment, cwd=ROOT) as process:
        try:
            address, login = process.stdout.readline(), process.stdout.readline()
            assert "with the role data scientist" in login
            with httpx.Client(follow_redirects=True, timeout=60) as client:
                assert client.get(login.split()[-1]).status_code == 200
                api = re.search(r"http\S+/api/v1", address)[0]
                assert client.get(f"{api}/me").json()["role"] == "data_scientist"
                assert client.get(f"{api}/users").status_code == 403
        finally:
            process.send_signal(signal.SIGTERM)
        assert "every role" not in process.stdout.read()


@pytest.mark.parametrize(
    ("language", "sentence"), [("en", "you own this project and hold every role"), ("zh", "拥有全部角色")]
)
def test_who_owns_a_project_reads_so(project, monkeypatch, language, sentence):
    """Without a key and without accounts the user of the system is the owner, and reads how others get less."""
    monkeypatch.delenv("TAGCAST_KEY", raising=False)
    monkeypatch.setenv("TAGCAST_LANG", language)
    monkeypatch.setattr("tagcast.pipelines.cli.serve.run", lambda service: service.listener.close())
    shown = project.run("serve", "--port", "0").stdout
    assert sentence in " ".join(shown.split())
    assert "tagcast user add NAME --role marketer" in shown


def test_where_no_key_is_given_no_state_is_made_to_look_one_up(tmp_path, monkeypatch):
    monkeypatch.delenv("TAGCAST_KEY", raising=False)
    config = write_shop(tmp_path, customers=40)
    Project(config, tmp_path / "home").invoke("run", "list")
    assert not (tmp_path / "home" / "registry.db").exists()


def test_saved_audiences_on_what_is_sensitive_are_not_listed(tmp_path, monkeypatch):
    workspace = shop_with_champion(tmp_path)
    config = tmp_path / "tagcast.toml"
    text = config.read_text(encoding="utf-8")
    config.write_text(
        text.replace('columns = ["city", "age"]', 'columns = ["city", "age"]\nsensitive = ["age"]'),
        encoding="utf-8",
    )
    score_tags(workspace, None, as_of=DAY, now=NOW)
    project = Project(config, workspace.settings.home)
    project.run("audience", "save", "old", "age > 60")
    project.run("audience", "save", "north", "city = 'Oslo'")
    low = project.json("key", "add", "m", "--role", "marketer")["key"]
    assert [one["name"] for one in project.json("audience", "list")] == ["north", "old"]
    monkeypatch.setenv("TAGCAST_KEY", low)
    assert [one["name"] for one in project.json("audience", "list")] == ["north"]


def test_a_profile_shows_a_key_what_its_role_may_see(tmp_path, monkeypatch):
    workspace = shop_with_champion(tmp_path)
    config = tmp_path / "tagcast.toml"
    text = config.read_text(encoding="utf-8")
    config.write_text(
        text.replace('columns = ["city", "age"]', 'columns = ["city", "age"]\nsensitive = ["age"]'),
        encoding="utf-8",
    )
    score_tags(workspace, None, as_of=DAY, now=NOW)
    project = Project(config, workspace.settings.home)
    low = project.json("key", "add", "m", "--role", "marketer")["key"]
    high = project.json("key", "add", "s", "--role", "data_scientist")["key"]
    project.run("tag", "suspend", TAG, *WHY)
    assert {"age", "city"} == set(project.json("profile", "show", "c0001")["attributes"])
    monkeypatch.setenv("TAGCAST_KEY", low)
    shown = project.json("profile", "show", "c0001")
    assert set(shown["attributes"]) == {"city"}
    assert shown["predictions"] == []  # suspended: not for marketers
    opened = tagcast.open(config, workspace.settings.home)
    assert set(opened.profile("c0001").attributes) == {"city"}
    with pytest.raises(NotAllowedError, match="churn_risk is not published"):
        opened.predictions(TAG)
    monkeypatch.setenv("TAGCAST_KEY", high)
    shown = project.json("profile", "show", "c0001")
    assert set(shown["attributes"]) == {"age", "city"}
    assert [row["tag"] for row in shown["predictions"]] == [TAG]
    assert len(opened.predictions(TAG)) > 0


def test_a_sensitive_tag_is_not_read_with_a_key_that_may_not(tmp_path, monkeypatch):
    workspace = shop_with_rules(tmp_path, customers=60)
    project = Project(tmp_path / "tagcast.toml", workspace.settings.home)
    project.run("score", "--all", "--as-of", str(DAY))
    low = project.json("key", "add", "m", "--role", "marketer")["key"]
    high = project.json("key", "add", "s", "--role", "data_scientist")["key"]
    opened = tagcast.open(project.config, project.home)
    assert 0 < len(opened.predictions("quiet")) < len(opened.predictions("lifecycle_stage"))
    monkeypatch.setenv("TAGCAST_KEY", low)
    assert len(opened.predictions("lifecycle_stage")) > 0
    with pytest.raises(NotAllowedError, match="quiet is marked sensitive"):
        opened.predictions("quiet")
    with pytest.raises(NotFoundError):
        opened.predictions("quite")
    monkeypatch.setenv("TAGCAST_KEY", high)
    assert len(opened.predictions("quiet")) > 0


def test_the_public_door_holds_to_the_same_rights(project, keys, monkeypatch):
    opened = tagcast.open(project.config, project.home)
    monkeypatch.setenv("TAGCAST_KEY", keys["viewer"])
    later = NOW + timedelta(days=1)
    for refused in (
        opened.check,
        opened.features,
        lambda: opened.feature_batches(now=later),
        lambda: opened.training_frame(TAG),
        lambda: opened.train(TAG, now=later),
        lambda: opened.train_all(now=later),
        lambda: opened.evaluate(TAG),
        lambda: opened.score(now=later),
        opened.promise,
        lambda: opened.predictions(TAG),
        lambda: opened.audience("age > 30").to_pandas(),
        lambda: opened.profile("c0001"),
        lambda: opened.promote(TAG, 1, reason="r", now=later),
    ):
        with pytest.raises(NotAllowedError, match="a viewer may not"):
            refused()
    assert list(opened.versions()["tag"]) == [TAG]
    assert opened.audience("age > 30").count().base > 0
    assert opened.audience("age > 30").portrait()["members"].sum() > 0


def test_a_key_that_is_limited_to_rows_reads_these_alone(project, monkeypatch):
    """At the command line and at the public door, whatever reads profiles or counts them."""
    monkeypatch.delenv("TAGCAST_KEY", raising=False)
    config = project.config.with_name("with_rows.toml")
    rows = "\n[access.rows]\noslo = \"city = 'Oslo'\"\ngone = \"town = 'Oslo'\"\n"
    config.write_text(project.config.read_text(encoding="utf-8") + rows, encoding="utf-8")
    limited = Project(config, project.home)
    everybody = tagcast.open(config, project.home).audience("age > 0 OR age IS NULL").to_pandas()
    oslo = sorted(everybody.loc[everybody["city"] == "Oslo", "profile_id"])
    elsewhere = everybody.loc[everybody["city"] != "Oslo", "profile_id"].iloc[0]
    assert 0 < len(oslo) < len(everybody)
    key = limited.json("key", "add", "oslo", "--role", "data_scientist", "--rows", "oslo")["key"]
    gone = limited.json("key", "add", "gone", "--role", "marketer", "--rows", "gone")["key"]
    assert [one["rows"] for one in limited.json("key", "list") if one["name"] == "oslo"] == [["oslo"]]
    monkeypatch.setenv("TAGCAST_KEY", key)
    count = limited.json("audience", "count", "age > 0 OR age IS NULL")
    assert count["members"] == count["base"] == len(oslo)
    assert {row["profiles"] for row in limited.json("run", "list")} == {None}
    assert limited.json("profile", "show", oslo[0])["profile_id"] == oslo[0]
    for words in ((elsewhere,), (elsewhere, "--on", str(NOW.date()))):
        assert "no profile" in limited.invoke("profile", "show", *words).stderr
    assert limited.json("tag", "show", TAG)["row"]["population"] <= len(oslo)
    refused = limited.invoke("run", "diff")
    assert refused.exit_code == 11
    assert "who sees some profiles only may not" in refused.stderr
    refused = limited.invoke("tag", "plan")
    assert refused.exit_code == 11
    assert "this counts every profile, and oslo sees some of them only" in refused.stderr
    opened = tagcast.open(config, project.home)
    assert sorted(opened.audience("age > 0 OR age IS NULL").to_pandas()["profile_id"]) == oslo
    predicted = list(opened.predictions(TAG)["profile_id"])
    assert set(predicted) <= set(oslo)
    assert opened.profile(oslo[0]).profile_id == oslo[0]
    with pytest.raises(NotFoundError):
        opened.profile(elsewhere)
    looked = limited.json("audit", "access", "--profile", predicted[0])
    assert [(one["kind"], one["everyone"]) for one in looked if one["kind"] == "predictions"] == [
        ("predictions", False)
    ]
    assert limited.json("audit", "access", "--profile", elsewhere) == []
    monkeypatch.setenv("TAGCAST_KEY", gone)
    for words in (("audience", "count", "age > 3"), ("profile", "show", oslo[0]), ("tag", "list")):
        result = limited.invoke(*words)
        assert result.exit_code == 11
        assert "unknown field 'town'" in result.stderr

"""The life of tags and champions through the command line, where a second person has to agree and where not."""

from __future__ import annotations

from datetime import timedelta

import pytest

from tagcast.pipelines.project.project import open_project
from tagcast.pipelines.scoring.score import score_tags
from tagcast.registry.access.roles import Person
from tagcast.registry.governance.saved_audiences import SavedAudience, save
from tagcast.registry.state.database import open_state
from tests.support.champion import DAY, NOW, TAG, by_hand, put_in_charge, shop_with_champion
from tests.support.command_line import Project as CommandLine
from tests.support.rule_tags import tree_of
from tests.support.shop import FIRST_DAY, write_shop

pytestmark = [pytest.mark.xdist_group("life_cli"), pytest.mark.slow]

SECOND_PERSON = "\n[review]\nsecond_person = true\n"


class Project(CommandLine):
    """A project folder and the command line on it."""

    def ask_for_two(self) -> None:
        self.config.write_text(self.config.read_text(encoding="utf-8") + SECOND_PERSON, encoding="utf-8")


@pytest.fixture
def project(tmp_path) -> Project:
    score_tags(shop_with_champion(tmp_path), [TAG], as_of=DAY, now=NOW)
    return Project(tmp_path / "tagcast.toml", tmp_path / "home")


def test_nothing_has_to_be_set_up(project) -> None:
    (row,) = [r for r in project.json("tag", "list") if r["name"] == TAG]
    assert row["status"] == "published"
    shown = project.invoke("tag", "list").stdout
    assert "warning: Lifecycle › Retention holds only 1 tag" in shown
    assert [r["name"] for r in project.json("tag", "list", "--query", "chrun")] == [TAG]
    assert "warning" not in project.invoke("tag", "list", "--query", "chrun").stdout
    assert project.invoke("model", "approve").stdout == "no champion waits for approval\n"


@pytest.fixture
def system_knows(monkeypatch):
    """Let the system know who runs the next commands by another name."""
    return lambda name: monkeypatch.setattr("tagcast.pipelines.project.local_user.system_user", lambda: name)


def test_a_tag_is_shown_and_taken_through_its_life(project, system_knows) -> None:
    page = project.json("tag", "show", TAG)
    assert page["row"]["status"] == "published"
    assert "no step in its life" in project.invoke("tag", "show", TAG).stdout
    system_knows("Ann")
    step = project.json("tag", "suspend", TAG, "--reason", "broken feed")
    assert (step["who"], step["was"], step["to"]) == ("Ann", "published", "suspended")
    refused = project.invoke("tag", "approve", TAG, "--reason", "x")
    assert refused.exit_code == 14
    assert "suspended, not in review" in refused.stderr
    assert f"tagcast tag submit {TAG}" in refused.stderr
    assert (
        project.invoke("tag", "submit", TAG, "--reason", "fixed").stdout
        == f"{TAG} is in review (was suspended)\n"
    )
    project.json("tag", "approve", TAG, "--reason", "looked at it")
    steps = project.json("tag", "history", TAG)
    assert [s["to"] for s in steps] == ["suspended", "in_review", "published"]
    assert "broken feed" in project.invoke("tag", "show", TAG).stdout
    assert project.invoke("tag", "show", "nothing").exit_code == 13


def test_retiring_shows_first_what_depends_on_the_tag(project) -> None:
    state = open_state(open_project(project.config, project.home).settings)
    save(
        state,
        SavedAudience("quiet ones", "", "", f"{TAG} = 'yes'", "dynamic", NOW, NOW),
        tree_of(f"{TAG} = 'yes'", TAG),
        Person("ann", "owner"),
        NOW,
    )
    refused = project.invoke("tag", "retire", TAG, "--reason", "not needed")
    assert refused.exit_code == 14
    assert f"1 saved audience uses {TAG}: quiet ones" in refused.stderr
    assert "--yes" in refused.stderr
    assert project.json("tag", "retire", TAG, "--reason", "not needed", "--yes")["to"] == "retired"
    assert project.json("tag", "reopen", TAG, "--reason", "needed after all")["to"] == "draft"


def test_a_champion_waits_for_a_second_person(project, system_knows) -> None:
    project.ask_for_two()
    workspace = open_project(project.config, project.home)
    put_in_charge(workspace, project.home / "second", by_hand(risk=3.0), 2)  # proposed by "tests"
    assert [v["aliases"] for v in project.json("model", "list", TAG)] == [["challenger"], ["champion"]]
    assert "proposed by tests" in " ".join(project.invoke("model", "list", TAG).stdout.split())
    (waiting,) = project.json("model", "approve")
    assert (waiting["tag"], waiting["version"], waiting["champion"]) == (TAG, 2, 1)
    assert waiting["proposed_by"] == "tests"
    assert "tests" in project.invoke("model", "approve").stdout

    system_knows("tests")
    own = project.invoke("model", "approve", TAG, "2", "--reason", "mine")
    assert own.exit_code == 11
    assert "somebody else has to approve it" in own.stderr
    system_knows("Bob")
    assert project.invoke("model", "approve", TAG, "2").exit_code == 6, "a reason is needed"
    assert project.invoke("model", "approve", TAG).exit_code == 2
    assert project.invoke("model", "approve", TAG, "1", "--reason", "x").exit_code == 6
    done = project.invoke("model", "approve", TAG, "2", "--reason", "read the card")
    assert done.stdout == f"{TAG}: version 2 is champion: the next run scores with it\n"
    assert [v["aliases"] for v in project.json("model", "list", TAG)] == [["champion"], []]
    (line,) = [e for e in project.json("audit", "list") if e["action"] == "champion.approve"]
    assert (line["who"], line["subject"], line["detail"]["proposed_by"]) == ("Bob", TAG, "tests")


def test_a_champion_is_turned_down(project, system_knows) -> None:
    project.ask_for_two()
    system_knows("Ann")
    proposed = project.invoke("model", "promote", TAG, "1", "--reason", "again", "--force")
    assert proposed.stdout.startswith(f"{TAG}: version 1 waits for a second person to approve it")
    system_knows("Bob")
    done = project.invoke("model", "approve", TAG, "1", "--refuse", "--reason", "broken feed")
    assert done.stdout == f"{TAG}: version 1 is refused\n"
    assert project.json("model", "approve") == []
    assert project.json("model", "list", TAG)[0]["aliases"] == ["champion"], "what is active stays active"


def test_the_winner_of_a_training_waits_under_the_name_of_who_trained(tmp_path, monkeypatch) -> None:
    monkeypatch.setattr("tagcast.pipelines.project.local_user.system_user", lambda: "ann")
    project = Project(write_shop(tmp_path, customers=300), tmp_path / "home")
    project.ask_for_two()
    now = str(FIRST_DAY + timedelta(days=200))
    (trained,) = project.json("train", "churn_risk", "--as-of", now, "--trials", "2")
    assert trained["alias"] == "challenger"
    gate = {c["outcome"] for c in trained["checks"]}
    waiting = project.json("model", "approve")
    if "fail" in gate:  # a small shop: whether the gate lets it through is not what is tested here
        assert waiting == []
    else:
        assert [(w["version"], w["proposed_by"]) for w in waiting] == [(1, "ann")]
        assert trained["reason"].endswith("waits for a second person: tagcast model approve")


def test_check_warns_of_thin_categories(project) -> None:
    assert any("Lifecycle › Retention" in line for line in project.json("check")["tree"])
    assert "warning: Lifecycle › Retention holds only 1 tag" in project.invoke("check").stdout


def test_four_eyes_are_two_identities_and_not_two_names_of_one(project, monkeypatch) -> None:
    """One person at one keyboard: variables of the shell and an option name others, and nothing is published."""
    project.ask_for_two()
    project.json("tag", "suspend", TAG, "--reason", "the feed is late")
    project.json("tag", "submit", TAG, "--reason", "please look")
    for variable in ("LOGNAME", "USER"):
        monkeypatch.setenv(variable, "another marketer")
    refused = project.invoke("tag", "approve", TAG, "--reason", "mine")
    assert refused.exit_code == 11
    assert "somebody else has to publish it" in refused.stderr
    assert project.invoke("tag", "approve", TAG, "--reason", "mine", "--by", "another").exit_code == 2
    key = project.json("key", "add", "second reader", "--role", "data_scientist")["key"]
    low = project.json("key", "add", "marketing", "--role", "marketer")["key"]
    monkeypatch.setenv("TAGCAST_KEY", low)
    assert project.invoke("tag", "approve", TAG, "--reason", "ours").exit_code == 11
    monkeypatch.setenv("TAGCAST_KEY", key)
    assert project.json("tag", "approve", TAG, "--reason", "read it")["who"] == "second reader"
    assert project.json("tag", "show", TAG)["row"]["status"] == "published"


RULES = {
    "active": "recency_days <= 14", "northern": "city = 'Tromsø'", "older": "age >= 60",
}  # fmt: skip
RULE = """\
kind: rule
name: {name}
title: {{en: {name}, zh: {name}}}
description: {{en: A rule, zh: 规则}}
path: [Lifecycle, Stage]
owner: tests
rule: "{rule}"
"""


def define(project, *names: str) -> None:
    for name in names:
        text = RULE.format(name=name, rule=RULES[name])
        (project.config.parent / "tags" / f"{name}.yaml").write_text(text, encoding="utf-8")


def statuses(project) -> dict[str, str]:
    return {
        row["name"]: row["status"] for row in project.json("tag", "list") if row["population"] is not None
    }


def test_asking_for_a_second_person_leaves_what_is_published_published(
    project, tmp_path, monkeypatch
) -> None:
    define(project, "active")
    score_tags(open_project(project.config, project.home), None, as_of=DAY, now=NOW + timedelta(hours=1))
    assert statuses(project) == {TAG: "published", "active": "published"}
    project.ask_for_two()
    assert statuses(project) == {TAG: "published", "active": "published"}
    key = project.json("key", "add", "mia", "--role", "marketer")["key"]
    # What comes from now on waits, in this run and in the next one; a marketer filters by what was there before.
    define(project, "northern")
    for hours in (2, 3):
        score_tags(
            open_project(project.config, project.home), None, as_of=DAY, now=NOW + timedelta(hours=hours)
        )
        assert statuses(project) == {TAG: "published", "active": "published", "northern": "draft"}
    with monkeypatch.context() as shell:
        shell.setenv("TAGCAST_KEY", key)
        project.run("audience", "count", "active = 'yes'")
        assert (
            "'northern' is a draft" in project.run("audience", "count", "northern = 'yes'", ok=False).stderr
        )
    # A rollback to a run of before publishes nothing new and takes nothing back.
    project.run("run", "rollback", "2", "--reason", "look at it again")
    assert statuses(project) == {TAG: "published", "active": "published"}


def test_several_tags_are_submitted_and_approved_at_once_or_not_at_all(
    tmp_path, monkeypatch, system_knows
) -> None:
    workspace = shop_with_champion(tmp_path)
    project = Project(tmp_path / "tagcast.toml", tmp_path / "home")
    project.ask_for_two()
    define(project, "active", "northern", "older")
    score_tags(open_project(project.config, workspace.settings.home), None, as_of=DAY, now=NOW)
    every = [TAG, "active", "northern", "older"]
    assert statuses(project) == dict.fromkeys(every, "draft")
    system_knows("ann")
    refused = project.run("tag", "submit", *every, "nothing", "--reason", "the first ones", ok=False)
    assert refused.exit_code == 13
    assert statuses(project) == dict.fromkeys(every, "draft"), "one that is wrong stops all of them"
    assert len(project.json("tag", "submit", *every, TAG, "--reason", "the first ones")) == 4, (
        "named twice is once"
    )
    own = project.run("tag", "approve", *every, "--reason", "mine", ok=False)
    assert own.exit_code == 11
    assert statuses(project) == dict.fromkeys(every, "in_review")
    system_knows("bob")
    project.run("tag", "reopen", "older", "--reason", "not this one")
    assert project.run("tag", "approve", *every, "--reason", "read them", ok=False).exit_code == 14
    assert statuses(project) == {**dict.fromkeys(every, "in_review"), "older": "draft"}
    said = project.run("tag", "approve", *every[:3], "--reason", "read them").stdout
    assert said.splitlines() == [f"{name} is published (was in review)" for name in every[:3]]
    assert {line["who"] for line in project.json("audit", "list", "--action", "tag.step")[:3]} == {"bob"}

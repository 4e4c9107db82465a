"""A run that would lose tags, databases that are lost, a home of another project: each is said, nothing begins anew."""

from __future__ import annotations

import json
import shutil
from datetime import timedelta

import pytest

from tagcast.registry.versions.tracking import open_tracking
from tests.support.champion import DAY, TAG, shop_with_champion
from tests.support.command_line import Project
from tests.support.faults.injection import Fault
from tests.support.rule_tags import STAGE

pytestmark = pytest.mark.slow
NEXT = str(DAY + timedelta(days=1))
TAGS = {TAG, "lifecycle_stage"}


@pytest.fixture(scope="module")
def whole(tmp_path_factory) -> Project:
    """A shop with a champion and a rule, scored once."""
    folder = tmp_path_factory.mktemp("shop")
    shop_with_champion(folder)
    (folder / "tags" / "stage.yaml").write_text(STAGE, encoding="utf-8")
    project = Project(folder / "tagcast.toml", folder / "home")
    project.run("score", "--all", "--as-of", str(DAY))
    return project


@pytest.fixture
def shop(whole, tmp_path) -> Project:
    """The same, of one's own."""
    folder = tmp_path / "shop"
    shutil.copytree(whole.config.parent, folder)
    return Project(folder / "tagcast.toml", folder / "home")


def said(result, code: int, *words: str) -> None:
    assert result.exit_code == code, result.output + result.stderr
    for word in (*words, "hint:"):
        assert word in result.stderr, result.stderr
    assert "Traceback" not in result.stderr


def active_tags(shop: Project) -> tuple[str, set[str]]:
    entry = json.loads((shop.home / "store" / "CURRENT").read_text(encoding="utf-8"))
    return entry["manifest"]["run"]["as_of"], set(entry["manifest"]["tags"])


@pytest.mark.parametrize("accident", ["emptied", "deleted"])
@pytest.mark.parametrize("stamped", [True, False], ids=["stamp", "log alone"])
def test_a_lost_model_registry_stops_the_run(shop, accident, stamped) -> None:
    with Fault():
        file = shop.home / "mlflow.db"
        kept = file.read_bytes()
        file.unlink()
        if accident == "emptied":
            file.touch()
        if not stamped:
            (shop.home / "home.json").unlink()
        for command in (("score", "--all", "--as-of", NEXT), ("model", "list"), ("tag", "list")):
            said(shop.invoke(*command), 6, "mlflow.db", "backup")
        assert active_tags(shop) == (str(DAY), TAGS)
        file.write_bytes(kept)
        shop.run("score", "--all", "--as-of", NEXT)
        assert active_tags(shop) == (NEXT, TAGS)


def test_another_model_registry_would_lose_a_tag(shop, monkeypatch, tmp_path) -> None:
    with Fault():
        monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{tmp_path / 'other.db'}")
        open_tracking(shop.home, project="small shop").client.search_experiments()
        said(
            shop.invoke("score", "--all", "--as-of", NEXT),
            10,
            "1 tag of the last run",
            TAG,
            "tagcast model list",
        )
        assert active_tags(shop) == (str(DAY), TAGS)
        shop.run("score", "--all", "--as-of", NEXT, "--force", "--reason", "the model is no longer wanted")
        assert active_tags(shop) == (NEXT, {"lifecycle_stage"})


def test_a_champion_that_lost_its_alias(shop) -> None:
    with Fault():
        client = open_tracking(shop.home, project="small shop").client
        client.delete_registered_model_alias(TAG, "champion")
        said(shop.invoke("score", "--all", "--as-of", NEXT), 10, TAG)
        assert active_tags(shop) == (str(DAY), TAGS)


def test_naming_one_tag_does_not_drop_the_others(shop) -> None:
    said(shop.invoke("score", "lifecycle_stage", "--as-of", NEXT), 10, TAG, "--all")
    shop.run("score", TAG, "lifecycle_stage", "--as-of", NEXT)
    assert active_tags(shop) == (NEXT, TAGS)


def test_a_tag_that_somebody_took_away_may_go(shop) -> None:
    (shop.config.parent / "tags" / "stage.yaml").unlink()
    shop.run("score", "--all", "--as-of", NEXT)
    assert active_tags(shop) == (NEXT, {TAG})


def test_a_retired_tag_may_go(shop) -> None:
    shop.run("tag", "retire", TAG, "--reason", "the campaign ended", "--yes")
    shop.run("score", "--all", "--as-of", NEXT)
    assert active_tags(shop) == (NEXT, {"lifecycle_stage"})


@pytest.mark.parametrize("accident", ["emptied", "deleted"])
@pytest.mark.parametrize("stamped", [True, False], ids=["stamp", "log alone"])
def test_a_lost_application_state_is_an_error(shop, accident, stamped) -> None:
    with Fault():
        shop.run("tag", "retire", TAG, "--reason", "the campaign ended", "--yes")
        kept = {file: file.read_bytes() for file in shop.home.glob("registry.db*")}
        for file in kept:
            file.unlink()
        if accident == "emptied":
            (shop.home / "registry.db").touch()
        if not stamped:
            (shop.home / "home.json").unlink()
        for command in (
            ("score", "--all", "--as-of", NEXT),
            ("tag", "list"),
            ("audit", "list"),
            ("user", "list"),
            ("model", "list"),
            ("serve", "--port", "0"),
        ):
            said(shop.invoke(*command), 12, "registry.db is gone or empty", "backup")
        assert active_tags(shop) == (str(DAY), TAGS)
        for file, content in kept.items():
            file.write_bytes(content)
        assert {t["name"]: t["status"] for t in shop.json("tag", "list")}[TAG] == "retired"


def test_the_way_to_begin_anew_is_the_one_the_hint_names(shop) -> None:
    for file in shop.home.glob("registry.db*"):
        file.unlink()
    said(shop.invoke("user", "list"), 12, 'take "registry.db" out of', "home.json")
    stamp = json.loads((shop.home / "home.json").read_text(encoding="utf-8"))
    assert stamp == {"project": "small shop", "made": ["mlflow.db", "registry.db"], "layout": 1}
    stamp["made"].remove("registry.db")
    (shop.home / "home.json").write_text(json.dumps(stamp), encoding="utf-8")
    assert shop.json("user", "list") == []
    shop.run("score", "--all", "--as-of", NEXT)
    assert json.loads((shop.home / "home.json").read_text(encoding="utf-8"))["made"] == [
        "mlflow.db",
        "registry.db",
    ]


@pytest.mark.parametrize(
    "command", [("run", "list"), ("check",), ("user", "list"), ("score", "--all"), ("audit", "list")]
)
def test_a_home_belongs_to_one_project(shop, command) -> None:
    with Fault():
        text = shop.config.read_text(encoding="utf-8").replace('"small shop"', '"other shop"')
        shop.config.write_text(text, encoding="utf-8")
        said(shop.invoke(*command), 3, "belongs to the project 'small shop'", "'other shop'", "--home")
        again = Project(shop.config, shop.home.with_name("another"))
        again.run("user", "list")


def test_a_damaged_stamp_is_named(shop) -> None:
    with Fault():
        (shop.home / "home.json").write_text("{", encoding="utf-8")
        said(shop.invoke("run", "list"), 3, "home.json cannot be read", "delete it")
        (shop.home / "home.json").unlink()
        shop.run("score", "--all", "--as-of", NEXT)
        assert json.loads((shop.home / "home.json").read_text(encoding="utf-8"))["project"] == "small shop"


def test_nothing_of_this_holds_for_a_first_run(tmp_path) -> None:
    shop_with_champion(tmp_path)
    project = Project(tmp_path / "tagcast.toml", tmp_path / "fresh")
    project.run("check", "--as-of", str(DAY))
    project.run("user", "list")

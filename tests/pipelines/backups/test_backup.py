"""A backup is one set, restored bit for bit into another place; whatever is wrong with it, nothing is put in place."""

from __future__ import annotations

import json
import shutil
import sqlite3
from contextlib import closing

import pytest

from tagcast.registry.state.migrations.revisions import HEAD
from tests.support.champion import DAY, TAG
from tests.support.command_line import Project
from tests.support.faults.kept_shop import COMPUTED, invoke, said

pytestmark = pytest.mark.xdist_group("backups")


def test_what_was_restored_is_what_was_kept_and_works_without_the_original(shop, backup, tmp_path) -> None:
    before = said(shop.home)
    other = Project(shop.config, tmp_path / "another place" / "höme")
    answer = other.json("restore", str(backup))
    assert answer["runs"]["profile"]["as_of"] == str(DAY)
    assert said(other.home, aside=shop.home) == before
    assert not any((other.home / name).exists() for name in COMPUTED if name != "scratch")
    names = {
        name
        for f in other.home.rglob("*")
        if f.is_file()
        for name in [f.name]
        if str(shop.home).encode() in f.read_bytes()
    }
    assert not names, "nothing names the home that it came from"
    shop.home.rename(aside := shop.home.with_name("aside"))
    try:
        assert [u["name"] for u in other.json("user", "list")] == ["ann"]
        assert other.json("audience", "list")[0]["name"] == "grown ups"
        assert other.json("run", "list")
        other.run("score", "--all", "--as-of", str(DAY), "--force", "--reason", "as it was")
        assert not shop.home.exists()
    finally:
        aside.rename(shop.home)
    assert said(shop.home) == before, "the original is as it was"


def test_a_manifest_says_what_is_in_it(shop, backup) -> None:
    manifest = json.loads((backup / "manifest.json").read_text(encoding="utf-8"))
    assert manifest["project"] == "small shop"
    assert manifest["taken_at"].endswith("+00:00")
    assert manifest["layouts"] == {"home": "1", "store/profile": "1", "state/registry.db": HEAD}
    kept = {path for path in manifest["files"] if not path.startswith("home/mlartifacts/")}
    assert {"home/home.json", "home/mlflow.db", "home/registry.db", "store/profile/CURRENT"} <= kept
    assert any(path.endswith("MLmodel") or "bundle" in path for path in manifest["files"])
    with closing(sqlite3.connect(shop.home / "registry.db")) as connection:
        (users,) = connection.execute("SELECT count(*) FROM users").fetchone()
    assert manifest["files"]["home/registry.db"]["tables"]["users"][0] == users == 1


def test_with_all_it_holds_what_can_be_computed_too(shop, tmp_path) -> None:
    shop.run("backup", str(tmp_path / "all"), "--all")
    other = Project(shop.config, tmp_path / "home")
    other.run("restore", str(tmp_path / "all"))
    for name in ("events", "features"):
        there = {
            str(f.relative_to(shop.home))
            for f in (shop.home / name).rglob("*")
            if f.is_file() and not f.name.startswith(".")
        }
        assert there == {
            str(f.relative_to(other.home)) for f in (other.home / name).rglob("*") if f.is_file()
        }
    other.run("check")


def test_a_drill_compares_and_leaves_nothing(shop, backup) -> None:
    before = sorted(backup.parent.rglob("*"))
    answer = shop.json("backup", str(backup), "--drill")["drill"]
    assert (answer["runs"], answer["profiles"], answer["models"]) == (1, 300, 1)
    assert answer["rows"] > 20
    assert sorted(backup.parent.rglob("*")) == before


@pytest.mark.parametrize("place", ["inside", "not empty"])
def test_a_place_that_does_not_do_is_refused(shop, tmp_path, place) -> None:
    target = shop.home / "backups" if place == "inside" else tmp_path
    (tmp_path / "something").touch()
    result = shop.invoke("backup", str(target))
    assert result.exit_code == 17, result.output
    assert "hint: name a" in result.stderr
    assert sorted(f.name for f in tmp_path.iterdir()) == ["something"]


def test_nothing_is_backed_up_of_nothing(shop, tmp_path) -> None:
    result = Project(shop.config, tmp_path / "new").invoke("backup", str(tmp_path / "b"))
    assert result.exit_code == 17
    assert "nothing to back up" in result.stderr
    assert not (tmp_path / "b").exists()


def test_restoring_over_something_is_refused_with_what_lies_there(shop, backup, tmp_path) -> None:
    before = said(shop.home)
    result = shop.invoke("restore", str(backup))
    assert result.exit_code == 17
    assert "is not empty" in result.stderr
    assert "campaign" in result.stderr or "events" in result.stderr
    assert said(shop.home) == before


def test_a_home_in_use_is_not_even_marked(shop, backup, monkeypatch) -> None:
    """A restore that is killed there would lock everybody out."""
    monkeypatch.setattr("tagcast.pipelines.backups.restore.alone", None)
    assert shop.invoke("restore", str(backup)).exit_code == 17


@pytest.mark.parametrize(
    ("file", "spoil"),
    [
        ("manifest.json", lambda text: text.replace(b'"taken_at": "2', b'"taken_at": "3')),
        ("manifest.json", lambda text: text[:-20]),
        ("home/registry.db", lambda content: content[:-1]),
        ("home/registry.db", lambda content: content[:5000] + bytes([content[5000] ^ 1]) + content[5001:]),
        ("store/profile/CURRENT", lambda content: content.replace(b"1", b"2", 1)),
        ("home/home.json", None),
    ],
)
@pytest.mark.parametrize("how", ["restore", "drill"])
def test_a_damaged_backup_is_named_and_nothing_is_put_in_place(
    shop, backup, tmp_path, file, spoil, how
) -> None:
    copy = tmp_path / "copy"
    shutil.copytree(backup, copy)
    if spoil is None:
        (copy / file).unlink()
    else:
        (copy / file).write_bytes(spoil((copy / file).read_bytes()))
    other = Project(shop.config, tmp_path / "home")
    words = ("restore", str(copy)) if how == "restore" else ("backup", str(copy), "--drill")
    result = other.invoke(*words)
    assert result.exit_code == 17, result.output + result.stderr
    assert file in result.stderr
    assert "damaged" in result.stderr
    assert not other.home.exists() or not [f for f in other.home.iterdir() if f.name != "numba"]


def test_a_backup_of_another_project_or_a_newer_version_is_refused(shop, backup, tmp_path) -> None:
    other = Project(tmp_path / "tagcast.toml", tmp_path / "home")
    other.config.write_text(
        shop.config.read_text(encoding="utf-8").replace("small shop", "another"), encoding="utf-8"
    )
    result = other.invoke("restore", str(backup))
    assert result.exit_code == 3
    assert "'small shop'" in result.stderr
    assert not other.home.exists()


def test_a_home_that_is_half_restored_is_refused_by_every_command(shop, backup, tmp_path) -> None:
    other = Project(shop.config, tmp_path / "home")
    (other.home / ".restoring").mkdir(parents=True)
    for words in (("run", "list"), ("model", "list"), ("score", "--all")):
        result = other.invoke(*words)
        assert result.exit_code == 3
        assert "tagcast restore FROM" in result.stderr
    other.run("restore", str(backup))
    assert other.json("model", "list")[0]["tag"] == TAG


def test_a_store_elsewhere_goes_to_where_the_configuration_names_it(shop, backup, tmp_path) -> None:
    """From the home into a folder of its own, and back."""
    elsewhere = {"TAGCAST_STORE": str(tmp_path / "store")}
    first, second = Project(shop.config, tmp_path / "one"), Project(shop.config, tmp_path / "two")
    assert invoke(first, "restore", str(backup), env=elsewhere).exit_code == 0
    assert not (first.home / "store").exists()
    assert (tmp_path / "store" / "CURRENT").is_file()
    taken = invoke(first, "backup", str(tmp_path / "again"), env=elsewhere)
    assert taken.exit_code == 0, taken.stderr
    assert sorted(f.name for f in (tmp_path / "store").iterdir()) == [
        "CURRENT",
        "history",
        "log",
        "snapshots",
    ]
    second.run("restore", str(tmp_path / "again"))
    assert said(second.home, aside=shop.home) == said(shop.home)


def test_the_configuration_has_to_keep_things_in_places_of_the_same_kind(shop, backup, tmp_path) -> None:
    other = Project(shop.config, tmp_path / "home")
    result = invoke(other, "restore", str(backup), env={"TAGCAST_STORE": "postgresql://u@127.0.0.1:1/none"})
    assert result.exit_code == 3
    assert "no such place" in result.stderr
    assert not other.home.exists()


def test_whoever_was_erased_since_then_does_not_come_back(shop, backup, tmp_path) -> None:
    today = tmp_path / "today" / "home"
    shutil.copytree(shop.home, today)
    Project(shop.config, today).run("profile", "erase", "c0001", "c0002")
    newer = tmp_path / "newer"
    Project(shop.config, today).run("backup", str(newer))

    careless = Project(shop.config, tmp_path / "careless" / "home")
    assert careless.json("restore", str(backup))["erased"] is None
    assert careless.json("profile", "show", "c0001")["profile_id"] == "c0001"
    for number, place in enumerate((today, newer)):
        restored = Project(shop.config, tmp_path / f"restored {number}" / "home")
        assert restored.json("restore", str(backup), "--erased", str(place))["erased"] == 2
        for one in ("c0001", "c0002"):
            assert restored.invoke("profile", "show", one).exit_code != 0
        assert restored.json("profile", "show", "c0003")["profile_id"] == "c0003"
        restored.run("score", "--all", "--as-of", str(DAY), "--force", "--reason", "as it was")
        assert restored.invoke("profile", "show", "c0001").exit_code != 0

    other = tmp_path / "other"
    shutil.copytree(today, other)
    (other / "profile.key").write_text("0" * 64, encoding="ascii")
    refused = Project(shop.config, tmp_path / "refused" / "home").invoke(
        "restore", str(newer), "--erased", str(other)
    )
    assert refused.exit_code != 0
    assert "another key" in refused.output
    assert not (tmp_path / "refused" / "home" / "home.json").exists()

"""A home of an older layout says so, and is brought forward after a backup; a newer one is refused. What was released opens."""

from __future__ import annotations

import json
import signal
import tarfile
from pathlib import Path

import pytest

from tagcast.features.core.errors import BackupError, ConfigError
from tagcast.features.core.home import layouts
from tagcast.features.core.settings import load_settings
from tagcast.pipelines.backups import migrate as module
from tagcast.pipelines.backups.migrate import migrate
from tagcast.pipelines.project.clock import clock
from tagcast.registry.state.migrations import revisions
from tests.support.command_line import Project
from tests.support.faults.forked import Forked
from tests.support.faults.injection import ENVIRONMENT
from tests.support.faults.kept_shop import said

pytestmark = pytest.mark.xdist_group("backups")
KEPT = Path(__file__).parent / "layouts"
"""Homes as they were written by the first tagcast of each layout."""
RELEASED = sorted(KEPT.glob("layout-*.tar.xz"), key=lambda file: int(file.name.split("-")[1].split(".")[0]))


def unpacked(file: Path, folder: Path) -> Project:
    with tarfile.open(file) as packed:
        packed.extractall(folder, filter="data")
    return Project(folder / "tagcast.toml", folder / "home")


@pytest.fixture
def old(tmp_path) -> Project:
    return unpacked(RELEASED[0], tmp_path / "old")


def settings_of(project: Project):
    return load_settings(project.config, project.home, project.config.parent, ready=False)


def test_there_is_a_home_of_every_layout() -> None:
    assert [int(file.name.split("-")[1].split(".")[0]) for file in RELEASED] == list(
        range(1, layouts.HOME + 1)
    )


@pytest.mark.parametrize("file", RELEASED, ids=lambda file: file.name)
def test_a_home_of_each_layout_opens_once_it_was_brought_forward(file, tmp_path) -> None:
    project = unpacked(file, tmp_path)
    project.run("migrate")
    assert [run["as_of"] for run in project.json("run", "list")] == ["2024-08-28"]
    assert [user["name"] for user in project.json("user", "list")] == ["ann"]
    assert [one["name"] for one in project.json("audience", "list")] == ["grown ups"]
    assert project.json("audience", "count", "lifecycle_stage = 'lapsed'")["members"] == 11
    project.run("score", "--all", "--as-of", "2024-08-27", "--force", "--reason", "a day before")
    assert project.json("audience", "count", "age > 30")["members"] == 32


def moved_on(monkeypatch, *, home=None, store=None) -> None:
    """Let this version know one more layout."""
    monkeypatch.setattr(layouts, "HOME", 2)
    monkeypatch.setattr(layouts, "STORE", 2)
    monkeypatch.setattr(module, "HOME_STEPS", {1: home or note_step})
    monkeypatch.setattr(module, "STORE_STEPS", {1: store or new_line})


def note_step(home: Path) -> None:
    with (home / "steps").open("a", encoding="utf-8") as steps:
        steps.write("1 -> 2\n")


def new_line(store) -> None:
    file = store.folder / "CURRENT"
    line = {**json.loads(file.read_text(encoding="utf-8")), "layout": 2}
    for one in (*(store.folder / "log").iterdir(), file):
        one.write_text(json.dumps(line), encoding="utf-8")


def test_an_older_home_says_what_to_do_and_is_brought_forward(old, tmp_path, monkeypatch) -> None:
    before = said(old.home)
    moved_on(monkeypatch)
    for words in (("run", "list"), ("user", "list"), ("score", "--all")):
        result = old.invoke(*words)
        assert result.exit_code in {3, 7}
        assert "layout 1 of an older tagcast, and this one works with layout 2" in result.stderr
        assert "tagcast migrate" in result.stderr
    assert said(old.home) == before
    answer = old.json("migrate", "--backup", str(tmp_path / "before"))
    assert {(one["what"], one["before"], one["after"]) for one in answer["moved"]} == {
        ("store/profile", "1", "2"),
        ("home", "1", "2"),
        ("state/profile", "0001", revisions.HEAD),
    }
    assert (old.home / "steps").read_text(encoding="utf-8") == "1 -> 2\n"
    assert old.json("run", "list")[0]["as_of"] == "2024-08-28"
    assert old.json("migrate") == {"moved": [], "backup": None}
    assert not (old.home / "migration.json").exists()
    monkeypatch.undo()
    back = Project(old.config, tmp_path / "back")
    back.run("restore", answer["backup"])
    assert said(back.home) == {n: d for n, d in before.items() if n != "home.json"} | {
        "home.json": said(back.home)["home.json"]
    }
    for words in (("run", "list"), ("migrate",), ("score", "--all")):
        result = old.invoke(*words)
        assert result.exit_code in {3, 7}
        assert "has layout 2, and tagcast" in result.stderr
        assert "knows layouts up to 1" in result.stderr


def die(home: Path) -> None:
    import os

    note_step(home)
    os.kill(os.getpid(), signal.SIGKILL)


def dying_version() -> None:
    """What a process does first that is killed in the middle of a step."""
    layouts.HOME = layouts.STORE = 2
    module.HOME_STEPS, module.STORE_STEPS = {1: die}, {1: new_line}


def test_a_migration_that_was_killed_is_gone_on_with(old, monkeypatch) -> None:
    command = Forked(
        ("migrate", "--config", str(old.config), "--home", str(old.home)),
        cwd=old.config.parent, env=ENVIRONMENT, before=dying_version,
    )  # fmt: skip
    command.communicate(timeout=120)
    assert command.returncode == -signal.SIGKILL
    backups = [f for f in old.home.parent.iterdir() if "before" in f.name]
    moved_on(monkeypatch)
    assert "tagcast migrate" in old.invoke("run", "list").stderr
    done = migrate(settings_of(old), clock())
    assert [one.what for one in done.moved] == ["home"], "the store was done before the kill"
    assert [done.backup] == backups, "no second backup, of what is half done"
    assert (old.home / "steps").read_text(encoding="utf-8") == "1 -> 2\n" * 2
    assert old.json("run", "list")


def test_without_a_backup_nothing_is_changed(old, tmp_path, monkeypatch) -> None:
    before = said(old.home)
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "something").touch()
    moved_on(monkeypatch)
    with pytest.raises(BackupError, match="not empty"):
        migrate(settings_of(old), clock(), backup_to=tmp_path / "full")
    assert said(old.home) == before


def test_a_backup_of_a_newer_layout_is_refused(old, tmp_path, monkeypatch) -> None:
    with monkeypatch.context() as patch:
        moved_on(patch)
        old.run("migrate", "--backup", str(tmp_path / "first"))
        old.run("backup", str(tmp_path / "new"))
    other = Project(old.config, tmp_path / "home")
    result = other.invoke("restore", str(tmp_path / "new"))
    assert result.exit_code == 17
    assert "has layout 2" in result.stderr
    assert not other.home.exists()
    with pytest.raises(ConfigError, match="has layout 2"):
        load_settings(old.config, old.home, tmp_path)

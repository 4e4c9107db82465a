"""A backup that is taken during a run is of before it or after it, never between, and a night hardly waits for it."""

from __future__ import annotations

import shutil
import time
from datetime import timedelta

import pytest

from tagcast.features.core.settings import load_settings
from tagcast.pipelines.backups.backup import take_backup
from tagcast.pipelines.backups.restore import restore_backup
from tagcast.pipelines.project.clock import clock
from tagcast.registry.access import accounts
from tagcast.registry.state.database import open_state
from tests.support.champion import DAY
from tests.support.command_line import Project
from tests.support.faults.forked import Forked
from tests.support.faults.injection import ENVIRONMENT
from tests.support.faults.kept_shop import said

pytestmark = [pytest.mark.xdist_group("backups"), pytest.mark.slow]
NEXT = str(DAY + timedelta(days=1))


@pytest.fixture
def own(shop, backup, tmp_path) -> Project:
    """One that may be changed."""
    shutil.copytree(shop.config.parent, tmp_path / "own", ignore=lambda _, names: {"home"} & {*names})
    project = Project(tmp_path / "own" / "tagcast.toml", tmp_path / "own" / "home")
    project.run("restore", str(backup))
    return project


def slow_record() -> None:
    """Let a second pass between the moment in which a run becomes active and what is put on record of it."""
    from tagcast.pipelines.scoring import score

    before = score.record_first_use

    def late(*given):
        (score_active := given[0].settings.home / "active").touch()
        time.sleep(1)
        score_active.unlink()
        return before(*given)

    score.record_first_use = late


def settings_of(project: Project, home=None):
    return load_settings(project.config, home or project.home, project.config.parent, ready=False)


def test_a_backup_during_a_run_is_of_before_or_after(own, tmp_path) -> None:
    before = said(own.home)
    command = Forked(
        ("score", "--all", "--as-of", NEXT, "--config", str(own.config), "--home", str(own.home)),
        cwd=own.config.parent, env=ENVIRONMENT, before=slow_record,
    )  # fmt: skip
    taken, between = [], []
    while command.poll() is None:
        began = (own.home / "active").exists()
        taken.append(tmp_path / f"backup {len(taken)}")
        take_backup(settings_of(own), taken[-1], clock())
        between += taken[-1:] if began else []
        time.sleep(0.2)
    assert command.communicate()[0] is not None
    assert command.returncode == 0
    assert between, "one was asked for while the run was active and not on record"
    after = said(own.home)
    assert after != before
    found = []
    for number, backup in enumerate([taken[0], *between[:2], taken[-1]]):
        home = tmp_path / f"home {number}"
        restore_backup(settings_of(own, home), backup)
        found.append(without_passing(said(home, aside=own.home)))
    assert found[0] == without_passing(before)
    assert all(one in (without_passing(before), without_passing(after)) for one in found)
    assert found[-1] == without_passing(after) or len(taken) == 1


def without_passing(found: dict[str, str]) -> dict[str, str]:
    """Leave out the test's own file."""
    return {name: digest for name, digest in found.items() if name != "active"}


def test_writers_go_on_while_a_backup_copies_and_it_does_not_see_them(own, tmp_path, monkeypatch) -> None:
    """Accounts are added, runs are published and pruned after the moment that is held, before anything was copied."""
    before = said(own.home)
    from tagcast.pipelines.backups import backup as module

    copy = module._copied

    def late(held, aside, progress):
        accounts.add_user(
            open_state(settings_of(own)), "bob", "viewer", "a long password of bob", by="tests", now=clock()
        )
        own.run("score", "--all", "--as-of", NEXT)
        own.run("run", "prune", "--keep", "1")
        shutil.rmtree(own.home / "mlartifacts")
        return copy(held, aside, progress)

    monkeypatch.setattr(module, "_copied", late)
    take_backup(settings_of(own), tmp_path / "backup", clock())
    restore_backup(settings_of(own, tmp_path / "home"), tmp_path / "backup")
    assert said(tmp_path / "home", aside=own.home) == before
    assert [u["name"] for u in own.json("user", "list")] == ["ann", "bob"]


def test_files_of_a_run_of_mlflows_that_has_not_begun_yet_are_left_out(own, tmp_path) -> None:
    (stray := own.home / "mlartifacts" / "0123456789abcdef" / "artifacts").mkdir(parents=True)
    (stray / "half.txt").write_text("written", encoding="utf-8")
    take_backup(settings_of(own), tmp_path / "backup", clock())
    assert not list((tmp_path / "backup").rglob("half.txt"))

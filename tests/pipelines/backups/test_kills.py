"""Whatever dies in the middle of a backup or a restore: there is a whole one or none, and the next call has its way."""

from __future__ import annotations

import random
import shutil
import signal
import time
from functools import partial

import pytest

from tests.support.command_line import Project
from tests.support.faults.forked import Forked
from tests.support.faults.injection import ENVIRONMENT, FULL, Fault
from tests.support.faults.kept_shop import die_at, said

pytestmark = [pytest.mark.xdist_group("backups"), pytest.mark.slow]
KILLS = 20 if FULL else 2


def started(project: Project, *words: str, before=None) -> Forked:
    shared = ("--config", str(project.config), "--home", str(project.home))
    return Forked((*words, *shared), cwd=project.config.parent, env=ENVIRONMENT, before=before)


def ended(command: Forked) -> int:
    _, error = command.communicate(timeout=120)
    assert command.returncode in {0, -signal.SIGKILL}, error
    return command.returncode


def length_of(project: Project, *words: str) -> float:
    """Return how long a command takes, to draw moments in which it runs."""
    start = time.monotonic()
    assert ended(started(project, *words)) == 0
    return time.monotonic() - start


def is_whole_or_none(project: Project, backup) -> bool:
    """Return whether there is a backup, after holding it to its digests."""
    if not backup.exists():
        return False
    project.run("backup", str(backup), "--drill")
    return True


def test_a_backup_killed_at_any_moment_is_none(shop, tmp_path) -> None:
    length, moments = length_of(shop, "backup", str(tmp_path / "whole")), random.Random(3)
    for number in range(KILLS):
        with Fault():
            backup = tmp_path / f"{number}"
            command = started(shop, "backup", str(backup))
            time.sleep(length * moments.random())
            command.send_signal(signal.SIGKILL)
            ended(command)
            is_whole_or_none(shop, backup)
    shop.run("backup", str(tmp_path / "last"))
    assert is_whole_or_none(shop, tmp_path / "last")
    assert not (tmp_path / ".tagcast-under-way").exists(), "what killed calls left is gone"
    assert not [f for f in (shop.home / "scratch").rglob("*") if f.is_file()]


@pytest.mark.parametrize("at", [
    "tagcast.pipelines.backups.held:HeldDatabase.copy", "tagcast.pipelines.backups.backup:copied", "tagcast.pipelines.backups.backup:sync",
])  # fmt: skip
def test_a_backup_killed_at_each_step_is_none(shop, tmp_path, at) -> None:
    with Fault():
        command = started(shop, "backup", str(tmp_path / "b"), before=partial(die_at, at, 2))
        assert ended(command) == -signal.SIGKILL
        assert not (tmp_path / "b").exists()
        shop.run("backup", str(tmp_path / "b"))
        assert sorted(f.name for f in tmp_path.iterdir()) == ["b"]


def is_restored_or_refused(other: Project, before: dict[str, str]) -> bool:
    """Return whether a home is whole, where it lets anybody in."""
    result = other.invoke("user", "list")
    if result.exit_code == 3:
        assert "tagcast restore FROM" in result.stderr
        return False
    if not (other.home / "registry.db").exists():
        return False
    assert said(other.home, aside=other.config.parent / "home") == before
    return True


def test_a_restore_killed_at_any_moment_is_all_or_nothing(shop, backup, tmp_path) -> None:
    before, moments = said(shop.home), random.Random(5)
    length = length_of(Project(shop.config, tmp_path / "whole"), "restore", str(backup))
    for number in range(KILLS):
        with Fault():
            other = Project(shop.config, tmp_path / f"{number}")
            command = started(other, "restore", str(backup))
            time.sleep(length * moments.random())
            command.send_signal(signal.SIGKILL)
            ended(command)
            if not is_restored_or_refused(other, before):
                other.run("restore", str(backup))
                assert is_restored_or_refused(other, before)
            shutil.rmtree(other.home)


@pytest.mark.parametrize("at", [
    "tagcast.pipelines.backups.restore:write_journal", "tagcast.pipelines.backups.restore:follow_home",
    "tagcast.pipelines.backups.journal:private_folder",
])  # fmt: skip
def test_a_restore_killed_at_each_step_is_begun_anew(shop, backup, tmp_path, at) -> None:
    with Fault():
        before, other = said(shop.home), Project(shop.config, tmp_path / "home")
        last = at.endswith("private_folder")  # the second folder is the one that everything is done with
        command = started(other, "restore", str(backup), before=partial(die_at, at, 2 if last else 1))
        assert ended(command) == -signal.SIGKILL
        assert not is_restored_or_refused(other, before)
        other.run("restore", str(backup))
        assert is_restored_or_refused(other, before)
        assert not (other.home / ".restoring").exists()


def test_a_restore_killed_between_two_renames_is_begun_anew(shop, backup, tmp_path) -> None:
    """In the middle of what is put in place: the home lies half there, and says so."""
    with Fault():
        before, other = said(shop.home), Project(shop.config, tmp_path / "home")
        command = started(other, "restore", str(backup), before=partial(die_at, "pathlib:Path.rename", 4))
        assert ended(command) == -signal.SIGKILL
        assert (other.home / "mlartifacts").exists()
        assert not (other.home / "home.json").exists()
        assert not is_restored_or_refused(other, before)
        other.run("restore", str(backup))
        assert is_restored_or_refused(other, before)

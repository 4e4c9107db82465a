"""What Spark does as an engine: answers in order, errors in words, tasks that fail, code that travels, nothing that is left."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tagcast.features.core.engines.spark_engine import SparkEngine
from tagcast.features.core.engines.spark_session import open_session
from tagcast.features.core.errors import DataError, MachineError, StoreError
from tagcast.features.core.messages import msg
from tagcast.features.core.schema.engine import Spark
from tests.support.engines.works import FailsAtFirst, full_disk, refuse, said_full_disk, where

DOING = msg("snapshots")


def test_answers_come_in_order_from_processes_that_run_our_own_code(engine) -> None:
    said = []
    found = engine.each(
        where, [5, 3, 8, 1], DOING, lambda stage, done, total: said.append((stage, done, total))
    )
    assert [number for number, _, _ in found] == [5, 3, 8, 1]
    assert all(Path(file).is_relative_to(engine.shared / "code") for _, file, _ in found)
    assert os.getpid() not in {process for _, _, process in found}
    assert said[0] == (DOING, 0, 4)
    assert said[-1] == (DOING, 4, 4)
    assert engine.each(where, [], DOING) == []
    assert not any((engine.shared / "scratch" / "read").iterdir())


def test_what_a_person_has_to_put_right_is_said_as_everywhere(engine) -> None:
    with pytest.raises(DataError, match="no profile has an event before 2\n  hint: choose a later date"):
        engine.each(refuse, [1, 2, 3], DOING)
    assert not any((engine.shared / "scratch" / "read").iterdir())


@pytest.mark.parametrize("killed", [False, True])
def test_a_task_that_fails_twice_changes_nothing(engine, tmp_path, killed) -> None:
    assert engine.each(FailsAtFirst(tmp_path, 2, killed), [0, 1], DOING) == [2, 2]


def test_a_task_that_never_comes_to_an_end_is_an_error_in_one_line(engine) -> None:
    with pytest.raises(MachineError) as raised:
        engine.each(full_disk, [1, 2], DOING)
    message, hint = str(raised.value).split("\n")
    assert message == "Spark could not finish snapshots: OSError: [Errno 28] No space left on device"
    assert "nothing that was published has changed" in hint
    assert not any((engine.shared / "scratch" / "read").iterdir())


def test_what_no_machine_could_do_is_said_as_on_one(engine) -> None:
    with pytest.raises(StoreError) as raised:
        engine.each(said_full_disk, [1], DOING)
    assert str(raised.value) == (
        "the disk is full: /mnt/lake cannot be written; the last published run stays active\n"
        "  hint: free some space, or name another --home, and run again"
    )


def test_the_session_that_is_active_is_taken_and_left(engine) -> None:
    session, ours = open_session(Spark(), "tests")
    assert (session, ours) == (engine.session, False)
    other = SparkEngine(Spark(), engine.shared, "other")
    assert [number for number, _, _ in other.each(where, [7], DOING)] == [7]
    other.close()
    assert engine.each(refuse, [1], DOING) == [1]


def test_jobs_say_what_they_are_about(engine) -> None:
    context = engine.session.sparkContext
    engine.each(refuse, [1], DOING)
    assert context.getLocalProperty("spark.job.description") is None  # and not what the next one is about
    (*_, newest) = sorted(context.statusTracker().getJobIdsForGroup())
    status = context._jsc.sc().statusStore().job(newest)
    assert status.description().get() == "tagcast: snapshots"


@pytest.mark.parametrize(
    ("spark", "words"),
    [
        ("Spark()", "no Spark session is active"),
        (
            "Spark(session='sc://127.0.0.1:1/;token=${TOKEN}')",
            "the Spark session 127.0.0.1:1 cannot be reached",
        ),
        ("Spark(session='local[1]')", "Spark needs Java 17 or newer"),
    ],
)
def test_without_a_session_it_is_said_what_to_do(spark, words, tmp_path) -> None:
    (tmp_path / "bin").mkdir()
    code = (
        "from pathlib import Path\n"
        "from tagcast.features.core.engines.spark_engine import SparkEngine\n"
        "from tagcast.features.core.errors import TagcastError\n"
        "from tagcast.features.core.schema.engine import Spark\n"
        "try:\n"
        f"    SparkEngine({spark}, Path({str(tmp_path)!r}), 'x').session\n"
        "except TagcastError as error:\n"
        "    print(error)\n"
    )
    environment = {
        **os.environ,
        "JAVA_HOME": str(tmp_path),
        "PATH": str(tmp_path / "bin"),
        "TOKEN": "hunter2",
    }
    said = subprocess.run(
        [sys.executable, "-c", code],
        env=environment,
        capture_output=True,
        text=True,
        check=True,
        cwd=Path.cwd(),
    )
    assert words in said.stdout
    assert "hunter2" not in said.stdout + said.stderr
    assert "hint: " in said.stdout


def test_a_configuration_that_names_no_session_is_refused_at_once() -> None:
    with pytest.raises(ValueError, match="expected local"):
        Spark(session="loacl[2]")

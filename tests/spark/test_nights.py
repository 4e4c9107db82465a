"""Whole nights by the command line, on a cluster to which tagcast is shipped and through Spark Connect: as on one machine, whatever dies.

What is killed is killed for real (SIGKILL), in a stage and at a moment of it that are chosen. The full form has each of them.
"""

from __future__ import annotations

import signal
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from tagcast.pipelines.project.project import open_project
from tests.support.engines.clusters import connect_server, standalone
from tests.support.engines.night_shop import NightShop
from tests.support.engines.scored_shop import DAYS
from tests.support.engines.struck import MOMENTS, STAGES, Fault
from tests.support.faults.injection import FULL

PUBLISHING = {
    "a snapshot has its name": ("*/features/*/as_of=*", True),
    "the rows are there": ("*/snapshots/??????", False),
    "the rows have their name": ("*/snapshots/??????", True),
    "the history is written": ("*/history/*", True),
    "the log is written": ("*/log/*", True),
    "the run is activated": ("*/CURRENT", False),
    "it is active": ("*/CURRENT", True),
}
"""Moments of the driver alone: at the name of which file it is killed, and whether the file has it by then."""


@pytest.fixture(scope="module")
def cluster(spark_conf, tmp_path_factory) -> Iterator[str]:
    with standalone(tmp_path_factory.mktemp("cluster")) as session:
        yield session


@pytest.fixture(scope="module")
def whole(night_shop, cluster, wanted, tmp_path_factory) -> tuple[NightShop, NightShop]:
    """The shop after a night on the cluster, and after the next one."""
    folder = tmp_path_factory.mktemp("whole")
    first = night_shop.copied(folder / "first").on_spark(cluster)
    assert first.succeeds(DAYS[0]) == wanted[0]
    second = first.copied(folder / "second")
    assert second.succeeds(DAYS[1]) == wanted[1]
    return first, second


def test_nights_on_a_cluster_are_those_of_one_machine(whole) -> None:
    _, second = whole
    assert len(list(second.shared.glob("store/snapshots/000002/*.duckdb"))) == 2
    second.check_nothing_lies()


def test_nights_through_spark_connect(night_shop, wanted, spark_conf, tmp_path) -> None:
    with connect_server(tmp_path) as session:
        remote = night_shop.copied(tmp_path / "shop").on_spark(session)
        for day, night in zip(DAYS, wanted, strict=True):
            assert remote.succeeds(day) == night
    remote.check_nothing_lies()


@pytest.mark.parametrize("moment", MOMENTS if FULL else ["aside"])
def test_an_executor_that_is_killed_in_each_stage_changes_nothing(moment, whole, wanted, tmp_path) -> None:
    first, second = whole
    shop, struck = first.copied(tmp_path / "shop"), tmp_path / "struck"
    struck.mkdir()
    assert shop.succeeds(DAYS[1], Fault(str(struck), STAGES, moment, "executor")) == wanted[1]
    assert {one.name for one in struck.glob("*-0")} == {f"{stage}-0" for stage in STAGES}
    assert shop.files == second.files


DRIVER: dict[str, Any] = {
    **{f"{stage}, {moment}": Fault("", (stage,), moment, "driver") for stage in STAGES for moment in MOMENTS},
    **{at: {"at": name, "after": after} for at, (name, after) in PUBLISHING.items()},
}
"""What befalls the driver: a task of a stage kills it and goes on, or it dies by itself."""
ONE_AFTER_THE_OTHER = ("RangeBuild, aside", "LayOut, aside", "the log is written")


@pytest.mark.parametrize("nights", [*([one] for one in DRIVER if FULL), ONE_AFTER_THE_OTHER], ids="; ".join)
def test_a_driver_that_is_killed(nights, whole, wanted, tmp_path) -> None:
    """Its tasks go on for a while: nobody waits for them, and the next night begins at once."""
    first, second = whole
    shop, active = first.copied(tmp_path / "shop"), 0
    for number, night in enumerate(nights):
        fault, struck = DRIVER[night], tmp_path / f"struck-{number}"
        struck.mkdir()
        done = shop.night(DAYS[1], replace(fault, folder=str(struck)) if isinstance(fault, Fault) else fault)
        assert done.returncode == -signal.SIGKILL, done.stderr[-3_000:]
        active = int(night == "it is active")
        assert rows_of(shop) == wanted[active][0]
    shop.succeeds(DAYS[1])
    assert rows_of(shop) == wanted[1][0]
    if not active:  # otherwise there is one run more
        assert shop.published == wanted[1]
        assert shop.files == second.files


def rows_of(shop: NightShop) -> list[Any]:
    """Return the rows of the active run: what else a night leaves is not there yet where it was killed."""
    store = open_project(shop.folder / "tagcast.toml", shop.folder / "home").store
    with store.reader() as reader:
        names = [row[0] for row in reader.connection.execute("DESCRIBE profiles").fetchall()]
        return [row for batch in reader.stream(names[1:]) for row in batch.to_pylist()]

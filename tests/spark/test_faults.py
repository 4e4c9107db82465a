"""Tasks that fail or are killed in each stage of a night, parts that are lost, and disks that are full."""

from __future__ import annotations

import subprocess
from functools import partial

import pytest

from tagcast.features.core.errors import TagcastError
from tests.support.engines.night_shop import NightShop
from tests.support.engines.scored_shop import DAYS
from tests.support.engines.struck import MOMENTS, STAGES, Fault, LosingEngine, StruckEngine
from tests.support.faults.injection import FULL, leave_free, small_disk


@pytest.fixture(scope="module")
def first(night_shop, engine, wanted, tmp_path_factory) -> NightShop:
    """The shop after a night in the session of these tests."""
    made = night_shop.copied(tmp_path_factory.mktemp("first") / "shop").on_spark(None)
    assert engine.session  # is active from here on
    made.here(DAYS[0])
    assert made.published == wanted[0]
    return made


@pytest.fixture(scope="module")
def files(first, wanted, tmp_path_factory) -> set[str]:
    """What lies there after the next one."""
    second = first.copied(tmp_path_factory.mktemp("second") / "shop")
    second.here(DAYS[1])
    assert second.published == wanted[1]
    second.check_nothing_lies()
    return second.files


@pytest.mark.parametrize("victim", ["nobody", "process"] if FULL else ["nobody"])
@pytest.mark.parametrize("moment", MOMENTS if FULL else ["aside"])
def test_a_task_that_fails_twice_in_each_stage(victim, moment, first, files, wanted, tmp_path) -> None:
    night, struck = first.copied(tmp_path / "shop"), tmp_path / "struck"
    struck.mkdir()
    fault = Fault(str(struck), STAGES, moment, victim, times=2)
    night.here(DAYS[1], partial(StruckEngine, fault=fault))
    assert {one.name for one in struck.glob("*-1")} == {f"{stage}-1" for stage in STAGES}
    assert night.published == wanted[1]
    assert night.files == files


LOST = {
    "a snapshot's, as it is built": (
        "RangeBuild",
        True,
        "features/.under-way/*/*/profile_activity/00001.parquet",
    ),
    "a snapshot's": ("Rank", False, "features/*/as_of=2024-07-01/profile_activity/00001.parquet"),
    "the scores that thresholds are made of": ("Rank", True, "scratch/read/*/ranked-00001/scores-0"),
    "the scores that percentiles are made of": ("Score", True, "scratch/read/*/part-00001/scores-0"),
    "the rows that are staged": ("TagPercentiles", True, "scratch/read/*/part-00001/staged.arrow"),
    "percentiles": ("TagPercentiles", True, "scratch/read/*/percentiles-0.npy"),
    "what changed": ("LayOut", True, "scratch/read/*/changes-00001.parquet"),
    "the rows of the store": ("LayOut", True, "store/staging/*/rows-00001"),
}


@pytest.mark.parametrize("what", LOST if FULL else ["the rows that are staged"])
def test_a_part_that_is_lost_stops_the_night(what, first, files, wanted, tmp_path) -> None:
    night = first.copied(tmp_path / "shop")
    stage, after, pattern = LOST[what]
    with pytest.raises(TagcastError) as raised:
        night.here(
            DAYS[1], partial(LosingEngine, stage=stage, after=after, folder=night.shared, pattern=pattern)
        )
    assert raised.value.hint
    assert night.published == wanted[0]
    night.here(DAYS[1])
    assert night.published == wanted[1]
    assert night.files == files


@pytest.mark.parametrize("kilobytes", [0, 4, 12, 40, 120] if FULL else [40])
def test_a_full_scratch_disk_stops_the_night(kilobytes, first, files, wanted, tmp_path) -> None:
    """The less is free, the earlier it is full."""
    night = first.copied(tmp_path / "shop")
    disk = night.shared / "scratch"
    small_disk(disk, 4)
    try:
        leave_free(disk, kilobytes)
        with pytest.raises(TagcastError) as raised:
            night.here(DAYS[1])
        assert "No space left" in str(raised.value) or "the disk is full" in str(raised.value)
        assert str(disk) in str(raised.value)
        assert raised.value.hint
    finally:
        subprocess.run(["umount", "-l", str(disk)], check=True)
    assert night.published == wanted[0]
    night.here(DAYS[1])
    assert night.published == wanted[1]
    assert night.files == files

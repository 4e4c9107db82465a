"""Feature snapshots: each night builds one; what no kept run, no model and no training needs is deleted."""

from __future__ import annotations

import os
import shutil
import time
from datetime import UTC, date, datetime, timedelta

import pytest

from tagcast.features.compute.snapshot_sweep import sweep_snapshots
from tagcast.pipelines.scoring.score import score_tags
from tests.support.champion import DAY, TAG, shop_with_champion

pytestmark = pytest.mark.slow
LATER = datetime.now(UTC) + timedelta(days=3)
"""By the clock of the runs everything built here is old."""


def days(project) -> set[date]:
    folders = (project.settings.home / "features").glob("*/as_of=*")
    return {date.fromisoformat(folder.name.removeprefix("as_of=")) for folder in folders}


@pytest.fixture
def shop(tmp_path):
    project = shop_with_champion(tmp_path)
    config = project.settings.path
    config.write_text(f"{config.read_text(encoding='utf-8')}\n[publish]\nkeep = 2\n", encoding="utf-8")
    for other in ("high_value", "interest"):
        (tmp_path / "tags" / f"{other}.yaml").unlink()
    from tagcast.pipelines.project.project import open_project

    return open_project(config, project.settings.home)


def test_nights_do_not_pile_up(shop) -> None:
    nights = [DAY + timedelta(days=n) for n in range(6)]
    for night in nights:
        score_tags(shop, None, as_of=night, now=LATER)
    # DAY is what the champion learned from; two runs are kept, and the run before the newest is the past it holds on to.
    assert days(shop) == {DAY, *nights[-2:]}
    for night in nights:  # what is gone is built again where somebody asks for it
        score_tags(shop, [TAG], as_of=night, now=LATER)
    assert set(nights) <= days(shop)


def test_what_training_reads_next_stays(shop) -> None:
    planned = set(shop.plan(shop.definitions(DAY)[0], DAY).split.snapshots)
    shop.snapshots(shop.feature_set(shop.definitions(DAY), DAY)).ensure(sorted(planned))
    other = DAY - timedelta(days=5)
    assert other not in planned
    shop.snapshots(shop.feature_set(shop.definitions(DAY), DAY)).ensure([other])
    score_tags(shop, None, as_of=DAY, now=LATER)
    assert days(shop) == {DAY, *planned}


def test_what_was_built_today_stays(shop) -> None:
    """A training may be at work beside."""
    other = DAY - timedelta(days=5)
    shop.snapshots(shop.feature_set(shop.definitions(DAY), DAY)).ensure([other])
    score_tags(shop, None, as_of=DAY, now=datetime.now(UTC))
    assert other in days(shop)


def test_a_named_tag_or_an_older_day_deletes_nothing(shop) -> None:
    score_tags(shop, None, as_of=DAY + timedelta(days=3), now=LATER)
    other = DAY - timedelta(days=5)
    shop.snapshots(shop.feature_set(shop.definitions(DAY), DAY)).ensure([other])
    score_tags(shop, [TAG], as_of=DAY + timedelta(days=3), now=LATER)
    score_tags(shop, None, as_of=DAY, now=LATER)
    assert other in days(shop)


def test_what_a_killed_build_left_goes_with_the_next_one(shop) -> None:
    under_way = shop.settings.home / "features" / ".under-way"
    (under_way / "left" / f"as_of={DAY}").mkdir(parents=True)
    snapshots = shop.snapshots(shop.feature_set(shop.definitions(DAY), DAY))
    assert snapshots.ensure([DAY - timedelta(days=5)])
    assert not any(under_way.iterdir())


def test_what_a_killed_sweep_left_goes(tmp_path) -> None:
    root = tmp_path / "features"
    for name in ("set/.as_of=2024-01-01.gone-77", "empty", ".under-way"):
        (root / name).mkdir(parents=True)
    yesterday = time.time() - 2 * 86_400
    for name in ("set/.as_of=2024-01-01.gone-77", "empty", ".under-way"):
        os.utime(root / name, (yesterday, yesterday))
    assert sweep_snapshots(tmp_path, {}, datetime.now(UTC)) == []
    assert {p.name for p in root.iterdir()} == {".under-way", "set"}
    assert not any((root / "set").iterdir())


def test_a_home_without_snapshots(tmp_path) -> None:
    assert sweep_snapshots(tmp_path, {}, datetime.now(UTC)) == []
    shutil.rmtree(tmp_path)
    assert sweep_snapshots(tmp_path, {}, datetime.now(UTC)) == []

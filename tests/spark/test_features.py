"""Features on Spark are those of one machine, to the bit: of the demo at three dates, and of every kind of view."""

from __future__ import annotations

from datetime import date
from importlib.resources import files
from pathlib import Path

import pytest

from tagcast.features.compute.snapshots import Snapshots
from tagcast.features.core.engines.engine import ONE_MACHINE
from tagcast.pipelines.project.own_views import others
from tagcast.pipelines.project.project import Project, open_project
from tests.features.compute.building.test_ranges import DATES, assert_equal, project  # noqa: F401 - a fixture

DEMO_DATES = [date(2017, 4, 6), date(2017, 9, 3), date(2017, 12, 2)]


def both(project: Project, engine, folder: Path, dates: list[date]) -> list[Snapshots]:  # noqa: F811
    feature_set = project.widest_set(dates[-1])
    made = []
    for name, where in (("here", ONE_MACHINE), ("spark", engine)):
        project.__dict__["engine"] = where
        home = folder / name
        made.append(
            Snapshots(
                home, project.view_tables, feature_set, "UTC", others=others(project, home), engine=where
            )
        )
        made[-1].ensure(dates)
    return made


def test_views_of_every_kind(project, engine, tmp_path) -> None:  # noqa: F811
    here, spark = both(project, engine, tmp_path, DATES)
    assert len(spark.files("own", DATES[0])) == 3
    assert_equal(here, spark, DATES)


@pytest.fixture(scope="module")
def demo(tmp_path_factory) -> Project:
    config = files("tagcast.pipelines.start") / "demo.toml"
    return open_project(Path(str(config)), tmp_path_factory.mktemp("demo") / "home")


def test_the_demo(demo, engine, tmp_path) -> None:
    here, spark = both(demo, engine, tmp_path, DEMO_DATES)
    assert here.rows(DEMO_DATES[-1]) == spark.rows(DEMO_DATES[-1]) > 2_000
    assert_equal(here, spark, DEMO_DATES)


def test_figures_of_other_entities(engine, tmp_path) -> None:
    import shutil

    from examples.funds.make_events import write_tables

    shutil.copytree(Path(__file__).parents[2] / "examples" / "funds", tmp_path / "funds")
    write_tables(tmp_path / "funds", 300, 12)
    whole = open_project(tmp_path / "funds" / "tagcast.toml", tmp_path / "home")
    for entity in ("profile", "fund", "manager"):
        part = whole.of(entity)
        assert part.widest_set(date(2024, 6, 24)).own
        here, spark = both(part, engine, tmp_path / entity, [date(2024, 2, 1), date(2024, 6, 24)])
        assert_equal(here, spark, [date(2024, 2, 1), date(2024, 6, 24)])

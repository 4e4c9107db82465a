"""Tests on Spark itself: one session for all of them, since one takes seconds to start."""

from __future__ import annotations

import os
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tagcast.features.core.engines.spark_engine import SparkEngine
from tagcast.features.core.schema.engine import Spark

if TYPE_CHECKING:
    from tests.support.engines.night_shop import NightShop

if find_spec("pyspark") is None:  # make test-spark has an environment with it
    collect_ignore_glob = ["test_*.py"]

CONF = {
    "spark.ui.enabled": "false",
    "spark.driver.bindAddress": "127.0.0.1",
    "spark.driver.host": "127.0.0.1",
    "spark.driver.memory": "1g",
    "spark.executor.memory": "500m",
    "spark.sql.shuffle.partitions": "4",
}
PARTS = 3


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Keep what needs Spark apart, and on one worker."""
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.spark)
            item.add_marker(pytest.mark.xdist_group("spark"))
            # py4j leaves the closing of its sockets to the garbage collector.
            item.add_marker(pytest.mark.filterwarnings("ignore::ResourceWarning"))
            item.add_marker(pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"))


@pytest.fixture(scope="session")
def spark_conf(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A folder of configuration, as a cluster's gateway has one: sessions are configured there, not by tagcast."""
    folder = tmp_path_factory.mktemp("spark-conf")
    own = {
        "spark.local.dir": folder
        / "local",  # what Spark leaves of a driver that is killed goes with the tests
        "spark.sql.warehouse.dir": folder / "tables",
    }
    lines = [f"{key} {value}" for key, value in {**CONF, **own}.items()]
    (folder / "spark-defaults.conf").write_text("\n".join(lines), encoding="utf-8")
    (folder / "log4j2.properties").write_text("rootLogger.level = error\n", encoding="utf-8")
    # Work that goes wrong is of the tests: tasks find it in the checkout, and tagcast where it was shipped to.
    here = {
        "SPARK_CONF_DIR": str(folder),
        "SPARK_LOCAL_IP": "127.0.0.1",
        "PYTHONPATH": str(Path(__file__).parents[2]),
    }
    before = {name: os.environ.get(name) for name in here}
    os.environ.update(here)
    yield folder
    for name, value in before.items():
        os.environ.pop(name) if value is None else os.environ.update({name: value})


@pytest.fixture(autouse=True, scope="session")
def a_file_a_range() -> None:
    """Let the store have a file a range, however few profiles there are: the session ends with the process."""
    from tagcast.serving.publishing.parts import joined_parts, tag_percentiles

    tag_percentiles.LEAST_SCORES = 1
    joined_parts.LEAST_PROFILES = 1


@pytest.fixture(scope="session")
def night_shop(tmp_path_factory: pytest.TempPathFactory) -> NightShop:
    """A shop whose nights are to run on Spark."""
    from tests.support.engines.night_shop import NightShop, make_night_shop

    folder = tmp_path_factory.mktemp("nights") / "shop"
    make_night_shop(folder)
    return NightShop(folder)


@pytest.fixture(scope="session")
def wanted(night_shop: NightShop, tmp_path_factory: pytest.TempPathFactory) -> list[tuple[Any, ...]]:
    """What one machine publishes of it, night by night."""
    from tests.support.engines.scored_shop import DAYS

    here, found = night_shop.copied(tmp_path_factory.mktemp("wanted") / "shop"), []
    for day in DAYS:
        here.here(day)
        found.append(here.published)
    return found


@pytest.fixture(scope="session")
def engine(spark_conf: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[SparkEngine]:
    """Spark on this machine, two tasks at a time; a task that fails is tried again, as on a cluster."""
    made = SparkEngine(
        Spark(session="local[2, 3]", partitions=PARTS), tmp_path_factory.mktemp("shared"), "tests"
    )
    yield made
    made.close()

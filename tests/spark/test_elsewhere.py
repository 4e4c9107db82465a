"""The same features of a table of a standalone cluster to which tagcast is shipped, and through Spark Connect: by the command line."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from contextlib import AbstractContextManager
from pathlib import Path

import pytest

from tagcast.features.compute.snapshots import Snapshots
from tagcast.pipelines.project.project import open_project
from tests.features.compute.building.test_ranges import CONFIG, DATES, VIEWS, assert_equal
from tests.support.engines.clusters import connect_server, standalone
from tests.support.rule_tags import STAGE
from tests.support.shop import shop_lines

ELSEWHERE = {"a standalone cluster": standalone, "Spark Connect": connect_server}


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    made = tmp_path_factory.mktemp("elsewhere")
    (made / "views").mkdir()
    for name, text in VIEWS.items():
        (made / "views" / name).write_text(text, encoding="utf-8")
    lines = shop_lines(50)
    lines.to_csv(made / "lines.csv", index=False)
    # Without an index, and with times that Spark reads: its own are of microseconds.
    lines.to_parquet(made / "lines.parquet", index=False, coerce_timestamps="us")
    about = [(f"c{n:04d}", "2024-01-05", "ab"[n % 2], n % 40) for n in range(55)]
    rows = "\n".join(",".join(map(str, row)) for row in about)
    (made / "about.csv").write_text(f"customer,since,plan,age\n{rows}\n", encoding="utf-8")
    (made / "models" / "tags").mkdir(parents=True)
    (made / "models" / "tags" / "stage.yaml").write_text(STAGE, encoding="utf-8")
    (made / "tagcast.toml").write_text(CONFIG, encoding="utf-8")
    return made


def tagcast(*words: str, config: Path, home: Path) -> dict:
    """Run a command as a person does, and return what it answers."""
    program = [
        sys.executable,
        "-m",
        "tagcast.pipelines.cli.main",
        "--config",
        str(config),
        "--home",
        str(home),
    ]
    done = subprocess.run([*program, *words], capture_output=True, text=True, check=False, timeout=240)
    assert done.returncode == 0, done.stderr[-3_000:]
    return json.loads(done.stdout)


@pytest.mark.parametrize("which", ELSEWHERE)
def test_the_same_features(which, folder, spark_conf, tmp_path) -> None:
    place: AbstractContextManager[str] = ELSEWHERE[which](tmp_path)
    with place as session:
        read = CONFIG.replace('path = "lines.csv"', f'table = "parquet.`{folder / "lines.parquet"}`"')
        assert read != CONFIG
        text = f'engine = "spark"\n{read}\n[spark]\nsession = "{session}"\nshared = "{tmp_path / "shared"}"\npartitions = 2\n'
        (folder / "spark.toml").write_text(text, encoding="utf-8")
        for as_of in DATES:
            tagcast(
                "features", "build", "--as-of", str(as_of), "--json",
                config=folder / "spark.toml", home=tmp_path / "home",
            )  # fmt: skip
    project = open_project(folder / "tagcast.toml", tmp_path / "here")
    for as_of in DATES:
        feature_set = project.feature_set([], as_of)
        here = project.snapshots(feature_set)
        here.ensure([as_of])
        there = Snapshots(tmp_path / "shared", project.view_tables, feature_set, "UTC")
        assert len(there.files("own", as_of)) == 2
        assert_equal(here, there, [as_of])
    assert not (tmp_path / "home" / "features").exists()
    assert [one.name for one in (tmp_path / "shared" / "scratch" / "read").iterdir()] == []
    shutil.rmtree(tmp_path / "shared")

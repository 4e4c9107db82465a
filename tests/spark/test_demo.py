"""The demo with `engine = "spark"`: models, rows and reasons have the digests that they have on one machine.

A part of the demo is trained and scored on both. The whole of it is scored on Spark where ``TAGCAST_DEMO_HOME`` names the home of a
finished ``make demo``: its copy gets one line of configuration more.
"""

from __future__ import annotations

import os
import re
from pathlib import Path
from shutil import copy, copytree

import pytest

from tagcast.pipelines.project.project import open_project
from tests.pipelines.scoring.test_golden import DAY, ROOT, digests, golden
from tests.support.command_line import Project

TAGS = (
    "models/tags/churn_risk.yaml",
    "models/tags/lifecycle_stage.yaml",
    "examples/amount/tags/spend_30d.yaml",
)
ON_SPARK = "\n[spark]\npartitions = 3\n"


def on_spark(config: Path) -> None:
    """Let a project work in the session that is active."""
    text = config.read_text(encoding="utf-8")
    config.write_text(f'engine = "spark"\n{text}{ON_SPARK}', encoding="utf-8")


def demo_in(folder: Path, tags: str) -> Project:
    folder.mkdir()
    text = re.sub(
        "^tags = .*$",
        f'tags = "{tags}"',
        (ROOT / "tagcast.toml").read_text(encoding="utf-8"),
        flags=re.MULTILINE,
    )
    (folder / "tagcast.toml").write_text(text, encoding="utf-8")
    return Project(folder / "tagcast.toml", folder / "home")


def scored(project: Project) -> dict[str, str]:
    out = project.config.parent / "predictions.parquet"
    project.run("score", "--all", "--as-of", DAY, "--out", str(out))
    return digests(out)


def part(folder: Path) -> Project:
    project = demo_in(folder, "tags")
    (folder / "tags").mkdir()
    for file in TAGS:
        copy(ROOT / file, folder / "tags")
    return project


def trained_and_scored(project: Project) -> dict[str, str]:
    project.run("train", "--all", "--as-of", DAY, "--trials", "2", "--threads", "1")
    return scored(project)


def test_a_part_of_the_demo_trained_and_scored_on_spark(engine, tmp_path) -> None:
    assert engine.session
    project = part(tmp_path / "spark")
    on_spark(project.config)
    found = trained_and_scored(project)
    published = open_project(project.config, project.home).store.current()
    assert published is not None
    assert len(published.parts) == 3
    try:
        wanted = golden()["part"]
    except pytest.skip.Exception:  # no digests were taken on such a processor
        wanted = trained_and_scored(part(tmp_path / "here"))
    assert found == wanted


@pytest.mark.skipif(
    not os.environ.get("TAGCAST_DEMO_HOME"), reason="TAGCAST_DEMO_HOME: home of a finished make demo"
)
def test_the_whole_demo_on_spark_says_what_it_said(engine, tmp_path) -> None:
    assert engine.session
    project = demo_in(tmp_path / "demo", str(ROOT / "models" / "tags"))
    copytree(os.environ["TAGCAST_DEMO_HOME"], project.home)
    before = open_project(project.config, project.home).store.current()
    on_spark(project.config)
    assert scored(project) == golden()["demo"]
    after = open_project(project.config, project.home).store.current()
    assert before is not None
    assert after is not None
    assert (after.run.run_id, after.profiles, len(after.parts)) == (before.run.run_id, before.profiles, 3)
    assert after.tags == before.tags

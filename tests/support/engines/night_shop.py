"""The shop of :mod:`tests.support.engines.scored_shop`, whose nights run on Spark, here or in a process of their own."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from datetime import date
from pathlib import Path
from typing import Any

from tagcast.features.core.engines.engine import Engine
from tagcast.pipelines.project.project import open_project
from tagcast.pipelines.scoring.score import score_tags
from tests.features.compute.building.test_ranges import VIEWS
from tests.support.champion import NOW
from tests.support.engines.scored_shop import left_behind, make_scored_shop
from tests.support.engines.struck import Fault

ROOT = Path(__file__).parents[3]
GREAT = """\
kind: rule
name: great
title: {en: Great, zh: 大}
description: {en: Spends half of what the greatest spends, zh: 消费达到最高者的一半}
path: [Value, Spend]
owner: tests
rule: "of_the_greatest >= 0.5"
"""
KEPT = {"code", "numba", "__pycache__"}
"""Folders of what is made once for all nights."""
TESTS_TRAVEL = {
    "PYSPARK_SUBMIT_ARGS": f"--conf spark.executorEnv.PYTHONPATH={ROOT} pyspark-shell",
}
"""Work that is struck is of the tests: tasks find it in the checkout, and tagcast where it was shipped to."""


def make_night_shop(folder: Path) -> None:
    """Make the shop, with a view that needs everybody at once."""
    make_scored_shop(folder)
    (folder / "views").mkdir()
    (folder / "views" / "ranked.yaml").write_text(VIEWS["ranked.yaml"], encoding="utf-8")
    (folder / "tags" / "great.yaml").write_text(GREAT, encoding="utf-8")
    config = folder / "tagcast.toml"
    config.write_text('features = "views"\n' + config.read_text(encoding="utf-8"), encoding="utf-8")


@dataclass(frozen=True)
class NightShop:
    """A copy of the shop.

    Parameters
    ----------
    folder : Path
    """

    folder: Path

    def on_spark(self, session: str | None) -> NightShop:
        """Let its nights run in a session, or in the one that is active."""
        config = self.folder / "tagcast.toml"
        text = config.read_text(encoding="utf-8")
        named = f'session = "{session}"\n' if session else ""
        spark = f'[spark]\n{named}shared = "shared"\npartitions = 2\n'
        config.write_text(f'engine = "spark"\n{text}\n{spark}', encoding="utf-8")
        return self

    def copied(self, folder: Path) -> NightShop:
        """Return a copy in another folder."""
        shutil.copytree(self.folder, folder)
        return NightShop(folder)

    @property
    def shared(self) -> Path:
        """What driver and tasks see."""
        return self.folder / "shared"

    def here(self, day: date, struck: Callable[[Engine], Engine] | None = None) -> None:
        """Score everyone as of a day, in this process, by what is made of the engine."""
        project = open_project(self.folder / "tagcast.toml", self.folder / "home")
        if struck is not None:
            project.__dict__["engine"] = struck(project.engine)
        score_tags(project, None, as_of=day, now=NOW, force_reason="a test")

    def night(
        self, day: date, fault: Fault | Mapping[str, Any] | None = None
    ) -> subprocess.CompletedProcess[str]:
        """Score everyone as of a day, in a process of its own."""
        said = json.dumps(asdict(fault) if isinstance(fault, Fault) else dict(fault or {}))
        words = ["score", "--all", "--as-of", str(day), "--force", "--reason", "a test", "--json"]
        home = ["--config", str(self.folder / "tagcast.toml"), "--home", str(self.folder / "home")]
        return subprocess.run(
            [sys.executable, "-m", "tests.support.engines.struck_night", said, *words, *home],
            cwd=ROOT, env={**os.environ, **(TESTS_TRAVEL if fault else {})},
            capture_output=True, text=True, check=False, timeout=400,
        )  # fmt: skip

    def succeeds(self, day: date, fault: Fault | None = None) -> tuple[Any, ...]:
        """Score everyone as of a day, in a process of its own, and return what is published then."""
        done = self.night(day, fault)
        assert done.returncode == 0, done.stderr[-3_000:]
        return self.published

    @property
    def published(self) -> tuple[Any, ...]:
        """Rows, manifest, changes, and what challengers predicted, of the active run."""
        return left_behind(open_project(self.folder / "tagcast.toml", self.folder / "home"))

    def check_nothing_lies(self) -> None:
        """Assert that nothing is under way in ``shared``, nor left of what was."""
        for place in ("scratch/read", "features/.under-way"):
            assert not any((self.shared / place).iterdir())
        assert not (self.shared / "store" / "staging").exists()
        hidden = {Path(name).name for name in self.files if "/." in name}
        assert hidden <= {".under-way", ".lock"}

    @property
    def files(self) -> set[str]:
        """The names of all files and folders but those that are made once, and SQLite's of a database that is still open."""
        names = (path.relative_to(self.folder) for path in self.folder.rglob("*"))
        return {
            str(name)
            for name in names
            if not KEPT & {*name.parts} and not name.name.endswith(("-wal", "-shm"))
        }

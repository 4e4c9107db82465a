"""A home that was copied is whole: the original removed, everything works, and nothing in the copy names the old place."""

from __future__ import annotations

import hashlib
import json
import shutil
import sqlite3
from contextlib import closing
from datetime import timedelta
from pathlib import Path

import pytest
from fastapi.testclient import TestClient

from tagcast.features.core.settings import load_settings
from tagcast.pipelines.project.clock import clock
from tagcast.pipelines.server import prepare
from tests.support.champion import DAY, TAG, shop_with_champion
from tests.support.command_line import Project
from tests.support.faults.injection import WIDE, Fault
from tests.support.shop import write_shop

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("copied home")]
NEXT = str(DAY + timedelta(days=1))


@pytest.fixture(scope="module")
def trained(tmp_path_factory) -> Project:
    """A home made by the commands alone: trained, promoted, scored, materialized to the online store."""
    folder = tmp_path_factory.mktemp("trained")
    config = write_shop(folder, customers=250)
    config.write_text(config.read_text(encoding="utf-8") + WIDE, encoding="utf-8")
    for other in ("high_value", "interest"):
        (folder / "tags" / f"{other}.yaml").unlink()
    project = Project(config, folder / "the original home")
    train(project)
    project.run("features", "materialize", "--as-of", str(DAY))
    project.run("score", "--all", "--as-of", str(DAY))
    return project


def train(project: Project) -> None:
    project.run("train", TAG, "--as-of", str(DAY), "--trials", "1", "--threads", "1")
    version = max(v["version"] for v in project.json("model", "list"))
    project.run(
        "model", "promote", TAG, str(version), "--force", "--reason", "this shop is too small for the gate"
    )


def serve(project: Project) -> None:
    """Open what `tagcast serve` opens, log in by its link and look at two pages of the API."""
    service = prepare(load_settings(project.config, project.home, Path.cwd()), "127.0.0.1", 0, clock)
    service.listener.close()
    with TestClient(service.app, base_url=service.url) as browser:
        assert browser.get(service.login).status_code == 200
        assert browser.get("/api/v1/tags").status_code == 200
        assert browser.get("/api/v1/runs").status_code == 200
    assert service.context.tracking is not None


def contents(folder: Path) -> dict[str, str]:
    """Return a digest of each file. A database's is of its rows: SQLite moves its log into the file when it likes."""
    files = sorted(f for f in folder.rglob("*") if f.is_file() and not f.name.endswith(("-wal", "-shm")))
    return {str(f.relative_to(folder)): hashlib.sha256(_bytes(f)).hexdigest() for f in files}


def _bytes(file: Path) -> bytes:
    content = file.read_bytes()
    if not content.startswith(b"SQLite format 3"):
        return content
    with closing(sqlite3.connect(file)) as connection:
        return "\n".join(connection.iterdump()).encode()


def naming(folder: Path, place: Path) -> list[str]:
    """Return the files of a folder that hold the path of ``place``, as text or as the path of a URL."""
    texts = {str(place).encode(), place.as_uri().removeprefix("file://").encode()}
    return [
        str(f.relative_to(folder))
        for f in sorted(folder.rglob("*"))
        if f.is_file() and any(text in f.read_bytes() for text in texts)
    ]


def test_a_copy_is_whole_without_the_original(trained, tmp_path) -> None:
    with Fault():
        copy = Project(trained.config, tmp_path / "the copy")
        shutil.copytree(trained.home, copy.home)
        aside = trained.home.with_name("aside")
        trained.home.rename(aside)
        try:
            copy.run("check", "--as-of", str(DAY))
            copy.run("model", "card", TAG)
            copy.run("model", "thresholds", TAG)
            before = [v["version"] for v in copy.json("model", "list")]
            copy.run("score", "--all", "--as-of", NEXT)
            train(copy)
            assert len(copy.json("model", "list")) == len(before) + 1
            copy.run("features", "materialize", "--as-of", str(DAY))
            copy.run("score", "--all", "--as-of", NEXT)
            copy.run("audience", "count", f"{TAG} = 'yes'")
            copy.run("profile", "show", "c0001")
            copy.run("run", "rollback", "--reason", "as it was")
            serve(copy)
            assert not trained.home.exists(), "the old place was made anew"
            assert naming(copy.home, trained.home) == []
        finally:
            aside.rename(trained.home)


def test_a_copy_beside_the_original_leaves_it_alone(trained, tmp_path) -> None:
    with Fault():
        copy = Project(trained.config, tmp_path / "staging")
        shutil.copytree(trained.home, copy.home)
        before = contents(trained.home)
        train(copy)
        copy.run("score", "--all", "--as-of", NEXT)
        assert contents(trained.home) == before
        assert naming(copy.home, trained.home) == []


@pytest.fixture
def champion(tmp_path) -> Project:
    shop_with_champion(tmp_path / "shop")
    return Project(tmp_path / "shop" / "tagcast.toml", tmp_path / "shop" / "home")


def test_damage_in_a_copy_is_noticed_though_the_original_is_whole(champion, tmp_path) -> None:
    with Fault():
        copy = Project(champion.config, tmp_path / "staging")
        shutil.copytree(champion.home, copy.home)
        file = min(
            f for f in (copy.home / "mlartifacts").rglob("*") if f.parent.name == "bundle" and f.is_file()
        )
        file.write_bytes(file.read_bytes() + b"# damaged\n")
        result = copy.invoke("score", "--all", "--as-of", str(DAY))
        assert result.exit_code == 6, result.output + result.stderr
        assert "was changed or damaged" in result.stderr
        assert str(copy.home) in result.stderr
        champion.run("score", "--all", "--as-of", str(DAY))


@pytest.mark.parametrize("name", ["mlartifacts", "a 'quoted' höme 100%"])
def test_any_name_of_a_home_will_do(champion, tmp_path, name) -> None:
    """Moved twice, the second time back: the records follow each time."""
    moved = Project(champion.config, tmp_path / name / "home")
    moved.home.parent.mkdir()
    for source, target in ((champion, moved), (moved, champion), (champion, moved)):
        source.home.rename(target.home)
        target.run("score", "--all", "--as-of", str(DAY))
        assert naming(target.home, source.home) == []
    versions = json.dumps(moved.json("model", "list"), default=str)
    assert str(champion.home) not in versions

"""Fifty profiles are erased from a home with runs, exports, campaigns and frozen audiences: no byte of them is left, others stay."""

from __future__ import annotations

import json
import shutil
import sqlite3
import zlib
from contextlib import closing, suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import duckdb
import pandas as pd
import pytest

from tagcast.pipelines.cli import groups
from tagcast.pipelines.privacy import erase as privacy
from tagcast.pipelines.project.project import open_project
from tagcast.registry.access.roles import Person
from tests.support.champion import DAY, TAG, by_hand, put_in_charge
from tests.support.command_line import Project
from tests.support.shop import write_shop

MARK = "erase-me-"
EVERYBODY = "age >= 0"
OWNER = Person("owner", "owner")
pytestmark = pytest.mark.slow
LATER = DAY + timedelta(days=50)
NOW = datetime(2024, 8, 22, tzinfo=UTC)


def named(folder: Path) -> list[str]:
    """Give customers of a shop ids of their own, of fifty ones that no other text holds; return these."""
    lines, people = pd.read_parquet(folder / "lines.parquet"), pd.read_csv(folder / "customers.csv")
    # Neighbours in every order, first and last ones too: a file of some range may be of nobody else.
    ids = {
        one: f"{MARK}{n:04d}-é" if n % 6 == 0 else f"{'ez'[n % 2]}-{n:04d}"
        for n, one in enumerate(people["customer"])
    }
    people["city"] = [f"town of {ids[one]}" if MARK in ids[one] else "Oslo" for one in people["customer"]]
    lines.assign(customer=lines["customer"].map(ids)).to_parquet(folder / "lines.parquet", index=False)
    people.assign(customer=people["customer"].map(ids)).to_csv(folder / "customers.csv", index=False)
    return [one for one in ids.values() if MARK in one]


@pytest.fixture(scope="module")
def lived_in(tmp_path_factory):
    """A home that has been lived in, and whom to erase."""
    folder = tmp_path_factory.mktemp("shop")
    config = write_shop(folder, customers=300)
    gone = named(folder)
    workspace = open_project(config, folder / "home")
    put_in_charge(workspace, folder / "bundle", by_hand(), 1)
    line = Project(config, workspace.settings.home)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(groups, "clock", lambda: NOW)
        for day in (DAY, LATER):
            line.run("score", TAG, "--as-of", str(day))
        line.run("audience", "save", "old friends", EVERYBODY, "--frozen")
        line.run(
            "audience",
            "export",
            EVERYBODY,
            "--holdout",
            "0.3",
            "--seed",
            "5",
            "--goal",
            TAG,
            "--out",
            str(line.home / "out.csv"),
        )
        line.run("audience", "export", EVERYBODY, "--no-contact", "--out", str(line.home / "o.parquet"))
        line.run("features", "materialize", "--as-of", str(DAY))
        line.run("promise")
    return line, gone


@pytest.fixture
def home(lived_in, tmp_path, monkeypatch):
    line, gone = lived_in
    monkeypatch.setattr(groups, "clock", lambda: NOW)
    shutil.copytree(line.home, tmp_path / "home", symlinks=True)
    return Project(line.config, tmp_path / "home"), gone


def whatever_holds(folder: Path, text: str) -> list[str]:
    """Return files that hold a text anywhere: in their bytes, in a column of a table, in what is packed in one."""
    found = []
    for file in (one for one in folder.rglob("*") if one.is_file() and "numba" not in one.parts):
        held = file.read_bytes()
        if any(text.encode(code) in held for code in ("utf-8", "utf-16-le")) or text in _decoded(file):
            found.append(str(file.relative_to(folder)))
    return sorted(found)


def _decoded(file: Path) -> str:
    if file.suffix == ".parquet":
        return pd.read_parquet(file).to_csv()
    if file.suffix == ".duckdb":
        with duckdb.connect(str(file), read_only=True) as connection:
            tables = [name for (name,) in connection.sql("SELECT table_name FROM duckdb_tables()").fetchall()]
            return "".join(connection.sql(f"FROM {name}").df().to_csv() for name in tables)
    if file.suffix == ".db":
        with closing(sqlite3.connect(f"{file.as_uri()}?mode=ro", uri=True)) as connection:
            tables = [
                name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")
            ]
            rows = [row for name in tables for row in connection.execute(f'SELECT * FROM "{name}"')]
        return "".join(_plain(value) for row in rows for value in row)
    return ""


def _plain(value: Any) -> str:
    if isinstance(value, bytes):
        with suppress(zlib.error):
            value = zlib.decompress(value)
        return value.decode("utf-8", "replace")
    return str(value)


def published(home: Path) -> dict[int, pd.DataFrame]:
    found = {}
    for file in sorted((home / "store" / "snapshots").glob("*.duckdb")):
        with duckdb.connect(str(file), read_only=True) as connection:
            found[int(file.name[:6])] = connection.sql("FROM profiles").df().set_index("profile_id")
    return found


def rest(frame: pd.DataFrame, gone: list[str]) -> pd.DataFrame:
    return frame[~frame.index.isin(gone)]


def test_no_byte_of_them_is_left_and_the_others_are_as_they_were(home) -> None:
    line, gone = home
    assert len(gone) == 50
    before = published(line.home)
    promised = line.json("promise", TAG)
    (frozen,) = line.json("audience", "list")
    looked = line.json("audit", "access")
    assert len(line.json("audit", "access", "--profile", gone[7])) == len(looked) > 0
    places = whatever_holds(line.home, MARK)
    for kind in ("events/", "features/", "store/snapshots/", "store/history/", "predictions/", "campaigns/"):
        assert any(place.startswith(kind) for place in places), kind
    assert {"feast/online_store.db", "registry.db", "out.csv", "o.parquet"} <= {*places}
    receipt = line.json(
        "profile", "erase", *gone[:2], "--from", str(written(line, gone[2:])), "--reason", "asked"
    )
    assert whatever_holds(line.home, MARK) == []
    assert whatever_holds(line.home, "town of ") == []
    assert (receipt["asked"], receipt["profiles"], receipt["reason"], receipt["left"]) == (
        50,
        50,
        "asked",
        [],
    )
    assert all(receipt["taken"].values()), receipt["taken"]
    assert list(receipt["last_trained"]) == [TAG]
    kept = json.loads(Path(receipt["file"]).read_text(encoding="utf-8"))
    assert (kept["digests"], kept["by"]) == (receipt["digests"], receipt["by"])
    after = published(line.home)
    for number, frame in before.items():
        pd.testing.assert_frame_equal(rest(frame, gone), after[number], check_categorical=False)
    assert line.json("promise", TAG) == promised
    (less,) = line.json("audience", "list")
    assert less["members"] == frozen["members"] - 50
    log = line.json("audit", "list")
    assert [entry["detail"]["profiles"] for entry in log if entry["action"] == "profile.erase"] == [50]
    assert line.json("audit", "access", "--profile", gone[7]) == []
    assert line.json("audit", "access") == looked
    assert line.json("audit", "verify")["findings"] == []
    again = line.json("profile", "erase", *gone)
    assert again["profiles"] == 0
    assert not any(again["taken"].values())
    assert line.invoke("profile", "export", gone[0]).exit_code != 0


def test_the_next_nights_are_those_of_a_home_that_never_knew_them(home, tmp_path) -> None:
    line, gone = home
    line.run("profile", "erase", *gone)
    held = {file: file.stat().st_mtime_ns for file in line.home.glob("features/*/as_of=*/**/*.parquet")}
    line.run("score", TAG, "--as-of", str(LATER))
    assert {file: file.stat().st_mtime_ns for file in held} == held  # nothing was built anew
    assert "are of erased profiles and are left out" in line.invoke("check").output
    other = tmp_path / "other"
    shop_without(line.config, other, gone)
    fresh = open_project(other / "tagcast.toml", other / "home")
    put_in_charge(fresh, other / "bundle", by_hand(), 1)
    anew = Project(fresh.settings.path, fresh.settings.home)
    for day in (DAY, LATER, LATER):
        anew.run("score", TAG, "--as-of", str(day))
    ours, theirs = published(line.home)[3], published(anew.home)[3]
    pd.testing.assert_frame_equal(ours, theirs, check_categorical=False)
    assert whatever_holds(line.home, MARK) == []


STEPS = (
    "tagcast.features.ingest.suppression.erased_log._activate",
    "tagcast.features.compute.building.erased_rows._erase",
    "tagcast.serving.store.duckdb.store.write_editions",
    "tagcast.serving.store.duckdb.store.without_changes",
    "tagcast.registry.operations.erased_ids.count_frozen",
    "tagcast.pipelines.privacy.erase.forget_copies",
    "tagcast.pipelines.privacy.erase.keep_receipt",
)


def test_killed_anywhere_it_is_finished_by_the_next_call(home) -> None:
    line, gone = home

    def killed(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    project = open_project(line.config, line.home)
    (before,) = line.json("audience", "list")
    for step in STEPS:
        with pytest.MonkeyPatch.context() as patch, pytest.raises(KeyboardInterrupt):
            patch.setattr(step, killed)
            privacy.erase(project, gone, by=OWNER, reason="", now=NOW)
        if step in STEPS[1:3]:  # a night in between is a whole one
            line.run("score", TAG, "--as-of", str(LATER))
    assert privacy.erase(open_project(line.config, line.home), gone, by=OWNER, reason="", now=NOW).left == ()
    assert whatever_holds(line.home, MARK) == []
    (less,) = line.json("audience", "list")
    assert less["members"] == before["members"] - 50


def test_a_restored_backup_is_rid_of_whom_the_list_names(home, tmp_path) -> None:
    from tagcast.features.ingest.suppression.suppressed import keep_suppressed, read_suppression

    line, gone = home
    shutil.copytree(line.home, tmp_path / "backup", symlinks=True)
    line.run("profile", "erase", *gone)
    listed = read_suppression(line.home)
    project = open_project(line.config, tmp_path / "backup")
    assert privacy.erase_listed(project, by=OWNER, now=NOW) is None
    keep_suppressed(tmp_path / "backup", listed)
    receipt = privacy.erase_listed(open_project(line.config, tmp_path / "backup"), by=OWNER, now=NOW)
    assert receipt is not None
    assert receipt.profiles == 50
    assert whatever_holds(tmp_path / "backup", MARK) == []


def written(line: Project, ids: list[str]) -> Path:
    file = line.home.parent / "requests.txt"
    file.write_text("\n".join(["", *ids, " "]), encoding="utf-8")
    return file


def shop_without(config: Path, target: Path, gone: list[str]) -> None:
    shutil.copytree(config.parent, target, ignore=shutil.ignore_patterns("home", "bundle"))
    for name, read, write in (
        ("lines.parquet", pd.read_parquet, "to_parquet"),
        ("customers.csv", pd.read_csv, "to_csv"),
    ):
        frame = read(target / name)
        getattr(frame[~frame["customer"].isin(gone)], write)(target / name, index=False)

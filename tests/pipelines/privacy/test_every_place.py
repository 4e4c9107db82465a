"""A person who went by several ids, beside other entities: all of it is exported and erased, and others' figures stay."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime
from pathlib import Path

import pandas as pd
import pytest

from tagcast.features.core.errors import ConfigError, NotAllowedError, NotFoundError
from tagcast.features.core.settings import load_settings
from tagcast.features.ingest.event_log import active_log
from tagcast.pipelines.cli import groups
from tagcast.pipelines.privacy.erase import erase
from tagcast.pipelines.privacy.export import export_profile
from tagcast.pipelines.project.project import Project, open_project
from tagcast.registry.access.access_log import accesses
from tagcast.registry.access.audit_log import entries
from tagcast.registry.access.roles import Person
from tests.pipelines.privacy.test_erase import whatever_holds
from tests.support.command_line import Project as Line
from tests.support.source_projects import project, source

NOW = datetime(2024, 8, 1, tzinfo=UTC)
DAY = date(2024, 2, 20)
OWNER = Person("owner", "owner")
OLD, NEW = "erase-me-old", "erase-me-new"
PEOPLE = ["a", OLD, "b", NEW, "c"]
IDENTITY = '[identity]\npath = "placed.csv"\nsource = "system"\nsource_id = "id"\nprofile_id = "person"\n'
ATTRIBUTES = '[profiles]\npath = "people.csv"\nkey = "id"\ncolumns = ["town"]\n[entities.fund]\n'
VIEW = """\
kind: attributes
view: contact
title: {en: Contact, zh: 联系}
entity: profile
source: {path: ../contacts.csv, key: id, constant: true}
columns:
  score: {kind: number, title: {en: Score, zh: 分}}
"""


def lines() -> pd.DataFrame:
    rows = [
        {"id": f"{one}.web", "at": pd.Timestamp(2024, 1, 1) + pd.Timedelta(days=day), "price": 2.5, "fund": f"f{(day + n) % 3}"}
        for day in range(0, 50, 2)
        for n, one in enumerate(PEOPLE)
    ]  # fmt: skip
    return pd.DataFrame(rows)


def placed(**moved: str) -> str:
    return "system,id,person\n" + "".join(
        f"web,{one}.web,{moved.get(one.replace('-', '_'), one)}\n" for one in PEOPLE
    )


@pytest.fixture
def house(tmp_path) -> Project:
    """Two accounts of one person became one since the first load."""
    columns = {"profile_id": "id", "event_time": "at", "amount": "price"}
    text = source("web", columns=columns, place='path = "web.parquet"', extra='keys = {fund = "fund"}')
    table = "id,{}\n" + "".join(f"{one},{{}}\n" for one in PEOPLE)
    config = project(
        tmp_path,
        text,
        IDENTITY,
        ATTRIBUTES,
        web_parquet=lines(),
        placed_csv=placed(),
        people_csv=table.format("town", "Oslo", "Hidden", "Oslo", "Hidden", "Oslo"),
    )
    _ = open_project(config, tmp_path / "home").events
    (tmp_path / "placed.csv").write_text(placed(erase_me_old=NEW), encoding="utf-8")
    made = open_project(config, tmp_path / "home")
    for part in (made, made.of("fund")):
        part.snapshots(part.widest_set(DAY)).ensure([DAY])
    return made


def test_all_that_is_known_is_in_one_file(house, tmp_path, monkeypatch) -> None:
    monkeypatch.setattr(groups, "clock", lambda: NOW)
    line, file = Line(house.settings.path, house.settings.home), tmp_path / "out.json"
    assert line.json("profile", "export", OLD, "--to", str(file))["rows"]["events"] == 50
    found = json.loads(file.read_text(encoding="utf-8"))
    assert found["ids"] == [OLD, NEW]
    sections = {name: part["rows"] for name, part in found["sections"].items()}
    assert all(part["about"] for part in found["sections"].values())
    assert {row["id"] for row in sections["source_ids"]} >= {f"{OLD}.web", f"{NEW}.web"}
    assert {row["profile_id"] for row in sections["events"]} == {NEW}
    assert sorted(row["town"] for row in sections["attributes"]) == ["Hidden", "Hidden"]
    assert {row["as_of"] for row in sections["features"]} == {str(DAY)}
    assert {(row["entity"], row["id"]) for row in sections["entities"]} == {
        ("fund", f"f{n}") for n in range(3)
    }
    assert sum(row["events"] for row in sections["entities"]) == 50
    assert [row["action"] for row in sections["requests"]] == ["profile.export"]
    assert sections["accesses"] == []
    printed = json.loads(line.run("profile", "export", NEW, "--purpose", "asked by letter").stdout)
    assert printed["sections"]["events"]["rows"] == sections["events"]
    (look,) = printed["sections"]["accesses"]["rows"]  # the first export; the second looks after it was read
    assert (look["kind"], look["via"], look["profiles"]) == ("profile", "cli", 2)
    assert [one.purpose for one in accesses(house.state, profiles=[OLD])] == ["asked by letter", ""]
    (first, second) = entries(house.state, action="profile.export")
    assert first.subject != second.subject
    assert not {OLD, NEW} & {first.subject, second.subject}


def test_every_id_and_every_entity_is_rid_of_them(house, tmp_path) -> None:
    logs = {part.settings.entity: active_log(part.settings.data) for part in (house, house.of("fund"))}
    funds = features(house.of("fund"))
    others = features(house)
    receipt = erase(house, [OLD], by=OWNER, reason="asked", now=NOW)
    assert len(receipt.digests) == 2
    assert receipt.left == ()
    assert whatever_holds(tmp_path / "home", "erase-me") == []
    assert whatever_holds(tmp_path / "home", "Hidden") == []
    made = open_project(house.settings.path, house.settings.home)
    after = features(made)
    pd.testing.assert_frame_equal(
        after, others[~others["profile_id"].str.startswith("erase-me")].reset_index(drop=True)
    )
    pd.testing.assert_frame_equal(features(made.of("fund")), funds)
    assert (made.events.profiles, made.of("fund").events.rows) == (3, 75)
    for part in (made, made.of("fund")):
        assert part.snapshots(part.widest_set(DAY)).ensure([DAY]) == []  # still those of the log
        assert part.events.id != logs[part.settings.entity].id
        assert not part.events.changes
    # The identity table, and the source, still name both.
    (tmp_path / "placed.csv").write_text(
        placed(erase_me_old="somebody", erase_me_new="else"), encoding="utf-8"
    )
    assert open_project(house.settings.path, house.settings.home).events.profiles == 3
    assert whatever_holds(tmp_path / "home", "erase-me") == []


def test_only_owners_may_and_only_of_profiles(house) -> None:
    for role in ("viewer", "marketer", "data_scientist", "admin"):
        with pytest.raises(NotAllowedError, match="that takes the role owner"):
            erase(house, ["a"], by=Person("x", role), reason="", now=NOW)
        with pytest.raises(NotAllowedError, match="that takes the role owner"):
            export_profile(house, "a", by=Person("x", role), now=NOW)
    with pytest.raises(ConfigError, match="only profiles"):
        erase(house.of("fund"), ["f1"], by=OWNER, reason="", now=NOW)
    with pytest.raises(NotFoundError, match="nothing is known"):
        export_profile(house, "nobody", by=OWNER, now=NOW)
    with pytest.raises(NotFoundError, match="no profile was named"):
        erase(house, [""], by=OWNER, reason="", now=NOW)
    assert load_settings(house.settings.path, house.settings.home, Path()).home == house.settings.home


def features(part: Project) -> pd.DataFrame:
    files = sorted(part.settings.data.glob("features/*/as_of=*/profile_activity/*.parquet"))
    return pd.concat(map(pd.read_parquet, files)).reset_index(drop=True)

"""`tagcast audience`: each command answers people and programs."""

from __future__ import annotations

import json
import shutil
import tomllib
from pathlib import Path

import pandas as pd
import pytest
from click.testing import CliRunner

from tagcast.features.core.home.stamp import mark
from tagcast.pipelines.cli.main import cli
from tagcast.serving.store.duckdb.store import DuckDbStore
from tests.support.desks import PROFILES, frame, publish_made
from tests.support.shop import CONFIG

FRAME = frame()
OLD = "age >= 40"  # commands read the clock: what the tags say has expired by now, attributes have not


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("cli")
    (folder / "tags").mkdir()
    high_value = Path(__file__).parents[3] / "models" / "tags" / "high_value.yaml"
    shutil.copy(high_value, folder / "tags")
    (folder / "tagcast.toml").write_text(CONFIG.partition("[profiles]")[0] + PROFILES, encoding="utf-8")
    publish_made(DuckDbStore(folder / ".tagcast" / "store"))
    # As scoring does: nothing is lost where nothing was made yet.
    mark(folder / ".tagcast", tomllib.loads(CONFIG)["name"])
    return folder


def run(folder, *arguments: str, code: int = 0) -> str:
    done = CliRunner().invoke(
        cli,
        ["audience", *arguments, "--config", str(folder / "tagcast.toml")],
        catch_exceptions=False,
    )
    assert done.exit_code == code, done.output
    return done.output


def answer(folder, *arguments: str):
    return json.loads(run(folder, *arguments, "--json"))


def test_count_and_explain(folder) -> None:
    members = (FRAME["age"] >= 40).sum()
    assert answer(folder, "count", OLD)["members"] == members
    assert f"{members:,} of 400 profiles" in run(folder, "count", OLD)
    found = answer(folder, "explain", f"{OLD} AND city = '北京'")
    assert found["sentence"] == "Customers where age is at least 40, and city is “北京”."
    assert [e["condition"] for e in found["effects"]] == [OLD, "city = '北京'"]
    assert "满足以下条件的客户" in run(folder, "explain", OLD, "--language", "zh")


def test_show_portrait_compare_and_cut(folder) -> None:
    assert len(answer(folder, "show", OLD, "--limit", "3")) == 3
    drawn = [answer(folder, "show", OLD, "--limit", "3", "--seed", "1") for _ in range(2)]
    assert drawn[0] == drawn[1]
    found = answer(folder, "portrait", OLD)
    assert {"age", "city", "churn_risk"} <= {row["field"] for row in found["rows"]}
    assert "index 100" in run(folder, "portrait", OLD, "--by", "share", "--against", "city = '北京'")
    overlap = answer(folder, "compare", OLD, "city = '北京'")
    assert overlap["both"] == ((FRAME["age"] >= 40) & (FRAME["city"] == "北京")).sum()
    curve = answer(folder, "profit", OLD, "--tag", "churn_risk", "--benefit", "10", "--cost", "4")
    assert curve["condition"].startswith("churn_risk.score >= ")
    assert "contact the" in run(
        folder, "profit", OLD, "--tag", "churn_risk", "--benefit", "10", "--cost", "4"
    )


def test_save_list_export_delete(folder) -> None:
    run(folder, "save", "old", OLD, "--description", "for the letter")
    run(folder, "save", "old now", "IN AUDIENCE 'old'", "--frozen")
    assert {(a["name"], a["kind"]) for a in answer(folder, "list")} == {
        ("old", "dynamic"),
        ("old now", "frozen"),
    }
    out = folder / "a.parquet"
    found = answer(
        folder, "export", "IN AUDIENCE 'old now'", "--out", str(out), "--column", "age", "--holdout", "0.2",
        "--no-contact",
    )  # fmt: skip
    rows = pd.read_parquet(out)
    assert (list(rows.columns), len(rows)) == (["profile_id", "age"], found["rows"])
    assert found["rows"] + found["held_out"] == (FRAME["age"] >= 40).sum()
    assert "unknown kind" in run(
        folder, "export", OLD, "--out", str(folder / "a.xlsx"), "--no-contact", code=1
    )
    assert "is part of 'old now'" in run(folder, "delete", "old", code=14)
    run(folder, "delete", "old now")
    run(folder, "delete", "old")
    assert answer(folder, "list") == []


def test_an_export_names_its_channel_and_shows_first_whom_it_leaves_out(folder) -> None:
    out, old = folder / "letter.csv", FRAME["age"] >= 40
    said = run(folder, "export", OLD, "--out", str(out), code=1)
    assert "--no-contact" in said
    assert "email, sms" in said
    assert not out.exists()
    consents = old & (FRAME["email_ok"] == True)  # noqa: E712
    found = answer(folder, "export", OLD, "--channel", "email", "--dry-run")
    assert (found["members"], found["written"]) == (old.sum(), consents.sum())
    assert found["consent_unknown"] == (old & FRAME["email_ok"].isna()).sum()
    shown = run(folder, "export", OLD, "--channel", "email", "--dry-run")
    assert f"{consents.sum():,} of {old.sum():,} members would be written" in shown
    assert not out.exists()
    assert "--out" in run(folder, "export", OLD, "--channel", "email", code=2)
    first, second = (
        answer(folder, "export", OLD, "--channel", "email", "--holdout", "0.5", "--out", str(out))
        for _ in range(2)
    )
    assert first["seed"] != second["seed"]
    assert first["rows"] + first["held_out"] == consents.sum()


def test_a_wrong_filter_is_shown_where_it_is_wrong(folder) -> None:
    said = run(folder, "count", "age >= 40 AND nothing = 1", code=9)
    assert "unknown field 'nothing'" in said
    assert "^" in said

"""Attributes from the file to the audience: what is unknown is unknown, dates compare by time, no figure is lost."""

from __future__ import annotations

import math
from datetime import UTC, date, datetime

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tagcast.features.core.errors import DefinitionError, FilterError
from tagcast.models.filters.names import Names
from tagcast.models.filters.parser import parse
from tagcast.pipelines.project.project import open_project
from tagcast.pipelines.scoring.score import score_tags
from tagcast.serving.audiences.queries import count
from tagcast.serving.console.audiences.builder import draft
from tagcast.serving.store.long_form import predictions
from tests.support.command_line import Project as CommandLine
from tests.support.source_projects import project, source
from tests.support.stores import KINDS, make_store

DAY, NOW = date(2024, 2, 6), datetime(2024, 2, 6, 6, tzinfo=UTC)
RULE = """\
kind: rule
name: {name}
title: {{en: Rule, zh: 规则}}
description: {{en: a rule, zh: 规则}}
path: [Lifecycle, Stage]
owner: tests
rule: "{rule}"
"""
PEOPLE = ["p0", "p1", "p2", "p3", "p4", "p5"]
JOINED = ["2023-12-31", "2024-01-01", "2024-02-10", "2024-02-09", None, None]
KNOWN = {
    "income": pa.array([1000.0, 1000.5, math.nan, math.inf, 5.0, None]),
    "joined": pa.array([None if d is None else date.fromisoformat(d) for d in JOINED], pa.date32()),
    "seen": pa.array([None if d is None else datetime.fromisoformat(f"{d} 12:00:00") for d in JOINED]),
    "card": pa.array([9007199254740992, 9007199254740993, 7, None, 8, 9]),
}
TABLES = (
    source()
    + '[profiles]\npath = "people.{kind}"\nkey = "id"\ncolumns = ["income", "joined", "seen", "card"]\n'
)


def made(folder, kind: str, rule: str = "joined >= '2024-01-01'"):
    days = pd.to_datetime(["2024-01-05 10:00", "2024-02-05 10:00"])
    lines = pd.DataFrame([(p, d, 1.0) for p in PEOPLE for d in days], columns=["id", "at", "price"])
    config = project(folder, TABLES.format(kind=kind), shop_parquet=lines)
    people = pa.table({"id": PEOPLE, **KNOWN})
    if kind == "csv":
        people.to_pandas(date_as_object=True, integer_object_nulls=True).to_csv(
            folder / "people.csv", index=False
        )
    else:
        pq.write_table(people, folder / "people.parquet")
    (folder / "models" / "tags").mkdir(parents=True)
    (folder / "models" / "tags" / "new.yaml").write_text(RULE.format(name="new", rule=rule), encoding="utf-8")
    return open_project(config, folder / "home")


@pytest.fixture(
    scope="module", params=[(store, kind) for store in KINDS for kind in ("parquet", "csv")], ids="-".join
)
def published(request, tmp_path_factory):
    store, kind = request.param
    folder = tmp_path_factory.mktemp("attributes")
    workspace = made(folder, kind)
    workspace.__dict__["store"] = make_store(store, folder)
    score_tags(workspace, None, as_of=DAY, now=NOW)
    return workspace


@pytest.mark.parametrize(
    ("asked", "members"),
    [
        ("income > 1000", 1),
        ("income IS NULL", 3),
        ("NOT (income > 1000)", 5),
        ("joined >= '2024-01-01'", 3),
        ("joined > '2024-02-09'", 1),
        ("joined < '2024-02-09' OR joined IS NULL", 4),
        ("joined BETWEEN '2024-01-01' AND '2024-02-09'", 2),
        ("joined = '2024-02-10'", 1),
        ("joined != '2024-02-10'", 3),
        ("joined IN ('2024-02-10', '2023-12-31')", 2),
        ("NOT (joined >= '2024-01-01')", 3),
        ("seen >= '2024-02-10'", 1),
        ("seen < '2024-02-09 12:00:00'", 2),
        ("card = '9007199254740993'", 1),
        ("card = '9007199254740992'", 1),
        ("card IS NULL", 1),
        ("new = 'yes'", 3),
    ],
)
def test_an_audience_is_who_it_says(published, asked, members) -> None:
    with published.store.reader() as reader:
        assert count(reader, asked, NOW).members == members


@pytest.mark.parametrize(
    ("asked", "incomes"),
    [("income IS NULL", {"p2": "", "p3": "", "p5": ""}), ("income >= 1000", {"p0": "1000", "p1": "1000.5"}),
     ("joined IS NULL", {"p4": "5", "p5": ""})],
)  # fmt: skip
@pytest.mark.parametrize("kind", ["parquet", "csv"])
def test_an_export_holds_nothing_where_nothing_is_known(tmp_path, asked, incomes, kind) -> None:
    workspace = made(tmp_path, kind)
    score_tags(workspace, None, as_of=DAY, now=NOW)
    out = tmp_path / "out.csv"
    CommandLine(tmp_path / "tagcast.toml", tmp_path / "home").run(
        "audience", "export", asked, "--out", str(out), "--column", "income"
    )
    text = out.read_text(encoding="utf-8-sig").replace('"', "")
    rows = [line.split(",") for line in text.splitlines()[1:]]
    assert {row[0]: row[-1].removesuffix(".0") for row in rows} == incomes


def test_the_run_says_what_each_is(published) -> None:
    kinds = published.store.current().attributes
    assert kinds == {"income": "number", "joined": "date", "seen": "date", "card": "text"}


def test_a_rule_compares_dates_as_an_audience_does(published) -> None:
    with published.store.reader() as reader:
        found = predictions(reader, "new").to_pandas().set_index("profile_id")["value"]
    assert sorted(found.index[found == "yes"]) == ["p1", "p2", "p3"]


def test_a_condition_on_a_date_can_be_built_on() -> None:
    names = Names({}, {"joined": "date"})
    for asked in (
        "joined >= '2024-01-01'",
        "joined < '2024-01-01'",
        "joined IN ('2024-01-01', '2024-01-02')",
    ):
        tree = parse(asked, names)
        (row,) = draft.draft_of(tree).rows()
        assert row.test in draft.tests_of(names, row)
        assert draft.draft_of(tree).condition() == tree.root


@pytest.mark.parametrize(
    "asked",
    [
        "joined > 5",
        "joined > 'soon'",
        "joined = '2024-02-30'",
        "joined >= '2024-1-1'",
        "joined > '01/02/2024'",
    ],
)
def test_what_is_no_date_is_asked_again(published, asked) -> None:
    with (
        published.store.reader() as reader,
        pytest.raises(FilterError, match="a date such as '2026-01-31' for joined"),
    ):
        count(reader, asked, NOW)


def test_a_rule_with_a_wrong_date_is_refused(tmp_path) -> None:
    workspace = made(tmp_path, "parquet", "joined >= 'lately'")
    with pytest.raises(DefinitionError, match="a date such as '2026-01-31'"):
        score_tags(workspace, None, as_of=DAY, now=NOW)

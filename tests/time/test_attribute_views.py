"""Views of attributes at several dates together: the row that was true and known then, and nothing of later."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from tempfile import TemporaryDirectory

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tagcast.features.core.errors import DataError, DefinitionError
from tagcast.pipelines.project.project import open_project
from tests.support.source_projects import source

DATES = (date(2024, 3, 1), date(2024, 4, 1))
VIEW = """\
view: contract
from: {path: contracts.parquet, key: customer, valid_from: changed_at, seen_at: written_at}
columns:
  plan: word
  fee: {kind: number, column: monthly_fee, title: {en: monthly fee, zh: 月费}}
  paperless: flag
  renews: date
"""
PEOPLE = ("a", "b", "c")
LEVELS = ("basic", "Two year", "two-year")


def shop(folder: Path, contracts: pd.DataFrame, view: str = VIEW) -> Path:
    """Write a shop of three customers that bought at the start of the year, with a view of their contracts."""
    lines = pd.DataFrame(
        {"id": list(PEOPLE) * 2, "at": pd.to_datetime(["2024-01-05"] * 3 + ["2024-06-01"] * 3), "price": 1.0}
    )
    lines.to_parquet(folder / "shop.parquet")
    contracts.to_parquet(folder / "contracts.parquet")
    (folder / "views").mkdir()
    (folder / "views" / "contract.yaml").write_text(view, encoding="utf-8")
    (folder / "tags").mkdir()
    config = folder / "tagcast.toml"
    config.write_text(f'name = "small"\nfeatures = "views"\ntags = "tags"\n{source()}', encoding="utf-8")
    return config


def snapshots(config: Path, home: Path, dates=DATES) -> dict[date, pd.DataFrame]:
    """Return the view's snapshot at each of the dates, built from one pass, by profile."""
    project = open_project(config, home)
    built = project.snapshots(project.feature_set([], max(dates)))
    built.ensure(dates)
    stamps = ["event_timestamp", "created_timestamp"]
    return {
        day: pd.read_parquet(built.path("contract", day)).drop(columns=stamps).set_index("profile_id")
        for day in dates
    }


def contract(
    customer, changed, written, plan="basic", fee=1.0, paperless=True, renews=date(2024, 5, 1)
) -> dict:
    return {
        "customer": customer,
        "changed_at": pd.Timestamp(changed),
        "written_at": pd.Timestamp(written),
        "plan": plan,
        "monthly_fee": fee,
        "paperless": paperless,
        "renews": renews,
    }


SECONDS = pd.date_range("2024-02-01", "2024-04-30", freq="7h13s")
moments = st.sampled_from([*SECONDS, *pd.DatetimeIndex(DATES)])
rows = st.builds(
    contract,
    st.sampled_from(PEOPLE),
    moments,
    moments,
    st.sampled_from((*LEVELS, None)),
    st.one_of(st.none(), st.floats(-1e6, 1e6)),
    st.sampled_from((True, False, None)),
    st.dates(date(1960, 1, 1), date(2030, 1, 1)),
)
histories = st.lists(
    rows, min_size=1, max_size=12, unique_by=lambda r: (r["customer"], r["changed_at"], r["written_at"])
)


def expected(history: list[dict], as_of: date) -> dict[str, dict[str, float | None]]:
    """Return what is right, counted row by row."""
    midnight, right = pd.Timestamp(as_of), {}
    for person in PEOPLE:
        newest = None
        for row in history:
            if row["customer"] != person or row["changed_at"] >= midnight or row["written_at"] >= midnight:
                continue
            rank = (row["changed_at"], max(row["changed_at"], row["written_at"]))
            if newest is None or rank > newest[0]:
                newest = rank, row
        if newest is not None:
            row = newest[1]
            right[person] = {
                "fee": row["monthly_fee"],
                "paperless": None if row["paperless"] is None else float(row["paperless"]),
                "renews": float((as_of - row["renews"]).days),
                "plan": row["plan"],
            }
    return right


@settings(max_examples=12, deadline=None)
@given(histories)
def test_each_date_sees_the_row_that_was_true_and_known_then(history) -> None:
    with TemporaryDirectory() as folder:
        config = shop(Path(folder), pd.DataFrame(history))
        if len(
            {(r["customer"], r["changed_at"], max(r["changed_at"], r["written_at"])) for r in history}
        ) < len(history):
            with pytest.raises(DataError, match="true from the same moment"):
                snapshots(config, Path(folder) / "home")
            return
        for as_of, found in snapshots(config, Path(folder) / "home").items():
            right = expected(history, as_of)
            assert sorted(found.index) == sorted(right)
            for person, values in right.items():
                row = found.loc[person]
                for name in ("fee", "paperless", "renews"):
                    assert row[name] == values[name] or (pd.isna(row[name]) and values[name] is None)
                levels = {name: row[name] for name in found.columns if name.startswith("plan_is_")}
                if values["plan"] is None:
                    assert all(pd.isna(value) for value in levels.values())
                else:
                    assert sum(levels.values()) == (1.0 if levels else 0.0) or values["plan"] not in known(
                        history
                    )


def known(history) -> set[str]:
    """Return the levels that anybody was known to have before the last date."""
    last = pd.Timestamp(max(DATES))
    return {r["plan"] for r in history if max(r["changed_at"], r["written_at"]) < last and r["plan"]}


@settings(max_examples=8, deadline=None)
@given(histories, st.randoms(use_true_random=False))
def test_nothing_at_or_after_a_date_changes_it(history, random) -> None:
    first = pd.Timestamp(min(DATES))
    later = [r for r in history if max(r["changed_at"], r["written_at"]) >= first]
    scrambled = [
        {**r, "monthly_fee": random.random(), "renews": date(2001, 1, 1), "paperless": random.random() < 0.5}
        if r in later
        else r
        for r in history
    ]
    found = []
    for number, each in enumerate((history, scrambled)):
        with TemporaryDirectory() as folder:
            config = shop(Path(folder), pd.DataFrame(each))
            try:
                found.append(snapshots(config, Path(folder) / f"home{number}")[min(DATES)])
            except DataError:
                return
    pd.testing.assert_frame_equal(*found, check_exact=True)


def test_levels_alike_but_for_signs_have_columns_of_their_own(tmp_path) -> None:
    history = [
        contract("a", "2024-02-01", "2024-02-01", plan="Two year"),
        contract("b", "2024-02-01", "2024-02-01", plan="two-year"),
    ]
    found = snapshots(shop(tmp_path, pd.DataFrame(history)), tmp_path / "home")[DATES[0]]
    assert found["plan_is_two_year"].tolist() == [1.0, 0.0]
    assert found["plan_is_two_year__2"].tolist() == [0.0, 1.0]


def test_a_changed_past_of_a_view_builds_its_snapshots_anew(tmp_path) -> None:
    config = shop(tmp_path, pd.DataFrame([contract("a", "2024-02-01", "2024-02-01", fee=1.0)]))
    assert snapshots(config, tmp_path / "home")[DATES[0]]["fee"].tolist() == [1.0]
    pd.DataFrame([contract("a", "2024-02-01", "2024-02-01", fee=2.0)]).to_parquet(
        tmp_path / "contracts.parquet"
    )
    assert snapshots(config, tmp_path / "home")[DATES[0]]["fee"].tolist() == [2.0]


NO_HISTORY = VIEW.replace(", valid_from: changed_at, seen_at: written_at", "")


@pytest.mark.parametrize(
    ("view", "said"),
    [
        (NO_HISTORY, "valid_from .*or constant: true.*today's value for yesterday"),
        (VIEW.replace("valid_from: changed_at", "valid_from: changed"), "there is no column 'changed'"),
        (
            VIEW.replace("plan: word", "recency_days: number"),
            "both have a feature 'recency_days'",
        ),
        (VIEW.replace("plan: word", "Plan: word"), "lower-case letters.*'Plan'"),
        (VIEW.replace("plan: word", "plan: text"), r"columns\.plan\.kind.*number.*flag.*date.*word"),
        (VIEW.replace("view: contract", "view: profile_activity"), "a view of tagcast's own"),
        (
            VIEW.replace("plan: word", "plan: number"),
            r"columns\.plan: 1 of 1 rows hold no number, as in 'basic'",
        ),
        (VIEW + "---\n" + VIEW, "a second view 'contract'"),
        (
            VIEW + "---\n" + VIEW.replace("view: contract", "view: other"),
            "other and contract both have a feature 'plan'",
        ),
        (
            NO_HISTORY.replace("key: customer", "key: customer, constant: true, seen_at: written_at"),
            "seen_at needs valid_from",
        ),
        ("columns: [", "not valid YAML at line"),
    ],
)
def test_a_wrong_view_is_refused_with_its_place(tmp_path, view, said) -> None:
    config = shop(tmp_path, pd.DataFrame([contract("a", "2024-02-01", "2024-02-01")]), view)
    with pytest.raises((DataError, DefinitionError), match=said) as refused:
        snapshots(config, tmp_path / "home")
    assert str(refused.value.hint)


@pytest.mark.parametrize(
    ("times", "said"),
    [
        (["01.02.2024", "02.02.2024"], "valid_from: '01.02.2024' can be 2024-02-01 or 2024-01-02"),
        (
            ["1706745600", "1706745600000"],
            "valid_from counts in several units: epoch_ms in 1 lines.*epoch_s in 1",
        ),
        (["soon", "later"], "valid_from or seen_at cannot be read in 2 of 2 rows"),
    ],
)
def test_moments_that_cannot_be_read_are_asked_about(tmp_path, times, said) -> None:
    history = pd.DataFrame(
        [contract("a", "2024-02-01", "2024-02-01"), contract("b", "2024-02-01", "2024-02-01")]
    )
    view = VIEW.replace(", seen_at: written_at", "")
    config = shop(tmp_path, history.assign(changed_at=times), view)
    with pytest.raises(DataError, match=said) as refused:
        snapshots(config, tmp_path / "home")
    assert "derive" not in str(refused.value.hint)


def test_a_word_that_names_single_profiles_is_refused(tmp_path) -> None:
    many = [contract(f"p{n}", "2024-02-01", "2024-02-01", plan=f"plan {n}") for n in range(1_001)]
    with pytest.raises(DataError, match="1,001 different words"):
        snapshots(shop(tmp_path, pd.DataFrame(many)), tmp_path / "home")

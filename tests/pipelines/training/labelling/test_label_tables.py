"""Tags whose outcome a table says: trained on what was known, scored, judged by the same table; and tables of one day alone."""

from __future__ import annotations

from datetime import timedelta

import pandas as pd
import pytest

from tagcast.pipelines.evaluation.observed_accuracy import yes_outcome
from tagcast.pipelines.project.project import open_project
from tagcast.pipelines.training.labelling.labels import label_rows
from tests.pipelines.training.app import FIRST_DAY, app_events, tag_text, write_app
from tests.support.command_line import Project

DAY = FIRST_DAY + timedelta(days=140)
LABEL = "{label: {path: labels.parquet, key: who, as_of: month, value: stays, seen_at: known_on}, horizon_days: 14}"
RARE = {"people": 250}


def labels(events: pd.DataFrame) -> pd.DataFrame:
    """Return who logs in within 14 days of every second Monday, of everybody seen before, known three days later."""
    rows = []
    for back in range(7):
        day = pd.Timestamp(DAY) - pd.Timedelta(days=14 * back)
        inside = (
            (events["at"] >= day) & (events["at"] < day + pd.Timedelta(days=14)) & (events["type"] == "login")
        )
        stays = set(events.loc[inside, "user"])
        people = sorted(set(events.loc[events["at"] < day, "user"]))
        known = day + pd.Timedelta(days=17, hours=9)
        rows += [(user, day.date(), "yes" if user in stays else "no", known) for user in people]
    rows.append(
        ("nobody we know", DAY - timedelta(days=42), "yes", pd.Timestamp(DAY) - pd.Timedelta(days=20))
    )
    return pd.DataFrame(rows, columns=["who", "month", "stays", "known_on"])


def written(folder, table: pd.DataFrame, outcome: str = LABEL, population: str = "") -> Project:
    write_app(folder, {"stays": tag_text("stays", outcome, population)}, **RARE)
    table.to_parquet(folder / "labels.parquet", index=False)
    return Project(folder / "tagcast.toml", folder / "home")


def rows_of(project: Project, now):
    opened = open_project(project.config, project.home)
    (definition,) = opened.definitions(now)
    plan = opened.plan(definition, now)
    return plan.split, label_rows(opened, plan, now)


@pytest.fixture
def table() -> pd.DataFrame:
    return labels(app_events(**RARE))


def test_what_is_learned_from_is_what_was_known(tmp_path, table, caplog) -> None:
    split, rows = rows_of(written(tmp_path, table), DAY)
    # Of days with 60 days of events before them, as the definition asks.
    long_enough = table["month"] >= FIRST_DAY + timedelta(days=60)
    known = table[(table["known_on"] < pd.Timestamp(DAY)) & long_enough]
    days = sorted(set(known["month"]))
    assert list(split.snapshots) == days == sorted(set(rows["as_of"]))
    assert DAY - timedelta(days=14) not in days, "its window is over, but it is known three days later"
    known = known[known["who"] != "nobody we know"]
    found = {(row.profile_id, row.as_of): row.y for row in rows.itertuples()}
    assert found == {(row.who, row.month): int(row.stays == "yes") for row in known.itertuples()}
    assert "1 of" in caplog.text
    assert "labels are left out: their profiles are not in the population" in caplog.text


def test_a_population_by_rule_holds_for_labels_too(tmp_path, table) -> None:
    _, rows = rows_of(written(tmp_path, table, population='"login_recency_days <= 14"'), DAY)
    events = app_events(**RARE)
    for as_of, some in rows.groupby("as_of"):
        day = pd.Timestamp(as_of)
        inside = (
            (events["at"] >= day - pd.Timedelta(days=14)) & (events["at"] < day) & (events["type"] == "login")
        )
        assert set(some["profile_id"]) == set(events.loc[inside, "user"])


@pytest.mark.slow
def test_a_tag_of_labels_is_trained_scored_and_judged(tmp_path, table) -> None:
    project = written(tmp_path, table)
    checked = project.json("check", "--as-of", str(DAY))
    assert [tag["level"] for tag in checked["tags"]] == ["ok"]
    project.run("train", "stays", "--as-of", str(DAY), "--trials", "1", "--threads", "1")
    project.run("model", "promote", "stays", "1", "--force", "--reason", "a small app")
    project.run("score", "--all", "--as-of", str(DAY))
    project.run("promise")
    judged = yes_outcome(open_project(project.config, project.home), "stays")
    mine = table[table["month"] == DAY]
    assert judged.base_rate == pytest.approx((mine["stays"] == "yes").mean())
    # Until the labels of its day are there, a run is not judged.
    table[table["month"] != DAY].to_parquet(tmp_path / "labels.parquet", index=False)
    assert yes_outcome(open_project(project.config, project.home), "stays") is None


@pytest.mark.slow
def test_a_table_of_one_day_is_measured_on_profiles_that_were_held_back(tmp_path, table) -> None:
    day = DAY - timedelta(days=28)
    project = written(tmp_path, table[table["month"] == day])
    split, rows = rows_of(project, DAY)
    assert (split.one_day, split.feature_days) == (True, (day,))
    (checked,) = project.json("check", "--as-of", str(DAY))["tags"]
    assert (checked["level"], checked["snapshots"]) == ("warning", [str(day)])
    assert "a fifth of the profiles is held back" in checked["message"]
    learned, held_back = (set(some["profile_id"]) for _, some in rows.groupby("as_of"))
    assert not learned & held_back
    assert 0.1 < len(held_back) / len(rows) < 0.3
    assert len(rows) == (table["month"] == day).sum()
    (answer,) = project.json("train", "stays", "--as-of", str(DAY), "--trials", "1", "--threads", "1")
    assert answer["version"]
    project.run("model", "promote", "stays", "1", "--force", "--reason", "a small app")
    project.run("score", "--all", "--as-of", str(DAY))
    card = " ".join(project.run("model", "card", "stays").output.split())
    assert f"All labels are as of {day}" in card
    assert "other profiles of the same day" in card
    # The same again is the same, whatever the order of the table.
    table[table["month"] == day][::-1].to_parquet(tmp_path / "labels.parquet", index=False)
    _, again = rows_of(project, DAY)
    keys = ["as_of", "profile_id"]
    pd.testing.assert_frame_equal(
        *(some.sort_values(keys, ignore_index=True) for some in (rows, again)), check_like=True
    )


@pytest.mark.parametrize(
    ("outcome", "said", "hint"),
    [
        (LABEL.replace("value: stays", "value: stay"), "stays: outcome.label.value: there is no column 'stay'", "did you mean 'stays'"),
        (LABEL.replace("labels.parquet", "label.parquet"), "stays: outcome.label: ", ""),
        (LABEL.replace(", horizon_days: 14", ""), "outcome.label.horizon_days: is missing", ""),
        (LABEL.replace("key: who, ", ""), "outcome.label.label.key: is missing", ""),
        (LABEL.replace("path: labels.parquet", "url: 'postgresql://a:b@c/d', table: t"), "outcome.label.label: a password", ""),
        (LABEL.replace("horizon_days: 14", "horizon_days: 200"), "stays: outcome.label: no day has 100 labels that are known before", "labels are as of 2024-02-26"),
    ],
    ids=lambda value: value[:60],
)  # fmt: skip
def test_a_wrong_table_is_named(tmp_path, table, outcome, said, hint) -> None:
    project = written(tmp_path, table, outcome)
    for command in (["check"], ["train", "stays", "--trials", "1"]):
        answer = project.invoke(*command, "--as-of", str(DAY))
        assert answer.exit_code
        text = " ".join((answer.output + answer.stderr).split())
        assert said in text, text
        assert hint in text, text
        assert "a:b" not in text


def test_snapshots_that_have_no_labels_are_refused(tmp_path, table) -> None:
    project = written(tmp_path, table)
    file = tmp_path / "tags" / "stays.yaml"
    text = file.read_text(encoding="utf-8").replace(
        "{min_history_days: 60, every_days: 14}", "{dates: [2024-04-08, 2024-04-09]}"
    )
    file.write_text(text, encoding="utf-8")
    answer = project.invoke("check", "--as-of", str(DAY))
    assert "fewer than 100 labels as of 2024-04-09 are known before" in " ".join(answer.output.split())

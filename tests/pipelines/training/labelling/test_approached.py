"""Whom a campaign approached within a window is in no label: of tagcast's own campaigns, and of those that a table names."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime, timedelta

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import tagcast
from tagcast.features.core.errors import DataError
from tagcast.models.definitions.loader import parse_definition
from tagcast.pipelines.evaluation.observed_accuracy import promise_beside_reality
from tagcast.pipelines.project.project import open_project
from tagcast.pipelines.scoring.score import score_tags
from tagcast.pipelines.training.labelling.approached import approached
from tagcast.pipelines.training.labelling.labels import label_rows
from tagcast.registry.governance.observed_accuracy import observed_promises
from tagcast.registry.operations.campaigns import Campaign, save_campaign
from tagcast.registry.state.id_lists import packed
from tests.pipelines.training.app import FIRST_DAY, app_events, tag_text, write_app
from tests.support.champion import DAY as SCORED
from tests.support.champion import NOW, TAG, by_hand, published, put_in_charge
from tests.support.command_line import Project
from tests.support.shop import CONFIG, write_shop

DAY = FIRST_DAY + timedelta(days=140)
HORIZON = 14
OUTCOME = "{kind: any_event, event: login, horizon_days: 14}"
RARE = {"people": 250}
TABLE = '\n[campaigns.approached]\npath = "mailings.csv"\nkey = "who"\nstarts = "sent"\n'


@pytest.fixture(scope="module")
def people() -> list[str]:
    return sorted(app_events(**RARE)["user"].unique())


def written(folder, approached: str = "", rest: str = "") -> Project:
    config = write_app(folder, {"stays": tag_text("stays", OUTCOME, rest=rest)}, **RARE)
    config.write_text(config.read_text(encoding="utf-8") + approached, encoding="utf-8")
    return Project(config, folder / "home")


def rows_of(project: Project) -> pd.DataFrame:
    opened = open_project(project.config, project.home)
    (definition,) = opened.definitions(DAY)
    return label_rows(opened, opened.plan(definition, DAY), DAY)


def keys(rows: pd.DataFrame) -> set[tuple[str, date]]:
    return set(zip(rows["profile_id"], rows["as_of"], strict=True))


def test_a_table_says_whom_other_tools_approached_and_whom_they_held_out(tmp_path, people) -> None:
    every = rows_of(written(tmp_path / "without"))
    days = sorted(set(every["as_of"]))
    letters = pd.DataFrame(
        {
            "who": people[:120],
            "sent": [days[n % len(days)] + timedelta(days=n % 50 - 20) for n in range(120)],
            "until": [
                str(days[n % len(days)] + timedelta(days=n % 50 - 10)) if n % 7 else "" for n in range(120)
            ],
            "control": ["yes" if n % 5 == 0 else "no" for n in range(120)],
        }
    )
    project = written(tmp_path / "with", TABLE + 'ends = "until"\nheld_out = "control"\n')
    letters.to_csv(tmp_path / "with" / "mailings.csv", index=False)
    out = set()
    for letter in letters.itertuples():
        for day in days:
            window = {day + timedelta(days=n) for n in range(HORIZON)}
            last = date.fromisoformat(letter.until) if letter.until else day + timedelta(days=999)
            goes_on = {day for day in window if letter.sent <= day <= last}
            if goes_on and letter.control == "no":
                out.add((letter.who, day))
    left = rows_of(project)
    assert out & keys(every)
    assert keys(left) == keys(every) - out
    same = every[[key not in out for key in zip(every["profile_id"], every["as_of"], strict=True)]]
    pd.testing.assert_frame_equal(left, same.reset_index(drop=True))


def test_a_tag_may_learn_what_happens_under_campaigns(tmp_path, people) -> None:
    every = rows_of(written(tmp_path / "without"))
    project = written(tmp_path / "with", TABLE + "days = 200\n", rest="campaigns: ignore\n")
    pd.DataFrame({"who": people, "sent": FIRST_DAY}).to_csv(tmp_path / "with" / "mailings.csv", index=False)
    pd.testing.assert_frame_equal(rows_of(project), every)


def test_a_tag_may_learn_from_whom_campaigns_approached_and_know_them(tmp_path, people) -> None:
    every = rows_of(written(tmp_path / "without"))
    project = written(tmp_path / "with", TABLE + "days = 200\n", rest="campaigns: told\n")
    table = tmp_path / "with" / "mailings.csv"
    for reached in ([], people[::3]):
        pd.DataFrame({"who": ["nobody", *reached], "sent": FIRST_DAY}).to_csv(table, index=False)
        marked = every.assign(approached=every["profile_id"].isin(reached)) if reached else every
        pd.testing.assert_frame_equal(rows_of(project), marked)
    (checked,) = json.loads(project.invoke("check", "--as-of", str(DAY), "--json").stdout)["tags"]
    last = marked[marked["as_of"] == max(marked["as_of"])]
    assert checked["population"] == (~last["approached"]).sum()
    pd.DataFrame({"who": people, "sent": max(marked["as_of"])}).to_csv(table, index=False)
    with pytest.raises(DataError, match=f"everybody in the population at {max(marked['as_of'])}"):
        rows_of(project)


def test_who_is_left_when_everybody_was_approached(tmp_path, people) -> None:
    project = written(tmp_path, TABLE + "days = 200\n")
    pd.DataFrame({"who": people, "sent": FIRST_DAY}).to_csv(tmp_path / "mailings.csv", index=False)
    with pytest.raises(DataError, match="campaigns approached everybody in the population") as caught:
        rows_of(project)
    assert "campaigns: ignore" in str(caught.value.hint)
    (checked,) = json.loads(project.invoke("check", "--as-of", str(DAY), "--json").stdout)["tags"]
    assert checked["level"] == "error"
    assert "approached everybody" in checked["message"]


def campaign(name: str, starts: date, days: int) -> Campaign:
    return Campaign(
        id=name,
        name=name,
        entity="profile",
        made_at=datetime(2026, 3, 1, tzinfo=UTC),
        made_by="ann",
        filter="",
        names=(),
        channel="",
        goal={},
        wanted="more",
        tag="",
        starts=starts,
        days=days,
        share=0.1,
        seed=1,
        stratified=False,
        given=1,
        held_out=1,
        standing=0,
        run=1,
        as_of=starts,
        promised={},
    )


def test_whom_an_own_campaign_held_out_stays(tmp_path, people) -> None:
    project = written(tmp_path)
    every = rows_of(project)
    day = sorted(set(every["as_of"]))[-2]
    there = sorted(every.loc[every["as_of"] == day, "profile_id"])
    one = campaign("spring", day + timedelta(days=HORIZON - 1), 30)
    late = campaign("late", day + timedelta(days=HORIZON), 1)
    state = open_project(project.config, project.home).state
    save_campaign(state, one, packed(there[:20]), packed(there[20:30]))
    save_campaign(state, late, packed(there[30:60]), packed([]))
    state.close()
    left = rows_of(project)
    gone = keys(every) - keys(left)
    assert {who for who, when in gone if when == day} == set(there[:20])


CALENDAR = """
[campaigns.approached]
path = "mailings.csv"
key = "who"
campaign = "mailing"
[campaigns.approached.calendar]
path = "calendar.csv"
campaign = "name"
starts = "starts"
ends = "ends"
"""


def test_a_table_of_campaigns_says_when_each_took_place(tmp_path, people) -> None:
    every = rows_of(written(tmp_path / "without"))
    day = sorted(set(every["as_of"]))[-2]
    project = written(tmp_path / "with", CALENDAR)
    pd.DataFrame({"who": people[:40], "mailing": ["1", "2"] * 20}).to_csv(
        tmp_path / "with" / "mailings.csv", index=False
    )
    ends = [day + timedelta(days=n) for n in (1, -1)]
    calendar = pd.DataFrame({"name": [1, 2], "starts": [day - timedelta(days=3)] * 2, "ends": ends})
    calendar.to_csv(tmp_path / "with" / "calendar.csv", index=False)
    gone = keys(every) - keys(rows_of(project))
    there = set(every.loc[every["as_of"] == day, "profile_id"])
    assert {who for who, when in gone if when == day} == set(people[:40:2]) & there
    for broken, problem in (
        (calendar.iloc[:1], "20 rows are of campaigns that it does not have, as '2'"),
        (pd.concat([calendar, calendar]), "the campaign '1' has more than one row"),
    ):
        broken.to_csv(tmp_path / "with" / "calendar.csv", index=False)
        with pytest.raises(DataError, match=problem):
            rows_of(project)


@pytest.mark.parametrize(
    ("table", "rest", "problem"),
    [
        ("who,sent\na,2026-01-05\n", "", "either ends, a column, or days"),
        ("who,sent\na,2026-01-05\n", 'ends = "until"\n', "there is no column 'until'"),
        ("who,sent\n,2026-01-05\n", "days = 3\n", "who is empty in every row"),
        ("who,sent\na,soon\n", "days = 3\n", "starts or ends cannot be read in 1 of 1 rows"),
        ("who,sent,until\na,2026-01-05,2026-01-04\n", 'ends = "until"\n', "1 rows end before they start"),
        (
            "who,sent,c\na,2026-01-05,perhaps\n",
            'days = 3\nheld_out = "c"\n',
            "hold no yes or no, as in 'perhaps'",
        ),
    ],
)
def test_a_table_that_cannot_be_read_is_refused_before_anything_is_learned(
    tmp_path, table, rest, problem
) -> None:
    project = written(tmp_path, TABLE + rest)
    (tmp_path / "mailings.csv").write_text(table, encoding="utf-8")
    done = project.invoke("train", "stays", "--as-of", str(DAY))
    assert done.exit_code in {3, 4}
    assert problem in " ".join(done.stderr.split())


@pytest.fixture(scope="module")
def open_app(tmp_path_factory):
    return written(tmp_path_factory.mktemp("app"), TABLE + 'ends = "until"\n')


APPROACH = st.tuples(st.sampled_from("abcd"), st.integers(0, 40), st.integers(0, 20))


@settings(max_examples=25, deadline=None)
@given(st.lists(APPROACH, min_size=1, max_size=8), st.integers(1, 30))
def test_a_row_is_left_out_where_a_day_of_its_window_is_one_of_an_approach(open_app, found, horizon) -> None:
    table = pd.DataFrame(
        {
            "who": [who for who, _, _ in found],
            "sent": [FIRST_DAY + timedelta(days=start) for _, start, _ in found],
            "until": [FIRST_DAY + timedelta(days=start + length) for _, start, length in found],
        }
    )
    table.to_csv(open_app.config.parent / "mailings.csv", index=False)
    opened = open_project(open_app.config, open_app.home)
    text = tag_text("stays", OUTCOME.replace("14", str(horizon)))
    definition = parse_definition(text, "stays")
    rows = pd.DataFrame([(who, FIRST_DAY + timedelta(days=d)) for who in "abcde" for d in range(0, 60, 3)])
    rows.columns = ["profile_id", "as_of"]
    days = {who: set() for who in "abcde"}
    for who, start, length in found:
        days[who] |= set(range(start, start + length + 1))
    touched = [
        bool(days[who] & set(range((day - FIRST_DAY).days, (day - FIRST_DAY).days + horizon)))
        for who, day in zip(rows["profile_id"], rows["as_of"], strict=True)
    ]
    np.testing.assert_array_equal(approached(opened, definition, rows), touched)


@pytest.mark.slow
def test_a_training_says_what_was_left_out_and_where_most_was(tmp_path, people) -> None:
    every = rows_of(written(tmp_path / "without"))
    project = written(tmp_path / "with", TABLE + "days = 200\n")
    events = app_events(**RARE)
    often = events[events["type"] == "login"].groupby("user").size().sort_values()
    pd.DataFrame({"who": often.index[-60:], "sent": FIRST_DAY}).to_csv(
        tmp_path / "with" / "mailings.csv", index=False
    )
    left = rows_of(project)
    (trained,) = project.json("train", "stays", "--as-of", str(DAY), "--trials", "1", "--threads", "1")
    notes = " ".join(trained["notes"])
    assert f"{len(every) - len(left):,} of {len(every):,} rows are left out" in notes
    assert "campaigns approached" in notes
    assert "learn what happens under campaigns" in notes


@pytest.mark.slow
def test_a_training_that_knows_whom_campaigns_approached(tmp_path, people) -> None:
    """They are learned from, and in nothing that measures."""
    project = written(tmp_path, TABLE + "days = 200\n", rest="campaigns: told\n")
    reached = people[::2]
    pd.DataFrame({"who": reached, "sent": FIRST_DAY}).to_csv(tmp_path / "mailings.csv", index=False)
    rows = rows_of(project)
    opened = tagcast.open(project.config, project.home)
    trained = opened.train("stays", DAY, trials=1, threads=1, now=NOW)
    assert trained.rows == len(rows)
    assert set(trained.checks.loc[trained.checks["name"] == "leak", "outcome"]) <= {"pass"}
    note = f"ampaigns approached {rows['approached'].sum():,} of {len(rows):,} rows"
    assert note in " ".join(map(str, trained.notes))
    said = trained.predictions
    assert len(said)
    assert not said["profile_id"].isin(reached).any()
    assert note in " ".join(project.run("model", "card", "stays").stdout.split())


@pytest.mark.slow
def test_a_promise_is_judged_on_whom_no_campaign_approached(tmp_path) -> None:
    write_shop(tmp_path)
    config = tmp_path / "tagcast.toml"
    config.write_text(CONFIG.split("[profiles]")[0], encoding="utf-8")
    opened = open_project(config, tmp_path / "home")
    put_in_charge(opened, tmp_path / "bundle", by_hand(), 1)
    score_tags(opened, [TAG], as_of=SCORED, now=NOW)
    said = published(opened)
    said = said[said["value"] != "unknown"]
    reached = set(said.index[::4])
    save_campaign(
        opened.state, campaign("letter", SCORED + timedelta(days=5), 10), packed(sorted(reached)), packed([])
    )
    before = SCORED - timedelta(days=20)
    save_campaign(opened.state, campaign("before", before, 20), packed(sorted(said.index)), packed([]))
    lines = pd.read_parquet(tmp_path / "lines.parquet")
    window = lines["at"].between(pd.Timestamp(SCORED), pd.Timestamp(SCORED + timedelta(days=30)), "left")
    rest = said[~said.index.isin(reached)]
    right = (rest["value"] == "yes") != rest.index.isin(set(lines.loc[window, "customer"]))
    row = promise_beside_reality(open_project(config, tmp_path / "home"))[0]
    assert (row.predicted, row.gone, row.approached) == (len(rest), 0, len(reached))
    assert row.right == pytest.approx(right.mean())
    printed = Project(config, tmp_path / "home").run("promise").stdout
    sentence = f"{len(reached)} of {len(said)} values are not judged: a campaign approached their profiles"
    assert sentence in " ".join(printed.split())
    assert observed_promises(opened.state, TAG)[0] == row

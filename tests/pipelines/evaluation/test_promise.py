"""The promise is judged on all that was said: by the newest run whose window is over, each id as the person it is now."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path

import pandas as pd
import pytest

from tagcast.models.definitions.model_tag import TagDefinition
from tagcast.pipelines.evaluation.observed_accuracy import promise_beside_reality
from tagcast.pipelines.project.project import Project, open_project
from tagcast.pipelines.scoring.score import score_tags
from tagcast.registry.governance.observed_accuracy import PromiseRow, observed_promises
from tests.support.champion import DAY, NOW, TAG, by_hand, published, put_in_charge
from tests.support.command_line import Project as CommandLine
from tests.support.shop import CONFIG, write_shop

pytestmark = pytest.mark.slow

HORIZON = timedelta(days=30)
IDENTITY = '\n[identity]\npath = "identity.csv"\nsource = "src"\nsource_id = "own"\nprofile_id = "person"\n'
BARE, PROFILES = CONFIG.split("[profiles]")


@pytest.fixture
def folder(tmp_path) -> Path:
    write_shop(tmp_path)
    (tmp_path / "tagcast.toml").write_text(BARE, encoding="utf-8")
    return tmp_path


def place(folder: Path, persons: dict[str, str] | None = None) -> dict[str, str]:
    """Place every customer on a person of their own, but for ``persons``; return who is who."""
    lines = pd.read_parquet(folder / "lines.parquet")
    who = {own: f"P{own}" for own in sorted(lines["customer"].unique())} | (persons or {})
    table = pd.DataFrame({"src": "shop", "own": who.keys(), "person": who.values()})
    table.to_csv(folder / "identity.csv", index=False)
    (folder / "tagcast.toml").write_text(BARE + IDENTITY, encoding="utf-8")
    return who


def opened(folder: Path) -> Project:
    return open_project(folder / "tagcast.toml", folder / "home")


def scored(folder: Path, as_of: date = DAY) -> pd.DataFrame:
    """Score with a champion written by hand, and return what it said, ``unknown`` left out."""
    workspace = opened(folder)
    put_in_charge(workspace, folder / "bundle", by_hand(), 1)
    score_tags(workspace, [TAG], as_of=as_of, now=NOW)
    said = published(workspace)
    return said[said["value"] != "unknown"]


def bought(lines: pd.DataFrame, start: date = DAY) -> set[str]:
    rows = (lines["at"] >= pd.Timestamp(start)) & (lines["at"] < pd.Timestamp(start + HORIZON))
    return set(lines.loc[rows, "customer"])


def judged(folder: Path) -> PromiseRow:
    """Return the row over all values, as `tagcast promise` finds it anew."""
    row = promise_beside_reality(opened(folder))[0]
    assert row.observed
    return row


@pytest.mark.parametrize(
    "size", [2, 3, 5], ids=["pairs", "three of a household", "five accounts of one person"]
)
@pytest.mark.parametrize("into", ["one of them", "a new one"])
def test_whoever_was_merged_is_judged_as_the_person_that_they_are_now(folder, size, into) -> None:
    who = place(folder)
    said = scored(folder)
    own = {person: one for one, person in who.items()}
    merged = {}
    for first, *others in zip(*(said.index[n :: size + 2] for n in range(size)), strict=False):
        stays = first if into == "one of them" else f"household of {first}"
        merged |= {own[person]: stays for person in (first, *others)}
    who = place(folder, merged)
    lines = pd.read_parquet(folder / "lines.parquet")
    active = {who[one] for one in bought(lines)}
    is_now = {person: who[one] for person, one in own.items()}
    right = [(value == "yes") == (is_now[person] not in active) for person, value in said["value"].items()]
    alone = [
        (value == "yes") == (own[person] not in bought(lines)) for person, value in said["value"].items()
    ]
    assert sum(right) != sum(alone), "the merges change who was right"
    row = judged(folder)
    assert (row.predicted, row.gone) == (len(said), 0)
    assert row.promised == pytest.approx(said["confidence"].mean())
    assert row.right == pytest.approx(sum(right) / len(said))
    assert observed_promises(opened(folder).state, TAG)[0] == row


@pytest.mark.parametrize("from_days", [90, 30])
def test_orders_that_were_cancelled_since_leave_nobody_out(folder, from_days) -> None:
    place(folder)
    said = scored(folder)
    lines = pd.read_parquet(folder / "lines.parquet")
    lately = lines["at"].between(pd.Timestamp(DAY - timedelta(days=from_days)), pd.Timestamp(DAY), "left")
    kept = lines.drop(lines[lately].sample(frac=0.5, random_state=1).index)
    kept.to_parquet(folder / "lines.parquet", index=False)
    active = {f"P{one}" for one in bought(kept)}
    right = (said["value"] == "yes") != said.index.isin(active)
    row = judged(folder)
    assert (row.predicted, row.gone) == (len(said), 0)
    assert row.right == pytest.approx(right.mean())


def erase(folder: Path, gone: set[str]) -> None:
    lines = pd.read_parquet(folder / "lines.parquet")
    lines[~lines["customer"].isin(gone)].to_parquet(folder / "lines.parquet", index=False)


def test_who_is_no_longer_known_is_counted_and_not_judged(folder) -> None:
    said = scored(folder)
    lines = pd.read_parquet(folder / "lines.parquet")
    gone = set(said.index[::3])
    erase(folder, gone)
    rest = said[~said.index.isin(gone)]
    right = (rest["value"] == "yes") != rest.index.isin(bought(lines))
    row = judged(folder)
    assert (row.predicted, row.gone) == (len(rest), len(gone))
    assert row.promised == pytest.approx(rest["confidence"].mean())
    assert row.right == pytest.approx(right.mean())
    printed = CommandLine(folder / "tagcast.toml", folder / "home").run("promise").stdout
    sentence = f"{len(gone)} of {len(said)} values are not judged: their profiles are no longer in the data"
    assert sentence in " ".join(printed.split())


def test_each_level_of_confidence_counts_its_own(folder) -> None:
    said = scored(folder)
    erase(folder, set(said.index[::3]))
    for row in promise_beside_reality(opened(folder)):
        sure = said[said["confidence"] >= row.at_least]
        assert row.predicted + row.gone == len(sure)
        assert row.gone == sure.index.isin(said.index[::3]).sum()


def test_a_customer_without_an_order_left_is_judged_where_the_profiles_know_them(folder) -> None:
    (folder / "tagcast.toml").write_text(f"{BARE}[profiles]{PROFILES}", encoding="utf-8")
    said = scored(folder)
    gone = set(said.index[::3])
    erase(folder, gone)
    lines = pd.read_parquet(folder / "lines.parquet")
    right = (said["value"] == "yes") != said.index.isin(bought(lines))
    row = judged(folder)
    assert (row.predicted, row.gone) == (len(said), 0)
    assert row.right == pytest.approx(right.mean())


def test_a_top_share_is_a_share_of_those_it_was_said_of(folder) -> None:
    """Half of the buyers are gone from the population of today: the fifth is still one of everybody who was scored."""
    workspace = opened(folder)
    definition = TagDefinition.model_validate(
        {
            **by_hand().definition.model_dump(),
            "outcome": {"kind": "top_share", "share": 0.2, "horizon_days": 30},
        }
    )
    put_in_charge(workspace, folder / "bundle", replace(by_hand(), definition=definition), 1)
    score_tags(workspace, [TAG], as_of=DAY, now=NOW)
    said = published(workspace)
    lines = pd.read_parquet(folder / "lines.parquet")
    lines = lines[~((lines["at"] < pd.Timestamp(DAY)) & lines["customer"].isin(said.index[::2]))]
    lines.to_parquet(folder / "lines.parquet", index=False)
    spent = lines[(lines["at"] >= pd.Timestamp(DAY)) & (lines["at"] < pd.Timestamp(DAY + HORIZON))]
    known = said[said.index.isin(lines["customer"])]
    net = spent.groupby("customer")["price"].sum().reindex(known.index).fillna(0.0)
    top = net.rank(method="min", ascending=False) <= -(-len(known) * 0.2 // 1)
    values = known[known["value"] != "unknown"]
    right = (values["value"] == "yes") == (top & (net > 0))[values.index]
    row = judged(folder)
    assert row.predicted == len(values)
    assert row.right == pytest.approx(right.mean())


def test_the_newest_run_whose_window_is_over_is_judged(folder) -> None:
    days = [DAY, DAY + timedelta(days=20), DAY + timedelta(days=50)]  # the data end 58 days after the first
    workspace = opened(folder)
    put_in_charge(workspace, folder / "bundle", by_hand(), 1)
    for day in days:
        score_tags(opened(folder), [TAG], as_of=day, now=NOW, force_reason="a new day")
    row = judged(folder)
    assert (row.as_of, row.due) == (days[1], days[1] + HORIZON)
    with workspace.store.open(workspace.store.kept()[1]) as reader:
        assert reader.manifest.run.as_of == days[1]
        summary = reader.manifest.tags[TAG]
    assert row.predicted == sum(summary.predicted.values())


def test_a_day_that_was_only_scored_afterwards_promised_nothing(folder) -> None:
    workspace = opened(folder)
    put_in_charge(workspace, folder / "bundle", by_hand(), 1)
    newest = DAY + timedelta(days=50)
    for day in (newest, DAY):
        score_tags(opened(folder), [TAG], as_of=day, now=NOW)
    assert [entry.action for entry in workspace.store.log()] == ["publish", "keep"]
    row = promise_beside_reality(opened(folder))[0]
    assert (row.observed, row.due) == (False, newest + HORIZON)


def test_each_run_is_judged_by_the_model_that_predicted_it(folder) -> None:
    workspace = opened(folder)
    put_in_charge(workspace, folder / "bundle", by_hand(), 1)
    score_tags(opened(folder), [TAG], as_of=DAY, now=NOW)
    put_in_charge(workspace, folder / "second", by_hand(risk=3.0), 2)
    later = DAY + timedelta(days=50)
    score_tags(opened(folder), [TAG], as_of=later, now=NOW, force_reason="a new model")
    assert (judged(folder).version, judged(folder).as_of) == (1, DAY)


def test_a_run_whose_model_is_gone_is_passed_over_with_a_word(folder, caplog) -> None:
    put_in_charge(opened(folder), folder / "bundle", by_hand(), 1)
    score_tags(opened(folder), [TAG], as_of=DAY, now=NOW)
    of_first = list((folder / "home").rglob("model.json"))
    assert of_first
    put_in_charge(opened(folder), folder / "second", by_hand(risk=3.0), 2)
    newest = DAY + timedelta(days=50)
    score_tags(opened(folder), [TAG], as_of=newest, now=NOW, force_reason="a new model")
    for file in of_first:
        file.unlink()
    with caplog.at_level("WARNING", logger="tagcast"):
        row = promise_beside_reality(opened(folder))[0]
    assert (row.observed, row.due) == (False, newest + HORIZON)
    assert f"{TAG}: the run of {DAY} is not judged" in caplog.text

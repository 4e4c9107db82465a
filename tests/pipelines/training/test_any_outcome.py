"""Populations and outcomes of an app, from YAML and TOML alone: trained, scored, judged, and counted again here."""

from __future__ import annotations

from datetime import timedelta

import pandas as pd
import pytest

from tagcast.pipelines.evaluation.observed_accuracy import promise_beside_reality, yes_outcome
from tagcast.pipelines.project.project import open_project
from tagcast.pipelines.training.labelling.labels import label_rows
from tests.pipelines.training.app import FIRST_DAY, app_events, tag_text, write_app
from tests.support.command_line import Project

DAY = FIRST_DAY + timedelta(days=140)
TAGS = {
    "comes_back": tag_text(
        "comes_back",
        "{count: true, where: \"event = 'login'\", horizon_days: 14, at_least: 1}",
        '"login_recency_days <= 30"',
    ),
    "buys": tag_text("buys", "{count: true, where: \"event = 'purchase'\", horizon_days: 7, at_least: 1}"),
    "leaves_cart": tag_text(
        "leaves_cart",
        "{count: true, where: \"event = 'cart'\", unless: \"event = 'purchase'\", horizon_days: 7, at_least: 1}",
        '"login_recency_days <= 30 AND NOT cart_recency_days IS NULL"',
    ),
    "spends_on": tag_text(
        "spends_on",
        '{sum: amount, horizon_days: 14, at_least: "0.25 * spend_trend_7_30d * spend_30d"}',
    ),
    "browses": """\
kind: rule
name: browses
title: Looks around
description: Looks, and has not paid for a while
path: [App, Use]
owner: tests
population: "login_recency_days <= 30"
rule: "view_days_30d >= 1 AND (recency_days > 30 OR recency_days IS NULL)"
""",
}


def window(events: pd.DataFrame, as_of, days: int, kind: str, *, back: bool = False) -> pd.Series:
    """Return how many events of a kind each user has from ``as_of`` on, or before it."""
    start = pd.Timestamp(as_of) - pd.Timedelta(days=days) if back else pd.Timestamp(as_of)
    inside = (
        (events["at"] >= start) & (events["at"] < start + pd.Timedelta(days=days)) & (events["type"] == kind)
    )
    return events[inside].groupby("user").size()


def members(events: pd.DataFrame, tag: str, as_of) -> set[str]:
    """Return the population of a tag, from the table alone."""
    before = events[events["at"] < pd.Timestamp(as_of)]
    if tag == "buys":
        return set(before["user"])
    lately = set(window(events, as_of, 30, "login", back=True).index)
    return lately & set(before.loc[before["type"] == "cart", "user"]) if tag == "leaves_cart" else lately


def happened(events: pd.DataFrame, tag: str, as_of) -> set[str]:
    if tag == "comes_back":
        return set(window(events, as_of, 14, "login").index)
    bought = set(window(events, as_of, 7, "purchase").index)
    return bought if tag == "buys" else set(window(events, as_of, 7, "cart").index) - bought


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("app")
    write_app(folder, TAGS)
    return folder


@pytest.fixture(scope="module")
def project(folder) -> Project:
    """The app, its tags trained as of a day, scored as of it, and everything that came later read."""
    project = Project(folder / "tagcast.toml", folder / "home")
    project.run("check", "--as-of", str(DAY))
    for tag in ("comes_back", "buys", "leaves_cart"):
        project.run("train", tag, "--as-of", str(DAY), "--trials", "1", "--threads", "1")
        project.run("model", "promote", tag, "1", "--force", "--reason", "a small app")
    project.run("score", "--all", "--as-of", str(DAY))
    return project


@pytest.mark.slow
@pytest.mark.parametrize("tag", ["comes_back", "buys", "leaves_cart"])
def test_labels_population_and_promise_are_those_of_the_table(project, tag) -> None:
    events = app_events()
    opened = open_project(project.config, project.home)
    (definition,) = [one for one in opened.definitions(DAY) if one.name == tag]
    rows = label_rows(opened, opened.plan(definition, DAY), DAY)
    assert len(set(rows["as_of"])) > 2
    for as_of, some in rows.groupby("as_of"):
        assert set(some["profile_id"]) == members(events, tag, as_of)
        assert set(some.loc[some["y"] == 1, "profile_id"]) == happened(events, tag, as_of) & members(
            events, tag, as_of
        )
    population = members(events, tag, DAY)
    counted = project.json("audience", "count", f"{tag} IN ('yes', 'no', 'unknown')")
    assert counted["members"] == len(population)
    judged = yes_outcome(opened, tag)
    assert judged.base_rate == pytest.approx(len(happened(events, tag, DAY) & population) / len(population))
    assert {row.tag for row in promise_beside_reality(opened) if row.observed} >= {tag}


@pytest.mark.slow
def test_a_rule_tag_has_a_population_too(project) -> None:
    events = app_events()
    counted = project.json("audience", "count", "browses IN ('yes', 'no')")
    assert counted["members"] == len(members(events, "comes_back", DAY))


@pytest.mark.slow
def test_a_bound_is_the_profiles_own_and_whom_it_leaves_open_is_left_out(project, caplog) -> None:
    opened = open_project(project.config, project.home)
    (definition,) = [one for one in opened.definitions(DAY) if one.name == "spends_on"]
    plan = opened.plan(definition, DAY)
    rows = label_rows(opened, plan, DAY)
    assert "rows are left out: 0.25 * spend_trend_7_30d * spend_30d is unknown there" in caplog.text
    events = app_events()
    for as_of, some in rows.groupby("as_of"):
        end, start = (pd.Timestamp(as_of) + pd.Timedelta(days=n) for n in (14, -30))
        ahead = (
            events[(events["at"] >= pd.Timestamp(as_of)) & (events["at"] < end)].groupby("user")["paid"].sum()
        )
        back = events[(events["at"] >= start) & (events["at"] < pd.Timestamp(as_of))].copy()
        week = back[back["at"] >= pd.Timestamp(as_of) - pd.Timedelta(days=7)].groupby("user")["paid"].sum()
        spent = back.groupby("user")["paid"].sum()
        known = spent[spent > 0]
        assert set(some["profile_id"]) == set(known.index)
        for user, y in zip(some["profile_id"], some["y"], strict=True):
            bound = 0.25 * (week.get(user, 0.0) / 7) / (known[user] / 30) * known[user]
            if abs(ahead.get(user, 0.0) - bound) > 1e-6:
                assert y == (ahead.get(user, 0.0) >= bound), (user, as_of)


@pytest.mark.parametrize(
    ("population", "outcome", "found", "hint"),
    [
        ('"login_recency_day <= 3"', "", "comes_back: population: unknown field 'login_recency_day'", "did you mean 'login_recency_days'"),
        ('"buys = 1"', "", "'buys' is a tag, and a snapshot holds features alone", "features that the tag is made of"),
        ('"age > 30"', "", "'age' is what [profiles] say today", "declare it as a view"),
        ('"spend_365d > 3"', "", "'spend_365d' reaches back further", "shorter window"),
        ('"category_recency_days > 3"', "", "'category_recency_days'", ""),
        ("", "{sum: amount, horizon_days: 7, at_least: '0.5 * spend_90'}", "the bound of outcome: there is no feature 'spend_90'", "did you mean 'spend_30d'"),
        ("", "{sum: amount, horizon_days: 7, at_least: '2 * age'}", "the bound of outcome: 'age' is what [profiles] say today", "declare it as a view"),
        ("", "{sum: channel, horizon_days: 7, at_least: 1}", "comes_back: outcome.sum: expected a column of numbers, found 'channel'", "amount, quantity"),
        ("", "{count: true, where: \"typ = 'login'\", horizon_days: 7, at_least: 1}", "comes_back: outcome.where: the event log has no column 'typ'", "columns:"),
        ("", "{count: true, where: \"amount\", horizon_days: 7, at_least: 1}", "comes_back: outcome.where: expected a condition", "event = 'login'"),
        ("", "{count: true, where: \"channel > 5\", horizon_days: 7, at_least: 1}", "comes_back: outcome.where: 'channel > 5' cannot be computed", "numbers with numbers"),
        ("", "{count: true, where: \"CAST(channel AS INT) > 5\", horizon_days: 7, at_least: 1}", "comes_back: outcome: a value cannot be used", "TRY_CAST"),
    ],
    ids=lambda value: value[:40],
)  # fmt: skip
def test_what_is_not_there_is_refused_where_it_stands(tmp_path, population, outcome, found, hint) -> None:
    outcome = outcome or "{count: true, where: \"event = 'login'\", horizon_days: 14, at_least: 1}"
    tags = {"comes_back": tag_text("comes_back", outcome, population), "buys": TAGS["buys"]}
    write_app(tmp_path, tags, people=40)
    project = Project(tmp_path / "tagcast.toml", tmp_path / "home")
    for command in (["check"], ["train", "comes_back", "--trials", "1"]):
        answer = project.invoke(*command, "--as-of", str(DAY))
        assert answer.exit_code
        said = " ".join((answer.output + answer.stderr).split())
        assert found in said, said
        assert hint in said, said

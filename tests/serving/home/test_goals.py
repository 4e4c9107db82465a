"""Goals are made of what tags mean, and count whom the rows give; on both stores."""

from __future__ import annotations

import pytest

from tagcast.registry.access.roles import Person
from tagcast.serving.home.goals import goals
from tests.serving.home.company import TAGS, company, frame
from tests.support.stores import KINDS, make_store

MIA = Person("mia", "marketer")


def top(people, tag, share=0.2):
    """Return who is among the highest ``share`` by score, as ranks of distinct scores have it."""
    ranks = people[f"{tag}.score"].rank(ascending=False)
    return ranks <= share * len(people)


@pytest.mark.parametrize("kind", KINDS)
def test_goals_are_told_by_meaning_and_count_the_rows(kind, tmp_path):
    people = frame()
    context = company(tmp_path / "project", make_store(kind, tmp_path), people, list(TAGS))
    found = {goal.name: goal for goal in goals(context, MIA)}
    context.store.close()
    expected = {
        "keep": ("quiet_ones.percentile >= 80 AND purse = 'big'", top(people, "quiet_ones") & (people["purse"] == "big")),
        "wake": ("quiet_ones.percentile >= 80", top(people, "quiet_ones")),
        "win_back": ("phase = 'asleep'", people["phase"] == "asleep"),
        "cross_sell": ("wants_red.percentile >= 80 AND has_red = 'no'", top(people, "wants_red") & (people["has_red"] == "no")),
        "welcome": ("phase = 'fresh'", people["phase"] == "fresh"),
    }  # fmt: skip
    assert {name: (goal.filter, goal.members) for name, goal in found.items()} == {
        name: (text, int(rows.sum())) for name, (text, rows) in expected.items()
    }
    assert found["cross_sell"].about == "RED WINE"
    assert not any(goal.estimated for goal in found.values())


@pytest.mark.parametrize(
    ("tags", "names"),
    [
        (["churn_risk", "new"], []),
        (["quiet_ones"], ["wake"]),
        (["purse", "wants_red"], []),
        (["wants_white", "has_red"], []),
        (["wants_red", "has_red", "phase"], ["win_back", "cross_sell", "welcome"]),
    ],
)
def test_a_goal_is_offered_where_the_project_has_what_it_needs(tags, names, tmp_path):
    context = company(tmp_path / "project", make_store("duckdb", tmp_path), frame(), tags)
    assert [goal.name for goal in goals(context, MIA)] == names


def test_a_goal_that_finds_nobody_gives_way_or_is_not_offered(tmp_path):
    people = frame()
    # Nobody is fresh, and those who may stay away and those with a big purse have nobody in common but on a wider scale.
    people.loc[people["phase"] == "fresh", "phase"] = "around"
    people["purse.score"] = 1 - people["quiet_ones.score"].rank() / len(people)
    people["purse"] = "small"
    people.loc[people["purse.score"] > 0.9, "purse"] = "big"
    people.loc[people.index[:12], ["purse.score", "quiet_ones.score"]] = [
        [0.61, 0.62 + k / 1e4] for k in range(12)
    ]
    tags = ["quiet_ones", "purse", "phase"]
    context = company(tmp_path / "project", make_store("duckdb", tmp_path), people, tags)
    found = {goal.name: goal for goal in goals(context, MIA)}
    assert set(found) == {"keep", "wake", "win_back"}
    assert found["keep"].filter == "quiet_ones.percentile >= 60 AND purse.percentile >= 60"


def test_fewer_than_a_smallest_cell_are_nobody_to_who_may_not_look_at_single_ones(tmp_path):
    people = frame()
    few = people.index[people["phase"] == "fresh"][3:]
    people.loc[few, "phase"] = "around"
    context = company(tmp_path / "project", make_store("duckdb", tmp_path), people, ["phase"])
    assert [(goal.name, goal.members) for goal in goals(context, MIA)][1] == ("welcome", 3)
    viewer = goals(context, Person("vi", "viewer"))
    assert [goal.name for goal in viewer] == ["win_back"]
    assert viewer[0].members % context.settings.access.smallest_cell == 0
    assert goals(context, Person("ad", "admin")) == []

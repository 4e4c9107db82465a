"""What is near an empty audience: each alternative finds as many as it says, and is the filter with one condition looser."""

from __future__ import annotations

import pytest

from tagcast.serving.audiences.outcome.alternatives import alternatives
from tagcast.serving.audiences.service import count, parse_for
from tests.support.desks import ANALYST, VIEWER, frame

FRAME = frame()
OLD = FRAME["age"] >= 85


def ask(context, text, person=ANALYST):
    return alternatives(context, person, parse_for(context, person, text))


def test_an_empty_audience_is_given_what_is_near(defined) -> None:
    text = "churn_risk = 'yes' AND churn_risk.score < 0.5 AND age >= 85"
    assert count(defined, ANALYST, parse_for(defined, ANALYST, text)).members == 0
    found = ask(defined, text)
    assert 1 <= len(found) <= 4
    low = FRAME["churn_risk:score"] < 0.5
    near = {one.filter: one for one in found}
    dropped = near["churn_risk.score < 0.5 AND age >= 85"]
    assert (dropped.condition, dropped.instead, dropped.members) == (
        "churn_risk = 'yes'",
        "",
        (low & OLD).sum(),
    )
    without = near["churn_risk = 'yes' AND age >= 85"]
    assert without.members == ((FRAME["churn_risk:value"] == "yes") & OLD).sum()
    for one in found:
        assert one.members == count(defined, ANALYST, parse_for(defined, ANALYST, one.filter)).members > 0


def test_the_tightest_looser_bound_of_each_condition_comes_first(defined) -> None:
    found = ask(defined, "churn_risk = 'yes' AND churn_risk.confidence > 2 AND spend = 'high'")
    assert [one.filter for one in found] == ["churn_risk = 'yes' AND spend = 'high'"]
    found = ask(defined, "churn_risk = 'yes' AND spend = 'high' AND NOT spend.percentile >= 80")
    rank, spend = FRAME["spend:percentile"], FRAME["spend:value"]
    yes, near = FRAME["churn_risk:value"] == "yes", ~(rank >= 80)
    high = FRAME["churn_risk:band"] == "high"
    expected = [
        ("churn_risk.band = 'high'", (high & (spend == "high") & near).sum()),
        ("spend IN ('medium', 'high')", (yes & (spend != "low") & near).sum()),
        ("churn_risk.band = 'high' AND spend IN ('medium', 'high')", (high & (spend != "low") & near).sum()),
        ("", ((spend == "high") & near).sum()),
        ("", (yes & near).sum()),
    ]
    assert [(one.instead, one.members) for one in found] == [one for one in expected if one[1]][:4]


@pytest.mark.parametrize(
    ("text", "instead"),
    [
        ("churn_risk.percentile >= 99.99", "churn_risk.percentile >= 80"),
        ("churn_risk.score > 1", "churn_risk.percentile >= 80"),
        ("churn_risk.percentile > 70", "churn_risk.percentile >= 60"),
        ("spend.band = 'high'", "spend.band IN ('medium', 'high')"),
    ],
)
def test_one_condition_is_loosened_and_never_left_out(defined, text, instead) -> None:
    found = ask(defined, text)
    assert found[0].instead == found[0].filter == instead
    assert all(one.filter for one in found)


@pytest.mark.parametrize(
    "text", ["age > 200", "churn_risk = 'no'", "churn_risk IN ('yes', 'no')", "spend = 'low'", "city IS NULL"]
)
def test_what_has_no_looser_bound_has_no_alternative(defined, text) -> None:
    assert ask(defined, text) == []


def test_whoever_may_not_look_at_profiles_learns_nothing_of_a_few(defined) -> None:
    cell = defined.settings.access.smallest_cell
    text = "churn_risk = 'yes' AND sms = 'maybe' AND city = 'Oslo'"
    found, free = ask(defined, text, VIEWER), ask(defined, text)
    assert {one.filter for one in found} < {one.filter for one in free}
    for one in found:
        tree = parse_for(defined, VIEWER, one.filter)
        assert one.members == count(defined, VIEWER, tree).members > 0
        assert one.members % cell == 0

"""Who may not look at single profiles learns nothing about fewer than ten, whatever they ask and hold against each other."""

from __future__ import annotations

from itertools import combinations

import pytest

from tagcast.features.core.errors import NotAllowedError
from tagcast.serving.audiences import service
from tagcast.serving.audiences.portraits.fields import levels
from tagcast.serving.audiences.portraits.overlap import compare
from tagcast.serving.audiences.portraits.portrait import portrait
from tests.support.desks import MARKETER, VIEWER, desk_over, frame, publish_made
from tests.support.stores import KINDS, make_store

FRAME = frame()
CELL = 10
ONE = FRAME[FRAME["age"].notna()].iloc[7]
"""Somebody whose age, city and messages an attacker knows."""


@pytest.fixture(params=KINDS, scope="module")
def context(request, tmp_path_factory):
    folder = tmp_path_factory.mktemp(request.param)
    store = make_store(request.param, folder)
    publish_made(store)
    return desk_over(store, folder / "project")


def tree(context, text, person=VIEWER):
    return service.parse_for(context, person, text)


def members(context, text, person=VIEWER):
    return service.count(context, person, tree(context, text, person)).members


def of_one(person=ONE):
    """Return conditions that one person meets alone."""
    city = (
        "city IS NULL" if person["city"] is None else "city = '{}'".format(person["city"].replace("'", "''"))
    )
    return f"age = {person['age']:g} AND {city} AND sms = '{person['sms']}'"


def test_the_conditions_of_one_person_find_few(context):
    assert members(context, of_one(), MARKETER) < CELL


def asking(context, text):
    """Return every question that gives numbers about the members of a filter."""
    whole = tree(context, text)
    yes = tree(context, "churn_risk = 'yes'")
    return [
        lambda: service.count(context, VIEWER, whole),
        lambda: service.count(context, VIEWER, whole, estimate=True),
        lambda: service.condition_impact(context, VIEWER, whole),
        lambda: service.condition_impact(context, VIEWER, whole, estimate=True),
        lambda: portrait(context, VIEWER, whole),
        lambda: portrait(context, VIEWER, yes, whole),
        lambda: compare(context, VIEWER, whole, yes),
        lambda: compare(context, VIEWER, yes, whole),
    ]


@pytest.mark.parametrize(
    "text",
    [
        of_one(),
        f"NOT ({of_one()})",
        f"churn_risk = 'yes' AND NOT ({of_one()})",
        f"churn_risk = 'yes' OR ({of_one()})",
        f"({of_one()}) AND churn_risk = 'no'",
        f"({of_one()}) AND age < 0",
        f"age IN ({ONE['age']:g}, 30, 31, 32, 33, 34, 35, 36, 37, 38, 39, 40)",
        f"age != {ONE['age']:g} OR age IS NULL",
    ],
)
def test_whoever_is_singled_out_is_in_no_answer(context, text):
    for question in asking(context, text):
        with pytest.raises(NotAllowedError, match="single out"):
            question()
    assert service.count(context, MARKETER, tree(context, text, MARKETER)).members >= 0


@pytest.mark.parametrize("secret", ["churn_risk = 'yes'", "churn_risk = 'no'", "email_ok = TRUE"])
def test_a_refusal_does_not_tell_whether_they_have_it(context, secret):
    answers = set()
    for text in (
        f"({of_one()}) AND {secret}",
        f"({of_one()}) AND NOT ({secret})",
        f"{secret} AND NOT ({of_one()})",
    ):
        with pytest.raises(NotAllowedError) as refused:
            service.count(context, VIEWER, tree(context, text))
        answers.add(str(refused.value))
    assert len(answers) == 1


def test_a_threshold_that_moves_takes_nobody_in_alone(context):
    """Ages lie one beside the other: each step of the threshold would take in a few people."""
    by_age = {age: members(context, f"age >= {age}") for age in range(120)}
    truth = {age: int((FRAME["age"] >= age).sum()) for age in range(120)}
    for first, second in combinations(by_age, 2):
        step = by_age[first] - by_age[second]
        assert step == 0 or step >= CELL, (first, second)
    for age, shown in by_age.items():
        margin = service.count(context, VIEWER, tree(context, f"age >= {age}")).margin
        assert abs(shown - truth[age]) <= margin
    assert len(set(by_age.values())) > 5  # and it is still an answer


@pytest.mark.parametrize("field", ["churn_risk.score", "churn_risk.percentile", "spend.score", "age"])
def test_two_fine_thresholds_hold_nobody_between_them(context, field):
    column = FRAME[field.replace(".", ":")].dropna().sort_values()
    low, high = float(column.iloc[100]), float(column.iloc[103])
    assert 0 < members(context, f"{field} >= {low} AND {field} < {high}", MARKETER) < CELL
    difference = members(context, f"{field} >= {low}") - members(context, f"{field} >= {high}")
    assert difference == 0 or difference >= CELL
    between = members(context, f"{field} >= {low} AND {field} < {high}")
    assert between == 0 or between >= CELL


def test_complements_and_single_conditions_leave_no_small_rest(context):
    """With and without one condition, and its opposite: whatever is subtracted gives multiples of the cell."""
    a, b = "churn_risk = 'yes'", "email_ok = TRUE"
    shown = [
        members(context, text)
        for text in (a, f"NOT ({a})", b, f"{a} AND {b}", f"{a} AND NOT ({b})", f"{a} OR {b}")
    ]
    assert all(n % CELL == 0 for n in shown)
    truth = [(FRAME["churn_risk:value"] == "yes").sum(), (FRAME["churn_risk:value"] != "yes").sum()]
    assert [n <= t < n + CELL for n, t in zip(shown, truth, strict=False)] == [True, True]


def test_what_is_shown_is_rounded_and_says_so(context):
    whole = tree(context, "churn_risk = 'yes' AND email_ok = TRUE")
    found = service.count(context, VIEWER, whole)
    exact = service.count(context, MARKETER, whole)
    assert found.members == exact.members // CELL * CELL
    assert exact.margin == 0
    assert found.margin >= CELL
    assert found.share == found.members / found.base
    impact = service.condition_impact(context, VIEWER, whole)
    assert all(one.removed % CELL == one.members_without % CELL == 0 for one in impact)


def test_a_portrait_shows_no_level_that_few_have(context):
    whole = tree(context, "churn_risk = 'yes' AND sms = 'yes'")
    found = portrait(context, VIEWER, whole)
    exact = portrait(context, MARKETER, whole)
    assert any(0 < row.members < CELL for row in exact.rows)
    assert found.rows
    assert all(row.members % CELL == row.against % CELL == 0 for row in found.rows)
    assert {(row.field, row.level) for row in found.rows} < {(row.field, row.level) for row in exact.rows}


def test_an_overlap_is_rounded(context):
    a, b = tree(context, "churn_risk = 'yes'"), tree(context, "email_ok = TRUE")
    found = compare(context, VIEWER, a, b)
    assert all(
        n % CELL == 0 for n in (found.a, found.b, found.both, found.either, found.only_a, found.only_b)
    )


@pytest.mark.parametrize(
    "question",
    [
        lambda c, t: service.expected(c, VIEWER, t),
        lambda c, t: service.expected_amounts(c, VIEWER, t),
        lambda c, t: service.profit_curve(c, VIEWER, t, "churn_risk", 10.0, 1.0),
        lambda c, t: service.sample(c, VIEWER, t),
        lambda c, t: service.members(c, VIEWER, t),
    ],
)
def test_sums_means_and_samples_are_for_who_may_look_at_single_profiles(context, question):
    with pytest.raises(NotAllowedError):
        question(context, tree(context, "churn_risk = 'yes'"))


def test_means_of_confidence_are_coarse(context):
    found = service.count(context, VIEWER, tree(context, "churn_risk = 'yes'"))
    (mean,) = found.mean_confidence.values()
    assert round(mean * 20) == pytest.approx(mean * 20)


def test_a_frozen_audience_of_one_answers_nothing(context):
    from tagcast.serving.audiences.saved_audience_actions import save

    save(context, MARKETER, "just one", of_one(), kind="frozen")
    save(context, MARKETER, "dynamic one", of_one())
    for name in ("just one", "dynamic one"):
        for text in (f"IN AUDIENCE '{name}'", f"churn_risk = 'yes' AND NOT (IN AUDIENCE '{name}')"):
            with pytest.raises(NotAllowedError, match="single out"):
                service.count(context, VIEWER, tree(context, text))


def test_values_that_few_have_are_not_offered(context):
    counts = FRAME["city"].value_counts()
    assert set(levels(context, VIEWER, "city")) == set(counts[counts >= CELL].index)


def test_the_smallest_cell_is_the_configurations(tmp_path):
    from tests.support.desks import PROFILES

    store = make_store("duckdb", tmp_path)
    publish_made(store)
    context = desk_over(store, tmp_path / "project", PROFILES + "\n[access]\nsmallest_cell = 150\n")
    text = "churn_risk = 'yes'"
    assert members(context, text, MARKETER) > 10
    if members(context, text, MARKETER) < 150:
        with pytest.raises(NotAllowedError):
            members(context, text)

"""A tag's ranking and rule against the run's rows, counted with pandas."""

from __future__ import annotations

import pytest

from tagcast.features.core.errors import NotAllowedError, NotFoundError
from tagcast.registry.access.roles import roles_of
from tagcast.serving.audiences.outcome.gain import gain
from tagcast.serving.audiences.service import count, parse_for
from tests.support.desks import ANALYST, MARKETER, PROFILES, TAGS, VIEWER, desk_over, frame, publish_made
from tests.support.stores import KINDS, make_store

FRAME = frame()
SCORE, RANK, VALUE = (FRAME[f"churn_risk:{part}"] for part in ("score", "percentile", "value"))
OSLO = FRAME["city"] == "Oslo"


def members(context, person, text) -> int:
    return count(context, person, parse_for(context, person, text)).members


def test_each_step_is_who_ranks_above_its_line(defined) -> None:
    found = gain(defined, MARKETER, "churn_risk")
    assert (found.customers, found.total) == (SCORE.notna().sum(), pytest.approx(SCORE.sum()))
    assert len(found.steps) == 100
    for step in found.steps[::7]:
        above = 100 - step.top <= RANK
        assert step.customers == above.sum()
        assert step.expected == pytest.approx(SCORE[above].sum())
        assert step.share == pytest.approx(above.sum() / SCORE.notna().sum())
        assert step.caught == pytest.approx(SCORE[above].sum() / SCORE.sum())
        assert members(defined, MARKETER, step.condition) == step.customers
    top = next(step for step in found.steps if step.top == 20)
    assert top.condition == "churn_risk.percentile >= 80"
    assert found.steps[-1].customers == found.customers
    assert found.steps[-1].caught == pytest.approx(1)


def test_the_rule_is_whom_the_tag_says_yes_of(defined) -> None:
    rule, yes = gain(defined, MARKETER, "churn_risk").rule, VALUE == "yes"
    assert rule.flagged == yes.sum()
    assert rule.precision == pytest.approx(SCORE[yes].mean())
    assert rule.recall == pytest.approx(SCORE[yes].sum() / SCORE.sum())
    assert rule.rate == pytest.approx(SCORE.mean())
    assert rule.lift == pytest.approx(SCORE[yes].mean() / SCORE.mean())


def test_an_amount_has_a_ranking_and_no_rule(defined) -> None:
    found, spend = gain(defined, MARKETER, "spend"), FRAME["spend:score"]
    assert (found.in_currency, found.rule) == (True, None)
    top = next(step for step in found.steps if step.top == 10)
    assert top.expected == pytest.approx(spend[FRAME["spend:percentile"] >= 90].sum())


@pytest.mark.parametrize("kind", KINDS)
def test_whoever_sees_some_profiles_is_shown_these_ranked_among_themselves(kind, tmp_path) -> None:
    store = make_store(kind, tmp_path)
    publish_made(store)
    rows = "\n[access.rows]\noslo = \"city = 'Oslo'\"\n"
    context = desk_over(store, tmp_path / "project", PROFILES + rows)
    person = roles_of(context.settings.access).person("os", "marketer", rows=["oslo"])
    found, theirs = gain(context, person, "churn_risk"), SCORE[OSLO].dropna()
    assert (found.customers, found.total) == (len(theirs), pytest.approx(theirs.sum()))
    assert len(found.steps) > 10
    for step in found.steps:
        least = float(step.condition.removeprefix("churn_risk.score >= "))
        assert step.customers == (theirs >= least).sum() == members(context, person, step.condition)
        assert step.expected == pytest.approx(theirs[theirs >= least].sum())
        assert step.caught == pytest.approx(theirs[theirs >= least].sum() / theirs.sum())
    assert found.rule.precision == pytest.approx(SCORE[OSLO & (VALUE == "yes")].mean())
    # The other way round: who sees everybody is not shown what was found out for Oslo.
    assert gain(context, ANALYST, "churn_risk").customers == SCORE.notna().sum()


def test_whoever_may_not_look_at_profiles_is_shown_no_small_group(defined) -> None:
    found = gain(defined, VIEWER, "churn_risk")
    cell = defined.settings.access.smallest_cell
    assert cell > 1
    assert found.customers == SCORE.notna().sum() // cell * cell
    assert 0 < len(found.steps) < 100
    before = 0
    for step in found.steps:
        above = (100 - step.top <= RANK).sum()
        assert above - before >= cell, "each line takes a smallest cell in at least"
        assert (step.customers, step.customers % cell, step.expected % cell) == (above // cell * cell, 0, 0)
        before = above
    assert found.rule.precision == round(SCORE[VALUE == "yes"].mean(), 2)


def test_what_is_not_there_and_what_is_not_theirs(defined) -> None:
    with pytest.raises(NotFoundError):
        gain(defined, MARKETER, "nobody")
    with pytest.raises(NotAllowedError):
        gain(defined, MARKETER, TAGS[1])

"""Value at risk: chance of loss times expected spend, as a field of filters, a ranking, totals and a column; by pandas again."""

from __future__ import annotations

import csv
from datetime import timedelta

import pytest

from tagcast.features.core.errors import FilterError, NotAllowedError, TagcastError
from tagcast.registry.governance.lifecycle import transition
from tagcast.serving.audiences.filter_resolution import visible_audiences
from tagcast.serving.audiences.outcome.outcomes import outcomes
from tagcast.serving.audiences.outcome.paired_tags import value_at_risk_of
from tagcast.serving.audiences.outcome.value_at_risk import top_at_risk, value_at_risk
from tagcast.serving.audiences.saved_audience_actions import save
from tagcast.serving.audiences.service import condition_impact, count, parse_for, sentence
from tagcast.serving.delivery.exports import export
from tests.serving.audiences.outcome.conftest import define, definition
from tests.support.desks import ANALYST, MARKETER, VIEWER, desk_over, frame, publish_made
from tests.support.published import NOW
from tests.support.stores import make_store

FRAME = frame()
RISK = FRAME["churn_risk:score"] * FRAME["spend:score"]
OLD = FRAME["age"] >= 40


def tree(context, text, person=ANALYST):
    return parse_for(context, person, text)


def members(context, text, person=ANALYST) -> int:
    return count(context, person, tree(context, text, person)).members


def test_a_filter_may_name_it(defined) -> None:
    assert members(defined, "value_at_risk >= 60") == (RISK >= 60).sum() > 0
    assert members(defined, "NOT value_at_risk >= 60 AND age >= 40") == (~(RISK >= 60) & OLD).sum()
    assert members(defined, "value_at_risk IS NULL") == RISK.isna().sum() > 0
    assert members(defined, "value_at_risk BETWEEN 20 AND 60") == RISK.between(20, 60).sum()
    (effect, _) = condition_impact(defined, ANALYST, tree(defined, "value_at_risk >= 60 AND age >= 40"))
    assert effect.removed == (OLD & ~(RISK >= 60)).sum()
    assert "value at risk (Churn risk × Spend) is at least 60" in sentence(
        defined, ANALYST, tree(defined, "value_at_risk >= 60"), "en"
    )


def test_totals_of_any_audience(defined) -> None:
    found = value_at_risk(defined, MARKETER, tree(defined, "age >= 40", MARKETER))
    known = OLD & RISK.notna()
    assert (found.loss, found.amount_tag) == ("churn_risk", "spend")
    assert (found.members, found.covered) == (OLD.sum(), known.sum())
    assert found.at_risk == pytest.approx(RISK[OLD].sum())
    assert found.amount == pytest.approx(FRAME.loc[known, "spend:score"].sum())
    assert found.of_all == pytest.approx(RISK.sum())
    assert found.share == pytest.approx(RISK[OLD].sum() / FRAME.loc[known, "spend:score"].sum())
    everyone = value_at_risk(defined, MARKETER, None)
    assert (everyone.members, everyone.at_risk) == (len(FRAME), pytest.approx(everyone.of_all))


@pytest.mark.parametrize("top", [1, 25, 400])
def test_the_top_of_the_ranking_is_a_condition(defined, top) -> None:
    found = top_at_risk(defined, MARKETER, tree(defined, "age >= 40 AND churn_risk = 'yes'", MARKETER), top)
    theirs = RISK[OLD & (FRAME["churn_risk:value"] == "yes")].nlargest(top, keep="all")
    assert found.filter == f"age >= 40 AND churn_risk = 'yes' AND {found.condition}"
    assert found.members == len(theirs) == members(defined, found.filter, MARKETER)
    assert found.at_risk == pytest.approx(theirs.sum())
    assert len(found.condition) < 40
    assert top_at_risk(defined, MARKETER, None, top).members >= min(top, RISK.notna().sum())


def test_equals_at_the_end_are_all_in_and_nobody_is_nobody(defined) -> None:
    nobody = top_at_risk(defined, MARKETER, tree(defined, "age > 200", MARKETER), 5)
    assert (nobody.condition, nobody.members) == ("", 0)
    with pytest.raises(TagcastError, match="1 to 1,000,000"):
        top_at_risk(defined, MARKETER, None, 0)


def test_it_is_exported_as_a_column(defined, tmp_path) -> None:
    out = tmp_path / "out.csv"
    asked = tree(defined, "value_at_risk >= 60")
    export(defined, ANALYST, asked, out, format="csv", columns=["value_at_risk", "age"], no_contact=True)
    with out.open(encoding="utf-8-sig", newline="") as file:
        rows = {row["profile_id"]: float(row["value_at_risk"]) for row in csv.DictReader(file)}
    assert rows == pytest.approx(RISK[RISK >= 60].set_axis(FRAME["profile_id"][RISK >= 60]).to_dict())


def test_whoever_may_not_look_at_profiles_is_told_no_sums(defined) -> None:
    for asked in (
        lambda: value_at_risk(defined, VIEWER, None),
        lambda: top_at_risk(defined, VIEWER, None, 5),
    ):
        with pytest.raises(NotAllowedError):
            asked()
    cell = defined.settings.access.smallest_cell
    assert members(defined, "value_at_risk >= 60", VIEWER) % cell == 0


def made(folder, **outcomes):
    store = make_store("duckdb", folder)
    publish_made(store)
    context = desk_over(store, folder / "project")
    for name, outcome in outcomes.items():
        (folder / "project" / "tags" / f"{name}.yaml").write_text(definition(name, outcome), encoding="utf-8")
    return context


SPENT = "{kind: amount, horizon_days: 30, tiers: {low: 0, medium: 50, high: 150}}"


@pytest.mark.parametrize(
    "outcome",
    [
        "{kind: any_event, horizon_days: 30}",
        "{kind: no_event, category: tea, horizon_days: 30}",
    ],
)
def test_there_is_none_where_nothing_is_lost_that_is_spent(tmp_path, outcome) -> None:
    context = made(tmp_path, churn_risk=outcome, spend=SPENT)
    assert value_at_risk_of(context) is None
    assert value_at_risk(context, ANALYST, None) is None
    with pytest.raises(FilterError, match="unknown field 'value_at_risk'"):
        parse_for(context, ANALYST, "value_at_risk >= 1")


def test_it_is_for_who_may_see_both_tags(tmp_path) -> None:
    context = made(tmp_path)
    define(tmp_path / "project")
    save(context, MARKETER, "at risk", "value_at_risk >= 60", kind="dynamic")
    assert [one.name for one in visible_audiences(context, MARKETER)] == ["at risk"]
    how = {"reason": "r", "second_person": False}
    transition(context.state, "spend", "in_review", by=ANALYST, now=NOW, **how)
    with pytest.raises(FilterError):
        parse_for(context, MARKETER, "value_at_risk >= 60")
    assert value_at_risk(context, MARKETER, None) is None


def test_of_an_expired_tag_nothing_is_known(tmp_path) -> None:
    store = make_store("duckdb", tmp_path)
    publish_made(store)
    context = desk_over(store, tmp_path / "project", now=NOW + timedelta(days=31))
    define(tmp_path / "project")
    assert members(context, "value_at_risk >= 0") == members(context, "NOT value_at_risk >= 0") == 0
    assert value_at_risk(context, ANALYST, None) is None
    assert outcomes(context, ANALYST, tree(context, "age >= 40")) == []

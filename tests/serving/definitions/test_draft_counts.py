"""A drafted rule is counted as the run that scores it would: by hand from the shop's own lines, on both stores."""

from __future__ import annotations

from datetime import timedelta

import pandas as pd
import pytest

from tagcast.features.core.errors import DefinitionError, NotAllowedError
from tagcast.pipelines.scoring.score import score_tags
from tagcast.registry.access.roles import Person
from tagcast.serving.context import ServiceContext
from tagcast.serving.definitions import draft_counts
from tagcast.serving.definitions.draft_counts import count_draft
from tagcast.serving.store.reader_pool import RunReaderPool
from tests.support.champion import DAY, NOW
from tests.support.rule_tags import shop_with_rules
from tests.support.stores import KINDS, make_store

pytestmark = pytest.mark.slow

ANN, VI = Person("ann", "data_scientist"), Person("vi", "viewer")
DRAFT = {
    "name": "lately", "title": {"en": "Lately", "zh": "近期"}, "description": {"en": "d", "zh": "d"}, "owner": "crm",
    "path": ["Lifecycle", "Habits"],
}  # fmt: skip


@pytest.fixture(scope="module", params=KINDS)
def shop(request, tmp_path_factory):
    folder = tmp_path_factory.mktemp(f"counts-{request.param}")
    project = shop_with_rules(folder, customers=120)
    project.__dict__["store"] = make_store(request.param, folder)
    score_tags(project, None, as_of=DAY, now=NOW)
    return folder, project


@pytest.fixture
def context(shop):
    _, project = shop
    return ServiceContext(
        project.settings, RunReaderPool(project.store), project.state, lambda: NOW + timedelta(hours=1)
    )


@pytest.fixture
def people(shop) -> pd.DataFrame:
    """Every customer with an event before the day: days since the first and the last purchase, from the lines of the shop."""
    folder, _ = shop
    lines = pd.read_parquet(folder / "lines.parquet")
    day = lines["at"].dt.date
    ago = (pd.Series([DAY] * len(lines)) - day).map(lambda d: d.days)
    before = lines.assign(ago=ago.to_numpy())[ago.to_numpy() > 0]
    found = before.groupby("customer")["ago"].agg(recency="min", tenure="max")
    return found.join(pd.read_csv(folder / "customers.csv").set_index("customer"))


def sizes(found) -> dict[str, int]:
    return {case.value: case.profiles for case in found.cases}


def test_a_rule_over_features_and_attributes_has_as_many_as_the_lines_say(context, people) -> None:
    found = count_draft(
        context, ANN, {**DRAFT, "rule": "recency_days <= 20 AND NOT city = 'Oslo' OR age >= 70"}
    )
    yes = ((people["recency"] <= 20) & (people["city"] != "Oslo")) | (people["age"] >= 70)
    assert sizes(found) == {"yes": int(yes.sum()), "no": int((~yes).sum())}
    assert 0 < yes.sum() < len(yes)
    assert (found.profiles, found.without, found.exact, found.moved) == (len(people), 0, True, None)
    assert (found.as_of, found.waits_for) == (DAY, ())


def test_cases_and_a_population_leave_some_without_a_value(context, people) -> None:
    cases = {"old": "tenure_days > 200", "quiet": "recency_days > 10"}
    found = count_draft(context, ANN, {**DRAFT, "cases": cases, "population": {"active_within_days": 60}})
    inside = people["recency"] <= 60
    old = inside & (people["tenure"] > 200)
    quiet = inside & ~old & (people["recency"] > 10)
    assert sizes(found) == {"old": int(old.sum()), "quiet": int(quiet.sum())}
    assert found.without == len(people) - int(old.sum()) - int(quiet.sum()) > 0
    words = {case.value: case.words for case in found.cases}
    assert words["old"]["en"] == "Customers where the first purchase was more than 200 days ago."
    assert "超过200天" in words["old"]["zh"]


def test_what_changes_against_the_published_version_is_counted_customer_by_customer(context, people) -> None:
    """The shop's own rule says new up to 150 days of tenure, lapsed beyond 45 days without a purchase."""
    rule = {
        **DRAFT, "name": "lifecycle_stage", "otherwise": "returning",
        "cases": {"new": "tenure_days <= 100", "lapsed": "recency_days > 45"},
    }  # fmt: skip
    found = count_draft(context, ANN, rule)
    lapsed = people["recency"] > 45
    new = {days: people["tenure"] <= days for days in (100, 150)}
    published = {case.value: case.published for case in found.cases}
    assert published == {
        "new": int(new[150].sum()), "lapsed": int((~new[150] & lapsed).sum()),
        "returning": int((~new[150] & ~lapsed).sum()),
    }  # fmt: skip
    assert found.moved == int((new[150] & ~new[100]).sum()) > 0
    assert sizes(found)["new"] == int(new[100].sum())


def test_a_large_snapshot_is_estimated_from_some_ranges(context, monkeypatch) -> None:
    rule = {**DRAFT, "rule": "recency_days <= 20"}
    exact = sizes(count_draft(context, ANN, rule))
    borders = ["c0030", "c0060", "c0090"]
    whole = draft_counts._described
    rows = [29, 30, 30, 31]
    monkeypatch.setattr(
        draft_counts, "_described",
        lambda folder: {**whole(folder), "borders": borders, "rows": {**whole(folder)["rows"], "profile_activity": rows}},
    )  # fmt: skip
    monkeypatch.setattr(draft_counts, "MOST_COUNTED", 60)
    found = count_draft(context, ANN, rule)
    assert not found.exact
    assert abs(sizes(found)["yes"] - exact["yes"]) <= 30
    assert abs(found.profiles - 120) <= 12


def test_what_the_run_does_not_hold_is_named(context, monkeypatch) -> None:
    monkeypatch.setattr(draft_counts, "_described", lambda _folder: None)
    found = count_draft(context, ANN, {**DRAFT, "rule": "recency_days <= 20"})
    assert (found.cases, found.waits_for) == ((), ("recency_days",))


def test_who_may_not_look_at_single_customers_counts_no_drafts(context) -> None:
    from dataclasses import replace

    blind = replace(ANN, only=frozenset({"see", "filter", "draft"}))
    for person in (VI, blind):
        with pytest.raises(NotAllowedError):
            count_draft(context, person, {**DRAFT, "rule": "recency_days <= 20"})
    with pytest.raises(DefinitionError, match="recency_dayz"):
        count_draft(context, ANN, {**DRAFT, "rule": "recency_dayz <= 20"})

"""Estimated sizes of audiences: from a sample that PostgreSQL keeps, within the margin they give."""

from __future__ import annotations

from datetime import UTC, datetime

import numpy as np
import pytest

from tagcast.features.core.settings import load_settings
from tagcast.registry.access.accounts import add_user
from tagcast.registry.access.roles import roles_of
from tagcast.registry.state.database import open_state
from tagcast.serving.audiences import sampling, service
from tagcast.serving.audiences.outcome.alternatives import alternatives
from tagcast.serving.audiences.outcome.gain import gain
from tagcast.serving.audiences.outcome.outcomes import outcomes
from tagcast.serving.audiences.queries import count
from tagcast.serving.audiences.service import condition_impact, expected, parse_for
from tagcast.serving.audiences.service import count as count_all
from tagcast.serving.filters.row_rights import reader_for
from tagcast.serving.publishing.publication import stage_run
from tagcast.serving.store.postgres import run_tables
from tagcast.serving.store.postgres.store import PostgresStore
from tests.support.browser import SECRET, Visitor, chromium, served
from tests.support.desks import ANALYST, PROFILES, desk_over
from tests.support.published import NOW, people, run_info, said, staged
from tests.support.shop import CONFIG
from tests.support.stores import make_store, postgres_url

pytestmark = [pytest.mark.xdist_group("browser"), pytest.mark.postgres]

ROWS = 6000
WRITE_DOWN = """
window.shown = [];
new MutationObserver(() => {
  const text = document.querySelector('.answer-count')?.innerText;
  if (text && text !== shown.at(-1)) shown.push(text);
}).observe(document, {childList: true, subtree: true, characterData: true});
"""


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(run_tables, "SAMPLE_ROWS", 1200)
        store = make_store("postgres", tmp_path_factory.mktemp("estimates"))
        publish(store)
        yield store


def publish(store) -> None:
    ids = people(ROWS)
    ids = ids.set_column(0, ids.schema.field(0), ids.column(0).cast("string"))
    with stage_run(store, "one") as staging:
        batch = staged(ids, said(ROWS))
        staging.add(batch.take(np.argsort(batch.column(0).to_pylist())))
        staging.publish(run_info("one", ROWS), keep=1)


def test_an_estimate_holds_the_count_within_its_margin(store) -> None:
    """AudienceCount.margin holds 19 counts of 20; of 40 thresholds at least 34 have to."""
    held = 0
    with store.reader() as reader:
        assert 1000 < reader.sample_rows < 1400
        for asked in np.linspace(0.02, 0.98, 40):
            text = f"churn_risk.score >= {asked:.3f}"
            exact, estimate = count(reader, text, NOW), count(reader, text, NOW, estimate=True)
            assert exact.margin == 0
            assert estimate.base == exact.base == ROWS
            assert 0 < estimate.margin < 0.1 * ROWS
            held += abs(estimate.members - exact.members) <= estimate.margin
            assert estimate.mean_confidence["churn_risk"] == pytest.approx(
                exact.mean_confidence["churn_risk"], abs=0.1
            )
        nobody = count(reader, "churn_risk.score > 1", NOW, estimate=True)
    assert held >= 34
    assert (nobody.members, nobody.mean_confidence) == (0, {"churn_risk": None})
    assert nobody.margin > 0, "nobody in the sample is not nobody"


def test_what_follows_a_count_is_estimated_within_its_range(store, tmp_path, monkeypatch) -> None:
    """Of 20 audiences the range of the estimate holds what is expected exactly nearly always; few members are never estimated."""
    monkeypatch.setattr(sampling, "LEAST_IN_SAMPLE", 100)
    context = desk_over(store, tmp_path / "project")
    held, asked = 0, np.linspace(0.05, 0.6, 20)
    for least in asked:
        tree = parse_for(context, ANALYST, f"churn_risk = 'yes' AND churn_risk.score >= {least:.3f}")
        (exact,), (estimate,) = (
            expected(context, ANALYST, tree, estimate=sampled) for sampled in (False, True)
        )
        assert (exact.estimated, estimate.estimated) == (False, True)
        held += estimate.low <= exact.right <= estimate.high
        assert estimate.right == pytest.approx(exact.right, rel=0.2)
        assert estimate.high - estimate.low > exact.high - exact.low
        counted, sampled = (condition_impact(context, ANALYST, tree, estimate=some) for some in (False, True))
        for one, other in zip(counted, sampled, strict=True):
            assert other.estimated
            assert other.removed == pytest.approx(one.removed, abs=0.08 * ROWS)
    assert held >= 18
    few = parse_for(context, ANALYST, "churn_risk.score >= 0.99")
    assert not any(one.estimated for one in condition_impact(context, ANALYST, few, estimate=True))


def test_outcomes_are_estimated_within_their_range(store, tmp_path, monkeypatch) -> None:
    """Of 20 audiences the range of the estimate holds what is expected exactly nearly always; the ranking comes from the same sample."""
    monkeypatch.setattr(sampling, "LEAST_IN_SAMPLE", 100)
    context = desk_over(store, tmp_path / "project")
    held, asked = 0, np.linspace(0.05, 0.6, 20)
    for least in asked:
        tree = parse_for(context, ANALYST, f"churn_risk.score >= {least:.3f}")
        (exact,), (estimate,) = (
            outcomes(context, ANALYST, tree, estimate=sampled) for sampled in (False, True)
        )
        assert (exact.estimated, estimate.estimated) == (False, True)
        held += estimate.low <= exact.expected <= estimate.high
        assert estimate.expected == pytest.approx(exact.expected, rel=0.2)
        assert estimate.members == pytest.approx(exact.members, rel=0.2)
        assert estimate.times == pytest.approx(exact.times, rel=0.1)
        assert (exact.base, estimate.base) == (ROWS, ROWS)
    assert held >= 18
    ranking = gain(context, ANALYST, "churn_risk")
    assert (ranking.estimated, ranking.customers) == (True, ROWS)
    assert ranking.total == pytest.approx(exact.total, rel=0.1)
    nobody = parse_for(context, ANALYST, "churn_risk.score > 2")
    (near, *_) = alternatives(context, ANALYST, nobody)
    found = count_all(context, ANALYST, parse_for(context, ANALYST, near.filter)).members
    assert near.estimated
    assert near.members == pytest.approx(found, rel=0.3)


def test_of_few_members_the_number_is_exact_and_its_range_is_that_of_the_sample(store, tmp_path) -> None:
    context = desk_over(store, tmp_path / "project")
    for least in (0.3, 0.6, 0.9):
        tree = parse_for(context, ANALYST, f"churn_risk.score >= {least}")
        (exact,), (quick,) = (outcomes(context, ANALYST, tree, estimate=some) for some in (False, True))
        assert not quick.estimated
        assert (quick.members, quick.covered) == (exact.members, exact.covered)
        assert quick.expected == pytest.approx(exact.expected)
        assert quick.low != exact.low
        assert quick.low == pytest.approx(exact.low, rel=0.05)
        assert quick.high == pytest.approx(exact.high, rel=0.05)


def test_whoever_sees_some_profiles_is_given_estimates_of_these(store, tmp_path) -> None:
    rows = "\n[access.rows]\noslo = \"city = 'Oslo'\"\n"
    context = desk_over(store, tmp_path / "project", PROFILES + rows)
    oslo = roles_of(context.settings.access).person("os", "marketer", rows=["oslo"])
    with reader_for(context, oslo) as reader:
        assert reader.manifest.profiles == ROWS / 2
        assert 400 < reader.sample_rows < 800
    for least in (0.1, 0.5, 0.8):
        tree = parse_for(context, oslo, f"churn_risk.score >= {least}")
        exact, estimate = (service.count(context, oslo, tree, estimate=sampled) for sampled in (False, True))
        assert estimate.base == exact.base == ROWS / 2
        assert abs(estimate.members - exact.members) <= 2 * estimate.margin < 0.3 * ROWS


@pytest.mark.browser
def test_the_console_shows_an_estimate_before_the_exact_count(tmp_path, monkeypatch) -> None:
    """What was shown in between is gone again at once, so the page itself writes down what it shows."""
    name = f"estimates {tmp_path.name}"
    config = tmp_path / "tagcast.toml"
    config.write_text(CONFIG.replace("small shop", name), encoding="utf-8")
    monkeypatch.setenv("TAGCAST_STORE", postgres_url())
    monkeypatch.setattr(run_tables, "SAMPLE_ROWS", 1200)
    settings = load_settings(config, tmp_path / "home", tmp_path)
    settings.home.mkdir()
    store = PostgresStore(postgres_url(), settings.home / "store", name)
    publish(store)
    add_user(
        open_state(settings), "Mia", "marketer", SECRET, sensitive=False, by="tests", now=datetime.now(UTC)
    )
    with store.reader() as reader:
        exact = count(reader, "city = 'Oslo'", NOW).members
    with chromium() as browser, served(config, settings.home) as site:
        mia = Visitor(browser, site, "Mia", "en")
        mia.page.add_init_script(WRITE_DOWN)
        mia.page.goto(f"{site}/audience")
        mia.count()
        mia.page.locator(".filter-text textarea").fill("city = 'Oslo'")
        mia.page.locator(".answer-count b").filter(has_text=f"{exact:,}").wait_for()
        assert mia.count() == exact
        shown = mia.page.evaluate("window.shown")
        # The made run has expired long ago: nobody is found, and the page says why.
        mia.page.locator(".filter-text textarea").fill("churn_risk = 'yes'")
        mia.page.locator(".answer .note").filter(has_text="expired on").wait_for()
        assert mia.count() == 0
        mia.leave()
    (estimate,) = {text.split()[0] for text in shown if "about, give or take" in text}
    assert estimate != f"{exact:,}"
    assert abs(int(estimate.replace(",", "")) - exact) < 0.1 * ROWS
    assert "about" not in shown[-1]

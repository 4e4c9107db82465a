"""The outcome sentence, the gain chart and what is near an empty audience, in a browser; each figure by the run's rows again."""

from __future__ import annotations

import pytest

from tagcast.features.core.messages import msg, nmsg
from tagcast.serving.store.duckdb.store import DuckDbStore
from tagcast.serving.store.long_form import predictions
from tests.support.browser import Visitor
from tests.support.champion import TAG

pytestmark = [pytest.mark.xdist_group("browser"), pytest.mark.browser, pytest.mark.slow]


@pytest.fixture(scope="module")
def rows(shop):
    """What the active run predicts, a row a customer."""
    with DuckDbStore(shop.home / "store").reader() as reader:
        return predictions(reader, TAG).to_pandas()


@pytest.mark.parametrize("language", ["en", "zh"])
def test_the_slider_of_the_gain_chart_ends_in_an_audience_with_its_outcome(browser, site, rows, language):
    mia = Visitor(browser, site, "Mia", language)
    page, say = mia.page, mia.say
    mia.open(f"{site}/tags/{TAG}")
    slider = page.get_by_label(say(msg("Share of the ranking to contact")))
    slider.focus()
    for _ in range(5):
        page.keyboard.press("ArrowRight")
    top = rows[rows["percentile"] >= 75]
    about = {
        "top": "25", "customers": str(len(top)), "expected": f"{top['score'].sum():.0f}",
        "share": f"{top['score'].sum() / rows['score'].sum():.0%}",
    }  # fmt: skip
    will = say(msg("will stop buying {within}", within=nmsg("within {n} day", "within {n} days", 30)))
    sentence = say(
        msg("Top {top}%: of {customers} about {expected} {will}, {share} of all.", will=will, **about)
    )
    page.locator(".gain-said").get_by_text(sentence).wait_for()
    page.wait_for_function(
        "text => document.activeElement.getAttribute('aria-valuetext') === text", arg=sentence
    )
    assert slider.input_value() == "25", "what is drawn anew does not move it back"
    yes = rows[rows["value"] == "yes"]
    lead = page.locator(".outcome-rule .outcome-lead").inner_text()
    assert f"{100 * yes['score'].mean():.0f}" in lead
    assert f"{yes['score'].mean() / rows['score'].mean():.1f}" in lead
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    page.wait_for_url("**/audience?filter=*")
    assert mia.count() == len(top)
    lead = page.locator(".outcome .outcome-lead").inner_text()
    assert lead.startswith(say(nmsg("About {expected} of this {n:,} {will}", "About {expected} of these {n:,} {will}", len(top), expected=about["expected"], will=will)))  # fmt: skip
    assert about["share"] in lead
    # The labels of the same customers are another question, which is answered once somebody asks it.
    page.locator("details.fold summary").filter(has_text=say(msg("How many labels are right"))).click()
    labelled = top[top["value"] == "yes"]
    right = page.locator(".expected li").first
    right.wait_for()
    assert f"{len(labelled)}" in right.inner_text()
    assert f"{labelled['score'].sum():.0f}" in right.inner_text()
    mia.leave()


def test_an_empty_audience_leads_to_what_is_near(browser, site, rows):
    mia = Visitor(browser, site, "Mia", "en")
    page = mia.page
    mia.open(f"{site}/audience?filter={TAG}.score+%3E+1")
    page.get_by_role("heading", name="What is near").wait_for()
    assert mia.count() == 0
    near = (rows["percentile"] >= 80).sum()
    page.get_by_role("button", name=f"{near} where").click()
    page.locator(".outcome-lead").wait_for()
    assert mia.count() == near
    assert page.locator(".near").is_hidden()
    mia.leave()

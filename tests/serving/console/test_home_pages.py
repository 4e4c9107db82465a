"""The home page, the table of tags and printing, in a browser."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime, timedelta

import pytest

from tagcast.features.core.messages import msg
from tagcast.serving.console.i18n.vocabulary import STEP_TITLES
from tests.support.browser import Visitor
from tests.support.champion import TAG

pytestmark = [pytest.mark.xdist_group("browser"), pytest.mark.browser, pytest.mark.slow]
BOTH = pytest.mark.parametrize("language", ["en", "zh"])


def pages_of(pdf: bytes) -> int:
    """Return how many pages a PDF has, by the count in the root of its tree of pages."""
    return max(
        int(n)
        for n in re.findall(
            rb"/Type\s*/Pages\b[^>]*?/Count\s+(\d+)|/Count\s+(\d+)[^>]*?/Type\s*/Pages\b", pdf
        )
        for n in n
        if n
    )


@BOTH
def test_from_a_goal_to_an_audience_and_from_a_pin_back_home(browser, site, language):
    mia = Visitor(browser, site, "Mia", language)
    page, say = mia.page, mia.say
    # A goal fills the builder, which finds as many as the card says.
    goal = page.locator(".goal").filter(has_text=say(msg("Wake up")))
    size = int(re.search(r"[\d,]+", goal.locator("b").inner_text())[0].replace(",", ""))
    goal.get_by_role("link").click()
    mia.heading(msg("New audience"))
    assert mia.count() == size > 0
    assert page.locator(".filter-text textarea").input_value() == f"{TAG}.percentile >= 80"
    # Groups fold by the keyboard; a pin puts a tag first, and on the home page.
    mia.open(f"{site}/tags")
    title = say.of({"en": "Churn risk", "zh": "流失风险"})
    fold = page.locator(".group-fold").filter(has_text=say(msg("Lifecycle")))
    rows = page.locator(f"#{fold.get_attribute('data-fold')}")
    assert rows.get_by_role("link", name=title).is_visible()
    fold.focus()
    page.keyboard.press("Enter")
    rows.wait_for(state="hidden")
    assert fold.get_attribute("aria-expanded") == "false"
    page.keyboard.press("Enter")
    rows.wait_for()
    star = rows.get_by_role("button", name=say(msg("Pin {tag}", tag=title)), exact=True)
    star.click()
    rows.locator(".pin[aria-pressed=true]").wait_for()
    page.wait_for_timeout(300)  # until it is on record
    page.reload()
    first = page.locator(".group-fold").first
    first.get_by_text(say(msg("Pinned"))).wait_for()
    mia.open(site)
    page.locator(".home-cards").get_by_role("link", name=title).first.click()
    page.get_by_role("heading", level=1, name=title).wait_for()
    pin = page.locator(".head .btn.pin")
    assert pin.get_attribute("aria-pressed") == "true"
    pin.click()
    page.locator(".head .btn.pin[aria-pressed=false]").wait_for()
    mia.leave()


def test_trust_stands_before_plumbing_and_what_is_seldom_done_behind_a_menu(browser, site):
    ola = Visitor(browser, site, "Ola", "en")
    page = ola.page
    ola.open(f"{site}/tags/{TAG}")
    assert page.get_by_role("button", name="Suspend", exact=True).count() == 0
    page.get_by_role("button", name="More", exact=True).click()
    page.get_by_role("menuitem", name=STEP_TITLES["suspended"].template, exact=True).click()
    page.locator(".sheet-dialog").wait_for()
    ola.settle()
    assert not ola.violations()
    page.keyboard.press("Escape")
    # Order: trust before plumbing.
    heads = page.locator(".tag-page > .stack").first.locator("h2").all_inner_texts()
    order = ["Reliability", "Values", "Promised vs. actual", "Meaning"]
    assert [head for head in heads if head in order] == order
    assert "every night at 03:00" in page.locator("main").inner_text()
    ola.leave()


@pytest.mark.parametrize(("language", "theme"), [("en", "dark"), ("zh", "light")])
def test_a_tag_and_a_campaign_print_on_one_sheet_with_their_figures(browser, site, language, theme):
    mia = Visitor(browser, site, "Mia", language)
    page, say = mia.page, mia.say
    filter_ = {
        "filter": f"{TAG}.score >= 0",
        "holdout": 0.3,
        "channel": "email",
        "name": f"letters {language}",
    }
    goal = {"kind": "no_event", "horizon_days": 14}
    starts = datetime.now(UTC).date() - timedelta(days=1)
    given = page.evaluate(
        """body => fetch('/api/v1/audiences/export', {method: 'POST', headers: {'Content-Type': 'application/json'}, body})
        .then(answer => answer.status)""",
        json.dumps({**filter_, "goal": goal, "starts": f"{starts}"}),
    )
    assert given == 200
    (campaign,) = [one for one in mia.ask("GET", "/api/v1/campaigns") if one["name"] == f"letters {language}"]
    tag = next(one for one in mia.ask("GET", "/api/v1/tags") if one["name"] == TAG)
    page.goto(f"{site}/preferences?theme={theme}")
    for path, figures in (
        (f"/tags/{TAG}", [f"{tag['population']:,}", f"{tag['predicted']['yes']:,}"]),
        (f"/campaigns/{campaign['id']}", [f"{campaign['given']:,}", f"{campaign['held_out']:,}"]),
    ):
        mia.open(f"{site}{path}")
        mia.page.locator("[data-print]").get_by_text(say(msg("Print"))).wait_for()
        assert pages_of(page.pdf(prefer_css_page_size=True, print_background=True)) == 1, path
        # As it is drawn for the printer: what it says, and nothing to click.
        page.evaluate("dispatchEvent(new Event('beforeprint'))")
        shown = page.locator("main").inner_text()
        for figure in figures:
            assert figure in shown
        for gone in (".side", ".topbar", ".actions", ".record"):
            assert not page.locator(gone).first.is_visible(), gone
        assert page.locator("main").get_by_role("heading", level=1).is_visible()
        assert page.evaluate("document.documentElement.dataset.theme") == "light"
        scale = float(page.evaluate("document.documentElement.style.getPropertyValue('--print-scale')"))
        assert scale >= 0.5, "small print is no print"
        page.evaluate("dispatchEvent(new Event('afterprint'))")
        assert page.evaluate("document.documentElement.dataset.theme") == theme
    mia.leave()

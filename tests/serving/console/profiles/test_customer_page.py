"""Who is this customer: in three clicks, in a browser, in both languages; the page of a portrait and of a customer by axe-core."""

from __future__ import annotations

import pytest

from tagcast.features.core.messages import msg
from tests.support.browser import Visitor
from tests.support.console.shop import people

pytestmark = [pytest.mark.xdist_group("browser"), pytest.mark.browser]
AUDIENCE = "Oslo lookups"


@pytest.mark.parametrize("language", ["en", "zh"])
def test_who_is_this_customer_in_three_clicks(shop, browser, site, language):
    mia = Visitor(browser, site, "Mia", language)
    page, say = mia.page, mia.say
    mia.ask("PUT", f"/api/v1/audiences/{AUDIENCE}", {"filter": "city = 'Oslo'"})
    mia.press(msg("Customer lookup"), "link", within="aside")  # 1
    page.get_by_placeholder(say(msg("Customer ID"))).fill("c0001")
    mia.press(msg("Open"))  # 2
    page.get_by_text(say(msg("First purchase")), exact=True).wait_for()
    main = page.locator("main").first
    for title in (
        msg("Last purchase"),
        msg("Tags and reasons"),
        msg("Attributes"),
        msg("Changes"),
        msg("Recent activity"),
    ):
        main.get_by_text(say(title), exact=True).first.wait_for()
    main.get_by_text(say(msg("Audiences and campaigns")), exact=True).wait_for()
    mine = next(row for row in people(shop.folder) if row["customer"] == "c0001")
    pills = main.locator(".pill", has_text=AUDIENCE)
    assert pills.count() == (1 if mine["city"] == "Oslo" else 0)
    text = main.inner_text()
    assert "NULL" not in text
    assert not mia.violations()
    # Next time they are offered; with the keyboard alone.
    mia.open(f"{site}/profile")
    main.get_by_text(say(msg("Looked up lately")), exact=True).wait_for()
    page.locator("a", has_text="c0001").first.focus()
    page.keyboard.press("Enter")
    page.get_by_text(say(msg("First purchase")), exact=True).wait_for()
    # And the portrait of an audience, which folds what is not clear.
    mia.open(f"{site}/portrait?name={AUDIENCE}")
    page.locator(".in-short").wait_for()
    main.get_by_text(say(msg("What sets them apart")), exact=True).wait_for()
    page.locator("details.indistinct summary").click()
    page.locator("details.indistinct table").wait_for()
    assert not mia.violations()
    mia.leave()

"""Five jobs of a marketer, each by mouse within a bound on clicks in both languages, and by keyboard alone."""

from __future__ import annotations

import csv
import json
from datetime import UTC, datetime, timedelta

import pytest

from tagcast.features.core.messages import msg, nmsg
from tests.support.browser import Visitor
from tests.support.champion import TAG

pytestmark = [pytest.mark.xdist_group("browser"), pytest.mark.browser, pytest.mark.slow]
BOTH = pytest.mark.parametrize("language", ["en", "zh"])
MOST_TABS = 150
COUNT_CLICKS = """
addEventListener('click', event => {
    if (!event.isTrusted || !event.detail) return;  // Enter on a button is a click without a pointer
    sessionStorage.clicks = Number(sessionStorage.clicks || 0) + 1;
}, true);
"""
HALF = "half of them by {}"
LETTERS = "letters by {}"


class Mouse:
    """Does what is asked by clicks, which the page counts."""

    name = "mouse"

    def __init__(self, visitor: Visitor) -> None:
        self.page = visitor.page
        self.page.context.add_init_script(COUNT_CLICKS)

    def press(self, target) -> None:
        target.click()

    def write(self, target, text: str) -> None:
        target.click()
        self.page.keyboard.press("Control+a")
        self.page.keyboard.type(text)

    def pick(self, target, text: str, *, search: bool = False) -> None:
        target.click()
        if search:
            self.page.keyboard.type(text)
        self.page.locator(".q-menu .q-item:not(.disabled)").filter(has_text=text).first.click()

    @property
    def clicks(self) -> int:
        return int(self.page.evaluate("sessionStorage.clicks || '0'"))


class Keyboard:
    """Does what is asked by Tab, Enter and arrows."""

    name = "keyboard"
    clicks = 0

    def __init__(self, visitor: Visitor) -> None:
        self.page = visitor.page

    def press(self, target) -> None:
        self._reach(target)
        self.page.keyboard.press("Enter")

    def write(self, target, text: str) -> None:
        self._reach(target)
        self.page.keyboard.press("Control+a")
        self.page.keyboard.type(text)

    def pick(self, target, text: str, *, search: bool = False) -> None:
        self._reach(target)
        if search:
            self.page.keyboard.type(text)
        else:
            self.page.keyboard.press("ArrowDown")
        self.page.locator(".q-menu .q-item").filter(has_text=text).first.wait_for()
        for _ in range(MOST_TABS):
            chosen = self.page.locator(".q-menu .q-manual-focusable--focused")
            if chosen.count() and text.casefold() in chosen.first.inner_text().casefold():
                break
            self.page.keyboard.press("ArrowDown")
            self.page.wait_for_timeout(30)
        self.page.keyboard.press("Enter")
        self.page.locator(".q-menu").wait_for(state="detached")

    def _reach(self, target) -> None:
        target.wait_for()
        for _ in range(MOST_TABS):
            if target.evaluate(
                "wanted => wanted === document.activeElement || wanted.contains(document.activeElement)"
            ):
                return
            self.page.keyboard.press("Tab")
        raise AssertionError(f"Tab does not lead to {target}")


HANDS = [("en", Mouse), ("zh", Mouse), ("en", Keyboard)]
BY_HAND = pytest.mark.parametrize(("language", "hand"), HANDS, ids=["mouse-en", "mouse-zh", "keyboard-en"])


def at_home(browser, site, language, hand) -> tuple[Visitor, Mouse | Keyboard]:
    mia = Visitor(browser, site, "Mia", language)
    with_hand = hand(mia)
    mia.open(site)
    return mia, with_hand


@BY_HAND
def test_likely_leavers_worth_keeping_are_exported_with_a_holdout(browser, site, language, hand) -> None:
    mia, by = at_home(browser, site, language, hand)
    page, say = mia.page, mia.say
    by.press(page.locator("main").get_by_role("link", name=say(msg("Wake up"))))
    mia.heading(msg("New audience"))
    leavers = mia.count()
    mia.settle()
    by.press(page.locator(".group-root > .group-foot button").first)
    page.locator(".cond").nth(1).wait_for()
    mia.settle()
    spend = say.of({"en": "net spend", "zh": "净消费额"})
    by.pick(page.locator(".cond .c-field").last, spend, search=True)
    mia.settle()
    by.pick(page.locator(".cond .c-part").last, say(msg("ever")))
    mia.settle()
    by.write(page.locator(".cond .c-value input").last, "100")
    page.wait_for_function("document.querySelector('.filter-text textarea').value.includes('>= 100')")
    page.locator(".answer-words").get_by_text(spend).wait_for()
    page.wait_for_function(f"document.querySelector('.answer-count b').textContent !== '{leavers:,}'")
    worth = mia.count()
    assert 0 < worth < leavers
    assert page.locator(".outcome-lead").first.inner_text()
    by.press(page.locator("main").get_by_role("button", name=say(msg("Export")), exact=True))
    page.locator(".sheet-dialog").wait_for()
    mia.settle()
    by.pick(page.get_by_role("combobox", name=say(msg("Channel"))).first, "email")
    mia.settle()
    by.write(page.get_by_label(say(msg("Hold out a control group, %"))), "20")
    go = page.locator(".sheet-dialog button.primary")
    page.wait_for_timeout(400)
    with page.expect_download() as download:
        by.press(go)
    with download.value.path().open(encoding="utf-8", newline="") as file:
        written = sum(1 for _ in csv.DictReader(file))
    assert 0 < written < worth
    page.get_by_text(say(nmsg("{n:,} row written", "{n:,} rows written", written))).wait_for()
    assert by.clicks <= 12
    mia.leave()


@BY_HAND
def test_why_did_this_audience_change(browser, site, language, hand) -> None:
    mia, by = at_home(browser, site, language, hand)
    page, say = mia.page, mia.say
    name = HALF.format(f"{hand.name} {language}")
    mia.ask("PUT", f"/api/v1/audiences/{name}", {"filter": f"{TAG}.percentile >= 50"})
    change = mia.ask("GET", f"/api/v1/audiences/{name}/changes")
    by.press(page.locator("aside").get_by_role("link", name=say(msg("Saved audiences"))))
    mia.heading(msg("Saved audiences"))
    by.press(page.locator("main").get_by_role("link", name=name, exact=True))
    page.get_by_role("heading", level=1, name=name).wait_for()
    shown = [int(cell.inner_text()) for cell in page.locator(".why td .num").all()]
    assert (sum(shown[::2]), sum(shown[1::2])) == (change["joined"], change["left"])
    assert by.clicks <= 3
    mia.leave()


@BY_HAND
def test_what_came_of_the_campaign(browser, site, language, hand) -> None:
    mia, by = at_home(browser, site, language, hand)
    page, say = mia.page, mia.say
    name = LETTERS.format(f"{hand.name} {language}")
    starts = datetime.now(UTC).date() - timedelta(days=1)
    goal = {"kind": "no_event", "horizon_days": 14}
    wanted = {"filter": f"{TAG}.score >= 0", "holdout": 0.3, "channel": "email", "name": name, "goal": goal, "starts": f"{starts}"}  # fmt: skip
    given = page.evaluate(
        """body => fetch('/api/v1/audiences/export', {method: 'POST', headers: {'Content-Type': 'application/json'}, body})
        .then(answer => answer.status)""",
        json.dumps(wanted),
    )
    assert given == 200
    (campaign,) = [one for one in mia.ask("GET", "/api/v1/campaigns") if one["name"] == name]
    by.press(page.locator("aside").get_by_role("link", name=say(msg("Campaigns"))))
    mia.heading(msg("Campaigns"))
    by.press(page.locator("main").get_by_role("link", name=name, exact=True))
    page.get_by_role("heading", level=1, name=name).wait_for()
    shown = page.locator("main").inner_text()
    assert f"{campaign['given']:,}" in shown
    assert f"{campaign['held_out']:,}" in shown
    assert by.clicks <= 3
    mia.leave()


@BY_HAND
def test_who_is_this_customer(browser, site, language, hand) -> None:
    mia, by = at_home(browser, site, language, hand)
    page, say = mia.page, mia.say
    by.press(page.locator("aside").get_by_role("link", name=say(msg("Customer lookup"))))
    mia.heading(msg("Customer lookup"))
    by.write(page.get_by_placeholder(say(msg("Customer ID"))), "c0001")
    by.press(page.locator("main").get_by_role("button", name=say(msg("Open")), exact=True))
    for title in (msg("Last purchase"), msg("Tags and reasons"), msg("Recent activity")):
        page.locator("main").get_by_text(say(title), exact=True).first.wait_for()
    assert by.clicks <= 3
    mia.leave()


@BY_HAND
def test_is_this_tag_good_enough(browser, site, language, hand) -> None:
    mia, by = at_home(browser, site, language, hand)
    page, say = mia.page, mia.say
    title = say.of({"en": "Churn risk", "zh": "流失风险"})
    by.press(page.locator("aside").get_by_role("link", name=say(msg("Tags")), exact=True))
    mia.heading(msg("Tags"))
    by.press(page.locator("main").get_by_role("link", name=title).first)
    page.get_by_role("heading", level=1, name=title).wait_for()
    # What the rule is good for, beside doing nothing, stands first.
    page.get_by_role("heading", level=2).first.get_by_text(say(msg("What it is good for"))).wait_for()
    assert by.clicks <= 2
    mia.leave()

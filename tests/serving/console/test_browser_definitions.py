"""What data scientists and authors do in a browser, in both languages: plan and apply, a rule counted as it is typed."""

from __future__ import annotations

import re
import time

import pytest

from tagcast.features.core.messages import msg, nmsg
from tests.support.browser import Visitor
from tests.support.console.shop import NORTH, RULE, people

pytestmark = [pytest.mark.xdist_group("browser"), pytest.mark.browser, pytest.mark.slow]
PLAN_MS = 180_000
"""Each plan is made in a process of its own, which a busy machine takes its time to start."""
BOTH = pytest.mark.parametrize("language", ["en", "zh"])


def numbers(row) -> list[int]:
    """Return the whole numbers of a row's cells, the first apart."""
    cells = row.locator("td").all_inner_texts()[1:]
    found = [re.sub(r"[^\d−]", "", re.split(r"\s", cell.strip())[0]) for cell in cells]
    return [int(text.replace("−", "-")) for text in found]


@BOTH
def test_a_changed_rule_is_planned_read_and_proposed_with_a_reason(shop, browser, site, language):
    """A second person is asked for: who applies first proposes."""
    lived = {
        city: sum(p["city"] == city for p in people(shop.folder)) for city in ("Tromsø", "Oslo", "Bergen")
    }
    moved_to = "Oslo" if language == "en" else "Bergen"
    file = shop.folder / "tags" / f"{NORTH}.yaml"
    before = file.read_text(encoding="utf-8")
    bob = Visitor(browser, site, "Bob", language)
    page, say = bob.page, bob.say
    try:
        file.write_text(RULE.format(name=NORTH, city=moved_to), encoding="utf-8")
        bob.open(f"{site}/definitions")
        if page.locator(".note.warn").count():  # a plan of an earlier test
            bob.press(msg("Plan again"))
        reason = page.get_by_label(say(msg("Reason (kept on record)")))
        reason.wait_for(timeout=PLAN_MS)
        card = page.locator("section.card").filter(has=page.locator(f"code:text-is('{NORTH}')"))
        card.get_by_text(f"city = '{moved_to}'").wait_for()
        rows = card.locator("table").last.locator("tbody tr")
        then = {"yes": lived[moved_to], "no": sum(lived.values()) - lived[moved_to]}
        now = {"yes": lived["Tromsø"], "no": sum(lived.values()) - lived["Tromsø"]}
        for place in range(rows.count()):
            value = "yes" if rows.nth(place).locator("td").first.inner_text() in {"yes", "是"} else "no"
            assert numbers(rows.nth(place)) == [now[value], then[value], then[value] - now[value]]
        other = nmsg(
            "{n:,} customer would get another value.", "{n:,} customers would get another value.",
            lived["Tromsø"] + lived[moved_to],
        )  # fmt: skip
        card.get_by_text(say(other)).wait_for()
        bob.press(msg("Apply the changes"))
        page.get_by_role("alert").wait_for()  # it asks why
        reason.fill(f"they moved to {moved_to}")
        time.sleep(0.6)  # a field sends what it holds after a pause
        bob.press(msg("Apply the changes"))
        card.get_by_text(say(msg("Proposed by {who}; waits for a second person", who="Bob"))).wait_for(
            timeout=PLAN_MS
        )
        log = bob.ask("GET", "/api/v1/audit?action=definition.propose")
        assert log[0]["detail"]["reason"] == f"they moved to {moved_to}"
        mia = Visitor(browser, site, "Mia", language)
        mia.open(f"{site}/definitions")
        assert not mia.page.locator(".plan").count(), "a marketer does not plan"
        mia.leave()
    finally:
        file.write_text(before, encoding="utf-8")
    bob.leave()


@BOTH
def test_a_rule_is_counted_as_it_is_typed_and_again_for_who_reviews_it(shop, browser, site, language):
    everyone = people(shop.folder)
    young = sum(int(p["age"]) < 40 and p["city"] == "Oslo" for p in everyone)
    mia = Visitor(browser, site, "Bob", language)
    page, say = mia.page, mia.say
    mia.open(f"{site}/rules/new")
    count = page.locator(".draft-count")
    count.get_by_text(say(msg("Type a rule to see how many customers it has."))).wait_for()
    page.get_by_label(say(msg("Rule")), exact=True).fill("city = 'Oslo' AND age < 40")
    count.locator("table").wait_for()
    rows = count.locator("tbody tr")
    assert numbers(rows.nth(0)) == [young]
    assert numbers(rows.nth(1)) == [len(everyone) - young]
    assert (
        "Customers where city is “Oslo”" if language == "en" else "满足以下条件的客户：city为“Oslo”"
    ) in count.inner_text()
    page.get_by_label(say(msg("Rule")), exact=True).fill("city = 'Oslo' AND agge < 40")
    count.get_by_role("alert").wait_for()
    page.get_by_label(say(msg("Rule")), exact=True).fill("city = 'Oslo'")
    count.locator("table").wait_for()
    assert numbers(count.locator("tbody tr").first) == [sum(p["city"] == "Oslo" for p in everyone)]
    rule = {
        "name": f"oslo_{language}", "title": {"en": "Oslo", "zh": "奥斯陆"}, "description": {"en": "o", "zh": "o"},
        "path": ["Lifecycle", "Stage"], "owner": "Bob", "rule": "city = 'Oslo' AND age < 40",
    }  # fmt: skip
    mia.ask("POST", "/api/v1/rule-drafts", {"definition": rule, "reason": "for the tests"})
    mia.ask("POST", f"/api/v1/rule-drafts/oslo_{language}/submit", {"reason": "for the tests"})
    mia.leave()
    ola = Visitor(browser, site, "Ola", language)
    ola.open(f"{site}/reviews")
    row = ola.page.locator(".review-step").filter(has=ola.page.locator(f"code:text-is('oslo_{language}')"))
    row.wait_for()
    shown = ola.page.locator(".draft-count table").filter(has_text="Oslo")
    shown.first.wait_for()
    assert numbers(shown.first.locator("tbody tr").first) == [young]
    ola.ask("POST", f"/api/v1/tags/oslo_{language}/steps", {"to": "retired", "reason": "of a test"})
    ola.leave()

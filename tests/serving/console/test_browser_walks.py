"""A marketer's day and a data scientist's, walked in a browser, in both languages."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from tagcast.features.core.messages import msg, nmsg
from tagcast.registry.governance.lifecycle import status_of, transition
from tagcast.serving.console.i18n.translator import SHORT
from tagcast.serving.console.i18n.vocabulary import STATUS_TITLES, STEP_TITLES
from tests.support.browser import Visitor
from tests.support.champion import TAG
from tests.support.console.shop import ANN, NORTH, WEST, people

pytestmark = [pytest.mark.xdist_group("browser"), pytest.mark.browser, pytest.mark.slow]


@pytest.mark.parametrize("language", ["en", "zh"])
def test_a_fact_is_found_by_either_language_and_its_period_chosen_in_words(browser, site, language):
    mia = Visitor(browser, site, "Mia", language)
    say, page = mia.say, mia.page
    mia.open(f"{site}/audience?filter=recency_days%20IS%20NULL")
    never = {"en": "there has never been any purchase", "zh": "从未有过购买"}
    page.get_by_text(say.of(never)).wait_for()
    # Searched for in the other language, the other words are shown.
    page.locator(".cond .c-field").click()
    page.locator(".cond .c-field input").fill({"en": "净消费额", "zh": "net spend"}[language])
    assert (
        page.locator(".q-menu .q-item.disabled").inner_text()
        == {"en": "Purchases and activity", "zh": "购买与活动"}[language]
    )
    page.locator(".q-menu .q-item:not(.disabled)").first.click()
    mia.settle()
    mia.pick(".c-part", say(msg("last {days} days", days=7)))
    mia.settle()
    value = page.locator(".cond .c-value input")
    page.wait_for_function("document.querySelector('.cond .c-value input').placeholder.includes('–')")
    value.fill("20")
    page.wait_for_function("document.querySelector('.filter-text textarea').value === 'spend_7d >= 20'")
    assert page.locator(".cond .q-field__suffix").inner_text() == "NOK"
    sentence = {"en": "net spend, last 7 days is at least 20 NOK", "zh": "近7天净消费额不低于20 NOK"}
    page.get_by_text(say.of(sentence)).wait_for()
    counted = mia.ask("POST", "/api/v1/audiences/count", {"filter": "spend_7d >= 20"})["members"]
    assert 0 < counted == mia.count()


@pytest.mark.parametrize("language", ["en", "zh"])
def test_a_marketer_finds_a_tag_and_takes_an_audience_away(browser, site, language):
    mia = Visitor(browser, site, "Mia", language)
    say, page = mia.say, mia.page
    # Find the tag and read what it is.
    title = say.of({"en": "Churn risk", "zh": "流失风险"})
    mia.open(f"{site}/tags")
    page.get_by_role("searchbox", name=say(msg("Search by name or meaning"))).fill(title[:4])
    # A click while the list is drawn anew would be lost: what is found stands without its groups.
    page.locator(".tag-group").first.wait_for(state="detached")
    page.get_by_role("link", name=title).first.click()
    page.get_by_role("heading", level=1, name=title).wait_for()
    assert page.get_by_text(say(msg("Meaning")), exact=True).is_visible()
    # Build a nested filter: the count follows.
    mia.press(msg("Build an audience"), "link")
    mia.heading(msg("New audience"))
    first = mia.count()
    assert first > 0
    page.locator(".group-root > .group-foot button").nth(1).click()
    page.locator(".group .group .cond").wait_for()
    mia.pick(".c-field", "city")
    page.locator(".group .group .c-value").wait_for()
    mia.pick(".c-value", "Oslo")
    page.keyboard.press("Escape")
    page.locator(".cond .c-effect").first.wait_for(state="attached")
    page.wait_for_function(f"document.querySelector('.answer-count b').textContent !== '{first:,}'")
    both = mia.count()
    assert both < first
    text = page.locator(".filter-text textarea").input_value()
    assert text == f"{TAG} = 'yes' AND city = 'Oslo'"
    # The text form: what is written there is drawn. It goes to whatever has the focus, which a closing menu takes back, and a
    # drawing that is on its way would bring the text of before.
    page.wait_for_timeout(500)
    mia.settle()
    written = f"{TAG} = 'yes' AND (city = 'Oslo' OR {TAG}.percentile >= 90)"
    page.locator(".filter-text textarea").fill(written)
    assert page.locator(".filter-text textarea").input_value() == written
    page.locator(".group .group .cond").nth(1).wait_for()
    nested = mia.count()
    assert nested >= both
    page.locator(".filter-text textarea").fill(f"{TAG} = 'yes' AND (")
    assert page.locator(".trouble [role=alert]").inner_text()
    # No count stands beside a filter that cannot be read.
    page.locator(".answer-count b", has_text="–").wait_for()
    page.locator(".filter-text textarea").fill(text)
    page.locator(".trouble [role=alert]").wait_for(state="detached")
    # Joined in another way and back, by the keyboard: it stays where it was.
    page.locator(".group-root > .group-head button").nth(1).focus()
    page.keyboard.press("Enter")
    page.wait_for_function("document.querySelector('.filter-text textarea').value.includes(' OR ')")
    page.locator(".group-root > .group-head button:focus").wait_for()
    page.keyboard.press("Shift+Tab")
    page.keyboard.press("Enter")
    page.wait_for_function(f"document.querySelector('.filter-text textarea').value === `{text}`")
    # The portrait.
    mia.press(msg("Portrait"))
    mia.heading(msg("Portrait"))
    page.get_by_text(say(msg("What sets them apart")), exact=True).wait_for()
    mia.press(msg("Back to the filter"), "link")
    mia.heading(msg("New audience"))
    # Save it.
    assert mia.count() == both
    name = f"Oslo {language}"
    mia.press(msg("Save"))
    page.get_by_label(say(msg("Name")), exact=True).fill(name)
    mia.press(msg("Save"), within=".sheet-dialog")
    mia.heading(msg("Audience: {name}", name=name))
    # Take it away.
    assert mia.count() == both
    mia.press(msg("Export"))
    mia.choose(msg("Channel"), mia.say(msg("no contact: no one in the file is written to or called")))
    with page.expect_download() as download:
        mia.press(msg("Export"), within=".sheet-dialog")
    lines = download.value.path().read_text(encoding="utf-8").splitlines()
    assert len(lines) == both + 1
    page.get_by_text(say(nmsg("{n:,} row written", "{n:,} rows written", both))).wait_for()
    page.keyboard.press("Escape")
    # Find it in the audit log, which holds what she did herself.
    mia.press(msg("Audit log"), "link", within="aside")
    mia.heading(msg("Audit log"))
    row = page.locator("tr").filter(has_text=name).filter(has_text=say(msg("exported")))
    row.first.wait_for()
    assert set(page.locator("tbody tr td:nth-child(2)").all_inner_texts()) == {"mia"}  # in small letters
    mia.leave()


@pytest.mark.parametrize("language", ["en", "zh"])
def test_an_unsaved_filter_survives_and_leaving_asks(browser, site, language):
    mia = Visitor(browser, site, "Mia", language)
    page, text = mia.page, f"{TAG} = 'yes' AND city = 'Oslo'"
    field = page.locator(".filter-text textarea")
    holds = f"document.querySelector('.filter-text textarea')?.value === `{text}`"
    asked: list[str] = []
    page.on("dialog", lambda dialog: (asked.append(dialog.type), dialog.accept()))
    page.goto(f"{site}/audience")
    everyone = mia.count()
    field.fill(text)
    page.wait_for_function("location.search.includes('Oslo') && window.tagcastUnsaved === true")
    page.wait_for_function(f"document.querySelector('.answer-count b').textContent !== '{everyone:,}'")
    members = mia.count()
    # Language and theme, without being asked.
    other = "zh" if language == "en" else "en"
    for choice in (SHORT[other], SHORT[language]):
        page.locator("aside").get_by_text(choice, exact=True).click()
        page.wait_for_function(holds)
    page.locator("aside .prefs .seg").nth(1).locator("a").nth(1).click()
    page.wait_for_function(holds)
    assert asked == []
    assert mia.count() == members
    # To the portrait and back, and a reload.
    mia.press(msg("Portrait"))
    mia.heading(msg("Portrait"))
    assert asked == []
    page.go_back()
    page.wait_for_function(holds)
    page.reload()
    page.wait_for_function(holds)
    page.wait_for_function("window.tagcastUnsaved === true")
    # Leaving asks.
    asked.clear()
    page.locator("aside").get_by_role("link", name=mia.say(msg("Saved audiences"))).click()
    mia.heading(msg("Saved audiences"))
    assert asked == ["beforeunload"]
    # An address whose filter cannot be read shows no count.
    page.goto(f"{site}/audience?filter={TAG}+%3D+")
    page.locator(".answer-count b", has_text="–").wait_for()
    mia.leave()


@pytest.mark.parametrize("language", ["en", "zh"])
def test_a_data_scientist_approves_a_champion(shop, browser, site, language):
    version = shop.propose()
    bob = Visitor(browser, site, "Bob", language)
    say, page = bob.say, bob.page
    bob.press(msg("Reviews"), "link", within="aside")
    bob.heading(msg("Reviews"))
    page.get_by_text(say(msg("Version {version}", version=version)), exact=True).first.wait_for()
    bob.press(msg("Approve"))
    page.get_by_label(say(msg("Reason (kept on record)")), exact=True).fill("read the card")
    bob.press(msg("Approve"), within=".sheet-dialog")
    page.get_by_text(say(msg("Nothing to review")), exact=True).wait_for()
    page.goto(f"{site}/tags/{TAG}")
    live = page.locator("li").filter(has_text=say(msg("active")))
    live.first.wait_for()
    assert say(msg("Version {version}", version=version)) in live.first.inner_text()
    assert page.get_by_text("read the card").first.is_visible()
    bob.leave()


@pytest.mark.parametrize("language", ["en", "zh"])
def test_drafts_are_submitted_by_one_and_published_by_another_all_at_once(shop, browser, site, language):
    tags = [NORTH, WEST]
    bob, ola = (Visitor(browser, site, name, language) for name in ("Bob", "Ola"))
    # A second person is asked for since the second run: what the first one published stays so, for a filter too.
    bob.open(f"{site}/tags/{NORTH}")
    bob.page.locator(".head .pill").get_by_text(bob.say(STATUS_TITLES["published"]), exact=True).wait_for()
    bob.open(f"{site}/audience?filter={NORTH}+%3D+%27yes%27")
    assert bob.count() == sum(p["city"] == "Tromsø" for p in people(shop.folder))
    for tag in tags:
        for step in ("suspended", "in_review", "draft"):
            transition(
                shop.state, tag, step, by=ANN, reason="r", now=datetime.now(UTC), second_person=True, published=True
            )  # fmt: skip
    for person, step, status in ((bob, "in_review", "in_review"), (ola, "published", "published")):
        page, say = person.page, person.say
        person.open(f"{site}/reviews")
        for tag in tags:
            title = say.of({"en": f"{tag} title", "zh": f"{tag} 标题"})
            page.get_by_label(say(msg("Select {tag}", tag=title))).click()
        person.press(msg("{step}: selected tags", step=say(STEP_TITLES[step])))
        page.locator(".sheet-dialog").get_by_label(say(msg("Reason"))).fill("both")
        person.press(STEP_TITLES[step], within=".sheet-dialog")
        page.locator(".sheet-dialog").wait_for(state="detached")
        person.settle()
        assert status_of(shop.state, tags) == dict.fromkeys(tags, status)
        if person is bob:  # Publish is offered to who may: not to whoever submitted it.
            bob.open(f"{site}/reviews")
            assert page.get_by_label(say(msg("Select {tag}", tag=title))).count() == 0
            rows = page.locator(".review-step").filter(has_text="northern")
            rows.get_by_text(say(msg("Someone else has to publish it: you proposed it."))).wait_for()
            assert rows.get_by_role("button", name=say(STEP_TITLES["published"]), exact=True).count() == 0
    bob.leave()
    ola.leave()


@pytest.mark.parametrize("width", [1280, 390])
def test_every_page_fits_and_can_be_reached_by_keyboard(browser, site, width):
    bob = Visitor(browser, site, "Bob", "en")
    bob.page.set_viewport_size({"width": width, "height": 844})
    for path in (
        "/",
        "/tags",
        f"/tags/{TAG}",
        "/audience",
        "/audiences",
        "/exports",
        "/campaigns",
        "/runs",
        "/reviews",
        "/profile",
        "/rules/new",
        "/audit",
    ):
        bob.page.goto(f"{site}{path}")
        bob.page.get_by_role("heading", level=1).first.wait_for()
        assert bob.page.evaluate("document.documentElement.scrollWidth") <= width, path
    bob.page.keyboard.press("Tab")
    assert bob.page.evaluate("document.activeElement.className") == "skip"
    bob.leave()

"""What people do in the console, step by step in a browser, in both languages: export, profit, compare, draft."""

from __future__ import annotations

import csv
from datetime import UTC, datetime

import pytest

from tagcast.features.core.messages import msg, nmsg
from tagcast.registry.access.accounts import add_user
from tagcast.registry.access.passwords import LENGTHS
from tagcast.registry.governance.lifecycle import transition
from tagcast.registry.governance.saved_audiences import add_size
from tests.support.browser import SECRET, Visitor
from tests.support.champion import TAG
from tests.support.console.shop import BOB, CONSENTS, people

pytestmark = [pytest.mark.xdist_group("browser"), pytest.mark.browser, pytest.mark.slow]
BOTH = pytest.mark.parametrize("language", ["en", "zh"])


@BOTH
def test_an_export_asks_what_it_is_for_and_says_first_whom_it_leaves_out(shop, browser, site, language):
    everyone = [p for p in people(shop.folder) if p["city"] == "Oslo"]
    agreed = {p["customer"] for p in everyone if p["mail_ok"] == "yes"}
    unknown = sum(p["mail_ok"] == "" for p in everyone)
    assert CONSENTS.count("yes") == 3
    assert 0 < unknown < len(everyone) - len(agreed)
    mia = Visitor(browser, site, "Mia", language)
    page, say = mia.page, mia.say
    mia.open(f"{site}/audience?filter=city+%3D+%27Oslo%27")
    mia.press(msg("Export"))
    go = page.locator(".sheet-dialog button.primary")
    assert go.get_attribute("disabled") is not None, "nothing is chosen beforehand"
    mia.choose(msg("Channel"), "email")
    reach = page.locator(".export-reach")
    reach.get_by_text(
        say(
            msg(
                "{written} of {members} members will be written.",
                written=str(len(agreed)),
                members=str(len(everyone)),
            )
        )
    ).wait_for()
    left_out = len(everyone) - len(agreed)
    sentence = msg(
        "{count} are left out: {refused} do not consent, of {unknown} nothing is known.",
        count=str(left_out), refused=str(left_out - unknown), unknown=str(unknown),
    )  # fmt: skip
    assert say(sentence) in reach.inner_text()
    page.get_by_label(say(msg("Hold out a control group, %"))).fill("20")
    page.get_by_label(say(msg("Hold out a control group, %"))).press("Tab")
    page.wait_for_timeout(400)
    with page.expect_download() as download:
        go.click()
    with download.value.path().open(encoding="utf-8", newline="") as file:
        written = {row["profile_id"] for row in csv.DictReader(file)}
    assert written < agreed, "nobody who did not agree, and not all who did"
    page.get_by_text(say(nmsg("{n:,} row written", "{n:,} rows written", len(written)))).wait_for()
    page.get_by_text(say(msg("{count} held out", count=str(len(agreed) - len(written))))).wait_for()
    assert abs(len(agreed) - len(written) - 0.2 * len(agreed)) <= 0.15 * len(agreed)
    # Another export draws another control group: the same people are not left out of every campaign.
    with page.expect_download() as again:
        go.click()
    with again.value.path().open(encoding="utf-8", newline="") as file:
        assert {row["profile_id"] for row in csv.DictReader(file)} != written
    mia.leave()


@BOTH
def test_profit_of_a_loss_asks_what_a_contact_saves_and_names_the_currency(browser, site, language):
    mia = Visitor(browser, site, "Mia", language)
    page, say = mia.page, mia.say
    mia.open(f"{site}/audience?filter={TAG}.percentile+%3E%3D+20")
    page.locator("details.fold summary").first.click()
    page.get_by_text(say(msg("Amounts are in {currency}.", currency="NOK"))).wait_for()
    labels = [
        msg("Value per success"),
        msg("Cost per contact"),
        msg("Kept by a contact, of 100 who would leave"),
    ]
    fields = [page.get_by_label(say(label)).first for label in labels]
    assert [field.input_value() for field in fields] == ["", "", ""], (
        "a figure that stands there is taken for a fact"
    )
    more = page.get_by_text(say(msg("Fill in the figures to see what pays.")))
    more.wait_for()
    fields[0].fill("100")
    fields[1].fill("1")
    more.wait_for()  # until it is known what a contact saves, nothing is promised
    fields[2].fill("10")
    page.locator(".profit-picture figure").wait_for()
    best = page.locator(".profit-picture .best").inner_text()
    fields[2].fill("100")
    page.wait_for_function(
        "was => document.querySelector('.profit-picture .best')?.innerText !== was", arg=best
    )
    mia.leave()


@BOTH
def test_what_is_compared_is_in_the_address_and_one_customer_less_is_no_fall(shop, browser, site, language):
    mia = Visitor(browser, site, "Mia", language)
    page, say = mia.page, mia.say
    names = [f"{city} {language}" for city in ("Bergen", "Oslo", "Tromsø")]
    for name in names:
        mia.ask("PUT", f"/api/v1/audiences/{name}", {"filter": f"city = '{name.split()[0]}'"})
    mia.open(f"{site}/compare")
    mia.choose(msg("First audience"), names[2])
    page.wait_for_function("name => new URLSearchParams(location.search).get('a') === name", arg=names[2])
    mia.settle()
    mia.choose(msg("Second audience"), names[0])
    page.wait_for_function("name => new URLSearchParams(location.search).get('b') === name", arg=names[0])
    page.reload()
    page.locator(".compare .legend").get_by_text(names[2]).wait_for()
    assert page.locator(".compare .legend").get_by_text(names[0]).is_visible()
    assert page.get_by_label(say(msg("First audience"))).first.input_value() == names[2]
    # The sizes of one have doubled, those of the other are one customer less: drawn without axes, only the first is steep.
    now, steep = datetime(2020, 1, 1, tzinfo=UTC), 18  # pixels between the margins of a small line
    sizes = {one["name"]: one["members"] for one in mia.ask("GET", "/api/v1/audiences")}
    before = {names[0]: sizes[names[0]] // 2, names[1]: sizes[names[1]] + 1}
    for name, members in before.items():
        add_size(shop.state, name, 1_000, now, members, 300)
    mia.open(f"{site}/audiences")
    for name in before:
        line = (
            page.locator("tr").filter(has=page.get_by_role("link", name=name, exact=True)).locator("polyline")
        )
        first, last = [float(point.split(",")[1]) for point in line.get_attribute("points").split()]
        rise = first - last
        assert (rise == pytest.approx(steep, abs=0.2)) if name == names[0] else (-4 < rise < 0), (name, rise)
    mia.leave()


@BOTH
def test_the_rule_form_marks_what_is_wrong_in_its_own_language(browser, site, language):
    mia = Visitor(browser, site, "Mia", language)
    page, say = mia.page, mia.say
    mia.open(f"{site}/rules/new")

    def field(label):
        return page.locator(".q-field").filter(has=page.get_by_label(say(label), exact=True)).first

    page.get_by_label(say(msg("Why it is needed"))).fill("a campaign")
    mia.press(msg("Save draft"))
    page.get_by_text(say(msg("Correct the marked fields."))).wait_for()
    own, other = ("English", "Chinese") if language == "en" else ("Chinese", "English")
    titles = {"English": msg("Title (English)"), "Chinese": msg("Title (Chinese)")}
    for wrong in (titles[own], msg("Name (letters, digits, _)"), msg("Place in the tag tree")):
        field(wrong).locator(".q-field__messages [role=alert]").wait_for()
    for right in (titles[other], msg("Owner"), msg("Why it is needed")):
        assert field(right).locator("[role=alert]").count() == 0
    shown = " ".join(page.locator(".q-field [role=alert]").all_inner_texts())
    assert not {"Tuple", "validation", "schema", "Value error"} & set(shown.split())
    assert (any("\u4e00" <= c <= "\u9fff" for c in shown)) == (language == "zh")
    # What is corrected is no longer marked; a rule that cannot be read marks the rule.
    page.get_by_label(say(titles[own])).fill("Northern")
    field(titles[own]).locator("[role=alert]").wait_for(state="detached")
    page.get_by_label(say(msg("Name (letters, digits, _)"))).fill(f"northern_{language}")
    page.get_by_label(say(msg("Place in the tag tree"))).fill("Lifecycle / Stage")
    meaning = msg("Meaning (English)") if language == "en" else msg("Meaning (Chinese)")
    page.get_by_label(say(meaning)).fill("Lives up there")
    page.get_by_label(say(msg("Rule")), exact=True).fill("cityy = 'Oslo'")
    page.wait_for_timeout(600)
    mia.press(msg("Save draft"))
    field(msg("Rule")).locator("[role=alert]").filter(has_text="cityy").wait_for()
    page.get_by_label(say(msg("Rule")), exact=True).fill("city = 'Oslo'")
    page.wait_for_timeout(600)
    mia.press(msg("Save draft"))
    page.wait_for_url(f"**/rules/new?draft=northern_{language}")
    # The name is taken now.
    mia.open(f"{site}/rules/new")
    mia.leave()


@BOTH
def test_words_of_the_meaning_find_a_tag(browser, site, language):
    mia = Visitor(browser, site, "Mia", language)
    mia.open(f"{site}/tags")
    search = mia.page.get_by_role("searchbox", name=mia.say(msg("Search by name or meaning")))
    search.fill({"en": "buy next days", "zh": "不再购买"}[language])
    mia.page.locator(".tag-group").first.wait_for(state="detached")
    mia.page.get_by_role("link", name=mia.say.of({"en": "Churn risk", "zh": "流失风险"})).first.wait_for()
    for path, problem in (
        ("/tags/nothing_of_that_name", msg("There is no tag with that name")),
        ("/profile/nobody", msg("There is no customer {id}", id="nobody")),
    ):
        mia.open(f"{site}{path}")
        mia.page.get_by_text(mia.say(problem)).wait_for()
        assert "tagcast " not in mia.page.locator("main").inner_text(), "nobody is sent to a shell"
    mia.leave()


@BOTH
def test_pages_say_what_speaks_against_relying_on_what_they_show(shop, browser, site, language):
    halted = f"halted_{language}"
    ola = Visitor(browser, site, "Ola", language)
    rule = {"name": halted, "title": {"en": halted}, "description": {"en": halted}, "path": ["Lifecycle", "Stage"], "owner": "Ola",
            "rule": "city = 'Bergen'"}  # fmt: skip
    ola.ask("POST", "/api/v1/rule-drafts", {"definition": rule, "reason": "r"})
    ola.ask("POST", "/api/v1/tags/steps", {"tags": [halted], "to": "in_review", "reason": "r"})
    ola.leave()
    step = {"by": BOB, "reason": "r", "second_person": True}
    transition(shop.state, halted, "published", now=datetime.now(UTC), **step)
    mia = Visitor(browser, site, "Mia", language)
    page, say = mia.page, mia.say
    main = page.locator("main")
    # Data of 2024 do not look fresh because somebody scored them today.
    mia.open(f"{site}/tags")
    main.get_by_text(say(msg("Out of date"))).first.wait_for()
    mia.open(f"{site}/tags/{TAG}")
    main.get_by_text(say(msg("Out of date"))).first.wait_for()
    assert "2024-09-12" in main.inner_text(), "thirty days after the last day of the data"
    notes = " ".join(main.locator(".note.warn").all_inner_texts())
    assert "2024-08-13" in notes
    # Nearly half of the days that it predicts were never seen in training: on the tag's page and wherever it is used.
    season = msg(
        "new season: {share:.0%} of the days it predicts lie in a season that no training data has shown; its range is wider, and the promise may not hold",
        share=13 / 30,
    )
    assert say(season) in notes
    mia.open(f"{site}/audience?filter={TAG}+%3D+%27yes%27")
    main.get_by_text(say(season)).first.wait_for()
    # A tag that no run has scored is not sure of anything, and a filter by it says so in people's words.
    mia.open(f"{site}/tags/high_value")
    main.get_by_text(say(msg("known after the first run that scores it"))).wait_for()
    assert "100%" not in main.locator(".stats").inner_text()
    mia.open(f"{site}/audience?filter=high_value+%3D+%27yes%27")
    main.locator(".answer-count b", has_text="–").wait_for()
    trouble = main.locator(".trouble").inner_text()
    assert "high_value" in trouble
    assert "tagcast " not in trouble
    assert {"en": "draft", "zh": "草稿"}[language] in trouble
    # So do one that no run has scored since it was published, and one that somebody suspended.
    mia.open(f"{site}/audience?filter={halted}+%3D+%27yes%27")
    main.locator(".answer-count b", has_text="–").wait_for()
    trouble = main.locator(".trouble").inner_text()
    assert say(msg("the tag {tag!r} has not been scored yet", tag=halted)) in trouble
    assert "tagcast " not in trouble
    transition(shop.state, halted, "suspended", now=datetime.now(UTC), **step)
    mia.open(f"{site}/audience?filter={halted}+%3D+%27yes%27")
    main.locator(".answer-count b", has_text="–").wait_for()
    trouble = main.locator(".trouble").inner_text()
    assert {"en": "suspended", "zh": "暂停"}[language] in trouble
    assert "tagcast " not in trouble
    # One attribute is sensitive; tags that are not published are none of these.
    mia.open(f"{site}/profile/c0001")
    hidden = nmsg(
        "{n} more field is sensitive and hidden from your role.",
        "{n} more fields are sensitive and hidden from your role.",
        1,
    )
    main.get_by_text(say(hidden)).wait_for()
    # Runs: every movement, why, and times that name their zone.
    mia.open(f"{site}/runs")
    assert " UTC" in main.locator("tbody tr").first.inner_text()
    assert main.locator(".pill.num").count() > 0
    assert say(msg("new data")) in main.inner_text()
    mia.leave()


@BOTH
def test_who_may_not_see_single_profiles_gets_rounded_numbers(browser, site, language):
    vera = Visitor(browser, site, "Vera", language)
    main, note = (
        vera.page.locator("main"),
        msg("Numbers are rounded down to multiples of {cell}; smaller groups are not shown.", cell=10),
    )
    vera.open(f"{site}/tags/{TAG}")
    main.get_by_text(vera.say(note)).wait_for()
    counts = [
        int(text.replace(",", ""))
        for text in main.locator(".t.tight tbody td:nth-child(2)").all_inner_texts()
        if text.replace(",", "").isdigit()
    ]
    assert counts
    assert all(n % 10 == 0 for n in counts)
    vera.open(f"{site}/runs")
    main.get_by_text(vera.say(note)).wait_for()
    moved = [int(text) for text in main.locator(".pill.num b").all_inner_texts()]
    assert all(n % 10 == 0 and n > 0 for n in moved)
    vera.leave()


@BOTH
def test_the_shortest_password_is_named_before_one_is_given(browser, site, language):
    ola = Visitor(browser, site, "Ola", language)
    ola.open(f"{site}/access")
    ola.press(msg("Add user"))
    ola.page.locator(".sheet-dialog").get_by_text(str(LENGTHS[0])).first.wait_for()
    ola.leave()


@BOTH
def test_one_changes_ones_password_and_is_out_everywhere_else(shop, browser, site, language):
    name, new = f"zoe {language}", "quite another secret"
    add_user(shop.state, name, "marketer", SECRET, by="tests", now=datetime.now(UTC))
    here, there = Visitor(browser, site, name, language), Visitor(browser, site, name, language)
    here.open(f"{site}/account")
    here.heading(msg("My account"))
    assert here.page.get_by_text(here.say(msg("this one")), exact=True).count() == 1
    assert here.page.get_by_role("button", name=here.say(msg("End session"))).count() == 1
    for label, text in (
        (msg("Old password"), "wrong wrong"),
        (msg("New password"), new),
        (msg("New password again"), new),
    ):
        here.page.get_by_label(here.say(label), exact=True).fill(text)
    here.press(msg("Change password"))
    here.page.get_by_role("alert").wait_for()
    here.page.get_by_label(here.say(msg("Old password")), exact=True).fill(SECRET)
    here.press(msg("Change password"))
    here.page.get_by_text(
        here.say(msg("Your password is changed; you are logged out everywhere else."))
    ).wait_for()
    assert here.ask("GET", "/api/v1/me")["name"] == name
    there.page.goto(f"{site}/runs")
    there.page.locator("input[name=password]").wait_for()
    # What is looked at is on record, and found by who looked.
    here.open(f"{site}/profile/c0001")
    here.open(f"{site}/audit/access?profile=c0001")
    row = here.page.locator("tr").filter(has_text=here.say(msg("one customer"))).filter(has_text=name)
    assert row.filter(has_text=here.say(msg("console"))).count() == 1
    here.leave()
    there.leave()

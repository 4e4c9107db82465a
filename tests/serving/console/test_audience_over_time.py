"""A saved audience in a browser, in both languages: why it changed, its labels, copies and owner, a list of IDs, and exports."""

from __future__ import annotations

import pytest

from tagcast.features.core.messages import msg, nmsg
from tagcast.registry.governance.saved_audiences import get
from tests.support.browser import Visitor
from tests.support.champion import TAG
from tests.support.console.shop import people

pytestmark = [pytest.mark.xdist_group("browser"), pytest.mark.browser, pytest.mark.slow]
BOTH = pytest.mark.parametrize("language", ["en", "zh"])


@BOTH
def test_why_an_audience_changed_is_three_clicks_away(browser, site, language):
    mia = Visitor(browser, site, "Mia", language)
    page, say = mia.page, mia.say
    name = f"half of them {language}"
    mia.ask("PUT", f"/api/v1/audiences/{name}", {"filter": f"{TAG}.percentile >= 50"})
    change = mia.ask("GET", f"/api/v1/audiences/{name}/changes")
    assert change["joined"] > 0 < change["left"]
    page.goto(site)
    page.locator("aside").get_by_role("link", name=say(msg("Saved audiences"))).click()
    page.get_by_role("link", name=name, exact=True).click()
    sentence = msg(
        "{joined} joined and {left} left since the run before: {was} → {members}",
        joined=str(change["joined"]), left=str(change["left"]), was=str(change["was"]), members=str(change["members"]),
    )  # fmt: skip
    page.get_by_text(say(sentence)).wait_for()
    shown = [int(cell.inner_text()) for cell in page.locator(".why td .num").all()]
    assert sum(shown[::2]) == change["joined"]
    assert sum(shown[1::2]) == change["left"]
    mia.press(msg("Show some of them"))
    page.locator(".sheet-dialog a").first.wait_for()
    assert page.locator(".sheet-dialog tbody tr").count() == min(change["joined"], 10) + min(
        change["left"], 10
    )
    lines = mia.ask("GET", "/api/v1/audit/accesses?who=mia")
    assert lines[0]["detail"] == {"audience": name}
    mia.leave()


@BOTH
def test_an_audience_is_labelled_copied_and_handed_on(shop, browser, site, language):
    lea = Visitor(browser, site, "Lea", language)
    page, say = lea.page, lea.say
    name, word = f"to hand on {language}", f"spring {language}"
    lea.ask("PUT", f"/api/v1/audiences/{name}", {"filter": "city = 'Oslo'"})
    lea.ask("PUT", f"/api/v1/audiences/{name}", {"filter": "city = 'Bergen'"})
    lea.open(f"{site}/audiences/{name}")
    assert [one.inner_text() for one in page.locator(".line code").all()] == [
        "city = 'Bergen'", "city = 'Oslo'", "city = 'Oslo'",
    ]  # fmt: skip
    lea.press(msg("Labels"))
    field = page.get_by_role("combobox", name=say(msg("Labels"))).first
    field.fill(word)
    field.press("Enter")
    page.wait_for_timeout(300)
    lea.press(msg("Save"), within=".sheet-dialog")
    page.locator(".pill.label").get_by_text(word).wait_for()
    lea.press(msg("Duplicate"))
    lea.press(msg("Duplicate"), within=".sheet-dialog")
    copy = say(msg("{name} (copy)", name=name))
    page.get_by_role("heading", level=1, name=copy).wait_for()
    lea.open(f"{site}/audiences/{name}")
    lea.press(msg("Change owner"))
    lea.choose(msg("New owner"), "mia")
    lea.press(msg("Change owner"), within=".sheet-dialog")
    page.locator(".facts dd").get_by_text("mia", exact=True).wait_for()
    assert get(shop.state, name).owner == "mia"
    lea.open(f"{site}/audiences?label={word}")
    assert [one.inner_text() for one in page.locator("tbody a.cover").all()] == [name]
    page.locator("input[type=search]").fill("nothing of the kind")
    page.get_by_text(say(msg("No saved audience matches."))).wait_for()
    lea.leave()


@BOTH
def test_a_list_of_ids_is_uploaded_and_exported_and_a_lead_sees_it(shop, browser, site, language, tmp_path):
    mia = Visitor(browser, site, "Mia", language)
    page, say = mia.page, mia.say
    name = f"from the shop {language}"
    ids = [one["customer"] for one in people(shop.folder)][:30]
    file = tmp_path / "ids.csv"
    file.write_text("\n".join(["customer,name", *[f"{one},x" for one in ids], "nobody,y"]), encoding="utf-8")
    mia.open(f"{site}/audiences")
    mia.press(msg("From a list of IDs"))
    page.get_by_label(say(msg("Name")), exact=True).fill(name)
    with page.expect_file_chooser() as chooser:
        mia.press(msg("Choose a text or CSV file"), within=".sheet-dialog")
    chooser.value.set_files(file)
    page.get_by_text(say(msg("The file is read; its first column is taken."))).wait_for()
    mia.press(msg("Save"), within=".sheet-dialog")
    known = msg("{known} of {given} IDs are known and saved.", known="30", given="31")
    page.get_by_text(say(known)).wait_for()
    assert "nobody" in page.locator(".sheet-dialog .note").inner_text()
    page.locator(".sheet-dialog .note a").click()
    page.get_by_role("heading", level=1, name=name).wait_for()
    mia.settle()
    for contacted in (0, 1):
        mia.press(msg("Export"))
        mia.choose(msg("Channel"), "email")
        page.locator(".export-reach .note").wait_for()
        text = page.locator(".export-reach").inner_text()
        written = sum(one["mail_ok"] == "yes" for one in people(shop.folder)[:30])
        often = say(msg("{count} were contacted {times} times within {days} days already.", count=str(written), times=1, days=14))  # fmt: skip
        if contacted:
            assert often in text
        with page.expect_download():
            page.locator(".sheet-dialog button.primary").click()
        mia.press(msg("Close"), within=".sheet-dialog")
        page.locator(".sheet-dialog").wait_for(state="detached")
    mia.leave()
    lea = Visitor(browser, site, "Lea", language)
    lea.open(f"{site}/exports")
    row = lea.page.locator("tbody tr").filter(has_text=name).first.inner_text()
    assert "mia" in row
    assert str(written) in row
    assert say(msg("no consent: {n}", n=str(30 - written))) in row
    lea.leave()


def test_whom_each_channel_reaches_stands_under_the_count(shop, browser, site):
    mia = Visitor(browser, site, "Mia", "en")
    everyone = [one for one in people(shop.folder) if one["city"] == "Oslo"]
    mia.open(f"{site}/audience?filter=city+%3D+%27Oslo%27")
    assert mia.count() == len(everyone)
    agreed = sum(one["mail_ok"] == "yes" for one in everyone)
    assert mia.page.locator(".reach").inner_text() == f"Can be contacted: {agreed} by email"
    assert mia.say(nmsg("member", "members", 2)) == "members"
    mia.leave()

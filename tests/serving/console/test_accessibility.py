"""axe-core finds nothing on any page or dialog of the console, light and dark, wide and narrow."""

from __future__ import annotations

import json

import pytest

from tagcast.features.core.messages import msg
from tests.support.browser import Visitor
from tests.support.champion import TAG

pytestmark = [pytest.mark.xdist_group("browser"), pytest.mark.browser, pytest.mark.slow]
OSLO, BERGEN = "Oslo customers", "Bergen customers"
PAGES = (
    "/",
    "/tags",
    f"/tags/{TAG}",
    "/tags/loyal_oslo",
    "/tags/none",
    "/rules/new",
    "/rules/new?draft=loyal_oslo",
    "/audience",
    f"/audience?filter={TAG}+%3D+%27yes%27+AND+(city+%3D+%27Oslo%27+OR+age+%3E+40)",
    f"/audience?filter={TAG}+%3D+",
    f"/audience?saved={OSLO}",
    "/audiences",
    f"/audiences/{OSLO}",
    "/exports",
    "/campaigns",
    f"/portrait?name={OSLO}",
    f"/portrait?name={OSLO}&against={BERGEN}",
    f"/compare?a={OSLO}&b={BERGEN}",
    "/profile",
    "/profile/c0001",
    "/profile/nobody",
    "/runs",
    "/reviews",
    "/definitions",
    "/challengers",
    "/audit",
    "/audit/access",
    "/access",
    "/account",
)


def readable(found) -> str:
    return json.dumps(found, indent=1, ensure_ascii=False)


@pytest.fixture(scope="module")
def furnished(browser, site):
    """Two saved audiences and a drafted rule, so that no page is empty."""
    ola = Visitor(browser, site, "Ola", "en")
    for name, city in ((OSLO, "Oslo"), (BERGEN, "Bergen")):
        ola.ask("PUT", f"/api/v1/audiences/{name}", {"filter": f"city = '{city}'"})
    rule = {
        "name": "loyal_oslo", "title": {"en": "Loyal in Oslo"}, "description": {"en": "Lives in Oslo"},
        "path": ["Lifecycle", "Stage"], "owner": "Ola", "rule": "city = 'Oslo'",
    }  # fmt: skip
    ola.ask("POST", "/api/v1/rule-drafts", {"definition": rule, "reason": "for the tests"})
    ola.leave()


@pytest.mark.parametrize(("language", "theme", "width"), [("en", "light", 1280), ("zh", "dark", 390)])
def test_axe_finds_nothing_on_any_page(browser, site, furnished, language, theme, width):
    ola = Visitor(browser, site, "Ola", language)
    ola.page.set_viewport_size({"width": width, "height": 900})
    ola.page.goto(f"{site}/preferences?theme={theme}")
    found = {}
    for path in PAGES:
        ola.open(f"{site}{path}")
        if problems := ola.violations():
            found[path] = problems
    assert not found, readable(found)
    ola.leave()


def test_axe_finds_nothing_in_dialogs(shop, browser, site, furnished):
    shop.propose()  # other tests may have decided on what waited
    ola = Visitor(browser, site, "Ola", "en")
    found = {}
    for path, button in (
        (f"/audience?saved={OSLO}", msg("Export")),
        (f"/audience?saved={OSLO}", msg("Save")),
        (f"/audience?saved={OSLO}", msg("Sample")),
        (f"/audiences/{OSLO}", msg("Labels")),
        (f"/audiences/{OSLO}", msg("Change owner")),
        ("/audiences", msg("From a list of IDs")),
        ("/reviews", msg("Approve")),
    ):
        ola.open(f"{site}{path}")
        ola.page.locator("main").get_by_role("button", name=ola.say(button), exact=True).first.click()
        ola.page.locator(".sheet-dialog").wait_for()
        ola.settle()
        if problems := ola.violations():
            found[f"{path} {button.template}"] = problems
    assert not found, readable(found)
    ola.leave()


@pytest.mark.parametrize("language", ["en", "zh"])
def test_axe_finds_nothing_where_nobody_is_logged_in_or_a_role_is_too_small(browser, site, language):
    vera = Visitor(browser, site, "Vera", language)
    vera.open(f"{site}/access")
    found = vera.violations()
    assert not found, readable(found)
    vera.page.locator("aside form button").click()
    vera.page.locator("input[name=password]").wait_for()
    found = vera.violations()
    assert not found, readable(found)
    vera.leave()

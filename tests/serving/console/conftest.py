"""One shop for all tests that walk through the console, one server and one browser a module.

A browser runs a loop of events: nothing may outlive its module, or `asyncio.run` fails in whatever comes after it.
"""

from __future__ import annotations

import pytest

from tests.support.browser import Visitor, chromium, served
from tests.support.console.shop import console_shop


@pytest.fixture(autouse=True)
def fresh_visitors():
    Visitor.of_this_test.clear()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item, call):
    """Add to a failure what browser and server exchanged last: a walk shows only that nothing came."""
    report = yield
    if report.failed:
        for number, visitor in enumerate(Visitor.of_this_test):
            report.sections.append((f"exchanged with visitor {number}", "\n".join(visitor.exchanged)))
    return report


@pytest.fixture(scope="package")
def shop(tmp_path_factory):
    return console_shop(tmp_path_factory.mktemp("console"))


@pytest.fixture(scope="module")
def site(shop):
    with served(shop.config, shop.home) as url:
        yield url


@pytest.fixture(scope="module")
def browser():
    with chromium() as found:
        yield found

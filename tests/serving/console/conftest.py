"""One shop for all tests that walk through the console, one server and one browser a module.

A browser runs a loop of events: nothing may outlive its module, or `asyncio.run` fails in whatever comes after it.
"""

from __future__ import annotations

import pytest

from tests.support.browser import chromium, served
from tests.support.console.shop import console_shop


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

"""One shop, one server and one browser for all tests that walk through the console."""

from __future__ import annotations

import pytest

from tests.support.browser import chromium, served
from tests.support.console.shop import console_shop


@pytest.fixture(scope="package")
def shop(tmp_path_factory):
    return console_shop(tmp_path_factory.mktemp("console"))


@pytest.fixture(scope="package")
def site(shop):
    with served(shop.config, shop.home) as url:
        yield url


@pytest.fixture(scope="package")
def browser():
    with chromium() as found:
        yield found

from __future__ import annotations

import pytest

from tests.support.command_line import Project
from tests.support.faults.kept_shop import shop_worth_keeping


@pytest.fixture(scope="session")
def shop(tmp_path_factory) -> Project:
    """A shop with all that cannot be computed again; nobody changes it."""
    return shop_worth_keeping(tmp_path_factory.mktemp("kept"))


@pytest.fixture(scope="session")
def backup(shop, tmp_path_factory):
    """A backup of it."""
    folder = tmp_path_factory.mktemp("backups") / "first"
    shop.run("backup", str(folder))
    return folder

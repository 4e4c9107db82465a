"""Labels that tasks of Spark count, and rows that are drawn from them, are those of one machine, to the bit."""

from __future__ import annotations

import pytest

from tagcast.models.stats import draws
from tests.support.engines.labelled_app import assert_same, labelled_app, labels_of


@pytest.fixture(scope="module")
def app(tmp_path_factory):
    return labelled_app(tmp_path_factory.mktemp("app"))


@pytest.mark.parametrize("name", ["comes", "best", "worth", "fills", "more", "said_once"])
def test_labels_are_those_of_one_machine(app, engine, monkeypatch, name) -> None:
    monkeypatch.setattr(draws, "MOST_ROWS", 100)
    monkeypatch.setattr(draws, "MODEL_ROWS", 60)
    assert_same(labels_of(app, name, engine), labels_of(app, name))
    assert not any((app.settings.home / "scratch" / "read").iterdir())

"""The example of a tag's page: a customer with its value, drawn for who may look at single ones, and put on record."""

from __future__ import annotations

import pytest

from tagcast.features.core.errors import NotAllowedError
from tagcast.registry.access.access_log import accesses
from tagcast.serving.console.tags.drivers import example_of
from tests.support.desks import MARKETER, VIEWER, desk_over, frame, publish_made
from tests.support.stores import KINDS, make_store


@pytest.mark.parametrize("kind", KINDS)
def test_an_example_has_the_value_and_is_on_record(kind, tmp_path):
    store = make_store(kind, tmp_path)
    publish_made(store)
    context = desk_over(store, tmp_path / "project")
    people = frame().set_index("profile_id")
    for value in ("yes", "no"):
        identity, row = example_of(context, MARKETER, "churn_risk", value)
        assert people.loc[identity, "churn_risk:value"] == row["value"] == value
        assert row["score"] == pytest.approx(people.loc[identity, "churn_risk:score"])
    assert {line.who for line in accesses(context.state)} == {MARKETER.name}
    with pytest.raises(NotAllowedError):
        example_of(context, VIEWER, "churn_risk", "yes")
    context.store.close()
    context.state.close()

"""A service context whose tags have definitions: a loss and an amount over the same purchases, on both stores."""

from __future__ import annotations

import pytest

from tests.support.desks import desk_over, publish_made
from tests.support.stores import KINDS, make_store

DEFINED = """
name: {name}
title: {{en: {name}, zh: {name}}}
description: {{en: it comes, zh: 会来}}
path: [Lifecycle, Retention]
owner: tests
outcome: {outcome}
feature_service: churn
"""
OUTCOMES = {
    "churn_risk": "{kind: no_event, horizon_days: 30}",
    "spend": "{kind: amount, horizon_days: 30, tiers: {low: 0, medium: 50, high: 150}}",
}


def definition(name: str, outcome: str) -> str:
    """Return the file of a tag."""
    decision = "" if "kind: amount" in outcome else "decision: {rule: threshold, threshold: 0.5}\n"
    return DEFINED.format(name=name, outcome=outcome) + decision


def define(folder) -> None:
    """Write the definitions of its tags."""
    for name, outcome in OUTCOMES.items():
        (folder / "tags" / f"{name}.yaml").write_text(definition(name, outcome), encoding="utf-8")


@pytest.fixture(params=KINDS, scope="session")
def defined(request, tmp_path_factory):
    """The same context, by each store."""
    folder = tmp_path_factory.mktemp(f"outcome-{request.param}")
    store = make_store(request.param, folder)
    publish_made(store)
    context = desk_over(store, folder / "project")
    define(folder / "project")
    return context

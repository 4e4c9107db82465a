"""What the page of one tag costs in a project of few tags and of many."""

from __future__ import annotations

import sys
from collections.abc import Callable

import pytest

from tagcast.pipelines.scoring.run import score_run
from tagcast.registry.access.roles import Person
from tagcast.serving.catalog.tag_details import tag_details
from tagcast.serving.context import ServiceContext, open_context
from tests.support.champion import DAY, NOW
from tests.support.rule_tags import BOUGHT, shop_with_rules

ANN = Person("ann", "data_scientist")
FEW, MANY = 2, 60


def scored(folder, members: int) -> ServiceContext:
    """Return a project whose family has so many members, all scored."""
    project = shop_with_rules(folder, customers=60)
    categories = ", ".join(["tea", "coffee", *(f"kind {number}" for number in range(members - 2))])
    text = BOUGHT.replace("tea, coffee", categories).replace(" AND city IN ('Oslo', 'Bergen')", "")
    (folder / "tags" / "bought.yaml").write_text(text, encoding="utf-8")
    score_run(project, ["bought", "lifecycle_stage"], as_of=DAY, now=NOW)
    return open_context(project.settings, lambda: NOW)


@pytest.fixture(scope="module")
def few_and_many(tmp_path_factory) -> list[ServiceContext]:
    return [scored(tmp_path_factory.mktemp("shop"), members) for members in (FEW, MANY)]


def calls(work: Callable[[], object]) -> int:
    """Return how many Python functions ``work`` calls once it is warm, the least of several: listings are renewed now and then."""
    work()
    found = []
    for _ in range(5):
        counted = 0

        def count(_frame: object, event: str, _argument: object) -> None:
            nonlocal counted
            counted += event == "call"

        sys.setprofile(count)
        try:
            work()
        finally:
            sys.setprofile(None)
        found.append(counted)
    return min(found)


@pytest.mark.parametrize("tag", ["bought.tea", "lifecycle_stage"])
def test_the_page_of_a_tag_asks_for_that_tag_alone(few_and_many, tag) -> None:
    few, many = (calls(lambda context=context: tag_details(context, ANN, tag)) for context in few_and_many)
    assert many <= 1.1 * few, f"{few} calls with {FEW} members, {many} with {MANY}"

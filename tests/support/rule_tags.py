"""Definitions of three rule tags, and a shop that has no others."""

from __future__ import annotations

from collections.abc import Collection, Iterator

from tagcast.models.filters.conditions import Filter
from tagcast.models.filters.names import Names
from tagcast.models.filters.parser import parse
from tagcast.pipelines.project.project import open_project
from tests.support.shop import write_shop

STAGE = """\
kind: rule
name: lifecycle_stage
title: {en: Stage, zh: 阶段}
description: {en: Where a customer stands, zh: 客户所处阶段}
path: [Lifecycle, Stage]
owner: tests
cases:
  new: "tenure_days <= 150"
  lapsed: "recency_days > 45"
otherwise: returning
"""
BOUGHT = """\
kind: rule
name: bought.{category}
title: {en: "Bought {category}", zh: "买过{category}"}
description: {en: "Bought {category} in 30 days, and lives in a big town", zh: "30天内买过{category}，住在大城市"}
path: [Interest, Groceries]
owner: tests
population: {active_within_days: 60}
category: "{category}"
family: {values: [tea, coffee]}
rule: "category_recency_days <= 30 AND city IN ('Oslo', 'Bergen')"
"""
QUIET = """\
kind: rule
name: quiet
title: {en: Quiet, zh: 沉默}
description: {en: Nothing for long, zh: 长期无购买}
path: [Lifecycle, Stage]
owner: tests
sensitivity: sensitive
cases: {long: "recency_days > 90", short: "recency_days > 60 AND age >= 40"}
"""


def shop_with_rules(folder, **more):
    config = write_shop(folder, **more)
    for file in (folder / "tags").glob("*.yaml"):
        file.unlink()
    for name, text in (("stage", STAGE), ("bought", BOUGHT), ("quiet", QUIET)):
        (folder / "tags" / f"{name}.yaml").write_text(text, encoding="utf-8")
    return open_project(config, folder / "home")


class _Any(Collection[str]):
    def __contains__(self, name: object) -> bool:
        return True

    def __iter__(self) -> Iterator[str]:
        return iter(())

    def __len__(self) -> int:
        return 0


_TAGS = ("churn_risk", "high_value", "interest.coffee", "lifecycle_stage", "兴趣.茶")
_VALUES = {"lifecycle_stage": ("new", "returning", "lapsed")}
_ATTRIBUTES = {"city": "text", "vip": "boolean", 'Favourite "colour"': "text"}


def tree_of(text: str, *tags: str) -> Filter:
    """Return the tree of ``text``, which may name ``tags`` beside the usual ones."""
    names = Names(dict.fromkeys([*_TAGS, *tags], ("low", "high")), _ATTRIBUTES, _VALUES, _Any())
    return parse(text, names)

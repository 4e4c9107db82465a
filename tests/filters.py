"""Filters of tests as trees, read with the names that these tests use; any saved audience may be named."""

from __future__ import annotations

from collections.abc import Collection, Iterator

from tagcast.models.filters.conditions import Filter, Names
from tagcast.models.filters.parser import parse


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

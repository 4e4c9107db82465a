"""LightGBM's model text as plain arrays, and what the kernel cannot represent.

The decision at a node follows LightGBM 4 (``Tree::NumericalDecision``, ``Tree::CategoricalDecision`` and the
dropping of zeros when a dense row is read): magnitudes up to 1e-35 are zero; a missing value is zero where the
node's missing type is none, else it goes the node's default way; a category is the value cut towards zero, and
what is missing, negative or of no listed category goes right.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]

CATEGORICAL, DEFAULT_LEFT = 1, 2
MISSING_NONE, MISSING_ZERO, MISSING_NAN = 0, 1, 2
BITS = 32
"""Categories in a word of a bitset, as LightGBM writes them."""


class UnsupportedForestError(ValueError):
    """The text holds something that the kernel does not represent; the message names it."""


@dataclass(frozen=True)
class Tree:
    """One tree; children below zero are leaves, ``~child`` their place.

    Parameters
    ----------
    feature : ndarray of shape (splits,)
        Place of the feature among those the forest has learned from.
    threshold : ndarray of shape (splits,)
        Of numeric splits: at most this goes left. Of categorical ones without meaning.
    nan_left : ndarray of shape (splits,)
        Whether a missing value goes left.
    categories : sequence of frozenset of int, or None
        By split: the categories that go left, None where the split is numeric.
    left, right : ndarray of shape (splits,)
    leaf_value : ndarray of shape (leaves,)
    leaf_count : ndarray of shape (leaves,)
        Training rows.
    """

    feature: npt.NDArray[np.int64]
    threshold: Floats
    nan_left: npt.NDArray[np.bool_]
    categories: Sequence[frozenset[int] | None]
    left: npt.NDArray[np.int64]
    right: npt.NDArray[np.int64]
    leaf_value: Floats
    leaf_count: npt.NDArray[np.int64]

    @property
    def depth(self) -> int:
        """Splits on the longest way from the root to a leaf."""
        if not len(self.feature):
            return 0
        deep, level = 0, [0]
        while level:
            deep += 1
            level = [c for k in level for c in (int(self.left[k]), int(self.right[k])) if c >= 0]
        return deep


def parse_forest(text: str) -> list[Tree]:
    """Read the trees of a model text, in the order in which their outputs are added up.

    Raises
    ------
    UnsupportedForestError
        Where the output is more than the sum of one tree's leaves after another's, or a value counts as missing
        for being zero.
    """
    sections = list(_sections(text))
    head, trees = sections[0], [s for s in sections[1:] if "Tree" in s]
    if head.get("num_class") != "1" or head.get("num_tree_per_iteration") != "1":
        raise UnsupportedForestError(f"{head.get('num_tree_per_iteration', 'no')} trees an iteration")
    if "average_output" in head:
        raise UnsupportedForestError("the mean of its trees instead of their sum")
    return [_tree(section) for section in trees]


def features_split_on(text: str) -> frozenset[int]:
    """Return the features of splits that gain something, by their place, as LightGBM counts a feature's importance.

    Examples
    --------
    >>> text = ["Tree=0", "split_feature=2 0 2", "split_gain=3.5 0 1e-05"]
    >>> sorted(features_split_on(chr(10).join(text)))
    [2]
    """
    found: set[int] = set()
    features: list[str] = []
    for line in text.splitlines():
        name, _, value = line.partition("=")
        if name == "split_feature":
            features = value.split()
        elif name == "split_gain":
            gains = zip(features, value.split(), strict=True)
            found.update(int(feature) for feature, gain in gains if float(gain) > 0)
    return frozenset(found)


def _sections(text: str) -> Iterator[dict[str, str]]:
    section: dict[str, str] = {}
    for line in text.splitlines():
        if line.startswith("Tree=") or line == "end of trees":
            yield section
            section = {}
        if line == "end of trees":
            return
        name, _, value = line.partition("=")
        if name:
            section[name] = value
    raise UnsupportedForestError("a text without an end of trees")


def _tree(section: Mapping[str, str]) -> Tree:
    if section.get("is_linear", "0") != "0":
        raise UnsupportedForestError("linear models in its leaves")
    values = np.array(section["leaf_value"].split(), np.float64)
    if int(section["num_leaves"]) == 1:
        none = np.empty(0, np.int64)
        return Tree(none, np.empty(0), np.empty(0, bool), (), none, none, values[:1], np.ones(1, np.int64))
    kind = _ints(section, "decision_type")
    missing = kind >> 2 & 3
    categorical = kind & CATEGORICAL > 0
    if (missing[~categorical] == MISSING_ZERO).any():
        raise UnsupportedForestError("zeros that count as missing")
    threshold = np.array(section["threshold"].split(), np.float64)
    by_default = kind & DEFAULT_LEFT > 0
    nan_left = np.where(missing == MISSING_NAN, by_default, threshold >= 0)
    nan_left[categorical] = False
    return Tree(
        feature=_ints(section, "split_feature"),
        threshold=threshold,
        nan_left=nan_left,
        categories=_categories(section, threshold, categorical),
        left=_ints(section, "left_child"),
        right=_ints(section, "right_child"),
        leaf_value=values,
        leaf_count=_ints(section, "leaf_count"),
    )


def _categories(
    section: Mapping[str, str], threshold: Floats, categorical: npt.NDArray[np.bool_]
) -> list[frozenset[int] | None]:
    if not categorical.any():
        return [None] * len(threshold)
    bounds, words = _ints(section, "cat_boundaries"), _ints(section, "cat_threshold")

    def listed(place: int) -> frozenset[int]:
        own = words[bounds[place] : bounds[place + 1]]
        return frozenset(
            BITS * k + bit for k, word in enumerate(own.tolist()) for bit in range(BITS) if word >> bit & 1
        )

    return [listed(int(t)) if c else None for t, c in zip(threshold, categorical, strict=True)]


def _ints(section: Mapping[str, str], name: str) -> npt.NDArray[np.int64]:
    return np.array(section[name].split(), np.int64)

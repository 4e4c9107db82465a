"""LightGBM's model text where one numeric feature is known: its splits are decided, and the feature is gone.

Leaves keep their values, so the trees that are left say the same of a row, to the bit. Rows and mean outputs of inner nodes, which
explanations start from, become those of the leaves that can still be reached.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

_BY_FEATURE = ("feature_names", "feature_infos")
_BY_SPLIT = ("split_feature", "split_gain", "threshold", "decision_type", "left_child", "right_child")
_BY_LEAF = ("leaf_value", "leaf_weight", "leaf_count")
_END = "end of trees"


def pruned(text: str, feature: int, value: float) -> str:
    """Return a model text in which ``feature`` is ``value``.

    Parameters
    ----------
    text : str
        Of trees whose leaves are numbers.
    feature : int
        Its place among those that the forest has learned from; no category. Those after it move up by one.
    value : float
        Not missing.

    Returns
    -------
    str
        As LightGBM reads it: without sizes of trees and importances, which it writes anew.
    """
    head, *trees = re.split(r"^(?=Tree=)", text.partition(_END)[0], flags=re.MULTILINE)
    decided = [_joined(_decided(_fields(tree), feature, value)) for tree in trees]
    return "\n\n".join([_joined(_without(_fields(head), feature)), *decided, f"{_END}\n"])


def _fields(section: str) -> dict[str, str]:
    """Return the lines of a section by name; some are a name alone."""
    lines = (line.partition("=") for line in section.splitlines() if line)
    return {name: sign + value for name, sign, value in lines}


def _joined(fields: dict[str, str]) -> str:
    return "\n".join(name + value for name, value in fields.items())


def _values(fields: dict[str, str], name: str) -> list[str]:
    return fields[name].removeprefix("=").split()


def _without(head: dict[str, str], feature: int) -> dict[str, str]:
    for name in _BY_FEATURE:
        values = _values(head, name)
        head[name] = "=" + " ".join(values[:feature] + values[feature + 1 :])
    head["max_feature_idx"] = f"={int(_values(head, 'max_feature_idx')[0]) - 1}"
    return {name: value for name, value in head.items() if name != "tree_sizes"}


def _decided(tree: dict[str, str], feature: int, value: float) -> dict[str, str]:
    if _values(tree, "num_leaves") == ["1"]:
        return tree
    own = [int(one) for one in _values(tree, "split_feature")]
    left, right = ([int(one) for one in _values(tree, side)] for side in ("left_child", "right_child"))
    threshold = [float(one) for one in _values(tree, "threshold")]

    def reached(node: int) -> int:
        while node >= 0 and own[node] == feature:
            node = left[node] if value <= threshold[node] else right[node]
        return node

    nodes = [reached(0)]
    for node in nodes:  # grows while it is walked
        if node >= 0:
            nodes += [reached(left[node]), reached(right[node])]
    splits = sorted(node for node in nodes if node >= 0)
    leaves = sorted(~node for node in nodes if node < 0)
    if not splits:
        kept = {name: tree[name] for name in ("Tree", "num_cat", "is_linear", "shrinkage")}
        return {**kept, "num_leaves": "=1", "leaf_value": "=" + _values(tree, "leaf_value")[leaves[0]]}
    place = {node: k for k, node in enumerate(splits)} | {~leaf: ~k for k, leaf in enumerate(leaves)}

    def taken(names: Sequence[str], rows: Sequence[int]) -> dict[str, str]:
        return {name: "=" + " ".join(_values(tree, name)[row] for row in rows) for name in names}

    def written(name: str, of: Callable[[int], int]) -> dict[str, str]:
        return {name: "=" + " ".join(str(of(node)) for node in splits)}

    return {
        **tree,
        **taken(_BY_SPLIT, splits),
        **taken(_BY_LEAF, leaves),
        **written("split_feature", lambda node: own[node] - (own[node] > feature)),
        **written("left_child", lambda node: place[reached(left[node])]),
        **written("right_child", lambda node: place[reached(right[node])]),
        **_of_inner(tree, splits, left, right, reached),
        "num_leaves": f"={len(leaves)}",
    }


def _of_inner(
    tree: dict[str, str],
    splits: Sequence[int],
    left: Sequence[int],
    right: Sequence[int],
    reached: Callable[[int], int],
) -> dict[str, str]:
    """Return rows, weight and mean output of the inner nodes that are left, from their leaves upwards."""
    output, weight, rows = ([float(one) for one in _values(tree, name)] for name in _BY_LEAF)
    found = {~k: one for k, one in enumerate(zip(output, weight, rows, strict=True))}
    for node in reversed(splits):  # children stand after their parents
        (a, v, n), (b, w, m) = found[reached(left[node])], found[reached(right[node])]
        found[node] = ((a * v + b * w) / (v + w), v + w, n + m)
    columns = zip(*(found[node] for node in splits), strict=True)
    output_of, weight_of, rows_of = (list(column) for column in columns)
    return {
        "internal_value": "=" + " ".join(map(repr, output_of)),
        "internal_weight": "=" + " ".join(map(repr, weight_of)),
        "internal_count": "=" + " ".join(str(int(n)) for n in rows_of),
    }

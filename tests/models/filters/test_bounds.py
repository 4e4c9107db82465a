"""What takes long to read is refused before it is read: the time that a filter costs does not grow with its folly."""

from __future__ import annotations

import time

import pytest

from tagcast.features.core.errors import DefinitionError, FilterError
from tagcast.models.definitions.loader import parse_definition
from tagcast.models.filters.conditions import MAX_VALUES
from tagcast.models.filters.names import Names
from tagcast.models.filters.parser import parse

LONG = 490_000
NAMES = Names({}, {"age": "number"})
SECONDS = 1.5
"""Much more than it takes (0.2 s at most), much less than before (from 3 s to hours)."""


def seconds_to_refuse(error, read):
    begun = time.process_time()
    with pytest.raises(error):
        read()
    return time.process_time() - begun


@pytest.mark.parametrize(
    "text",
    [
        "age = 1 AND " * (LONG // 12),
        "age = " + "1" * LONG + "x",
        "age = 1." + "1" * LONG + "x",
        "age = 1e" + "1" * LONG + "x",
        "(" * LONG,
        ")" * LONG,
        "age " * (LONG // 4),
        "age = '" + "a" * LONG,
        "'" * (LONG + 1),
        '"' * (LONG + 1),
        '"a".' * (LONG // 4),
        "age IN (" + "1," * (LONG // 2) + "1)",
        "NOT " * (LONG // 4),
        "-" * LONG,
        "a." * (LONG // 2),
        "age = 1" + " " * LONG + "é" * 10,
    ],
    ids=lambda text: text[:12],
)
def test_a_filter_that_is_refused_costs_little(text):
    assert seconds_to_refuse(FilterError, lambda: parse(text, NAMES)) < SECONDS


def test_the_longest_list_of_values_is_still_read():
    values = ", ".join(str(k) for k in range(MAX_VALUES))
    assert len(parse(f"age IN ({values}) OR age > 3", NAMES).root.items[0].values) == MAX_VALUES


SIZE = 100_000


@pytest.mark.parametrize(
    "text",
    [
        "[" * 5_000,
        "[a," * (SIZE // 3),
        "[" + "a," * (SIZE // 2) + "a]",
        "{" * 5_000,
        "{a: " * 5_000,
        "- " * (SIZE // 2),
        "? " * (SIZE // 2),
        "name: &a b\n" * (SIZE // 11),
        "\n".join(f"k{k}: 1" for k in range(9_000)),
        "\n".join(" " * k + "a:" for k in range(400)),
        "a: [" + "'x', " * (SIZE // 5) + "]",
    ],
    ids=lambda text: text[:10].replace("\n", " "),
)
def test_yaml_that_is_refused_costs_little(text):
    assert (
        seconds_to_refuse(DefinitionError, lambda: parse_definition(text, "the draft", kind="rule")) < SECONDS
    )


def test_yaml_that_is_wrong_is_still_told_with_its_place():
    with pytest.raises(DefinitionError, match="line 2"):
        parse_definition("name: x\nrule: [1", "the draft", kind="rule")

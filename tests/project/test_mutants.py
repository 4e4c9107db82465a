"""The list of deliberate mistakes fits the code: each edit can be made, and its tests exist."""

from __future__ import annotations

import ast

import pytest

from tests.project.mutants import ROOT, mutants

MUTANTS = mutants()


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda m: m.what)
def test_a_mistake_can_be_made(mutant) -> None:
    ast.parse(mutant.applied(ROOT))
    for test in mutant.tests:
        file, _, name = test.partition("::")
        assert (ROOT / file).exists(), test
        if name:
            assert f"def {name.partition('[')[0]}(" in (ROOT / file).read_text(encoding="utf-8"), test


def test_mistakes_have_names_of_their_own() -> None:
    assert len({m.what for m in MUTANTS}) == len(MUTANTS)


@pytest.mark.parametrize(
    "what",
    [
        "pair features see the snapshot's own day",
        "a snapshot explains the tiers of its own cases",
        "a run's name forgets the rules",
        "the gate looks at a run of after today",
    ],
)
def test_the_four_that_once_survived_are_in_the_list(what) -> None:
    assert what in {m.what for m in MUTANTS}

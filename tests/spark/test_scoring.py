"""A run scored in tasks of Spark is the run of one machine: rows, manifest, changes, challengers, drift."""

from __future__ import annotations

from tests.support.engines.scored_shop import make_scored_shop, scored


def test_a_run_is_that_of_one_machine(engine, tmp_path) -> None:
    make_scored_shop(tmp_path / "shop")
    whole = scored(tmp_path / "shop", tmp_path / "whole")
    parted = scored(tmp_path / "shop", tmp_path / "parted", engine)
    for one, other in zip(parted, whole, strict=True):
        for part, wanted in zip(one, other, strict=True):
            assert part == wanted
    assert not any((engine.shared / "scratch" / "read").iterdir())

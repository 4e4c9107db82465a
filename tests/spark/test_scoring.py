"""A run scored in tasks of Spark is the run of one machine: rows, manifest, changes, challengers, drift."""

from __future__ import annotations

import pytest

from tests.support.engines.models_of_others import FarMachine, add_models_of_others
from tests.support.engines.scored_shop import make_scored_shop, scored


def test_a_run_is_that_of_one_machine(engine, tmp_path) -> None:
    make_scored_shop(tmp_path / "shop")
    whole = scored(tmp_path / "shop", tmp_path / "whole")
    parted = scored(tmp_path / "shop", tmp_path / "parted", engine)
    for one, other in zip(parted, whole, strict=True):
        for part, wanted in zip(one, other, strict=True):
            assert part == wanted
    assert not any((engine.shared / "scratch" / "read").iterdir())


@pytest.mark.filterwarnings("ignore::UserWarning:mlflow.*")
def test_models_of_others_are_brought_to_the_tasks(engine, tmp_path) -> None:
    make_scored_shop(tmp_path / "shop")
    add_models_of_others(tmp_path / "shop")
    whole = scored(tmp_path / "shop", tmp_path / "whole")
    assert scored(tmp_path / "shop", tmp_path / "parted", FarMachine(engine, tmp_path / "parted")) == whole
    assert not any((engine.shared / "scratch" / "read").iterdir())

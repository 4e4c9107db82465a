"""Models of others score where neither MLflow nor the folder of the project is in reach."""

from __future__ import annotations

import pytest

from tests.support.engines.models_of_others import FarMachine, add_models_of_others
from tests.support.engines.scored_shop import make_scored_shop, scored
from tests.support.engines.split_machine import SplitMachine

pytestmark = [
    pytest.mark.xdist_group("ranged-run"),
    pytest.mark.filterwarnings("ignore::UserWarning:mlflow.*"),
]


def test_they_are_brought_to_where_a_range_is_scored(tmp_path) -> None:
    make_scored_shop(tmp_path / "shop")
    add_models_of_others(tmp_path / "shop")
    whole = scored(tmp_path / "shop", tmp_path / "whole")
    engine = FarMachine(SplitMachine(2), tmp_path / "parted")
    assert scored(tmp_path / "shop", tmp_path / "parted", engine) == whole
    _, rows, *_ = whole[-1]
    assert "occlusion" in {row["churn_risk:reasons_method"] for row in rows}

"""What a training changes in the process that it runs in: nothing that lasts."""

from __future__ import annotations

import gc

import pytest

from tagcast.features.core.errors import TagcastError
from tagcast.pipelines.project.project import open_project
from tagcast.pipelines.training.train import train_tags
from tests.support.champion import NOW
from tests.support.shop import write_shop


@pytest.mark.parametrize("threshold", [(700, 10, 10), (0, 10, 10), (20_000, 5, 5)])
def test_garbage_is_collected_afterwards_as_before(tmp_path, threshold) -> None:
    workspace = open_project(write_shop(tmp_path, customers=5), tmp_path / "home")
    before = gc.get_threshold()
    gc.set_threshold(*threshold)
    try:
        with pytest.raises(TagcastError):  # of five customers nothing can be learned
            train_tags(workspace, ["churn_risk"], as_of=None, now=NOW, trials=1)
        assert gc.get_threshold() == threshold
    finally:
        gc.set_threshold(*before)

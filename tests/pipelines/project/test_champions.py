"""Champions are looked up together: what hundreds of them cost is reading their files."""

from __future__ import annotations

from dataclasses import replace

import pytest
import sqlalchemy

from tagcast.features.catalog.feature_set import FeatureSet
from tagcast.pipelines.deployment.model_versions import promote_version
from tagcast.pipelines.project.champions import load_champions
from tagcast.pipelines.project.project import open_project
from tagcast.registry.versions.recording import log_version
from tagcast.registry.versions.tracking import tracking_of
from tests.support.champion import METRICS, NOW, by_hand
from tests.support.shop import write_shop

pytestmark = pytest.mark.slow


def test_however_many_champions_there_are_mlflow_is_asked_as_often(tmp_path, monkeypatch) -> None:
    workspace = open_project(write_shop(tmp_path, customers=40), tmp_path / "home")
    opened = []
    real = sqlalchemy.create_engine
    monkeypatch.setattr(
        sqlalchemy, "create_engine", lambda *given, **more: opened.append(given) or real(*given, **more)
    )

    def looks(tags: list[str]) -> int:
        for tag in tags:
            champion(workspace, tmp_path / tag, tag)
        load_champions(workspace, None)  # MLflow and the record of decisions are there from here on
        opened.clear()
        found = load_champions(workspace, None)
        assert [one.model.definition.name for one in found] == sorted(
            one.model.definition.name for one in found
        )
        return len(opened)

    few, many = looks(["left", "right"]), looks([f"more_{number}" for number in range(4)])
    assert 0 < many <= few, f"{few} connections for 2 champions, {many} for 6"


def champion(workspace, bundle, tag: str) -> None:
    """Register a model by hand under another name and make it the champion."""
    model = by_hand()
    model = replace(model, definition=model.definition.model_copy(update={"name": tag}))
    model.save(bundle)
    log_version(
        tracking_of(workspace.settings), tag=tag, kind="model", bundle=bundle, features=model.features,
        feature_set=FeatureSet.parse(model.feature_set).id, params={}, metrics=METRICS, dataset={}, split={},
        figures={}, notes=[], run_name="by hand", now=NOW,
    )  # fmt: skip
    promote_version(workspace, tag, 1, by="tests", reason="a small shop", now=NOW, force=True)

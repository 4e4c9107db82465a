"""A champion that blends models of others, and an engine that works where nothing of them is at hand."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline

from tagcast.features.core.engines.engine import Engine
from tagcast.features.core.engines.key_ranges import KeyRange
from tagcast.models.candidates.frozen import OPENED, FrozenModel
from tagcast.models.candidates.maker import importable
from tagcast.models.candidates.names import MlflowName
from tagcast.models.candidates.storage import stored
from tagcast.models.definitions.loader import parse_definition
from tagcast.models.estimators.blend import Blend
from tagcast.models.estimators.foreign import ForeignPart, Occlusion
from tagcast.pipelines.project.project import Project, open_project
from tagcast.registry.foreign.frozen_models import pin
from tagcast.registry.versions.home_database import ARTIFACTS
from tagcast.registry.versions.tracking import tracking_of
from tests.support.champion import by_hand
from tests.support.engines.scored_shop import CHURN, register

LAB = """
import numpy as np
from sklearn.base import BaseEstimator, TransformerMixin


class Roots(TransformerMixin, BaseEstimator):
    def fit(self, X, y=None):
        return self

    def transform(self, X):
        return np.sqrt(np.nan_to_num(np.asarray(X, float)))
"""
"""A module of the company's own, beside tagcast.toml."""


def add_models_of_others(folder: Path) -> None:
    """Make a model the champion that blends one of tagcast's own, a registered one, and one of a function of the project."""
    (folder / "lab_of_ranges.py").write_text(LAB, encoding="utf-8")
    importable(str(folder))
    from lab_of_ranges import Roots

    project = open_project(folder / "tagcast.toml", folder / "home")
    rng = np.random.default_rng(0)
    X = pd.DataFrame({"recency_days": rng.gamma(2, 30, 200)})
    left = (X["recency_days"] + rng.normal(0, 20, 200) > 50).astype(int)
    frozen = team_model(project, LogisticRegression().fit(X, left), X, folder / "team")
    estimator = make_pipeline(Roots(), LogisticRegression()).fit(X, left)
    made = stored("python:lab_of_ranges:roots", estimator, ("lab_of_ranges.Roots",))
    seen = Occlusion((50.0,), (0,))
    parts = {model.name: ForeignPart(("recency_days",), model, seen) for model in (frozen, made)}
    own = by_hand(longest_silence=40.0)
    weights = {"logistic": 0.4, **dict.fromkeys(parts, 0.3)}
    model = replace(
        own, definition=parse_definition(CHURN, "churn"), scorer=Blend(weights, {**own.scorer.parts, **parts})
    )
    register(project, model, folder / "bundle-others", champion=True)


def team_model(project: Project, model: Any, X: pd.DataFrame, place: Path) -> FrozenModel:
    """Register a model as a colleague would, with MLflow alone, and pin it."""
    import mlflow
    from mlflow.models import infer_signature

    tracking = tracking_of(project.settings)
    mlflow.sklearn.save_model(
        model, str(place), signature=infer_signature(X, model.predict(X)), serialization_format="cloudpickle",
        pip_requirements=[], pyfunc_predict_fn="predict_proba",
    )  # fmt: skip
    run = tracking.client.create_run(tracking.experiment_id)
    tracking.client.log_artifacts(run.info.run_id, str(place), "model")
    tracking.client.create_registered_model("team_churn")
    tracking.client.create_model_version("team_churn", f"{run.info.artifact_uri}/model", run.info.run_id)
    name = MlflowName("mlflow:models:/team_churn/1", "team_churn", None, 1)
    return FrozenModel(pin(tracking, name), 1.0, 0.0, is_chance=True)


class FarMachine:
    """An engine whose work begins with no model open, and sees neither MLflow's files nor the modules of the project."""

    elsewhere = True

    def __init__(self, engine: Engine, folder: Path) -> None:
        self._engine, self._folder = engine, folder

    def ranges(self, files: Sequence[Path], *others: Any, **more: Any) -> tuple[KeyRange, ...]:
        """Return those of the engine."""
        return self._engine.ranges(files, *others, **more)

    def each(
        self, work: Callable[[Any], Any], items: Sequence[Any], doing: Any, progress: Any = None
    ) -> list[Any]:
        """Do it while these are out of sight."""
        hidden = [self._folder / "home" / ARTIFACTS, self._folder / "lab_of_ranges.py"]
        opened = dict(OPENED)
        OPENED.clear()
        for place in hidden:
            place.rename(place.with_name(f"{place.name}.gone"))
        try:
            return self._engine.each(work, items, doing, progress)
        finally:
            for place in hidden:
                place.with_name(f"{place.name}.gone").rename(place)
            OPENED.update(opened)

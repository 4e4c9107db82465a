"""A small shop whose champion is written by hand: what it publishes can be counted again."""

from __future__ import annotations

from datetime import UTC, date, datetime

import numpy as np

from tagcast.features.catalog.feature_set import FeatureSet
from tagcast.models.artifacts.binary_model import TagModel
from tagcast.models.artifacts.files import FeatureRange
from tagcast.models.calibration.binary_calibrator import Calibrator
from tagcast.models.definitions.loader import parse_definition
from tagcast.models.estimators.blend import Blend
from tagcast.models.kernels.additive_model import AdditiveModel, Curve
from tagcast.models.stats.psi import FeatureBins
from tagcast.pipelines.deployment.model_versions import promote_version
from tagcast.pipelines.project.project import open_project
from tagcast.registry.versions.recording import log_version
from tagcast.registry.versions.tracking import open_tracking
from tagcast.serving.store.duckdb.store import DuckDbStore
from tagcast.serving.store.long_form import predictions
from tests.support.shop import CHURN, write_shop

HELD = CHURN + "hysteresis: 0.1\nmin_confidence: 0.0\n"
DEFINITION = parse_definition(HELD, "churn")
TAG = DEFINITION.name
NOW = datetime(2024, 8, 1, tzinfo=UTC)
DAY = date(2024, 7, 1)
METRICS = {"auc": 0.71, "log_loss": 0.55}


def shop_with_champion(folder, longest_silence: float = 60.0):
    """A shop whose champion is written by hand: more silence, more risk."""
    workspace = open_project(write_shop(folder, customers=300), folder / "home")
    put_in_charge(workspace, folder / "bundle", by_hand(longest_silence=longest_silence), 1)
    return workspace


def by_hand(*, longest_silence: float = 60.0, risk: float = 3.75, threshold: float = 0.5) -> TagModel:
    """A model: log-odds rise from ``-risk`` to ``risk`` with the logarithm of the silence."""
    features = FeatureSet((7, 30), ("amount", "category", "item_id", "order_id", "quantity"))
    rng = np.random.default_rng(0)
    raw = rng.normal(size=2000)
    curve = Curve(0, (0.0, 5.0), (-risk, risk), 0.0)
    return TagModel(
        definition=DEFINITION,
        features=("recency_days",),
        feature_set=features.spec,
        scorer=Blend({"logistic": 1.0}, {"logistic": AdditiveModel(0.0, (curve,))}),
        calibrator=Calibrator.fit(
            raw, (rng.random(2000) < 1 / (1 + np.exp(-raw))).astype("int8"), np.full(2000, np.datetime64(DAY))
        ),
        threshold=threshold,
        base_rate=0.5,
        snapshots=(DAY,),
        ranges={"recency_days": FeatureRange(0.0, 0.0, longest_silence, longest_silence, 0.0)},
        seed=0,
        bins={"recency_days": FeatureBins.of(rng.integers(0, int(longest_silence), 2000).astype(float))},
    )


def put_in_charge(workspace, bundle, model: TagModel, version: int) -> None:
    """Register a model as the next version and make it the champion."""
    model.save(bundle)
    tracking = open_tracking(workspace.settings.home, project=workspace.settings.name)
    features = FeatureSet.parse(model.feature_set)
    log_version(
        tracking, tag=TAG, kind="model", bundle=bundle, features=model.features, feature_set=features.id, params={},
        metrics=METRICS, dataset={}, split={}, figures={}, notes=[], run_name="by hand", now=NOW,
    )  # fmt: skip
    promote_version(workspace, TAG, version, by="tests", reason="a small shop", now=NOW, force=True)


def published(workspace):
    with DuckDbStore(workspace.settings.home / "store").reader() as reader:
        table = predictions(reader, TAG).to_pandas()
    return table.set_index("profile_id").drop(columns=["scored_at", "expires_at"])

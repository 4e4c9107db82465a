"""Models of others in training: what is stored is what scikit-learn alone would give, weights and all, and nothing else is loaded."""

from __future__ import annotations

import hashlib
import io
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from zipfile import ZipFile

import numpy as np
import pandas as pd
import pytest
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from tagcast.features.core.errors import ModelError
from tagcast.models.artifacts.loader import load_bundle
from tagcast.models.candidates.answers import Method
from tagcast.models.candidates.made import MadeCandidate
from tagcast.models.candidates.names import parse
from tagcast.models.candidates.storage import StoredEstimator, stored
from tagcast.models.definitions.loader import parse_definition
from tagcast.models.inference.attributions import contributions
from tagcast.models.training.tag_kind import train
from tests.models.training.test_drawn import SPEND
from tests.pipelines.training.candidates.lab import with_candidates, write_lab
from tests.support.shop import CHURN
from tests.support.synthetic import shoppers, spenders

SPEC = "7,30;amount;"
ROOT = Path(__file__).parents[3]


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("lab")
    write_lab(folder, "lab_models")
    return folder


def candidate(
    folder: Path, function: str, *, trusted: tuple[str, ...] = (), method: Method = "predict_proba"
) -> MadeCandidate:
    name = parse(f"python:lab_models:{function}")
    return MadeCandidate(name, "tests", str(folder), trusted, 0, method)


def trained(folder: Path, *functions: str, own: bool = False, frame=None, split=None):
    foreign = [candidate(folder, function) for function in functions]
    named = ["default"] if own else []
    definition = parse_definition(with_candidates(CHURN, *named, *(c.text for c in foreign)), "tests")
    if frame is None:
        frame, split, _ = shoppers(profiles=300)
    return train(definition, frame, split, feature_set=SPEC, trials=1, foreign=foreign), frame


def test_a_candidate_learns_from_whom_no_campaign_approached(folder) -> None:
    frame, split, _ = shoppers(profiles=300)
    approached = np.random.default_rng(0).random(len(frame.y)) < 0.4
    seen = replace(frame, y=np.where(approached, 0, frame.y).astype("int8"), approached=approached)
    result, _ = trained(folder, "pipeline", frame=seen, split=split)
    chance = by_hand(seen.unapproached).predict_proba(frame.X)[:, 1]
    np.testing.assert_allclose(result.model.raw(frame.X), logits(np.clip(chance, 1e-4, 1 - 1e-4)), rtol=1e-9)


def logits(p: np.ndarray) -> np.ndarray:
    return np.log(p / (1 - p))


def by_hand(frame, rows=slice(None), weight=None):
    """The pipeline of the lab, fitted without tagcast."""
    pipe = make_pipeline(
        SimpleImputer(keep_empty_features=True), StandardScaler(), LogisticRegression(C=0.05)
    )
    order = np.lexsort((frame.profile_id.astype(str), frame.as_of))
    X, y = frame.X.iloc[order], frame.y[order]
    more = {} if weight is None else {"logisticregression__sample_weight": weight[order]}
    return pipe.fit(X, y, **more)


def test_a_candidate_alone_is_the_estimator(folder) -> None:
    result, frame = trained(folder, "pipeline")
    chance = by_hand(frame).predict_proba(frame.X)[:, 1]
    np.testing.assert_allclose(result.model.raw(frame.X), logits(np.clip(chance, 1e-4, 1 - 1e-4)), rtol=1e-9)
    assert result.chosen == "python:lab_models:pipeline"
    assert set(result.candidates) == {"python:lab_models:pipeline"}
    assert not result.trials


def test_candidates_compete_and_are_blended_with_the_own_parts(folder) -> None:
    result, frame = trained(folder, "pipeline", "boosting", own=True)
    names = {"logistic", "forest", "bgnbd", "python:lab_models:pipeline", "python:lab_models:boosting"}
    assert names - {"bgnbd"} <= set(result.candidates) <= names | {"average", "blend"}
    weights = result.model.scorer.weights
    assert sum(weights.values()) == pytest.approx(1)
    raw = sum(
        w * result.model.scorer.parts[name].raw(result.model.matrix(frame.X)) for name, w in weights.items()
    )
    np.testing.assert_allclose(result.model.raw(frame.X), raw, rtol=1e-12)
    assert any("python:lab_models:" in str(note) for note in result.notes)


def test_without_the_key_nothing_is_different(folder) -> None:
    frame, split, _ = shoppers(profiles=300)
    plain = train(parse_definition(CHURN, "tests"), frame, split, feature_set=SPEC, trials=1)
    named = train(
        parse_definition(with_candidates(CHURN, "default"), "tests"), frame, split, feature_set=SPEC, trials=1
    )
    assert plain.model.digest() == named.model.digest()
    assert "candidates" not in plain.model.files["model.json"]


def test_rows_that_stand_for_many_are_weighted(folder) -> None:
    frame, split, _ = shoppers(profiles=300)
    weight = np.random.default_rng(1).integers(1, 6, len(frame.y)).astype(float)
    result, _ = trained(folder, "pipeline", frame=replace(frame, weight=weight), split=split)
    chance = by_hand(frame, weight=weight / weight.mean()).predict_proba(frame.X)[:, 1]
    np.testing.assert_allclose(result.model.raw(frame.X), logits(np.clip(chance, 1e-4, 1 - 1e-4)), rtol=1e-6)
    with pytest.raises(ModelError, match="takes no sample_weight.*weighted draw") as refused:
        trained(folder, "neighbours", frame=replace(frame, weight=weight), split=split)
    assert "all rows are learned from" in str(refused.value.hint)


def test_a_row_is_scored_alike_in_any_batch(folder) -> None:
    result, frame = trained(folder, "boosting")
    X = result.model.matrix(frame.X)[:257]
    whole = result.model.raw(X)
    apart = np.concatenate([result.model.raw(X[k : k + 10]) for k in range(0, len(X), 10)])
    np.testing.assert_array_equal(whole, apart)
    assert result.model.raw(X[:0]).shape == (0,)


def test_reasons_are_what_the_typical_value_would_change(folder) -> None:
    result, frame = trained(folder, "pipeline")
    model = result.model
    X = model.matrix(frame.X)[:20]
    given = contributions(model, X, exact=True)
    typical = np.nanmedian(model.matrix(frame.X), axis=0)
    for j in range(X.shape[1]):
        other = X.copy()
        other[:, j] = typical[j]
        np.testing.assert_allclose(given[:, j], model.raw(X) - model.raw(other), atol=1e-12)
    assert model.reasons_methods == ("occlusion", "occlusion")
    assert (given[:, list(model.features).index("constant")] == 0).all()


def test_a_seed_that_is_left_open_is_tagcasts(folder) -> None:
    assert trained(folder, "unseeded")[0].model.digest() == trained(folder, "unseeded")[0].model.digest()
    assert trained(folder, "without_a_seed")[0].chosen == "python:lab_models:without_a_seed"


def test_another_process_makes_the_same_bytes(folder, tmp_path) -> None:
    code = f"""
import sys; sys.path.insert(0, {str(ROOT)!r})
from pathlib import Path
from tests.models.training.test_candidates import trained
print(trained(Path({str(folder)!r}), "pipeline", "boosting")[0].model.digest())
"""
    found = {
        subprocess.run(
            [sys.executable, "-c", code],
            check=True, capture_output=True, text=True, cwd=ROOT,
            env={"PYTHONHASHSEED": seed, "PYTHONPATH": str(ROOT), "PATH": ""},
        ).stdout
        for seed in ("1", "2")
    }  # fmt: skip
    assert len(found) == 1


def test_a_bundle_is_read_as_it_was_saved(folder, tmp_path) -> None:
    result, frame = trained(folder, "pipeline", "boosting", own=True)
    result.model.save(tmp_path / "bundle")
    read = load_bundle(tmp_path / "bundle")
    np.testing.assert_array_equal(read.raw(frame.X), result.model.raw(frame.X))
    assert read.digest() == result.model.digest()


def test_amounts_are_predicted_by_a_regressor(folder, tmp_path) -> None:
    frame, split, _ = spenders(profiles=300)
    own = candidate(folder, "amounts", method="predict")
    definition = parse_definition(with_candidates(SPEND, own.text), "tests")
    result = train(definition, frame, split, feature_set=SPEC, trials=1, foreign=[own])
    pipe = make_pipeline(SimpleImputer(keep_empty_features=True), StandardScaler(), LinearRegression())
    order = np.lexsort((frame.profile_id.astype(str), frame.as_of))
    pipe.fit(frame.X.iloc[order], frame.amount[order])
    wanted = np.maximum(pipe.predict(frame.X), 0)
    np.testing.assert_allclose(np.expm1(result.model.raw(frame.X)), wanted, rtol=1e-9, atol=1e-9)
    result.model.save(tmp_path / "bundle")
    read = load_bundle(tmp_path / "bundle")
    np.testing.assert_array_equal(read.raw(frame.X), result.model.raw(frame.X))
    # Rows of an amount are drawn alike, and weigh alike: no weights are asked for.
    alike = replace(frame, weight=np.full(len(frame.y), 3.0))
    neighbours = candidate(folder, "amount_neighbours", method="predict")
    definition = parse_definition(with_candidates(SPEND, neighbours.text), "tests")
    assert train(definition, alike, split, feature_set=SPEC, foreign=[neighbours]).chosen == neighbours.text


def test_a_type_of_ones_own_is_trusted_by_name(folder, tmp_path) -> None:
    frame, split, _ = shoppers(profiles=300)
    own = candidate(folder, "roots", trusted=("lab_models.Roots",))
    definition = parse_definition(with_candidates(CHURN, own.text, trusted="lab_models.Roots"), "tests")
    result = train(definition, frame, split, feature_set=SPEC, foreign=[own])
    result.model.save(tmp_path / "bundle")
    part = result.model.scorer.parts[own.text]
    assert "lab_models.Roots" in part.model.types
    np.testing.assert_array_equal(load_bundle(tmp_path / "bundle").raw(frame.X), result.model.raw(frame.X))


def fitted() -> LogisticRegression:
    return LogisticRegression().fit(pd.DataFrame({"a": [0.0, 1.0, 2.0]}), [0, 1, 1])


def test_loading_makes_no_type_that_training_did_not_record() -> None:
    """A stored model whose schema names another type, as somebody might write it in place of the file."""
    kept = stored("own", fitted(), ())
    given = ZipFile(io.BytesIO(kept.content))
    out = io.BytesIO()
    with ZipFile(out, "w") as changed:
        for name in given.namelist():
            text = given.read(name)
            if name == "schema.json":
                text = text.replace(
                    b"sklearn.linear_model._logistic", b"tests.pipelines.training.candidates.lab"
                ).replace(b"LogisticRegression", b"write_lab")
            changed.writestr(name, text)
    with pytest.raises(
        ModelError, match="types that were not trusted.*tests.pipelines.training.candidates.lab.write_lab"
    ):
        _ = StoredEstimator("own", out.getvalue(), kept.types).estimator


def test_a_stored_model_that_is_no_model_is_named() -> None:
    with pytest.raises(ModelError, match="own: the stored model cannot be read: BadZipFile"):
        _ = StoredEstimator("own", b"nothing", ()).estimator


def test_the_same_model_is_the_same_bytes() -> None:
    one, two = (hashlib.sha256(stored("own", fitted(), ()).content).digest() for _ in range(2))
    assert one == two

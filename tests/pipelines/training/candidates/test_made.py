"""Models of a company's own: trained beside tagcast's, stored without pickle, scored by a fresh process, refused with reasons."""

from __future__ import annotations

import json
import subprocess
import sys
from datetime import timedelta
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from tests.pipelines.training.candidates.lab import with_candidates, write_lab
from tests.support.command_line import Project
from tests.support.shop import AMOUNT, CHURN, FIRST_DAY, write_shop

NOW = FIRST_DAY + timedelta(days=200)
ROOT = Path(__file__).parents[4]

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("candidates")]


def made(folder: Path, lab: str, tags: dict[str, str]) -> Project:
    project = Project(write_shop(folder), folder / ".tagcast")
    for file in (folder / "tags").glob("*.yaml"):
        file.unlink()
    write_lab(folder, lab)
    for name, text in tags.items():
        (folder / "tags" / f"{name}.yaml").write_text(text, encoding="utf-8")
    return project


@pytest.fixture(scope="module")
def shop(tmp_path_factory) -> Project:
    """A shop whose tags are models of its own alone, and one where they compete with tagcast's."""
    folder = tmp_path_factory.mktemp("candidates")
    second = CHURN.replace("churn_risk", "churn_both")
    third = CHURN.replace("churn_risk", "churn_boosted")
    project = made(
        folder,
        "lab_flow",
        {
            "churn_risk": with_candidates(CHURN, "python:lab_flow:pipeline"),
            "churn_both": with_candidates(
                second, "default", "python:lab_flow:boosting", "python:lab_flow:pipeline"
            ),
            "churn_boosted": with_candidates(third, "python:lab_flow:boosting"),
            "spend_30d": with_candidates(
                AMOUNT, "python:lab_flow:amounts", "python:lab_flow:boosted_amounts"
            ),
        },
    )
    project.run("train", "--all", "--as-of", str(NOW), "--trials", "1", "--threads", "1")
    for tag in ("churn_risk", "churn_both", "churn_boosted", "spend_30d"):
        project.run(
            "model", "promote", tag, "1", "--force", "--reason", "this shop is too small for the gate"
        )
    return project


def predictions(project: Project, out: Path) -> pd.DataFrame:
    project.run("score", "--all", "--as-of", str(NOW), "--out", str(out), "--force", "--reason", "once more")
    return pd.read_parquet(out)


def bundles(project: Project) -> dict[str, Path]:
    found = {}
    for file in project.home.rglob("bundle/model.json"):
        found[json.loads(file.read_text(encoding="utf-8"))["definition"]["name"]] = file.parent
    return found


@pytest.fixture(scope="module")
def scored(shop, tmp_path_factory) -> pd.DataFrame:
    return predictions(shop, tmp_path_factory.mktemp("out") / "scored.parquet")


def test_the_models_are_stored_without_pickle(shop) -> None:
    for tag, folder in bundles(shop).items():
        assert sorted(p.suffix for p in folder.iterdir() if p.suffix in {".pkl", ".pickle", ".joblib"}) == []
        model = json.loads((folder / "model.json").read_text(encoding="utf-8"))
        kept = sorted(file.name for file in folder.glob("*.skops"))
        assert kept, tag
        assert set(kept) <= set(model["digests"])


def test_a_fresh_process_scores_to_the_bit(shop, scored, tmp_path) -> None:
    out = tmp_path / "fresh.parquet"
    words = ["score", "--all", "--as-of", str(NOW), "--out", str(out), "--force", "--reason", "again"]
    subprocess.run(
        [sys.executable, "-m", "tagcast.pipelines.cli.main", *words, "--config", str(shop.config), "--home", str(shop.home)],
        check=True, cwd=ROOT, capture_output=True,
    )  # fmt: skip
    fresh = pd.read_parquet(out)
    key = ["tag", "profile_id"]
    columns = ["tag", "profile_id", "value", "score", "lower", "upper", "confidence", "reasons_method"]
    a, b = (frame.sort_values(key).reset_index(drop=True)[columns] for frame in (scored, fresh))
    pd.testing.assert_frame_equal(a, b, check_exact=True)


def test_the_published_scores_order_people_as_the_estimator_does(shop, scored) -> None:
    """By skops and scikit-learn alone: calibration keeps the order."""
    import skops.io

    from tagcast.features.core.settings import load_settings
    from tagcast.pipelines.project.project import Project as Opened

    folder = bundles(shop)["churn_risk"]
    file = folder / "foreign_1.skops"
    estimator = skops.io.load(file, trusted=skops.io.get_untrusted_types(file=file))
    model = json.loads((folder / "model.json").read_text(encoding="utf-8"))
    project = Opened(load_settings(shop.config, shop.home, shop.config.parent))
    feature_set = project.feature_set(project.definitions(NOW), NOW)
    snapshots = project.snapshots(feature_set)
    names = [*feature_set.of_profile]
    rows = []
    for batch in snapshots.stream(NOW, [], 10_000):
        frame = pd.DataFrame(batch.profile, columns=names, index=batch.profile_id.to_pylist())
        rows.append(frame[model["features"]])
    X = pd.concat(rows)
    mine = scored[scored["tag"] == "churn_risk"].dropna(subset=["score"]).set_index("profile_id")
    chance = pd.Series(estimator.predict_proba(X.loc[mine.index])[:, 1], mine.index)
    together = pd.DataFrame({"score": mine["score"], "chance": chance}).sort_values(["chance", "score"])
    assert together["score"].is_monotonic_increasing
    assert together["score"].nunique() > 20


def test_reasons_name_their_method(scored) -> None:
    methods = scored.dropna(subset=["score"]).groupby("tag")["reasons_method"].agg(set)
    assert methods["churn_risk"] == methods["churn_boosted"] == {"occlusion"}
    assert (
        scored.loc[scored["tag"] == "churn_risk", "reasons"].map(lambda r: r is not None and len(r) > 0).any()
    )


def test_cards_and_lists_name_the_candidates(shop) -> None:
    card = shop.run("model", "card", "churn_both").stdout
    assert "python:lab_flow:boosting" in card
    assert "python:lab_flow:pipeline" in card
    listing = shop.json("model", "list", "churn_risk")
    assert listing[0]["version"] == 1 if isinstance(listing, list) else listing["versions"][0]["version"] == 1


def test_a_stored_model_that_was_changed_is_refused(shop, tmp_path) -> None:
    folder = bundles(shop)["churn_boosted"]
    file = folder / "foreign_1.skops"
    whole = file.read_bytes()
    try:
        file.write_bytes(whole[:-1] + bytes([whole[-1] ^ 1]))
        result = shop.invoke(
            "score", "churn_boosted", "--as-of", str(NOW), "--out", str(tmp_path / "o.parquet")
        )
    finally:
        file.write_bytes(whole)
    assert result.exit_code == 6
    assert "changed or damaged" in result.stderr


def test_amounts_are_predicted_by_the_better_one(shop, scored) -> None:
    mine = scored[scored["tag"] == "spend_30d"].dropna(subset=["score"])
    assert len(mine) > 50
    assert np.isfinite(mine["score"]).all()
    assert (mine["score"] >= 0).all()
    model = json.loads((bundles(shop)["spend_30d"] / "model.json").read_text(encoding="utf-8"))
    assert model["foreign"] in {"python:lab_flow:amounts", "python:lab_flow:boosted_amounts"}

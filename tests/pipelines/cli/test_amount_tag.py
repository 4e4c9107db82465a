"""An amount tag through the command line on a small shop: trained, judged, listed, its card."""

from __future__ import annotations

from datetime import timedelta

import numpy as np
import pandas as pd
import pytest

from tagcast.models.artifacts.amount_model import AmountModel
from tagcast.models.artifacts.loader import load_bundle as read_bundle
from tagcast.registry.versions.tracking import open_tracking
from tagcast.registry.versions.versions import load_bundle
from tests.support.command_line import Project
from tests.support.shop import AMOUNT, FIRST_DAY, write_shop

NOW = FIRST_DAY + timedelta(days=200)

pytestmark = [pytest.mark.xdist_group("amount_cli"), pytest.mark.slow]


@pytest.fixture(scope="module")
def shop(tmp_path_factory) -> tuple[Project, list[dict[str, object]]]:
    folder = tmp_path_factory.mktemp("amounts")
    config = write_shop(folder, customers=400)
    for file in (folder / "tags").glob("*.yaml"):
        file.unlink()
    (folder / "tags" / "spend_30d.yaml").write_text(AMOUNT, encoding="utf-8")
    project = Project(config, folder / ".tagcast")
    return project, project.json("train", "spend_30d", "--as-of", str(NOW), "--trials", "2", "--threads", "2")


def test_training_versions_and_judges_an_amount(shop) -> None:
    project, (trained,) = shop
    checks = {check["name"]: check["outcome"] for check in trained["checks"]}
    assert trained["version"] == 1
    assert list(checks) == [
        "enough_data", "single_feature", "last_day", "after_as_of", "beats_baseline", "beats_champion", "covers",
        "keeps_promise", "predicts_tiers", "score_distribution",
    ]  # fmt: skip
    assert checks["enough_data"] == checks["after_as_of"] == "pass"
    assert trained["alias"] == ("champion" if "fail" not in checks.values() else "challenger")
    metrics = trained["metrics"]
    assert metrics["rmse"] < metrics["baseline_rmse"] * 1.2
    assert metrics["rmse"] - metrics["baseline_rmse"] == pytest.approx(metrics["minus_baseline_rmse"])
    assert metrics["mae_low"] <= metrics["mae"] <= metrics["mae_high"]
    version, folder = load_bundle(open_tracking(project.home, project="small shop"), "spend_30d", 1)
    model = read_bundle(folder)
    assert isinstance(model, AmountModel)
    assert version.metrics == metrics


def test_a_second_training_is_held_against_the_first(shop) -> None:
    project, _ = shop
    project.invoke("model", "promote", "spend_30d", "1", "--force", "--reason", "to compare with")
    later = NOW + timedelta(days=30)
    (second,) = project.json("train", "spend_30d", "--as-of", str(later), "--trials", "2", "--threads", "1")
    texts = {check["name"]: check["text"] for check in second["checks"]}
    assert texts["beats_champion"].startswith("RMSE ")
    assert "for the champion, version 1" in texts["beats_champion"]


def test_versions_are_listed_with_their_own_figures(shop) -> None:
    project, _ = shop
    said = project.invoke("model", "list", "spend_30d").output
    assert "Versions that predict an amount" in said
    assert "AUC" not in said.split("Checks of")[0]
    assert "keeps_promise" in said
    assert {row["version"] for row in project.json("model", "list")} >= {1}


def test_the_tree_shows_the_figures_of_the_champion(shop) -> None:
    project, (trained,) = shop
    project.invoke("model", "promote", "spend_30d", "1", "--force", "--reason", "to be listed")
    (row,) = project.json("tag", "list")
    metrics = trained["metrics"]
    assert row["quality"] == {name: metrics[name] for name in ("mae", "baseline_mae", "tier_accuracy")}


def test_amounts_are_scored_filtered_and_judged(shop, tmp_path) -> None:
    project, _ = shop
    project.invoke("model", "promote", "spend_30d", "1", "--force", "--reason", "to be scored")
    out = tmp_path / "said.parquet"
    run = project.json("score", "--all", "--as-of", str(NOW), "--out", str(out))
    said = pd.read_parquet(out)
    (tag,) = run["tags"]
    assert set(tag["predicted"]) == {"low", "medium", "high"}
    assert sum(tag["predicted"].values()) + tag["unknown"] == tag["population"] == len(said)
    assert ((said["lower"] <= said["score"]) & (said["score"] <= said["upper"]) & (said["lower"] >= 0)).all()
    assert (
        said["band"] == np.select([said["score"] < 20, said["score"] < 60], ["low", "medium"], "high")
    ).all()

    threshold = float(said["score"].quantile(0.7))
    text = f"NOT (spend_30d = 'low') AND spend_30d.score >= {threshold!r} AND spend_30d.upper > {2 * threshold!r}"
    members = said[(said["value"] != "low") & (said["score"] >= threshold) & (said["upper"] > 2 * threshold)]
    assert project.json("audience", "count", text)["members"] == len(members) > 0
    (found,) = project.json("audience", "outcome", text)["outcome"]["outcomes"]
    assert found["outcome"]["expected"] == pytest.approx(members["score"].sum())
    assert 0 < found["outcome"]["low"] < found["outcome"]["expected"] < found["outcome"]["high"]
    assert found["times"] == pytest.approx(members["score"].mean() / said["score"].mean())
    assert (
        f"These {len(members)} will spend about {members['score'].sum():,.0f} within"
        in found["sentence"]["en"]
    )
    printed = project.run("audience", "outcome", f"{text} AND spend_30d.score > 1e9").stdout
    assert "nobody is in it" in printed
    refused = project.invoke("audience", "count", "spend_30d = 'yes'")
    assert refused.exit_code != 0
    assert "low, medium, high, unknown" in refused.stderr

    rows = project.json("promise")
    assert rows[0]["observed"]
    assert rows[0]["predicted"] == (said["value"] != "unknown").sum()
    assert project.json("profile", "show", said["profile_id"][0])["predictions"][0]["value"] in {
        *tag["predicted"],
        "unknown",
    }


def test_a_version_has_a_card(shop) -> None:
    project, _ = shop
    card = project.json("model", "card", "spend_30d", "--version", "1")
    for part in ("## Definition", "low from 0, medium from 20, high from 60", "mean absolute error", "predicted high",
                 "## Limits", "## Checks", "spend_30d v1", "Intervals hold"):  # fmt: skip
        assert part in card["markdown"], part
    assert [len(row) for row in card["confusion"]] == [3, 3, 3]
    assert "<html" in project.invoke("model", "card", "spend_30d", "--html").output


def test_thresholds_stand_at_each_boundary_between_tiers(shop) -> None:
    project, _ = shop
    found = project.json("model", "thresholds", "spend_30d", "--version", "1")
    assert [(one["tier"], one["start"]) for one in found["boundaries"]] == [("medium", 20.0), ("high", 60.0)]
    for boundary in found["boundaries"]:
        (own,) = (row for row in boundary["thresholds"] if row["chosen"])
        widest = max(boundary["thresholds"], key=lambda row: row["size"])
        # Everybody but who stays unknown below min_confidence.
        assert widest["size"] + widest["unknown"] == found["cases"]
        assert widest["lift"] == pytest.approx(widest["precision"] / boundary["base_rate"])
        if own["size"]:
            assert own["lift"] == pytest.approx(own["precision"] / boundary["base_rate"])
    text = project.run("model", "thresholds", "spend_30d", "--version", "1").output
    assert "medium or more" in text
    assert set(found["plots"]) == {"thresholds", "stability"}


def test_too_few_who_spend_is_said_before_any_feature_is_built(shop, tmp_path) -> None:
    project, _ = shop
    text = AMOUNT.replace("horizon_days: 30,", "horizon_days: 30, category: nonsense,")
    (project.config.parent / "tags" / "none.yaml").write_text(
        text.replace("spend_30d", "none"), encoding="utf-8"
    )
    result = Project(project.config, tmp_path / "home").invoke("train", "none", "--as-of", str(NOW))
    (project.config.parent / "tags" / "none.yaml").unlink()
    assert result.exit_code == 6
    assert "0 profiles with any spend" in result.stderr

"""Random audiences: right confidence keeps the promise, too much of it breaks it."""

from __future__ import annotations

import duckdb
import numpy as np
import pandas as pd
import pytest

from tagcast.models.evaluation.random_audiences import Audience, audience_promise
from tagcast.models.stats.metrics import calibration_bins


def said(n: int = 6000, seed: int = 0, boast: float = 0.0):
    """Return a snapshot whose confidence is exactly right, or ``boast`` too high."""
    rng = np.random.default_rng(seed)
    score = rng.beta(0.8, 1.6, n).clip(0.01, 0.99)
    yes = score >= 0.5
    value = np.where(yes, "yes", "no").astype(object)
    confidence = np.minimum(np.where(yes, score, 1 - score) + boast, 0.999)
    value[confidence < 0.55] = "unknown"
    y = (rng.random(n) < score).astype("int8")
    X = pd.DataFrame(
        {
            "visits": rng.integers(0, 20, n).astype(float),
            "near": np.round(100 * score + rng.normal(0, 10, n)),
            "constant": 1.0,
        }
    )
    attributes = pd.DataFrame(
        {"city": rng.choice(["Oslo", "Bergen", "Paris"], n), "points": np.arange(n) % 97}
    )
    percentile = (score.argsort().argsort() + 0.5) / n * 100
    return X, attributes, value, confidence, percentile, y


def test_right_confidence_keeps_the_promise() -> None:
    found = audience_promise(*said(), seed=1)
    assert (found.audiences, found.asked) == (1000, 1000)
    assert abs(found.mean_excess) < 0.01
    assert len({a.filter for a in found.rows}) > 900


def test_exact_confidence_stays_within_chance() -> None:
    found = [audience_promise(*said(n=2000, seed=s), audiences=100, seed=1) for s in range(20)]
    assert np.mean([f.broken_share for f in found]) < 0.04
    assert sum(f.broken_share > f.by_chance for f in found) <= 4, "one of twenty is expected"
    assert 0.01 < np.mean([f.by_chance for f in found]) < 0.15


def test_overconfidence_breaks_it() -> None:
    found = audience_promise(*said(boast=0.06), seed=1)
    assert found.broken_share > 0.5
    assert found.broken_share > found.by_chance
    assert found.mean_excess < -0.03
    worst = found.worst(5)
    assert all(a.broken for a in worst)
    assert worst[0].deviation == min(a.deviation for a in found.rows)


def test_overconfidence_in_one_corner_is_found_though_bands_look_right() -> None:
    X, attributes, value, confidence, percentile, y = said(n=12_000)
    paris = (attributes["city"] == "Paris").to_numpy()
    yes = value == "yes"
    moved = np.where(paris, np.minimum(confidence + 0.08, 0.999), confidence - 0.04)
    found = audience_promise(X, attributes, value, moved, percentile, y, seed=2)
    assert abs(moved[value != "unknown"].mean() - (yes == (y == 1))[value != "unknown"].mean()) < 0.02
    assert found.broken_share > 0.02
    assert sum("city = 'Paris'" in a.filter for a in found.worst(20)) >= 15


def test_an_audience_is_what_its_filter_says() -> None:
    X, attributes, value, confidence, percentile, y = said()
    found = audience_promise(X, attributes, value, confidence, percentile, y, audiences=150, seed=3)
    rows = pd.concat([X, attributes], axis=1).assign(
        value=value, confidence=confidence, percentile=percentile, right_one=(value == "yes") == (y == 1)
    )
    with duckdb.connect() as connection:
        connection.register("snapshot", rows)
        for a in found.rows:
            n, mean, right = connection.execute(
                "SELECT count(*), avg(confidence), avg(right_one::INT) FROM snapshot "
                f"WHERE value != 'unknown' AND ({a.filter})"
            ).fetchall()[0]
            assert (n, mean, right) == pytest.approx((a.n, a.mean_confidence, a.share_right)), a.filter
    assert found.broken_share == np.mean([a.broken for a in found.rows])
    assert found.mean_excess == pytest.approx(
        np.mean([a.share_right - a.mean_confidence for a in found.rows])
    )
    text = " ".join(a.filter for a in found.rows)
    for word in (
        "value = 'yes'",
        "confidence >=",
        "percentile >=",
        "city =",
        "visits",
        "points",
        "AND",
        "OR",
    ):
        assert word in text, word
    assert "constant" not in text


def test_audiences_of_tiers() -> None:
    tiers = ("low", "medium", "high")
    rng = np.random.default_rng(6)
    X, attributes, _, _, percentile, _ = said()
    value = rng.choice([*tiers, "unknown"], len(X), p=[0.4, 0.2, 0.3, 0.1]).astype(object)
    confidence = rng.uniform(0.4, 0.95, len(X))
    other = np.array([next(t for t in tiers if t != v) for v in value], dtype=object)
    came = np.where(rng.random(len(X)) < confidence, value, other)
    found = audience_promise(X, attributes, value, confidence, percentile, came, values=tiers, seed=1)
    assert found.audiences == 1000
    assert found.broken_share <= found.by_chance
    text = " ".join(a.filter for a in found.rows)
    for tier in tiers:
        assert f"value = '{tier}'" in text
    assert "'yes'" not in text
    (one, *_) = (a for a in found.rows if a.filter == "value = 'medium'")
    rows = value == "medium"
    assert one.n == rows.sum()
    assert one.share_right == pytest.approx((came == value)[rows].mean())


def test_the_same_for_a_seed_whatever_the_order_of_rows() -> None:
    X, attributes, value, confidence, percentile, y = said(n=3000)
    order = np.random.default_rng(5).permutation(3000)
    one = audience_promise(X, attributes, value, confidence, percentile, y, audiences=200, seed=4)
    two = audience_promise(
        X.iloc[order], attributes.iloc[order], value[order], confidence[order], percentile[order], y[order],
        audiences=200, seed=4,
    )  # fmt: skip
    assert (one.rows, one.broken_share) == (two.rows, two.broken_share)
    assert one != audience_promise(X, attributes, value, confidence, percentile, y, audiences=200, seed=5)


def test_too_few_members_are_said_not_hidden() -> None:
    X, _, value, confidence, percentile, y = said(n=260)
    few = audience_promise(X, None, value, confidence, percentile, y, audiences=300, seed=0)
    assert 0 < few.audiences < few.asked
    none = audience_promise(
        X, None, np.full(260, "unknown", object), confidence, percentile, y, audiences=300, seed=0
    )
    assert none.audiences == 0
    assert np.isnan(none.broken_share)


def test_deviation_by_hand() -> None:
    assert Audience("", 100, 0.5, 0.4).deviation == pytest.approx(-2)
    assert not Audience("", 100, 0.5, 0.401).broken
    assert Audience("", 100, 0.5, 0.399).broken
    assert Audience("", 100, 1.0, 1.0).deviation == 0
    assert Audience("", 100, 1.0, 0.99).broken


def test_calibration_bins_hold_every_row_once() -> None:
    rng = np.random.default_rng(0)
    score = np.round(rng.beta(1, 4, 997), 2).clip(0.01, 0.99)
    y = (rng.random(997) < score).astype("int8")
    bins = calibration_bins(y, score)
    assert sum(b.n for b in bins) == 997
    assert sum(b.n * b.observed for b in bins) == pytest.approx(y.sum())
    assert sum(b.n * b.mean_score for b in bins) == pytest.approx(score.sum())
    assert [b.mean_score for b in bins] == sorted(b.mean_score for b in bins)
    assert all(b.low <= b.observed <= b.high for b in bins)
    assert len(calibration_bins(y, np.full(997, 0.2))) == 1

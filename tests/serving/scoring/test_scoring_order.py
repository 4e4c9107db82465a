"""What is scored depends neither on threads nor on batches, and the pool that does it leaves nothing behind."""

from __future__ import annotations

import pickle
import threading
import time
from dataclasses import dataclass, field
from datetime import date

import lightgbm as lgb
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest

from tagcast.features.catalog.feature_set import SERVICES, FeatureSet
from tagcast.features.catalog.shipped.shipped_views import repeat_inputs
from tagcast.features.compute.snapshot_reader import FeatureBatch
from tagcast.features.core.engines.key_ranges import KeyRange, ranges_between
from tagcast.features.entities.pair import Pair
from tagcast.models.artifacts.amount_model import AmountModel
from tagcast.models.artifacts.binary_model import TagModel
from tagcast.models.artifacts.files import FeatureRange
from tagcast.models.calibration.amount_calibrator import AmountCalibrator
from tagcast.models.calibration.binary_calibrator import Calibrator
from tagcast.models.definitions.loader import parse_definition
from tagcast.models.estimators.amount_regressor import AmountRegressor, OwnSpend
from tagcast.models.estimators.bgnbd import BgNbdScorer, Parameters
from tagcast.models.estimators.blend import Blend
from tagcast.models.estimators.forest import ForestScorer
from tagcast.models.kernels.additive_model import AdditiveModel, Curve
from tagcast.models.stats.psi import FeatureBins
from tagcast.serving.scoring import drift_sample, scorer
from tagcast.serving.scoring.ordered_pool import Pool
from tagcast.serving.scoring.ranges.range_counts import RunFigures
from tagcast.serving.scoring.ranges.share import Share
from tagcast.serving.scoring.scorer import LoadedTag, Scorer
from tests.support.shop import AMOUNT, CHURN, INTEREST, VALUE

pytestmark = pytest.mark.xdist_group("scoring-order")

SET = FeatureSet((7, 30), ("amount", "category", "item_id", "order_id", "quantity"))
OTHER = FeatureSet((30, 90), ("amount",))
DAY, AS_OF = date(2024, 5, 1), date(2024, 6, 1)
PROFILES, MOST_EXACT = 1500, 30
CATEGORIES = ("coffee", "tea")
CUTS = {"churn_risk": 0.45, "high_value": 0.6, "interest.coffee": 0.5, "interest.tea": 0.5}


def drawn(feature_set: FeatureSet, view: str, seed: int, rows: int = PROFILES) -> np.ndarray:
    rng = np.random.default_rng([seed, len(view)])
    names = [f.name for f in feature_set.features(view)]
    X = np.round(rng.gamma(1.0, 12.0, (rows, len(names))), 1)
    X[rng.random(X.shape) < 0.1] = np.nan
    if "tenure_days" in names:
        X[:, names.index("tenure_days")] = rng.integers(80, 300, rows)
        X[:, names.index("recency_days")] = rng.integers(0, 80, rows)
    return X


@dataclass
class Held:
    """Snapshots in memory; they count who is reading."""

    feature_set: FeatureSet
    reading: int = 0
    ids: pa.Array = field(default_factory=lambda: pa.array([f"p{k:05d}" for k in range(PROFILES)]))

    @property
    def rows(self) -> int:
        return PROFILES

    def rows_below(self, first: str | None) -> int:
        return sum(one < (first or "") for one in self.ids.to_pylist())

    def stream(self, pairs: list[Pair], rows: int, within: KeyRange):
        X = drawn(self.feature_set, "profile_activity", 1)
        own = {p: drawn(self.feature_set, "profile_category", 2 + CATEGORIES.index(p.value)) for p in pairs}
        self.reading += 1
        try:
            end = PROFILES if within.end is None else self.rows_below(within.end)
            for k in range(self.rows_below(within.first), end, rows):
                part = slice(k, min(k + rows, end))
                mine = {pair: values[part].copy() for pair, values in own.items()}
                yield FeatureBatch(self.ids[part], X[part].copy(), mine)
        finally:
            self.reading -= 1


class Before:
    """What was said before: everyone's value by their number."""

    def follow(self, within: KeyRange) -> Before:
        return self

    def of(self, ids: pa.Array) -> dict[str, np.ndarray]:
        words = np.array(["yes", "no", "unknown", "no"], object)
        return {"churn_risk": words[[int(p[1:]) % 4 for p in ids.to_pylist()]]}


def calibrated() -> Calibrator:
    rng = np.random.default_rng(0)
    raw = rng.normal(size=600)
    y = (rng.random(600) < 1 / (1 + np.exp(-raw))).astype(np.int8)
    return Calibrator.fit(raw, y, np.full(600, np.datetime64(DAY)))


def grown(X: np.ndarray, seed: int, **params: object) -> ForestScorer:
    rng = np.random.default_rng(seed)
    target = np.nan_to_num(X[:, :9] / 12).sum(axis=1) + rng.normal(size=len(X))
    target -= np.median(target)
    every = {"objective": "binary", "verbosity": -1, "num_threads": 1, "num_leaves": 8, **params}
    label = np.maximum(target, 0) if params.get("objective") == "tweedie" else (target > 0).astype(int)
    booster = lgb.train(every, lgb.Dataset(X, label, params=every), 15)
    return ForestScorer(booster.model_to_string(), tuple(range(X.shape[1])))


def yes_or_no(text: str, feature_set: FeatureSet, blend: Blend, names: tuple[str, ...]) -> LoadedTag:
    ranges = {
        n: FeatureRange(0.0, 0.0, 40.0, 50.0, 0.1) for n in names if n.startswith(("purchase", "spend"))
    }
    definition, day = parse_definition(text, "tests"), (DAY,)
    return LoadedTag(
        TagModel(
            definition=definition,
            features=names,
            feature_set=feature_set.spec,
            scorer=blend,
            calibrator=calibrated(),
            threshold=0.5,
            base_rate=0.5,
            snapshots=day,
            ranges=ranges,
            seed=0,
            bins={
                n: FeatureBins.of(np.random.default_rng(k).gamma(1.0, 12.0, 500)) for k, n in enumerate(names)
            },
        ),
        "1",
    )


@pytest.fixture(scope="module")
def tags() -> list[LoadedTag]:
    """Forests in the kernel and beyond it, curves, BG/NBD, an amount, two categories, two feature sets."""
    profile, wide = SET.names(SERVICES["churn"]), SET.names(SERVICES["interest"])
    X = drawn(SET, "profile_activity", 10, 900)
    both = np.hstack([X, drawn(SET, "profile_category", 11, 900)])
    curves = AdditiveModel(-0.4, tuple(Curve(j, (0.0, 2.0, 4.0), (-0.3, 0.1, 0.4), 0.2) for j in range(9)))
    silent = BgNbdScorer(
        tuple(map(profile.index, repeat_inputs("profile_activity"))), False, Parameters(1.1, 20.0, 0.8, 2.5), 30, False, 0.0,
        (3.0, 20.0, 200.0),
    )  # fmt: skip
    parts = {"logistic": curves, "forest": grown(X, 0), "bgnbd": silent}
    churn = Blend({"logistic": 0.3, "forest": 0.5, "bgnbd": 0.2}, parts)
    value = Blend({"forest": 1.0}, {"forest": grown(drawn(OTHER, "profile_activity", 12, 900), 4)})
    interest = INTEREST.replace("family: {top: 2}\n", "")
    tea = Blend({"forest": 1.0}, {"forest": grown(both, 1)})
    coffee = Blend({"forest": 1.0}, {"forest": grown(both, 2, zero_as_missing=True)})
    mu = np.random.default_rng(0).lognormal(3, 1, 600)
    spend = AmountRegressor(
        "tweedie", 20.0, forest=grown(X, 3, objective="tweedie"), start=OwnSpend((8,), (0.5,), 5.0, (10.0,))
    )
    amount, days = parse_definition(AMOUNT, "tests"), np.full(600, np.datetime64(DAY))
    drift = AmountCalibrator.fit(mu, mu[::-1].copy(), days, tuple(amount.levels.values()))
    return [
        yes_or_no(CHURN + "hysteresis: 0.1\nmin_confidence: 0.6\n", SET, churn, profile),
        yes_or_no(VALUE.replace("60", "400"), OTHER, value, OTHER.names(SERVICES["churn"])),
        yes_or_no(interest.replace("{category}", "tea"), SET, tea, wide),
        LoadedTag(
            AmountModel(
                definition=amount,
                features=profile,
                feature_set=SET.spec,
                scorer=spend,
                calibrator=drift,
                mean_amount=20.0,
                snapshots=(DAY,),
                ranges={},
                seed=0,
            ),
            "1",
        ),
        yes_or_no(interest.replace("{category}", "coffee"), SET, coffee, wide),
    ]


def made(
    tags: list[LoadedTag], threads: int, reasons: scorer.Reasons = "all", share: Share | None = None
) -> Scorer:
    held = {s.spec: Held(s) for s in (SET, OTHER)}
    return Scorer(tags, held, AS_OF, lambda *_: None, Before(), threads=threads, reasons=reasons, share=share)


def scored(run: Scorer, *after: Scorer) -> tuple[pa.Table, dict, dict, dict, dict]:
    """All that a run says, of one range or of several in their order."""
    batches = [batch for one in (run, *after) for batch in one.batches(CUTS)]
    for one in after:
        run.counts.add(pickle.loads(pickle.dumps(one.counts)))  # noqa: S301 - as it comes from elsewhere
    table = pa.Table.from_batches(batches)
    words = pa.types.is_dictionary
    plain = [pc.cast(c, c.type.value_type) if words(c.type) else c for c in table.itercolumns()]
    figures = RunFigures(run.tags, AS_OF, run.compiled.engines, run.counts)
    unlike = {tag.definition.name: figures.unlike_training(tag.definition.name) for tag in run.tags}
    return (
        pa.table(plain, names=table.column_names).combine_chunks(),
        dict(figures.population),
        unlike,
        dict(figures.drifts),
        {tag.definition.name: figures.expected(tag) for tag in run.tags},
    )


def in_batches_of(monkeypatch: pytest.MonkeyPatch, rows: int) -> None:
    monkeypatch.setattr(scorer, "MOST_ROWS", rows)
    monkeypatch.setattr(scorer, "LEAST_ROWS", 1)
    monkeypatch.setattr(scorer, "EXACT_REASONS_CAP", MOST_EXACT)
    monkeypatch.setattr(drift_sample, "SAMPLE", 1_100)


@pytest.fixture(scope="module")
def expected(tags) -> tuple[pa.Table, dict, dict, dict, dict]:
    with pytest.MonkeyPatch.context() as patch:
        in_batches_of(patch, PROFILES)
        return scored(made(tags, 1))


def test_the_run_holds_all_that_a_run_can_hold(expected, tags) -> None:
    table, population, unlike, drifts, quality = expected
    assert table.column("profile_id").to_pylist() == Held(SET).ids.to_pylist()
    for tag in tags:
        name = tag.definition.name
        value, score, because, method = (
            table.column(f"{name}:{part}") for part in ("value", "score", "reasons", "reasons_method")
        )
        assert population[name] == PROFILES - score.null_count == PROFILES - because.null_count
        assert (population[name] == PROFILES) == (name == "high_value")
        assert population[name] > 800
        # A forest that the kernel does not represent gives exact values alone.
        exact = population[name] if name == "interest.coffee" else MOST_EXACT
        assert sum(m == "shap" for m in method.to_pylist()) == exact
        assert method.null_count == score.null_count
        assert len(pc.unique(value.drop_null())) > 1
    assert any(share > 0 for share, _ in unlike.values())
    assert {name for name, one in quality.items() if one is not None} == {*population} - {"spend_30d"}
    assert set(drifts) == {*population} - {"spend_30d"}, "that model recorded no bins"
    assert drifts["high_value"].rows == 1_100 > drifts["churn_risk"].rows > 500
    assert drifts["churn_risk"].features[0].feature == "tenure_days"
    assert "unknown" in pc.unique(table.column("churn_risk:value")).to_pylist()


@pytest.mark.parametrize(("threads", "rows"), [(1, 37), (2, 64), (4, 37), (4, 501), (2, PROFILES), (3, 7)])
def test_threads_and_batches_change_nothing(monkeypatch, tags, expected, threads, rows) -> None:
    in_batches_of(monkeypatch, rows)
    table, *rest = scored(made(tags, threads))
    for name in expected[0].column_names:
        assert table.column(name).equals(expected[0].column(name)), name
    assert table.column_names == expected[0].column_names
    assert tuple(rest) == expected[1:]


@pytest.mark.parametrize(
    "borders", [["p00700"], ["p00003", "p00009", "p00009", "p0001", "p01200"], ["a", "p00031x", "z"]]
)
def test_ranges_of_profiles_are_the_run(monkeypatch, tags, expected, borders) -> None:
    """Whoever stands where: ranges without anybody, and those in which the first values to be explained run out."""
    in_batches_of(monkeypatch, 211)
    before, runs = dict.fromkeys(expected[1], 0), []
    for within in ranges_between(borders):
        share = Share(within, Held(SET).rows_below(within.first), dict(before))
        runs.append(made(tags, 1, share=share))
        rare = [name for name, count in before.items() if count < MOST_EXACT]
        counted = made(tags, 2, share=share).explained(CUTS, rare) if rare else {}
        before = {name: count + counted.get(name, 0) for name, count in before.items()}
    table, *rest = scored(*runs)
    for name in expected[0].column_names:
        assert table.column(name).equals(expected[0].column(name)), name
    assert tuple(rest) == expected[1:]


@pytest.mark.parametrize("threads", [1, 4])
def test_the_first_pass_sees_the_scores_of_the_second(monkeypatch, tags, expected, threads) -> None:
    in_batches_of(monkeypatch, 101)
    asked = [tags[1], tags[3]]
    found: dict[str, list[np.ndarray]] = {}
    for champions, _ in made(tags, threads).scores(asked):
        for name, scores in champions.items():
            found.setdefault(name, []).append(scores)
    assert set(found) == {"high_value", "spend_30d"}
    for name, parts in found.items():
        wanted = expected[0].column(f"{name}:score").drop_null()
        np.testing.assert_array_equal(np.concatenate(parts), wanted.to_numpy())


def test_without_reasons_all_else_is_the_same(monkeypatch, tags, expected) -> None:
    in_batches_of(monkeypatch, 200)
    table, *rest = scored(made(tags, 2, reasons="none"))
    assert table.schema == expected[0].schema
    for name in table.column_names:
        if ":reasons" in name:
            assert table.column(name).null_count == PROFILES, name
        else:
            assert table.column(name).equals(expected[0].column(name)), name
    assert tuple(rest) == expected[1:]


def test_a_run_that_is_given_up_leaves_neither_threads_nor_readers(monkeypatch, tags) -> None:
    in_batches_of(monkeypatch, 20)
    before = set(threading.enumerate())
    run = made(tags, 3)
    for stream in (run.batches(CUTS), run.scores(tags)):
        next(stream)
        assert set(threading.enumerate()) > before
        stream.close()
        assert set(threading.enumerate()) <= before
        assert [held.reading for held in run.snapshots.values()] == [0, 0]


@pytest.mark.parametrize("threads", [1, 2, 5])
def test_the_pool_keeps_the_order_and_takes_little_ahead(threads) -> None:
    taken, ahead = 0, []

    def items():
        nonlocal taken
        for k in range(60):
            taken += 1
            yield k

    def work(k: int) -> int:
        time.sleep(0.004 if k % 3 == 0 else 0.0)  # every third is overtaken
        return k * k

    with Pool(threads) as pool:
        for k, found in enumerate(pool.in_order(work, items())):
            assert found == k * k
            ahead.append(taken - k)
    assert (len(ahead), max(ahead)) == (60, threads + 1)


@pytest.mark.parametrize("threads", [1, 3])
@pytest.mark.parametrize("where", ["work", "items"])
def test_what_goes_wrong_is_told_after_what_went_right(threads, where) -> None:
    begun = []

    def items():
        for k in range(1000):
            if where == "items" and k == 7:
                raise KeyError("no seventh")
            yield k

    def work(k: int) -> int:
        begun.append(k)
        if where == "work" and k == 7:
            raise KeyError("no seventh")
        return k

    before, found = set(threading.enumerate()), []
    with pytest.raises(KeyError, match="no seventh"), Pool(threads) as pool:
        found.extend(pool.in_order(work, items()))
    assert found == list(range(len(found)))
    assert len(found) == 7 if where == "work" else 7 - threads <= len(found) <= 7
    assert max(begun) <= 7 + threads + 1
    assert set(threading.enumerate()) <= before


def test_what_was_not_begun_is_dropped_when_the_consumer_stops() -> None:
    begun, gate = [], threading.Event()

    def work(k: int) -> int:
        begun.append(k)
        if k:
            gate.wait(10)
        return k

    before = set(threading.enumerate())
    with Pool(2) as pool:
        stream = pool.in_order(work, iter(range(1000)))
        assert next(stream) == 0
        stream.close()
        pool.submit(work, 1000)  # behind two that wait
        threading.Timer(0.5, gate.set).start()
    assert set(begun) <= {0, 1, 2}
    assert {t for t in threading.enumerate() if not isinstance(t, threading.Timer)} <= before

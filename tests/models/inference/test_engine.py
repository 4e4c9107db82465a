"""The engine says what the models say by themselves, to the bit, or leaves it to them and tells why."""

from __future__ import annotations

import logging
from dataclasses import replace
from datetime import date

import lightgbm as lgb
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tagcast.features.entities.pair import Pair
from tagcast.models.artifacts.amount_model import AmountModel
from tagcast.models.artifacts.binary_model import TagModel
from tagcast.models.calibration.amount_calibrator import AmountCalibrator
from tagcast.models.calibration.binary_calibrator import Calibrator
from tagcast.models.definitions.loader import parse_definition
from tagcast.models.estimators.amount_regressor import AmountRegressor, OwnSpend
from tagcast.models.estimators.bgnbd import BgNbdScorer, Parameters
from tagcast.models.estimators.blend import Blend
from tagcast.models.estimators.forest import ForestScorer, _without_parameters
from tagcast.models.estimators.rfm import RfmScorer
from tagcast.models.inference.engine import PROBES, Engine, Member
from tagcast.models.kernels import threshold_ranks as forest_encoding
from tagcast.models.kernels.additive_model import AdditiveModel, Curve, compress
from tagcast.models.kernels.lightgbm_parser import parse_forest
from tests.support.shop import AMOUNT, CHURN

PROFILE, OWN = 6, {"category": 3, "fund": 2}
"""Columns of a profile, and of a pair with each entity beside."""
TEA, COFFEE, F1 = PAIRS = (Pair("category", "tea"), Pair("category", "coffee"), Pair("fund", "F1"))
EVERY, WIDE = tuple(range(PROFILE)), tuple(range(PROFILE + OWN["category"]))
NAMES = tuple(f"f{j}" for j in WIDE)
DAY = date(2024, 5, 1)
ODD = [
    np.nan, np.inf, -np.inf, 0.0, -0.0, 5e-324, -1e-35, float(np.float32(1e-35)), 1e-30, 1.7e308, -1.7e308,
    2.0**31, -(2.0**31), -0.5, 0.999, 1.0, 2.5, 31.0, 32.0, 1000.0,
]  # fmt: skip
_RNG = np.random.default_rng(0)
_RAW = _RNG.normal(size=600)
CALIBRATOR = Calibrator.fit(
    _RAW, (_RNG.random(600) < 1 / (1 + np.exp(-_RAW))).astype(np.int8), np.full(600, np.datetime64(DAY))
)
_MU = _RNG.lognormal(3, 1, 600)
AMOUNTS = AmountCalibrator.fit(
    _MU, _MU * _RNG.gamma(0.5, 2, 600), np.full(600, np.datetime64(DAY)), (0.0, 20.0, 60.0)
)


def same_bits(a: np.ndarray, b: np.ndarray) -> bool:
    return a.dtype == b.dtype and a.shape == b.shape and a.tobytes() == b.tobytes()


def learn_from(rng: np.random.Generator, rows: int, width: int) -> tuple[np.ndarray, np.ndarray]:
    X = np.round(rng.lognormal(1, 1, (rows, width)) * rng.choice([-1, 1, 1], (rows, width)), 1)
    X[:, 0] = rng.integers(0, 40, rows)
    X[rng.random(X.shape) < 0.15] = np.nan
    y = (np.nan_to_num(X[:, 0]) % 3 + np.nan_to_num(X).sum(1) / 4 + rng.standard_normal(rows) > 2).astype(int)
    y[:2] = 0, 1
    return X, y


def forest(
    rng: np.random.Generator, columns: tuple[int, ...], *, categorical: bool = False, trees: int = 8, **params
) -> ForestScorer:
    X, y = learn_from(rng, 250, len(columns))
    every = {"objective": "binary", "verbosity": -1, "num_threads": 1, "num_leaves": 9, **params}
    data = lgb.Dataset(X, y, categorical_feature=[0] if categorical else [], params=every)
    return ForestScorer(_without_parameters(lgb.train(every, data, trees).model_to_string()), columns)


def additive(rng: np.random.Generator, columns: tuple[int, ...]) -> AdditiveModel:
    def curve(column: int) -> Curve:
        knots = np.unique(np.round(rng.normal(0, 2, rng.integers(1, 7)), 2))
        return Curve(column, tuple(knots), tuple(rng.normal(size=len(knots))), float(rng.normal()))

    return AdditiveModel(float(rng.normal()), tuple(map(curve, columns)))


def tag(blend: Blend, width: int, name: str = "churn_risk") -> TagModel:
    definition, names = parse_definition(CHURN.replace("churn_risk", name), "churn"), NAMES[:width]
    return TagModel(
        definition=definition, features=names, feature_set="", scorer=blend, calibrator=CALIBRATOR, threshold=0.5,
        base_rate=0.5, snapshots=(DAY,), ranges={}, seed=0,
    )  # fmt: skip


def amounts(scorer: AmountRegressor, width: int) -> AmountModel:
    return AmountModel(
        definition=parse_definition(AMOUNT, "spend"), features=NAMES[:width], feature_set="", scorer=scorer,
        calibrator=AMOUNTS, mean_amount=30.0, snapshots=(DAY,), ranges={}, seed=0,
    )  # fmt: skip


def member_of(name: str = "any", pair: Pair | None = None, places=EVERY, **parts) -> Member:
    weights = dict.fromkeys(parts, 0.7 / len(parts))
    return Member(tag(Blend(weights, parts), len(places), name), pair, places)


def random_blend(rng: np.random.Generator, width: int) -> Blend:
    """One to four parts, some of them compiled, each over columns of its own."""
    own = tuple(rng.permutation(width)[: rng.integers(1, width + 1)].tolist())
    three = tuple(rng.choice(width, 3, replace=False).tolist())
    X, y = learn_from(rng, 120, width)
    parts = {
        "forest": forest(rng, own, categorical=bool(rng.random() < 0.3)),
        "logistic": additive(rng, tuple(sorted(own))),
        "bgnbd": BgNbdScorer(three, False, Parameters(1.1, 20.0, 0.8, 2.5), 30, False, 0.3, (2.0, 9.0, 90.0)),
        "rfm": RfmScorer.fit(X, y.astype(np.int8), three),
    }
    names = rng.permutation(list(parts))[: rng.integers(1, 5)].tolist()
    return Blend({n: float(rng.uniform(0.1, 1)) for n in names}, {n: parts[n] for n in names})


def random_amount(rng: np.random.Generator, width: int) -> AmountRegressor:
    kind = str(rng.choice(["tweedie", "log1p", "own_rate", "mean"]))
    if kind in {"own_rate", "mean"}:
        return AmountRegressor(kind, 12.0, 1.0, 1, 30.0)
    grown = forest(rng, tuple(rng.permutation(width)[:3].tolist()), objective="regression")
    start = OwnSpend((1, 2), (0.4, 0.2), 3.0, (10.0, 5.0)) if kind == "tweedie" else None
    return AmountRegressor(kind, 12.0, 1.3, forest=grown, start=start)


def random_member(rng: np.random.Generator) -> Member:
    pair = (None, *PAIRS)[rng.integers(4)]
    places = EVERY if pair is None else tuple(range(PROFILE + OWN[pair.entity]))
    if rng.random() < 0.7:
        places = tuple(rng.permutation(places)[: rng.integers(3, PROFILE + 1)].tolist())
    width = len(places)
    if rng.random() < 0.25:
        return Member(amounts(random_amount(rng, width), width), pair, places)
    return Member(tag(random_blend(rng, width), width), pair, places)


def batch(rng: np.random.Generator, members: list[Member], rows: int = 600) -> tuple[np.ndarray, dict]:
    """Rows like those of training, thresholds and knots with their neighbours, and odd values."""
    edges = [0.0]
    for member in members:
        if member.forest is not None:
            edges += [t for tree in parse_forest(member.forest.text) for t in tree.threshold.tolist()]
        for part in member.curves.values():
            knots = np.array([k for c in part.curves for k in c.knots])
            edges += (np.sign(knots) * np.expm1(np.abs(knots))).tolist()
    near = np.concatenate([edges, np.nextafter(edges, np.inf), np.nextafter(edges, -np.inf), ODD])

    def drawn(width: int) -> np.ndarray:
        X = learn_from(rng, rows, width)[0]
        return np.where(rng.random(X.shape) < 0.6, rng.choice(near, X.shape), X)

    return drawn(PROFILE), {pair: drawn(OWN[pair.entity]) for pair in PAIRS}


def answers(said: object) -> list[np.ndarray]:
    return list(said) if isinstance(said, tuple) else list(vars(said).values())


@given(seed=st.integers(0, 2**32 - 1), count=st.integers(1, 6))
@settings(max_examples=60, deadline=None)
def test_answers_are_those_of_the_models_to_the_bit(seed, count) -> None:
    rng = np.random.default_rng(seed)
    members = [random_member(rng) for _ in range(count)]
    engine = Engine(members, PROFILE, OWN)
    profile, pairs = batch(rng, members)
    with np.errstate(all="ignore"):
        coded = engine.encode(profile, pairs)
        for k, member in enumerate(members):
            assert engine.known(k, coded, None).keys() == {"forest", "logistic"} & parts_of(member).keys()
            for rows in (None, np.flatnonzero(rng.random(600) < 0.3), np.array([599, 3]), np.array([], int)):
                X = member.matrix(profile, pairs.get(member.pair), rows)
                known = engine.known(k, coded, rows)
                for name, raw in known.items():
                    assert same_bits(raw, parts_of(member)[name].raw(X))
                found, wanted = member.model.predict(X, DAY, known), member.model.predict(X, DAY)
                assert all(map(same_bits, answers(found), answers(wanted)))


def parts_of(member: Member) -> dict:
    if isinstance(member.model, TagModel):
        return dict(member.model.scorer.parts)
    return {} if member.forest is None else {"forest": member.forest}


def test_what_is_shared_is_worked_out_once() -> None:
    rng = np.random.default_rng(1)
    members = [member_of(forest=forest(rng, EVERY)) for _ in range(3)]
    paired = (TEA, TEA, COFFEE)
    members += [member_of(pair=pair, places=WIDE, forest=forest(rng, WIDE)) for pair in paired]
    engine = Engine(members, PROFILE, OWN)
    profile, pairs = batch(rng, members)
    coded = engine.encode(profile, pairs)
    assert set(coded.codes) == {None, TEA, COFFEE}
    assert not coded.compressed  # no model has an additive part
    for pair in (TEA, COFFEE):
        assert np.array_equal(coded.codes[pair][:, : coded.codes[None].shape[1]], coded.codes[None])
    assert members[0].matrix(profile, None) is profile


def warnings_of(caplog: pytest.LogCaptureFixture, members: list[Member]) -> tuple[Engine, list[str]]:
    caplog.clear()
    with caplog.at_level(logging.WARNING, "tagcast"):
        engine = Engine(members, PROFILE, OWN)
    return engine, [record.getMessage() for record in caplog.records if record.name == "tagcast"]


def check_answers(engine: Engine, profile: np.ndarray, known: list[set[str]]) -> None:
    """The engine knows these parts of each member, and all members say what they say without it."""
    coded = engine.encode(profile, {})
    with np.errstate(all="ignore"):
        for k, member in enumerate(engine.members):
            found = engine.known(k, coded, None)
            assert set(found) == known[k]
            said = member.model.predict(profile, DAY, found), member.model.predict(profile, DAY)
            assert all(map(same_bits, *map(answers, said)))


@pytest.mark.parametrize(
    ("params", "why"),
    [
        ({"linear_tree": True}, "linear models in its leaves"),
        ({"zero_as_missing": True}, "zeros that count as missing"),
        ({"boosting": "rf", "bagging_fraction": 0.5, "bagging_freq": 1}, "the mean of its trees"),
    ],
)
def test_a_forest_beyond_the_kernel_is_served_by_lightgbm(caplog, params, why) -> None:
    rng = np.random.default_rng(2)
    odd = forest(rng, EVERY, **params)
    members = [
        member_of("odd_one", logistic=additive(rng, EVERY), forest=odd),
        member_of("plain_one", forest=forest(rng, EVERY)),
        Member(amounts(AmountRegressor("log1p", 1.0, forest=odd), PROFILE), None, EVERY),
    ]
    engine, said = warnings_of(caplog, members)
    assert [line.split(":")[0] for line in said] == ["odd_one", "spend_30d"]
    assert all("without the kernel" in line and why in line for line in said)
    profile, _ = batch(rng, members[1:2])
    check_answers(engine, profile, [{"logistic"}, {"forest"}, set()])
    rows = np.arange(5)
    assert engine.paths(0, engine.encode(profile, {}), rows) == {}
    assert members[0].model.contributions(profile[rows], exact=False).shape == (5, PROFILE)


def one_step_off(text: str, name: str) -> str:
    """The model text with the first number of ``name`` moved to the next one there is."""
    (line,) = (line for line in text.splitlines() if line.startswith(f"{name}="))
    first, *rest = map(float, line.partition("=")[2].split())
    moved = [float(np.nextafter(first, np.inf)), *rest]
    return text.replace(line, f"{name}=" + " ".join(map(repr, moved)))


@pytest.mark.parametrize("name", ["leaf_value", "threshold"])
def test_a_kernel_one_bit_off_the_booster_is_refused(caplog, name) -> None:
    rng = np.random.default_rng(3)
    own = forest(rng, EVERY, trees=1, num_leaves=2)
    lied_to = replace(own)
    lied_to.__dict__["booster"] = lgb.Booster(model_str=one_step_off(own.text, name))
    liar = member_of("liar", forest=lied_to, logistic=additive(rng, EVERY))
    engine, said = warnings_of(caplog, [member_of("honest", forest=own), liar])
    (line,) = said
    assert line.startswith("liar: scored without the kernel")
    assert "compiled forest differs on" in line
    assert f"of {PROBES} probes" in line
    check_answers(engine, batch(rng, [liar])[0], [{"forest"}, {"logistic"}])


def test_a_curve_that_the_kernel_would_read_otherwise_is_refused(caplog) -> None:
    """From minus infinity to a number there is no slope, but numpy has an answer."""
    endless = AdditiveModel(0.0, (Curve(0, (0.0, 5.0), (-np.inf, 1.0), 0.0),))
    engine, (line,) = warnings_of(caplog, [member_of("endless", logistic=endless)])
    assert line.startswith("endless: scored without the kernel")
    assert "compiled logistic differs on" in line
    ones = np.ones((4, PROFILE))
    assert engine.known(0, engine.encode(ones, {}), None) == {}
    assert engine.members[0].model.raw(ones).tolist() == [-np.inf] * 4


@given(seed=st.integers(0, 2**32 - 1))
@settings(max_examples=30, deadline=None)
def test_curves_at_their_knots(seed) -> None:
    rng = np.random.default_rng(seed)
    model = additive(rng, tuple(range(4)))
    member = member_of(places=(3, 1, 0, 2), logistic=model)
    profile, _ = batch(rng, [member], 2000)
    engine = Engine([member], PROFILE, {})
    with np.errstate(invalid="ignore"):
        found = engine.known(0, engine.encode(profile, {}), None)["logistic"]
        X = member.matrix(profile, None)
        assert same_bits(found, model.raw(X))
        assert np.isin(compress(X), [k for c in model.curves for k in c.knots]).any()


def test_more_thresholds_than_ranks_are_served_by_lightgbm(monkeypatch) -> None:
    rng = np.random.default_rng(4)
    members = [member_of(forest=forest(rng, EVERY)) for _ in range(3)]
    monkeypatch.setattr(forest_encoding, "MOST_RANKS", 10)
    engine = Engine(members, PROFILE, {})
    profile, _ = batch(rng, members)
    coded = engine.encode(profile, {})
    for k, member in enumerate(members):
        raw = member.model.scorer.raw(profile, engine.known(k, coded, None))
        assert same_bits(raw, member.model.raw(profile))


def test_who_gives_way_leaves_the_kernel_to_the_others_and_their_answers_and_reasons_as_they_are(
    monkeypatch,
) -> None:
    rng = np.random.default_rng(5)
    champion, small = (
        member_of(forest=forest(rng, EVERY, trees=12)),
        member_of(forest=forest(rng, EVERY, trees=2)),
    )
    guest = replace(small, gives_way=True)
    profile, _ = batch(rng, [champion, guest])
    rows = np.arange(40)

    def answered(*members: Member) -> tuple[np.ndarray, np.ndarray]:
        engine = Engine(list(members), PROFILE, {})
        coded = engine.encode(profile, {})
        assert engine.explains(0)
        return engine.known(0, coded, None)["forest"], engine.paths(0, coded, rows)["forest"]

    alone, beside = answered(champion), answered(champion, guest)
    monkeypatch.setattr(forest_encoding, "MOST_RANKS", Engine([champion], PROFILE, {})._all[None].most)
    pressed = answered(champion, guest)
    for found in (beside, pressed):
        assert all(same_bits(a, b) for a, b in zip(alone, found, strict=True))

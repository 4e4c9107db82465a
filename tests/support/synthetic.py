"""Shoppers for model tests: Poisson buyers over monthly snapshots whose true chance of silence is known; made values."""

from __future__ import annotations

from datetime import date, timedelta

import numpy as np
import pandas as pd

from tagcast.models.definitions.loader import parse_definition
from tagcast.models.evaluation.decided_values import DecidedValues, ValueCount
from tagcast.models.training.dataset import TrainingFrame
from tagcast.models.training.splits import Split

FIRST = date(2024, 1, 1)
HORIZON_DAYS = 30


def shoppers(
    profiles: int = 400, snapshots: int = 5, seed: int = 3
) -> tuple[TrainingFrame, Split, np.ndarray]:
    """Return a frame, its split, and the true probability of buying nothing in each row's window."""
    rng = np.random.default_rng(seed)
    rate = rng.gamma(0.8, 0.08, profiles)
    rows = []
    for number in range(snapshots):
        count = rng.poisson(rate * 60)
        recency = np.minimum(60.0, rng.exponential(1 / np.maximum(rate, 1e-3)))
        chance = np.exp(-rate * HORIZON_DAYS)
        rows.append(
            pd.DataFrame(
                {
                    "recency_days": np.where(count > 0, recency, np.nan),
                    "purchase_days_60d": count.astype(float),
                    "spend_60d": count * rng.lognormal(2, 0.4, profiles),
                    "noise": rng.normal(size=profiles),
                    "constant": 1.0,
                    "profile_id": [f"p{i:05d}" for i in range(profiles)],
                    "as_of": np.datetime64(FIRST + timedelta(days=HORIZON_DAYS * number), "D"),
                    "chance": chance,
                    "y": (rng.random(profiles) < chance).astype("int8"),
                }
            )
        )
    table = pd.concat(rows, ignore_index=True)
    names = ["recency_days", "purchase_days_60d", "spend_60d", "noise", "constant"]
    frame = TrainingFrame(
        X=table[names],
        y=table["y"].to_numpy(),
        as_of=table["as_of"].to_numpy("datetime64[D]"),
        profile_id=table["profile_id"].to_numpy(object),
        rfm=table[["recency_days", "purchase_days_60d", "spend_60d"]],
    )
    dates = tuple(FIRST + timedelta(days=HORIZON_DAYS * n) for n in range(snapshots))
    return frame, Split(dates, HORIZON_DAYS), table["chance"].to_numpy()


def spenders(
    profiles: int = 500, snapshots: int = 6, seed: int = 5, *, shift: float = 0.0
) -> tuple[TrainingFrame, Split, np.ndarray]:
    """Return a frame of amounts, its split, and the true mean amount of each row.

    Every other profile or so spends nothing in a window; ``shift`` is the standard deviation of a factor (in
    logarithms) that all amounts of a snapshot share and that no feature tells.
    """
    rng = np.random.default_rng(seed)
    rate = rng.gamma(1.0, 0.05, profiles)
    basket = rng.lognormal(3, 0.6, profiles)
    rows = []
    for number in range(snapshots):
        spend = {}
        for days in (30, 90):
            count = rng.poisson(rate * days)
            spend[days] = basket * rng.gamma(np.maximum(count, 1) * 3.0, 1 / 3.0) * (count > 0)
        count = rng.poisson(rate * HORIZON_DAYS)
        amount = basket * rng.gamma(np.maximum(count, 1) * 3.0, 1 / 3.0) * (count > 0)
        amount = np.round(amount * np.exp(shift * rng.normal()), 2)
        rows.append(
            pd.DataFrame(
                {
                    "recency_days": np.minimum(90.0, rng.exponential(1 / np.maximum(rate, 1e-3))),
                    "spend_30d": spend[30],
                    "spend_90d": spend[90],
                    "basket_mean": np.where(rng.random(profiles) < 0.1, np.nan, basket),
                    "noise": rng.normal(size=profiles),
                    "profile_id": [f"p{i:05d}" for i in range(profiles)],
                    "as_of": np.datetime64(FIRST + timedelta(days=HORIZON_DAYS * number), "D"),
                    "mean": basket * rate * HORIZON_DAYS,
                    "amount": amount,
                }
            )
        )
    table = pd.concat(rows, ignore_index=True)
    names = ["recency_days", "spend_30d", "spend_90d", "basket_mean", "noise"]
    frame = TrainingFrame(
        X=table[names],
        y=(table["amount"] > 0).to_numpy("int8"),
        as_of=table["as_of"].to_numpy("datetime64[D]"),
        profile_id=table["profile_id"].to_numpy(object),
        rfm=table[["recency_days", "spend_30d", "spend_90d"]],
        amount=table["amount"].to_numpy(float),
    )
    dates = tuple(FIRST + timedelta(days=HORIZON_DAYS * n) for n in range(snapshots))
    return frame, Split(dates, HORIZON_DAYS), table["mean"].to_numpy()


def decided(
    text: str, *, predicted: int = 40, chosen: int = 50, surest: float | None = 0.9, highest: float = 0.95
) -> DecidedValues:
    """Return that each value of the definition ``text`` is predicted for ``predicted`` of ``chosen`` profiles."""
    definition = parse_definition(text, "tests")
    each = ValueCount(predicted, chosen, surest)
    unknown = (chosen - predicted) * len(definition.values)
    return DecidedValues(dict.fromkeys(definition.values, each), unknown, highest, definition)

"""Words as columns of their commonest levels, or as categorical splits: ``python -m benchmarks.quality.words``.

LightGBM alone, with the same settings, on the same rows and splits; only how a word reaches the trees differs. Levels are those that
tagcast would take (the commonest twenty, of at least .5 % of the profiles). Real data sets, and one that is made, whose word has 300
levels of which each moves the outcome.
"""

from __future__ import annotations

import argparse
import os
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import lightgbm
import numpy as np
import numpy.typing as npt
import pandas as pd
from sklearn.model_selection import StratifiedShuffleSplit

from benchmarks.quality.tasks import DATA
from benchmarks.results import write_result
from benchmarks.rows import Row, Spread
from tagcast.features.compute.levels import MIN_LEVEL_SHARE, MOST_LEVELS

Floats = npt.NDArray[np.float64]
SPLITS = 10
WAYS = ("levels", "categorical", "categorical, common levels")
SETTINGS = {
    "n_estimators": 150,
    "learning_rate": 0.05,
    "num_leaves": 15,
    "min_child_samples": 40,
    "random_state": 0,
    "n_jobs": 1,
    "deterministic": True,
    "force_row_wise": True,
    "verbosity": -1,
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, default=Path(os.environ.get("TAGCAST_DATA", DATA)))
    options = parser.parse_args()
    rows = []
    for name, frame, y in data_sets(options.data):
        losses: dict[str, list[float]] = {way: [] for way in WAYS}
        splits = StratifiedShuffleSplit(SPLITS, test_size=0.3, random_state=0)
        for learned, held in splits.split(frame, y):
            for way in WAYS:
                X, words = prepared(frame, frame.iloc[learned], way)
                model = lightgbm.LGBMClassifier(**SETTINGS)
                model.fit(X.iloc[learned], y[learned], categorical_feature=words or "auto")
                losses[way].append(log_loss(y[held], model.predict_proba(X.iloc[held])[:, 1]))
        print(f"{name}, {len(frame):,} rows, {y.mean():.1%} true")
        for way in WAYS:
            found = np.array(losses[way])
            difference = found - np.array(losses["levels"])
            low, middle, high = np.quantile(difference, [0.0, 0.5, 1.0])
            print(
                f"  {way}: log loss {found.mean():.5f}; minus levels {middle:+.5f} ({low:+.5f} to {high:+.5f})"
            )
            rows.append(
                Row(
                    f"words, {name}: {way} log loss",
                    "log loss",
                    float(found.mean()),
                    "lower",
                    Spread(*np.quantile(found, [0, 0.5, 1])),
                )
            )
    write_result("quality-words", vars(options), rows, now=datetime.now(UTC))


def data_sets(folder: Path) -> Iterator[tuple[str, pd.DataFrame, npt.NDArray[np.int8]]]:
    """Yield each data set: its name, words and numbers, and the outcome."""
    telco = pd.read_parquet(folder / "telco_churn.parquet")
    y = (telco["Churn"] == "Yes").to_numpy(np.int8)
    telco["TotalCharges"] = pd.to_numeric(telco["TotalCharges"], errors="coerce")
    yield "telco", telco.drop(columns=["customerID", "Churn"]), y
    mail = pd.read_parquet(folder / "hillstrom_email.parquet")
    words = ["history_segment", "zip_code", "channel", "segment"]
    yield (
        "e-mail",
        mail[[*words, "recency", "history", "mens", "womens", "newbie"]],
        mail["visit"].to_numpy(np.int8),
    )
    rng = np.random.default_rng(0)
    place, spend = rng.zipf(1.3, 20_000) % 300, rng.gamma(2, 50, 20_000)
    chance = 1 / (1 + np.exp(-(rng.normal(0, 0.8, 300)[place] + spend / 200 - 2)))
    made = pd.DataFrame({"place": [f"p{number:03d}" for number in place], "spend": spend})
    yield "made, 300 levels", made, (rng.random(20_000) < chance).astype(np.int8)


def prepared(frame: pd.DataFrame, learned: pd.DataFrame, way: str) -> tuple[pd.DataFrame, list[str]]:
    """Return the columns that the trees see, and those that are categories."""
    words = [name for name in frame if not pd.api.types.is_numeric_dtype(frame[name])]
    parts = [frame.drop(columns=words).astype(float)]
    for name in words:
        shares = learned[name].value_counts(normalize=True)
        common = list(shares[shares >= MIN_LEVEL_SHARE].index[:MOST_LEVELS])
        if way == "levels":
            parts += [
                (frame[name] == level).astype(float).rename(f"{name}_{k}") for k, level in enumerate(common)
            ]
        else:
            levels = common if way != "categorical" else sorted(shares.index)
            parts.append(pd.Series(pd.Categorical(frame[name], categories=levels), frame.index, name=name))
    return pd.concat(parts, axis=1), [] if way == "levels" else words


def log_loss(y: npt.NDArray[np.int8], score: Floats) -> float:
    """Return the mean log loss of scores."""
    kept = np.clip(score, 1e-12, 1 - 1e-12)
    return float(-np.mean(np.where(y == 1, np.log(kept), np.log(1 - kept))))


if __name__ == "__main__":
    main()

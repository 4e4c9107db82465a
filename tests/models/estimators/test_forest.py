"""What is known of a forest by its text alone, and what of it goes to another process."""

from __future__ import annotations

import pickle
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from tagcast.models.estimators.forest import ForestScorer, binned

ROWS = 600
ROOT = Path(__file__).parents[3]


def grown(leaves: int, rounds: int, gain: float = 0.0) -> tuple[ForestScorer, np.ndarray]:
    """Return a forest that learned from the columns 1, 2 and 4 of five, of which 4 is noise, and its rows."""
    rng = np.random.default_rng(leaves)
    X = rng.normal(size=(ROWS, 5))
    y = (X[:, 1] + X[:, 2] ** 2 + rng.normal(size=ROWS) > 1).astype("int8")
    columns = (1, 2, 4)
    params = {"num_leaves": leaves, "min_child_samples": 10, "min_gain_to_split": gain}
    data = binned(np.ascontiguousarray(X[:, columns]), y)
    return ForestScorer.fit(data, params, rounds, seed=1, columns=columns)[0], X


@pytest.mark.parametrize(
    ("leaves", "rounds", "gain"), [(2, 3, 0.0), (4, 20, 5.0), (15, 20, 0.0), (4, 3, 1e9)]
)
def test_the_features_in_use_are_those_that_lightgbm_counts(leaves, rounds, gain) -> None:
    forest, _ = grown(leaves, rounds, gain)
    counted = np.flatnonzero(forest.booster.feature_importance("split"))
    assert forest.used_features == {forest.columns[k] for k in counted}


def test_whoever_is_sent_a_forest_scores_without_lightgbm(tmp_path) -> None:
    forest, X = grown(15, 20)
    forest.raw(X)
    paths = forest.path_values(X)
    sent = tmp_path / "sent"
    sent.write_bytes(pickle.dumps((forest, X)))
    done = (
        "import pickle, sys\n"
        "from pathlib import Path\n"
        "forest, X = pickle.loads(Path(sys.argv[1]).read_bytes())\n"
        "paths, used = forest.path_values(X), forest.used_features\n"
        "assert 'lightgbm' not in sys.modules\n"
        "Path(sys.argv[1]).write_bytes(pickle.dumps((paths, used, forest.raw(X))))\n"
    )
    subprocess.run([sys.executable, "-c", done, str(sent)], check=True, cwd=ROOT)
    there, used, raw = pickle.loads(sent.read_bytes())  # noqa: S301 - written a line above
    np.testing.assert_array_equal(there, paths)
    np.testing.assert_array_equal(raw, forest.raw(X))
    assert used == forest.used_features

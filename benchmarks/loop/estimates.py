"""What a run says of its own quality before anything came, beside what came: ``python -m benchmarks.loop.estimates``.

The chains of :mod:`benchmarks.quality.drift`: a plain recipe fitted at each past snapshot of completejourney, asked at the later ones, its
log-odds corrected by the drift that was known then. At each, AUC, precision and recall of yes and the rate are estimated and then measured.
Beside the mean error stands what chance alone would make of it, were every score exact. ``WIDER`` was set on these snapshots.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

import numpy as np

from benchmarks.quality.drift import KINDS, chains_of
from benchmarks.quality.drift_cases import HORIZON_DAYS, Case, Chain, cases
from benchmarks.results import write_result
from benchmarks.rows import Bar, Row, measured
from tagcast.models.calibration.binary_drift import follow
from tagcast.models.inference.estimated_quality import ScoreCounts, estimated_quality
from tagcast.models.stats.metrics import Estimate, auc
from tagcast.models.stats.numerics import probability
from tagcast.models.stats.season_coverage import unseen_share

LATE_DAYS = (0, 30)
CALLED = 0.5
FIGURES = ("auc", "precision", "recall", "rate")
ERROR_BARS = {"auc": Bar("at most", 0.010), "precision": Bar("at most", 0.035)}


@dataclass(frozen=True)
class Pair:
    """One figure of one tag at one snapshot: estimated before, measured after, and the mean error that chance alone makes."""

    figure: str
    estimated: Estimate
    measured: float
    chance: float


def pairs(case: Case, seed: int = 0) -> Iterator[Pair]:
    """Yield what was estimated and what came of one case."""
    unseen = unseen_share(case.learned, case.as_of, HORIZON_DAYS)
    now = follow(case.known_raw, case.known_y, case.known_day)[-1][0].ahead(case.as_of, unseen)
    score = probability(now.corrected(case.raw))
    yes, counts = score >= CALLED, ScoreCounts()
    counts.add(score, yes)
    slope, shift = now.slope, float(now.mean[0])
    said = estimated_quality(counts, slope, shift, now.covariance, seed)
    exact = estimated_quality(counts, slope, shift, np.eye(2) * 1e-12, seed)
    if said is None or exact is None:
        return
    came = {"auc": auc(case.y, score), "rate": float(case.y.mean())}
    if yes.any():
        came |= {"precision": float(case.y[yes].mean()), "recall": float(case.y[yes].sum() / case.y.sum())}
    for figure, value in came.items():
        one, by_chance = getattr(said, figure), getattr(exact, figure)
        if one is not None and by_chance is not None:
            sd = (by_chance.high - by_chance.low) / (2 * 1.96)
            yield Pair(figure, one, value, sd * (2 / np.pi) ** 0.5)


def report(chains: Sequence[Chain]) -> list[Row]:
    """Print errors and coverage of each figure, and return them as rows."""
    found = [
        pair for chain in chains for late in LATE_DAYS for case in cases(chain, late) for pair in pairs(case)
    ]
    rows = []
    for figure in FIGURES:
        mine = [pair for pair in found if pair.figure == figure]
        off = np.array([pair.measured - pair.estimated.value for pair in mine])
        inside = np.mean([pair.estimated.low <= pair.measured <= pair.estimated.high for pair in mine])
        chance = float(np.mean([pair.chance for pair in mine]))
        print(
            f"{figure}: {len(mine)} pairs, mean error {np.abs(off).mean():.4f} (by chance alone {chance:.4f}), inside {inside:.3f}"
        )
        rows += [
            measured(
                f"{figure}: mean error", "", [float(np.abs(off).mean())], "lower", ERROR_BARS.get(figure)
            ),
            measured(f"{figure}: mean error by chance alone", "", [chance], "neither"),
            measured(
                f"{figure}: inside the interval", "share", [float(inside)], "neither", Bar("at least", 0.93)
            ),
        ]
    return rows


def main() -> None:
    """Build the chains and print what they show."""
    chains = chains_of(KINDS[:2])
    write_result("estimates", {}, report(chains), now=datetime.now(UTC))


if __name__ == "__main__":
    main()

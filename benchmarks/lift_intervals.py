"""Whether the intervals of a campaign's lift keep their word: ``python -m benchmarks.lift_intervals [--quick]``.

Made campaigns whose true lift is known: members with a calibrated score that explains a quarter of the outcome, a tenth held out
within deciles of it as an export draws them, yes or no at the end. Coverage and width of the 95 % interval by tagcast's own
code, beside Wald's; then campaigns without any effect that are looked at on each of thirty days.
"""

from __future__ import annotations

import argparse
import math
import os
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from typing import Any

import numpy as np
import numpy.typing as npt

from benchmarks.results import write_result
from benchmarks.rows import Bar, Row, Spread, verdict_of

SIZES = (2_000, 20_000)
BASES = (0.03, 0.14, 0.5)
LIFTS = (0.0, 0.2)
SHARE = 0.1
DAYS = 30
COVERAGE = (0.94, 0.96)
WIDTH_BAR = Bar("at most", 0.88)
FALSE_BAR = Bar("at most", 0.05)
BATCH = 250
"""Campaigns of one job."""
Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Case:
    """Campaigns of one kind: members, share with the outcome, and lift relative to it."""

    members: int
    base: float
    lift: float

    @property
    def held_outcomes(self) -> float:
        """Outcomes, or members without one, that are expected among the held out."""
        return min(self.base, 1 - self.base) * self.members * SHARE

    def __str__(self) -> str:
        return f"{self.members:,} members, base {self.base:g}, lift {self.lift:g} of it"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="few campaigns; no bars")
    parser.add_argument("--campaigns", type=int, default=6_000, help="made for each row")
    options = parser.parse_args()
    campaigns = 2 * BATCH if options.quick else options.campaigns
    rows: list[Row] = []
    with ProcessPoolExecutor(max_workers=min(2, os.cpu_count() or 1)) as pool:
        print(
            "| members | base | lift | outcomes held out | method | coverage (± Monte Carlo) | width to Wald's |"
        )
        print("|---|---|---|---|---|---|---|")
        for size in SIZES:
            for base in BASES:
                for lift in LIFTS:
                    rows += covered(pool, Case(size, base, lift), campaigns)
        print()
        print(
            f"| no effect, looked at on each of {DAYS} days | one look a day at 95 % | sequence | and at the end |"
        )
        print("|---|---|---|---|")
        for size in SIZES:
            for base in BASES:
                rows.append(false_alarms(pool, Case(size, base, 0.0), campaigns // 3))
    write_result("lift-intervals", vars(options), rows, now=datetime.now(UTC))
    missed = [row.metric for row in rows if row.verdict == "missed"]
    if missed and not options.quick:
        raise SystemExit(f"missed: {'; '.join(missed)}")


def covered(pool: ProcessPoolExecutor, case: Case, campaigns: int) -> list[Row]:
    """Print coverage and width of one case, and return them as rows."""
    parts = np.concatenate(list(pool.map(partial(_covered, case), *_seeds(campaigns))))
    coverage, error = float(parts[:, 0].mean()), float(np.sqrt(0.95 * 0.05 / len(parts)))
    ratio = float(parts[:, 1].sum() / parts[:, 2].sum())
    few = float(parts[:, 3].mean())
    method = "Newcombe" if few > 0.5 else "adjusted"
    print(
        f"| {case.members:,} | {case.base:g} | {case.lift:g} | {case.held_outcomes:.0f} | {method} | "
        f"{coverage:.4f} ± {error:.4f} | {ratio:.3f} |",
        flush=True,
    )
    if case.held_outcomes < 10:
        return [Row(f"coverage, {case}", "share", coverage, "neither")]
    kept = verdict_of(met=COVERAGE[0] <= coverage <= COVERAGE[1])
    spread = Spread(coverage - 1.96 * error, coverage, coverage + 1.96 * error, "95 % interval")
    return [
        Row(f"coverage, {case}", "share", coverage, "neither", spread, "from .94 to .96", kept),
        Row(
            f"width to Wald's, {case}", "ratio", ratio, "lower", None, str(WIDTH_BAR),
            verdict_of(met=WIDTH_BAR.is_met(ratio)),
        ),
    ]  # fmt: skip


def false_alarms(pool: ProcessPoolExecutor, case: Case, campaigns: int) -> Row:
    """Print how many campaigns without an effect are taken for one that has some on any day."""
    parts = np.concatenate(list(pool.map(partial(_looked_at, case), *_seeds(campaigns))))
    naive, sequence, both = (float(share) for share in np.nanmean(parts, axis=0))
    error = float(np.sqrt(max(sequence, 1 / len(parts)) * (1 - sequence) / len(parts)))
    print(
        f"| {case.members:,} members, base {case.base:g} | {naive:.3f} | {sequence:.4f} ± {error:.4f} | {both:.3f} |",
        flush=True,
    )
    spread = Spread(sequence - 1.96 * error, sequence, sequence + 1.96 * error, "95 % interval")
    return Row(
        f"false alarms of daily looks, {case.members:,} members, base {case.base:g}", "share", sequence, "lower",
        spread, str(FALSE_BAR), verdict_of(met=FALSE_BAR.is_met(sequence)),
    )  # fmt: skip


def _seeds(campaigns: int) -> tuple[Iterator[int], Iterator[int]]:
    batches = -(-campaigns // BATCH)
    return iter(range(batches)), iter([min(BATCH, campaigns - BATCH * k) for k in range(batches)])


def _campaigns(case: Case, seed: int, campaigns: int) -> Iterator[tuple[np.random.Generator, Any, Floats]]:
    """Yield a generator, who is given, and scores of each campaign."""
    from tagcast.serving.delivery.holdouts import nearest_within, strata_of

    rng = np.random.default_rng([seed, case.members, round(1000 * case.base), round(1000 * case.lift)])
    a = 3 * case.base  # a beta distribution with a + b = 3: its variance is a quarter of base (1 - base)
    for _ in range(campaigns):
        score = rng.beta(a, 3 - a, case.members)
        held_out = nearest_within(rng.random(case.members), strata_of(score), SHARE, rng.random())
        yield rng, ~held_out, score


def _covered(case: Case, seed: int, campaigns: int) -> Floats:
    """Return of each campaign: covered, width, Wald's width, whether Newcombe's."""
    from tagcast.models.stats.lift.estimates import lift_at_end

    found = []
    for rng, given, score in _campaigns(case, seed, campaigns):
        treated = np.minimum(score * (1 + case.lift), 1.0)
        y = (rng.random(case.members) < np.where(given, treated, score)).astype(float)
        lift, truth = lift_at_end(y, given, score), float((treated - score).mean())
        wald = np.sqrt(
            sum(
                m * (1 - m) / n
                for m, n in ((lift.mean_given, lift.given), (lift.mean_held_out, lift.held_out))
            )
        )
        found.append(
            (
                lift.low <= truth <= lift.high,
                lift.high - lift.low,
                2 * 1.959964 * wald,
                lift.method == "newcombe",
            )
        )
    return np.array(found, float)


def _looked_at(case: Case, seed: int, campaigns: int) -> Floats:
    """Return of each campaign whether it was ever decided: by one look a day (NaN: not asked), by the sequence, by it and the look at the end."""
    from tagcast.models.stats.lift.estimates import lift_at_end
    from tagcast.models.stats.lift.power import planned_variance
    from tagcast.models.stats.lift.sequence import lift_so_far

    found = []
    for place, (rng, given, score) in enumerate(_campaigns(case, 10_000 + seed, campaigns)):
        happens = rng.random(case.members) < score
        day = np.where(happens, rng.integers(1, DAYS + 1, case.members), DAYS + 1)
        plan = planned_variance(score)
        looks = [(day <= d).astype(float) for d in range(1, DAYS + 1)]
        ever = any(lift_so_far(y, given, plan, DAYS, score).decided for y in looks)
        at_end = lift_at_end(looks[-1], given, score).decided
        naive = math.nan  # what everybody knows is shown on one campaign of ten
        if place % 10 == 0:
            naive = float(any(lift_at_end(y, given, score).decided for y in looks))
        found.append((naive, ever, ever or at_end))
    return np.array(found, float)


if __name__ == "__main__":
    main()

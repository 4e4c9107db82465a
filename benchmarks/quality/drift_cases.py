"""What a chain of past scores shows of drift: pure functions over log-odds and outcomes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from tagcast.models.calibration.binary_drift import follow
from tagcast.models.stats.season_coverage import unseen_share

Floats = npt.NDArray[np.float64]
Labels = npt.NDArray[np.int8]

HORIZON_DAYS = 30
"""Also the days between snapshots."""
SHARES = {"none": 0.0, "half": 0.5, "all of it": 1.0}
"""Of the correction that a score may get."""


@dataclass(frozen=True)
class Chain:
    """One tag's log-odds by models fitted up to one snapshot and asked at a later one, and the outcomes."""

    tag: str
    kind: str
    raw: Mapping[tuple[date, date], Floats]
    y: Mapping[date, Labels]


@dataclass(frozen=True)
class Case:
    """A snapshot to be scored: out-of-time cases known before it, its own log-odds and what came.

    Parameters
    ----------
    tag, kind : str
    known_raw, known_y, known_day : ndarray of shape (m,)
    raw, y : ndarray of shape (n,)
    learned : tuple of date
        Snapshots whose outcomes were known.
    as_of : date
    """

    tag: str
    kind: str
    known_raw: Floats
    known_y: Labels
    known_day: npt.NDArray[np.datetime64]
    raw: Floats
    y: Labels
    learned: tuple[date, ...]
    as_of: date


@dataclass(frozen=True)
class Expected:
    """What came of one case.

    Parameters
    ----------
    moved, noise : float
        Shift that the outcomes show, and the variance that so many cases give it by chance.
    spread : float
        Standard deviation that the drift was expected to have, at the log-odds that tell most.
    deviation : float
        Shift left after the correction, in standard deviations of drift and chance.
    losses, errors : tuple of float
        Log loss and calibration error under each of ``SHARES``.
    """

    moved: float
    noise: float
    spread: float
    deviation: float
    losses: tuple[float, ...]
    errors: tuple[float, ...]


def shift(raw: Floats, y: Labels) -> tuple[float, float]:
    """Return the shift of ``raw`` that makes ``y`` likeliest, and its variance, by Newton's method."""
    moved, information = 0.0, 0.0
    for _ in range(50):
        p = 1 / (1 + np.exp(-(raw + moved)))
        information = float((p * (1 - p)).sum())
        step = float((y - p).sum()) / information
        moved += step
        if abs(step) < 1e-10:
            break
    return moved, 1 / information


def cases(chain: Chain, late_days: int) -> Iterator[Case]:
    """Yield the snapshots with two known ones or more before them, scored ``late_days`` later than they could be."""
    gap = timedelta(days=HORIZON_DAYS)
    days = sorted(chain.y)

    def latest(as_of: date) -> date | None:
        fitting = [d for d in days if d + gap <= as_of and (d, as_of) in chain.raw]
        return fitting[-1] if fitting else None

    for as_of in days:
        now = as_of - timedelta(days=late_days)
        last = latest(now)
        if last is None or (last, as_of) not in chain.raw:
            continue
        known = [(d, fitted) for d in days if d + gap <= now and (fitted := latest(d)) is not None]
        if len(known) < 2:
            continue
        yield Case(
            chain.tag,
            chain.kind,
            np.concatenate([chain.raw[fitted, d] for d, fitted in known]),
            np.concatenate([chain.y[d] for d, _ in known]),
            np.concatenate([np.full(len(chain.y[d]), np.datetime64(d)) for d, _ in known]),
            chain.raw[last, as_of],
            chain.y[as_of],
            tuple(d for d in days if d <= last),
            as_of,
        )


def judged(case: Case) -> Expected:
    """Hold the drift of one case against what was expected of it."""
    from tagcast.models.stats.metrics import calibration_error, log_loss
    from tagcast.models.stats.numerics import probability

    unseen = unseen_share(case.learned, case.as_of, HORIZON_DAYS)
    now = follow(case.known_raw, case.known_y, case.known_day)[-1][0].ahead(case.as_of, unseen)
    moved, noise = shift(case.raw, case.y)
    p = probability(case.raw)
    weight = p * (1 - p)
    telling = np.array([(weight * case.raw).sum() / weight.sum()])
    spread = float(now.spread(telling)[0])
    left = moved - float((now.corrected(telling) - telling)[0])
    scores = [
        probability(replace(now, mean=now.mean * share).corrected(case.raw)) for share in SHARES.values()
    ]
    return Expected(
        moved,
        noise,
        spread,
        left / float(np.sqrt(spread**2 + noise)),
        tuple(log_loss(case.y, score) for score in scores),
        tuple(calibration_error(case.y, score) for score in scores),
    )


def true_spread(found: Sequence[Expected]) -> float:
    """Return the standard deviation of shifts without what chance adds to them."""
    moved, noise = (np.array([getattr(e, name) for e in found]) for name in ("moved", "noise"))
    return float(np.sqrt(max(0.0, float((moved**2).mean() - noise.mean()))))


def memory(chains: Sequence[Chain]) -> float:
    """Return how much of a snapshot's shift is left at the next: covariance over variance, chance taken out."""
    gap = timedelta(days=HORIZON_DAYS)
    products, squares = [], []
    for chain in chains:
        days = sorted(chain.y)
        found = [shift(chain.raw[d - gap, d], chain.y[d]) for d in days[1:]]
        products += [a[0] * b[0] for a, b in pairwise(found)]
        squares += [moved**2 - noise for moved, noise in found]
    return float(np.mean(products) / np.mean(squares))

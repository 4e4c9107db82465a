"""How far a run's features have moved since training, weighed by what each adds to the scores.

A model notices only what it looks at: a feature counts by the mean size of its contributions. Both are taken from profiles
that are drawn by lot, in the order of the snapshot, so that the figures are the same bits in batches of any size.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self

import numpy as np
import numpy.typing as npt

from tagcast.features.core.messages import Message, Text, msg
from tagcast.models.kernels.bin_counts import bin_counts
from tagcast.models.stats.psi import FeatureBins, mass_psi

if TYPE_CHECKING:
    from tagcast.models.artifacts.trained_model import TrainedModel

Floats = npt.NDArray[np.float64]
Places = npt.NDArray[np.int64]

SAMPLE = 10_000
"""Profiles of a run that are drawn: chance makes a PSI of .001 of so many, which is taken off."""
WEIGHED = 2_000
"""Of those a tag speaks of, how many are explained: they tell a mean contribution to about 2 %."""
LEAST = 100
"""Profiles drawn of a tag's population, below which nothing is said."""
MOST_NAMED, LEAST_PART, NOTICED = 5, 0.1, 0.01
"""Features that are named: at most so many, each of at least this part of a drift that is worth a word."""
SOME, MUCH = 0.1, 0.25
"""PSI from which a feature counts as moved somewhat, and much: the usual bounds of credit scoring (Siddiqi, 2006)."""


@dataclass(frozen=True)
class MovedFeature:
    """One feature's part in the drift.

    Parameters
    ----------
    feature : str
    psi : float
        Population stability index against training, less what chance makes of so few rows, at least 0.
    weight : float
        Share of the mean sizes of the contributions of all features, in [0, 1].
    above : float or None
        The value at which both differ most; None where most differ in whether there is a value.
    then, now : float
        Share of the training rows, and of the run's profiles, that lie above it; or that have no value.
    """

    feature: str
    psi: float
    weight: float
    above: float | None
    then: float
    now: float

    @property
    def part(self) -> float:
        """What it adds to the weighted drift."""
        return self.psi * self.weight

    def text(self, title: Text) -> Message:
        """Return in words what has moved; ``title`` is what people call the feature."""
        shares = {"feature": title, "then": self.then, "now": self.now}
        if self.above is None:
            return msg("{feature} unknown: {then:.0%} in training, {now:.0%} now", **shares)
        return msg(
            "{feature} above {value}: {then:.0%} in training, {now:.0%} now",
            value=_short(self.above),
            **shares,
        )


@dataclass(frozen=True)
class FeatureDrift:
    """How far the features of a tag's population have moved since training.

    Parameters
    ----------
    weighted : float
        Mean PSI, each feature weighted by its share of the mean sizes of contributions.
    rows, explained : int
        Profiles that were held against training, and of these those whose contributions were worked out.
    features : tuple of MovedFeature
        Those that make most of it, the largest part first.
    """

    weighted: float
    rows: int
    explained: int
    features: tuple[MovedFeature, ...]

    @property
    def words(self) -> Message:
        """How much that is."""
        if self.weighted < SOME:
            return msg("little has moved")
        return msg("some has moved") if self.weighted < MUCH else msg("much has moved")

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Self:
        """Read what :func:`dataclasses.asdict` made of one; KeyError or TypeError where it is malformed."""
        return cls(**{**data, "features": tuple(MovedFeature(**one) for one in data["features"])})


def explained_rows(count: int) -> Places:
    """Return which of ``count`` drawn profiles are explained: all of few, of more as many as ``WEIGHED``, evenly spread."""
    return np.unique(np.linspace(0, count - 1, min(count, WEIGHED)).astype(np.int64))


def feature_drift(model: TrainedModel, X: Floats, contributions: Floats) -> FeatureDrift | None:
    """Return how far features have moved; None where too few rows or no contribution tell, or training recorded nothing.

    Parameters
    ----------
    model : TrainedModel
    X : ndarray of shape (n, p)
        The model's features, of profiles drawn from its population.
    contributions : ndarray of shape (m, p)
        Of those of :func:`explained_rows`.
    """
    if not model.bins or len(X) < LEAST:
        return None
    size = np.abs(contributions).sum(axis=0)
    if not size.sum():
        return None
    weight = size / size.sum()
    counts = _counts([model.bins[name] for name in model.features], X)
    moved = [
        _moved(name, model.bins[name], counts[j], float(weight[j]))
        for j, name in enumerate(model.features)
        if weight[j] > 0
    ]
    weighted = sum(one.part for one in moved)
    named = sorted((one for one in moved if one.part >= LEAST_PART * weighted), key=lambda one: -one.part)[
        :MOST_NAMED
    ]
    return FeatureDrift(
        float(weighted), len(X), len(contributions), tuple(named) if weighted >= NOTICED else ()
    )


def _counts(bins: Sequence[FeatureBins], X: Floats) -> list[Floats]:
    """Return how many rows lie in each bin of each feature, the unknown last."""
    edges = np.full((len(bins), max(len(one.edges) for one in bins)), np.inf)
    for j, one in enumerate(bins):
        edges[j, : len(one.edges)] = one.edges
    found = bin_counts(np.ascontiguousarray(X), edges).astype(np.float64)
    return [np.append(row[: len(one.edges) + 1], row[-1]) for row, one in zip(found, bins, strict=True)]


def _moved(name: str, bins: FeatureBins, now: Floats, weight: float) -> MovedFeature:
    then = np.array(bins.mass)
    # Of n rows in k bins chance makes (k - 1) / n on the mean (B. Yurdakul, Statistical properties of PSI, 2018).
    held = int(((then > 0) | (now > 0)).sum())
    chance = (held - 1) * (1 / now.sum() + 1 / then.sum())
    moved = mass_psi(then, now)
    then, now = then / then.sum(), now / now.sum()
    above = [np.cumsum(share[:-1][::-1])[::-1][1:] for share in (then, now)]  # by edge
    shares = np.append(above, [[then[-1]], [now[-1]]], axis=1)
    most = int(np.abs(shares[0] - shares[1]).argmax())
    return MovedFeature(
        name,
        max(0.0, moved - float(chance)),
        weight,
        bins.edges[most] if most < len(bins.edges) else None,
        float(shares[0, most]),
        float(shares[1, most]),
    )


def _short(value: float) -> str:
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"

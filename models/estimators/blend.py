"""The raw scorer of a tag: a weighted mean of the log-odds of its parts."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from tagcast.models.estimators.bgnbd import BgNbdScorer
from tagcast.models.estimators.forest import ForestScorer
from tagcast.models.estimators.rfm import RfmScorer
from tagcast.models.kernels.additive_model import AdditiveModel

Floats = npt.NDArray[np.float64]
PartScores = Mapping[str, Floats]
NOTHING: PartScores = {}


class Part(Protocol):
    """One fitted model among those that are blended."""

    @property
    def used_features(self) -> frozenset[int]:
        """Columns of X that can change the log-odds."""
        ...

    def raw(self, X: Floats) -> Floats:
        """Return log-odds, shape (n,), for X of shape (n, p)."""
        ...

    def contributions(self, X: Floats, *, exact: bool) -> Floats:
        """Return each feature's part of the log-odds, shape (n, p)."""
        ...


class Scorer(Protocol):
    """What a model predicts with, before anything is calibrated; ``known`` are parts that were worked out before."""

    @property
    def used_features(self) -> frozenset[int]:
        """Columns of X that can change the prediction."""

    @property
    def forest(self) -> ForestScorer | None:
        """The part that is a forest."""

    @property
    def curves(self) -> Mapping[str, AdditiveModel]:
        """The parts that are additive models, by name."""

    def raw(self, X: Floats, known: PartScores = NOTHING) -> Floats:
        """Return what :meth:`contributions` add up to but for a constant, shape (n,)."""

    def predicted(self, X: Floats, known: PartScores = NOTHING) -> Floats:
        """Return what is calibrated, shape (n,)."""

    def contributions(self, X: Floats, *, exact: bool, known: PartScores = NOTHING) -> Floats:
        """Return each feature's part of :meth:`raw`, shape (n, p)."""


JSON_PARTS: dict[str, type[AdditiveModel] | type[BgNbdScorer] | type[RfmScorer]] = {
    "logistic": AdditiveModel,
    "bgnbd": BgNbdScorer,
    "rfm": RfmScorer,
}
"""Parts that are stored as JSON; the forest is LightGBM's own text."""


@dataclass(frozen=True)
class Blend:
    """Weighted log-odds of its parts.

    Parameters
    ----------
    weights : mapping of str to float
        Above zero, of each part.
    parts : mapping of str to Part
        ``logistic``, ``forest``, ``bgnbd``, ``rfm``, or what the tag calls a model of others.
    """

    weights: Mapping[str, float]
    parts: Mapping[str, Part]

    def __post_init__(self) -> None:
        if not self.parts or set(self.weights) != set(self.parts) or min(self.weights.values()) <= 0:
            raise ValueError(f"weights {dict(self.weights)} do not go with the parts {sorted(self.parts)}")

    def reweighted(self, weights: Mapping[str, float]) -> Blend:
        """Return the same parts under other weights, without those that get none."""
        return Blend(weights, {name: self.parts[name] for name in weights})

    @cached_property
    def used_features(self) -> frozenset[int]:
        """Columns of X that can change the log-odds."""
        used: set[int] = set()
        for part in self.parts.values():
            used |= part.used_features
        return frozenset(used)

    def raw(self, X: Floats, known: PartScores = NOTHING) -> Floats:
        """Return log-odds, shape (n,), for X of shape (n, p).

        ``known`` are log-odds of parts that were worked out before (:mod:`tagcast.models.inference.engine`).
        """
        total = np.zeros(len(X))
        for name, part in self.parts.items():
            total += self.weights[name] * (known[name] if name in known else part.raw(X))
        return total

    def predicted(self, X: Floats, known: PartScores = NOTHING) -> Floats:
        """Return :meth:`raw`: log-odds are what is calibrated."""
        return self.raw(X, known)

    @property
    def forest(self) -> ForestScorer | None:
        """The part that is a forest."""
        part = self.parts.get("forest")
        return part if isinstance(part, ForestScorer) else None

    @property
    def curves(self) -> Mapping[str, AdditiveModel]:
        """The part that is an additive model."""
        part = self.parts.get("logistic")
        return {"logistic": part} if isinstance(part, AdditiveModel) else {}

    def contributions(self, X: Floats, *, exact: bool, known: PartScores = NOTHING) -> Floats:
        """Return each feature's part of the log-odds, shape (n, p): see :mod:`tagcast.models.inference.attributions`.

        ``known`` are contributions of parts that were worked out before.
        """
        total = np.zeros(X.shape)
        for name, part in self.parts.items():
            given = known[name] if name in known else part.contributions(X, exact=exact)
            total += self.weights[name] * given
        return total

    def to_json(self) -> dict[str, Any]:
        """Return weights and the parts that are JSON, in the order in which they are added up."""
        return {
            "weights": [[name, self.weights[name]] for name in self.parts],
            "parts": {name: self.parts[name].to_json() for name in self.parts if name in JSON_PARTS},  # type: ignore[attr-defined]
        }

    @classmethod
    def from_json(
        cls, data: dict[str, Any], forest: Part | None, foreign: Mapping[str, Part] | None = None
    ) -> Blend:
        """Read what :meth:`to_json` wrote; KeyError, TypeError or ValueError where it is malformed.

        ``foreign`` are the parts that are models of others, read already.
        """
        parts: dict[str, Part] = {}
        for name, _ in data["weights"]:
            if name == "forest":
                if forest is None:
                    raise ValueError("the forest has weight but no file")
                parts[name] = forest
            elif foreign and name in foreign:
                parts[name] = foreign[name]
            else:
                parts[name] = JSON_PARTS[name].from_json(data["parts"][name])
        return cls({str(name): float(weight) for name, weight in data["weights"]}, parts)

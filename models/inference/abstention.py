"""Why a tag abstains: the profile is unlike what training saw, or the confidence is too low.

A model scores any input; its calibration was checked only on profiles like those of training.
The rule is lenient on purpose. Every day someone buys more than anyone before, and a good customer is
not unknown for that: a value has to lie beyond the extreme by a margin in the compressed scale
(``sign(x) * log1p(|x|)``), in which counts and sums have short tails.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from tagcast.features.catalog.feature_set import FeatureSet
from tagcast.features.core.messages import Text, msg
from tagcast.models.kernels.additive_model import compress

if TYPE_CHECKING:
    from tagcast.models.artifacts.trained_model import TrainedModel

Floats = npt.NDArray[np.float64]
Words = npt.NDArray[np.object_]
Codes = npt.NDArray[np.int16]

LEAST_MARGIN = float(np.log(2))
"""In compressed units: twice the largest count or sum seen is never beyond it."""
SPAN_SHARE = 0.1
"""Of the span seen: near 0, where the compressed scale depends on the unit, a doubling would be nothing."""
TOO_LITTLE_HISTORY = "too little history"
OUTSIDE = "outside what training saw: "
BELOW = "confidence below "
NOT_CLEAR = "unknown before, and confidence not clear of "
"""What the store keeps of a reason, before what it is about: :func:`ground_message` reads it."""
RANGE_DRIFT = 0.05
"""Share of a run's population unlike training from which the run itself counts as out of range: a
handful of odd profiles is ordinary, so many mean that the data or the shop have changed."""


class RangeCheck:
    """What a model knows from training, as bounds to hold profiles against.

    Parameters
    ----------
    model : TrainedModel
        Features that move no score are not checked: an odd value there changes nothing.
    """

    def __init__(self, model: TrainedModel) -> None:
        self.features = model.features
        count = len(self.features)
        self.low, self.high = np.full(count, -np.inf), np.full(count, np.inf)
        self.margin_low, self.margin_high = np.ones(count), np.ones(count)
        self.least = np.full(count, -np.inf)
        self.never_missing = np.zeros(count, dtype=bool)
        used = model.used_features
        # What tells how much is known of a profile: below the least seen there is too little history.
        history = FeatureSet.parse(model.feature_set).history
        for j, name in enumerate(self.features):
            seen = model.ranges.get(name)
            if seen is None or j not in used:
                continue
            self.never_missing[j] = seen.missing == 0
            ends = compress(np.array([seen.minimum, seen.low, seen.high, seen.maximum]))
            least = max(LEAST_MARGIN, SPAN_SHARE * float(ends[3] - ends[0]))
            # As far beyond the extreme as the extreme lies beyond the 99.5 % quantile: long tails go on.
            self.margin_low[j] = max(least, float(ends[1] - ends[0]))
            self.margin_high[j] = max(least, float(ends[3] - ends[2]))
            self.high[j] = _expand(ends[3] + self.margin_high[j])
            if name in history:
                self.least[j] = seen.minimum
            else:
                self.low[j] = _expand(ends[0] - self.margin_low[j])

    @property
    def words(self) -> list[str]:
        """The meaning of :meth:`codes`: the first is that a profile is like training."""
        return ["", TOO_LITTLE_HISTORY, *(OUTSIDE + name for name in self.features)]

    def reasons(self, X: Floats) -> Words:
        """Return why each row of X is unlike what training saw, shape (n,); empty where it is like it."""
        return np.array(self.words, dtype=object)[self.codes(X)]

    def codes(self, X: Floats) -> Codes:
        """Return why each row of X is unlike what training saw, as places in :attr:`words`, shape (n,).

        Parameters
        ----------
        X : ndarray of shape (n, p)
            Columns as the model's features.

        Returns
        -------
        ndarray of int16
            ``too little history``, else ``outside what training saw: <feature>`` with the feature that
            lies farthest out in units of its margin.
        """
        from tagcast.models.kernels.out_of_range_kernel import ODD, TOO_LITTLE, marks

        marked = marks(
            np.ascontiguousarray(X, np.float64), self.low, self.high, self.least, self.never_missing
        )
        out = np.zeros(len(X), np.int16)
        rows = np.flatnonzero(marked & ODD)
        if len(rows):
            few = X[rows]
            odd = (self.high < few) | (self.low > few) | (np.isnan(few) & self.never_missing)
            out[rows] = 2 + self._distance(few, odd).argmax(axis=1)
        out[(marked & TOO_LITTLE) != 0] = 1
        return out

    def _distance(self, X: Floats, odd: npt.NDArray[np.bool_]) -> Floats:
        """Return how far beyond its bound each odd value lies, in margins; a missing one counts least."""
        z = compress(np.nan_to_num(X, nan=0.0))
        bound_high, bound_low = compress(self.high), compress(self.low)
        with np.errstate(invalid="ignore"):
            beyond = np.maximum((z - bound_high) / self.margin_high, (bound_low - z) / self.margin_low)
        return np.where(odd, np.where(np.isnan(X), 0.0, beyond), -np.inf)


def grounds(min_confidence: float, unlike: Sequence[str]) -> list[str]:
    """Return the meaning of the second result of :func:`abstain`; ``unlike`` are :attr:`RangeCheck.words`."""
    return [
        f"{BELOW}{min_confidence:g}",
        f"{NOT_CLEAR}{min_confidence:g}",
        *unlike[1:],
    ]


def ground_message(kept: str, titles: Mapping[str, Text] | None = None) -> Text:
    """Return why a value is unknown, as a message.

    Parameters
    ----------
    kept : str
        One of :func:`grounds`, as the store keeps it.
    titles : mapping of str to Message or str, optional
        What to call a feature instead of its name.
    """
    if kept == TOO_LITTLE_HISTORY:
        return msg("too little history")
    if kept == OUTSIDE.rstrip(": "):  # counted for all features together
        return msg("outside what training saw")
    if kept.startswith(OUTSIDE):
        name = kept.removeprefix(OUTSIDE)
        return msg("outside what training saw: {feature}", feature=(titles or {}).get(name, name))
    if kept.startswith(BELOW):
        return msg("confidence below {bound}", bound=kept.removeprefix(BELOW))
    if kept.startswith(NOT_CLEAR):
        bound = kept.removeprefix(NOT_CLEAR)
        return msg("unknown before, and confidence not clear of {bound}", bound=bound)
    return kept


def abstain(
    value: npt.NDArray[np.int8], silent: int, confidence: Floats, min_confidence: float, unlike: Codes
) -> tuple[npt.NDArray[np.int8], Codes]:
    """Return values and, where they are ``unknown``, why.

    Parameters
    ----------
    value : ndarray of int8, shape (n,)
        Places of what was decided.
    silent : int
        The place of ``unknown``.
    confidence : ndarray of shape (n,)
    min_confidence : float
        Of the definition.
    unlike : ndarray of int16, shape (n,)
        As :meth:`RangeCheck.codes` gives it.

    Returns
    -------
    value, because : ndarray of shape (n,)
        ``because`` is a place in :func:`grounds`, -1 unless the value is ``unknown``; being unlike training wins
        over the confidence, which is not to be believed there.
    """
    because = np.full(len(value), -1, np.int16)
    because[value == silent] = 1
    because[confidence < min_confidence] = 0
    because = np.where(unlike > 0, unlike + np.int16(1), because)
    return np.where(because >= 0, np.int8(silent), value), because


def _expand(z: float) -> float:
    """Return the value whose compressed form is ``z``."""
    with np.errstate(over="ignore"):
        return float(np.sign(z) * np.expm1(abs(z)))

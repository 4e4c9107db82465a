"""Who was approached among training rows, how likely that was, and pseudo-outcomes of their effects."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from tagcast.features.core.errors import ModelError
from tagcast.features.core.messages import msg
from tagcast.models.estimators.logistic import fit_path
from tagcast.models.kernels.additive_model import AdditiveModel
from tagcast.models.stats.effects import pseudo_outcomes
from tagcast.models.stats.numerics import probability

Floats = npt.NDArray[np.float64]
Labels = npt.NDArray[np.int8]
Groups = npt.NDArray[np.int64]

GROUPS = 5
PROPENSITY_C = 0.05
NUISANCE_C = 0.05
"""Inverse strength of the penalty of the lines that only reduce the noise of pseudo-outcomes."""
LEAST_PROPENSITY = 0.05
"""Below it, and above 1 less it, one row stands for more than twenty others."""
MAX_WITHOUT_OVERLAP = 0.1
LEAST_OUTCOMES = 10
"""True and false outcomes of each arm that a line may be fitted on."""


@dataclass(frozen=True)
class Arms:
    """Rows of an experiment; arrays of shape (n,), X of shape (n, p).

    Parameters
    ----------
    X : ndarray
    y, treated : ndarray of int8
        0 or 1.
    propensity : ndarray of float
        Probability of being approached as it was drawn; NaN where a model has to tell.
    group : ndarray of int
        Of the row's profile: a nuisance model never sees the group that it is asked about.
    """

    X: Floats
    y: Labels
    treated: Labels
    propensity: Floats
    group: Groups

    def only(self, rows: npt.NDArray[np.bool_] | slice) -> Arms:
        """Return some of the rows."""
        return Arms(self.X[rows], self.y[rows], self.treated[rows], self.propensity[rows], self.group[rows])

    @property
    def drawn(self) -> bool:
        """Whether it is known of every row how likely an approach was."""
        return not np.isnan(self.propensity).any()

    def lines(self, strengths: Sequence[float], bends: int) -> list[tuple[AdditiveModel, AdditiveModel]]:
        """Return a line of those approached and one of those who were not, for each strength.

        Raises
        ------
        ModelError
            Where an arm has too few outcomes of either kind.
        """
        found = []
        for arm in (1, 0):
            rows = self.treated == arm
            yes = int(self.y[rows].sum())
            if min(yes, int(rows.sum()) - yes) < LEAST_OUTCOMES:
                raise ModelError(
                    msg(
                        "{yes:,} true and {no:,} false outcomes among {rows:,} rows of one arm of the treatment; at least {least} of each "
                        "are needed to learn from",
                        yes=yes,
                        no=int(rows.sum()) - yes,
                        rows=int(rows.sum()),
                        least=LEAST_OUTCOMES,
                    ),
                    hint=msg("wait for more cases, or choose an outcome or horizon_days that more reach"),
                )
            found.append(fit_path(self.X[rows], self.y[rows], strengths, bends=bends))
        return list(zip(*found, strict=True))

    def likely(self) -> Floats:
        """Return how likely an approach was, as drawn, or by a line that did not see the row's group."""
        if self.drawn:
            return self.propensity
        found = np.empty(len(self.y))
        for k in np.unique(self.group):
            rest, own = self.group != k, self.group == k
            (line,) = fit_path(self.X[rest], self.treated[rest], (PROPENSITY_C,))
            found[own] = probability(line.raw(self.X[own]))
        return found

    def effects(self, likely: Floats | None = None) -> Floats:
        """Return the doubly robust pseudo-outcome of each row; nuisance models did not see its group."""
        e = self.likely() if likely is None else likely
        e = np.clip(e, LEAST_PROPENSITY / 2, 1 - LEAST_PROPENSITY / 2)
        with_it, without = np.empty(len(self.y)), np.empty(len(self.y))
        for k in np.unique(self.group):
            own = self.group == k
            ((approached, control),) = self.only(~own).lines((NUISANCE_C,), 0)
            with_it[own] = probability(approached.raw(self.X[own]))
            without[own] = probability(control.raw(self.X[own]))
        return pseudo_outcomes(self.y.astype(float), self.treated.astype(float), e, with_it, without)


def without_overlap(likely: Floats) -> float:
    """Return the share of rows that nearly always, or nearly never, were approached: nobody there to compare them with."""
    return float(((likely < LEAST_PROPENSITY) | (likely > 1 - LEAST_PROPENSITY)).mean())

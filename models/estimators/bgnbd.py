"""BG/NBD: how likely a customer who bought x more times, last at t_x, buys again in the horizon.

While active, a customer buys at a rate of their own (gamma over customers), and after each purchase may drop
out with a chance of their own (beta). Fitted by maximum likelihood from three numbers a profile: repeat purchase
days, day of the last one and days known. What is predicted is the chance of no purchase *in the horizon*; the
chance of being alive is no answer to that question (half of all customers buy once, and are "alive" for ever).

``lifetimes``, the known package for it, is no longer maintained, and its successors bring a Bayesian sampler
along for four parameters; the closed forms below are what is needed, in numpy and scipy.

Source: P. S. Fader, B. G. S. Hardie, K. L. Lee, "Counting your customers" the easy way, Marketing Science 24
(2005). The rate of an active customer after (x, t_x, T) is gamma with r + x and alpha + T, which gives the
chance of no purchase in closed form.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from tagcast.models.estimators.shapley import shapley_values
from tagcast.models.stats.draws import Weight, part, population_quantiles, weighted_mean
from tagcast.models.stats.numerics import clip, logit

Floats = npt.NDArray[np.float64]

_PRIOR = 1e-3
"""Weight of a pull towards parameters of one, so that data which cannot separate them give finite ones."""
_BOUND = 8.0


class History(NamedTuple):
    """Repeat purchase days, day of the last one since the first day known, days known; shape (n,) each."""

    repeats: Floats
    last: Floats
    known: Floats


@dataclass(frozen=True)
class Parameters:
    """r and alpha (days) of the rate's gamma distribution, a and b of the dropout's beta."""

    r: float
    alpha: float
    a: float
    b: float


def log_likelihood(p: Parameters, h: History) -> Floats:
    """Return each history's log-likelihood, shape (n,) (equation 6 of the paper)."""
    from scipy.special import betaln, gammaln

    x = h.repeats
    shared = gammaln(p.r + x) - gammaln(p.r) + p.r * np.log(p.alpha) + betaln(p.a, p.b + x) - betaln(p.a, p.b)
    alive = -(p.r + x) * np.log(p.alpha + h.known)
    gone = np.log(p.a) - np.log(p.b + np.maximum(x, 1) - 1) - (p.r + x) * np.log(p.alpha + h.last)
    return np.asarray(shared + np.where(x > 0, np.logaddexp(alive, gone), alive))


def fit_parameters(h: History, weight: Weight = None) -> Parameters:
    """Return the parameters that make the histories likeliest, each of ``weight`` profiles; same histories, same parameters."""
    from scipy.optimize import minimize

    kinds, which, counts = np.unique(np.column_stack(h), axis=0, return_inverse=True, return_counts=True)
    if weight is not None:
        counts = np.bincount(which.ravel(), weight)
    scale = max(1.0, float(kinds[:, 2].max()) / 10)  # so that all four are of the size of one
    unit = History(kinds[:, 0], kinds[:, 1] / scale, kinds[:, 2] / scale)
    share = counts / counts.sum()

    def loss(logs: Floats) -> float:
        p = Parameters(*np.exp(logs).tolist())
        return float(-(share * log_likelihood(p, unit)).sum() + _PRIOR * (logs**2).mean())

    best = minimize(loss, np.zeros(4), method="L-BFGS-B", bounds=[(-_BOUND, _BOUND)] * 4)
    r, alpha, a, b = np.exp(best.x).tolist()
    return Parameters(r, alpha * scale, a, b)


def alive_probability(p: Parameters, h: History) -> Floats:
    """Return the chance of not having dropped out, shape (n,); 1 for those without a repeat purchase."""
    x = h.repeats
    odds = np.log(p.a) - np.log(p.b + np.maximum(x, 1) - 1)
    odds = odds + (p.r + x) * (np.log(p.alpha + h.known) - np.log(p.alpha + h.last))
    return np.asarray(np.where(x > 0, 1 / (1 + np.exp(np.minimum(odds, 700))), 1.0))


def no_purchase_probability(p: Parameters, h: History, horizon_days: float) -> Floats:
    """Return the chance of no purchase in the ``horizon_days`` that follow, shape (n,)."""
    silent = np.exp(
        (p.r + h.repeats) * (np.log(p.alpha + h.known) - np.log(p.alpha + h.known + horizon_days))
    )
    return np.asarray(1 - alive_probability(p, h) * (1 - silent))


def _middle(values: Floats, weight: Weight) -> float:
    """Return the median over the population of the values that are known; NaN where none is."""
    known = ~np.isnan(values)
    if weight is None or not known.any():
        return float(np.nanmedian(values))
    return float(population_quantiles(values[known], [0.5], weight[known])[0])


@dataclass(frozen=True)
class BgNbdScorer:
    """BG/NBD as a part of a tag's model.

    Parameters
    ----------
    columns : tuple of int
        Of X: purchase days, days since the last, days known.
    first_counts : bool
        Whether the first purchase is a repeat: for a category, whose buyers are known from their first
        purchase of anything.
    parameters : Parameters
    horizon_days : int
    buys : bool
        True where the outcome is a purchase, False where it is none.
    unknown : float
        Log-odds where the history is unknown.
    typical : tuple of float
        Training medians of the three, against which contributions are counted.
    """

    columns: tuple[int, int, int]
    first_counts: bool
    parameters: Parameters
    horizon_days: int
    buys: bool
    unknown: float
    typical: tuple[float, float, float]

    @classmethod
    def fit(
        cls,
        X: Floats,
        y: npt.NDArray[np.int8],
        latest: npt.NDArray[np.bool_],
        *,
        columns: tuple[int, int, int],
        first_counts: bool,
        horizon_days: int,
        buys: bool,
        weight: Weight = None,
    ) -> BgNbdScorer:
        """Fit on the rows ``latest`` of X (each profile once), shape (n, p); ``y`` serves unknown histories.

        ``weight`` says how many rows each stands for.
        """
        inputs = X[:, columns]
        known = ~np.isnan(inputs[:, 2])
        rows = known & latest
        start = cls(columns, first_counts, Parameters(1, 1, 1, 1), horizon_days, buys, 0.0, (0.0, 0.0, 0.0))
        rest = y[~known]
        true = (
            rest.sum() if weight is None or not len(rest) else len(rest) * weighted_mean(rest, weight[~known])
        )
        rate = (true + 1.0) / (len(rest) + 2.0)
        medians = [_middle(column, part(weight, rows)) for column in inputs[rows].T]
        return cls(
            columns,
            first_counts,
            fit_parameters(start.history(inputs[rows]), part(weight, rows)),
            horizon_days,
            buys,
            float(logit(clip(np.array([rate])))[0]),
            (medians[0], medians[1], medians[2]),
        )

    def history(self, inputs: Floats) -> History:
        """Return the history that the three ``inputs``, shape (n, 3), describe."""
        bought = np.nan_to_num(inputs[:, 0])
        known = inputs[:, 2]
        last = np.clip(known - np.where(bought > 0, np.nan_to_num(inputs[:, 1]), known), 0, None)
        repeats = bought if self.first_counts else np.maximum(bought - 1, 0)
        return History(repeats, np.where(repeats > 0, last, 0.0), known)

    def _log_odds(self, inputs: Floats) -> Floats:
        silent = clip(no_purchase_probability(self.parameters, self.history(inputs), self.horizon_days))
        out = -logit(silent) if self.buys else logit(silent)
        return np.where(np.isnan(out), self.unknown, out)

    @property
    def used_features(self) -> frozenset[int]:
        """Columns of X that can change the log-odds."""
        return frozenset(self.columns)

    def raw(self, X: Floats) -> Floats:
        """Return log-odds of the outcome, shape (n,)."""
        return self._log_odds(X[:, self.columns])

    def contributions(self, X: Floats, *, exact: bool = True) -> Floats:
        """Return Shapley values of the three inputs against the typical profile, shape (n, p); always exact."""
        out = np.zeros(X.shape)
        inputs = X[:, self.columns]
        parts = shapley_values(self._log_odds, inputs, np.array(self.typical))
        known = ~np.isnan(inputs[:, 2])
        for place, column in enumerate(self.columns):
            out[known, column] = parts[known, place]
        return out

    def to_json(self) -> dict[str, Any]:
        """Return plain JSON values."""
        return asdict(self)

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> BgNbdScorer:
        """Read what :meth:`to_json` wrote; KeyError, TypeError or ValueError where it is malformed."""
        purchases, recency, tenure = map(int, data["columns"])
        p = data["parameters"]
        x, y, z = map(float, data["typical"])
        return cls(
            (purchases, recency, tenure),
            bool(data["first_counts"]),
            Parameters(float(p["r"]), float(p["alpha"]), float(p["a"]), float(p["b"])),
            int(data["horizon_days"]),
            bool(data["buys"]),
            float(data["unknown"]),
            (x, y, z),
        )

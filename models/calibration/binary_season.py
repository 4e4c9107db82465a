"""What the season ahead adds to a model's log-odds, by how its outcomes lay at the same time a year ago.

At each training snapshot the model's outcomes ask for a shift of the intercept. A Gaussian process separates those shifts into

- a season, which comes back each year and is alike for windows that overlap on the calendar;
- a quick and a slow level, which do not: the drift of the last months, and a cohort that ages or a shop that grows;
- the noise of so few outcomes.

Without the slow level one year's trend would look like a season. How much season a tag has, and how quick a level, is learned:
both are averaged over a grid by the likelihood of the shifts, with a prior that nearly half of all tags have no season (Rasmussen and Williams, Gaussian processes for
machine learning, 2006, chapters 2 and 5).

The offset comes beside the drift that the last snapshots have shown (:mod:`tagcast.models.calibration.binary_drift`) and grows with
the share of the window ahead that a window a year back covers: where there is none, offset and variance are exactly 0. The constants
were set on past snapshots of shops with and without a season (``benchmarks/quality/seasons``).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from itertools import product
from typing import Any, Self

import numpy as np
import numpy.typing as npt

from tagcast.features.core.messages import Text, msg
from tagcast.features.core.signed_numbers import signed
from tagcast.models.stats.draws import Weight, information, part
from tagcast.models.stats.numerics import probability, sigmoid
from tagcast.models.stats.season_coverage import NEAR_DAYS, days_apart, year_back_share

Floats = npt.NDArray[np.float64]

SPREADS = (0.0, 0.1, 0.2, 0.3, 0.5, 1.0)
"""Standard deviations that the season of a tag may have, in log-odds."""
SPREAD_ODDS = (4.0, 1.0, 1.0, 1.0, 1.0, 1.0)
"""How likely each is beforehand."""
QUICK_LEVELS, QUICK_HALF_LIFE_DAYS = (0.2, 0.4), 30.0
"""How far a tag's outcomes may move from month to month, each as likely beforehand. Of one level, of .2, two months that were unlike the
others by chance made seasons of tags that move a lot; one of .3 hid the seasons of those that move little."""
SLOW_LEVEL, SLOW_DAYS = 1.0, 365.0
NOISE = 0.05
"""Standard deviation of what no part accounts for, beside that of so few outcomes."""
WHOLE_FROM = 0.5
"""Share of the window ahead that has to be covered for the offset to count whole. The process itself knows how far windows lie apart;
this lets the offset begin at 0."""
_NEWTON_STEPS = 100


@dataclass(frozen=True)
class SeasonOffset:
    """What the season ahead adds to log-odds.

    Parameters
    ----------
    mean : float
    spread : float
        Standard deviation of it.
    since : date
        The snapshot a year back whose window covers most of the one ahead.
    """

    mean: float
    spread: float
    since: date

    @property
    def text(self) -> Text:
        """The same for people, as ``season: −.37 ± .29, from 2010-09-15``."""
        return msg(
            "season: {offset} ± {spread}, from {since}",
            offset=_short(signed(self.mean, 2)),
            spread=_short(f"{self.spread:.2f}"),
            since=self.since,
        )

    def to_json(self) -> dict[str, Any]:
        """Return plain JSON values."""
        return {"mean": self.mean, "spread": self.spread, "since": str(self.since)}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Self:
        """Read what :meth:`to_json` wrote; KeyError, TypeError or ValueError where it is malformed."""
        return cls(float(data["mean"]), float(data["spread"]), date.fromisoformat(data["since"]))


@dataclass(frozen=True)
class Season:
    """What a model's training snapshots tell of the seasons.

    Parameters
    ----------
    horizon_days : int
        Length of their windows.
    snapshots : tuple of date
        Rising.
    shift : ndarray of shape (n,)
        Of the intercept, in log-odds, that the outcomes of each snapshot ask for.
    variance : ndarray of shape (n,)
        Of each shift, by so many outcomes.
    """

    horizon_days: int
    snapshots: tuple[date, ...]
    shift: Floats
    variance: Floats

    def __post_init__(self) -> None:
        count = (len(self.snapshots),)
        if not self.snapshots or self.shift.shape != count or self.variance.shape != count:
            raise ValueError(
                f"a shift and a variance for each of {count[0]} snapshots expected, found {self.shift.shape}, {self.variance.shape}"
            )
        if not (
            np.isfinite(self.shift).all() and np.isfinite(self.variance).all() and (self.variance > 0).all()
        ):
            raise ValueError("shifts have to be finite and variances above 0")
        if list(self.snapshots) != sorted(set(self.snapshots)):
            raise ValueError("snapshots have to rise")

    @classmethod
    def fit(
        cls,
        raw: Floats,
        y: npt.NDArray[np.int8],
        snapshot: npt.NDArray[np.datetime64],
        horizon_days: int,
        weight: Weight = None,
    ) -> Self:
        """Measure the shift of each snapshot.

        Parameters
        ----------
        raw : ndarray of shape (n,)
            Log-odds of the cases that a model learned from, by a model that had not seen the case's profile.
        y : ndarray of shape (n,)
            Outcomes, 0 or 1.
        snapshot : ndarray of shape (n,)
            Day of each case.
        horizon_days : int
        weight : ndarray of shape (n,), optional
            How many rows each case stands for.
        """
        days = np.unique(snapshot)
        found = [_shift(raw[rows], y[rows], part(weight, rows)) for rows in (snapshot == day for day in days)]
        shift, variance = np.array(found).T
        return cls(horizon_days, tuple(days.astype("datetime64[D]").tolist()), shift, variance)

    def ahead(self, as_of: date) -> SeasonOffset | None:
        """Return what the season of the window after ``as_of`` adds; None where no window a year back reaches into it."""
        covered = [year_back_share(day, as_of, self.horizon_days) for day in self.snapshots]
        most = max(covered)
        if most <= 0:
            return None
        begun = min(1.0, most / WHOLE_FROM)
        mean, variance = self._season(as_of)
        return SeasonOffset(
            begun * mean, float(np.sqrt(begun * variance)), self.snapshots[covered.index(most)]
        )

    def _season(self, as_of: date) -> tuple[float, float]:
        """Return mean and variance of the season at ``as_of``, averaged over how large season and quick level of a tag may be."""
        days = np.array([day.toordinal() for day in self.snapshots], float)
        apart = np.abs(days[:, None] - days[None, :])
        quick = 0.5 ** (apart / QUICK_HALF_LIFE_DAYS)
        rest = np.diag(self.variance + NOISE**2)
        rest += SLOW_LEVEL**2 * np.exp(-0.5 * (apart / SLOW_DAYS) ** 2)
        alike, asked = self._alike(self.snapshots), self._alike([as_of])[:, 0]
        fits, means, variances = [], [], []
        for level, (spread, odds) in product(QUICK_LEVELS, zip(SPREADS, SPREAD_ODDS, strict=True)):
            whole = rest + level**2 * quick + spread**2 * alike
            answer = np.linalg.solve(whole, np.column_stack([self.shift, spread**2 * asked]))
            fits.append(np.log(odds) - 0.5 * (self.shift @ answer[:, 0] + np.linalg.slogdet(whole)[1]))
            means.append(float(answer[:, 1] @ self.shift))
            variances.append(spread**2 * (1.0 - float(asked @ answer[:, 1])))
        share = np.exp(np.array(fits) - max(fits))
        share /= share.sum()
        mean = float(share @ means)
        return mean, max(0.0, float(share @ (np.array(variances) + np.square(means))) - mean**2)

    def _alike(self, days: Sequence[date]) -> Floats:
        """Return the correlation of the seasons of windows, shape (n, m): it wanes until they, and a month beside, no longer overlap."""
        return np.maximum(0.0, 1.0 - days_apart(self.snapshots, days) / (self.horizon_days + NEAR_DAYS))

    def to_json(self) -> dict[str, Any]:
        """Return plain JSON values."""
        return {
            "horizon_days": self.horizon_days,
            "snapshots": [str(day) for day in self.snapshots],
            "shift": self.shift.tolist(),
            "variance": self.variance.tolist(),
        }

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> Self:
        """Read what :meth:`to_json` wrote; KeyError, TypeError or ValueError where it is malformed."""
        return cls(
            int(data["horizon_days"]),
            tuple(map(date.fromisoformat, data["snapshots"])),
            np.array(data["shift"], float),
            np.array(data["variance"], float),
        )


def _short(number: str) -> str:
    return number.replace("0.", ".", 1)


def reaches_a_year_back(snapshots: Sequence[date], horizon_days: int) -> bool:
    """Return whether a model of these snapshots knows last year's season on the day when its last outcomes are known."""
    first = max(snapshots) + timedelta(days=horizon_days)
    return any(year_back_share(day, first, horizon_days) > 0 for day in snapshots)


def _shift(raw: Floats, y: npt.NDArray[np.int8], weight: Weight) -> tuple[float, float]:
    """Return the likeliest shift of the intercept and its variance, by Newton's method.

    Firth's penalty, half a case each way, keeps it finite where all outcomes are alike (Bias reduction of maximum likelihood
    estimates, Biometrika 80, 1993).
    """
    order = np.lexsort((y, raw))  # one order of addition, whatever the order of the rows
    r, happened = raw[order], y[order].astype(float)
    counts = np.ones(len(r))
    if weight is not None:
        counts = weight[order] * information(probability(r), y[order], weight[order])
    shift, precision = 0.0, 1.0
    for _ in range(_NEWTON_STEPS):
        p = sigmoid(r + shift)
        w = counts * p * (1 - p)
        precision = float(w.sum())
        gradient = float((counts * (happened - p)).sum()) + float((w * (0.5 - p)).sum()) / precision
        step = float(np.clip(gradient / (precision + 0.5), -1, 1))
        shift += step
        if abs(step) < 1e-12:
            break
    return shift, 1 / precision

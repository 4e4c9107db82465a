"""The RFM ranking: recency, frequency and monetary value, what every marketer has without a model.

The bar that a tag's model has to clear.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from models.calibration import Calibrator
from models.metrics import auc

Floats = npt.NDArray[np.float64]


def rfm_rank(rfm: Floats, as_of: npt.NDArray[np.datetime64]) -> Floats:
    """Return the mean of the percent ranks within each snapshot, shape (n,), in [0, 1].

    Parameters
    ----------
    rfm : ndarray of shape (n, 3)
        Recency in days (low ranks high), frequency, monetary value; NaN (never) ranks lowest.
    as_of : ndarray of shape (n,)
        Snapshot of each row: a profile is ranked among its contemporaries.
    """
    from scipy.stats import rankdata

    high = np.column_stack([-rfm[:, :1], rfm[:, 1:]])
    high[np.isnan(high)] = -np.inf
    out = np.empty(len(rfm))
    for day in np.unique(as_of):
        rows = as_of == day
        ranks = rankdata(high[rows], axis=0)
        out[rows] = (ranks.mean(axis=1) - 0.5) / rows.sum()
    return out


@dataclass(frozen=True)
class RfmRanking:
    """The ranking turned the way the training labels point, with probabilities calibrated on them.

    Parameters
    ----------
    sign : int
        1 where a high rank makes the outcome likelier, else -1 (churn).
    calibrator : Calibrator
        From signed rank to probability.
    """

    sign: int
    calibrator: Calibrator

    @classmethod
    def fit(cls, rfm: Floats, y: npt.NDArray[np.int8], as_of: npt.NDArray[np.datetime64]) -> RfmRanking:
        """Learn direction and calibration from training snapshots (shapes as in :func:`rfm_rank`)."""
        rank = rfm_rank(rfm, as_of)
        sign = 1 if auc(y, rank) >= 0.5 else -1
        return cls(sign, Calibrator.fit(sign * rank, y, as_of))

    def predict(self, rfm: Floats, as_of: npt.NDArray[np.datetime64]) -> Floats:
        """Return the calibrated probability of each row; its order is the ranking's."""
        return self.calibrator.predict(self.sign * rfm_rank(rfm, as_of))[0]

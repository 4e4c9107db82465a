"""Whether the arms of a campaign still have the sizes that they were drawn with; else no difference between them can be trusted."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.stats import binomtest, chi2

ALARM = 0.001
"""Below this probability the arms are not what was drawn: one sound campaign of a thousand is suspected."""
_LEAST_EXPECTED = 5.0


@dataclass(frozen=True)
class SampleRatio:
    """How well the arms fit the share that was to be held out.

    Parameters
    ----------
    share : float
        Held out among those who are measured.
    expected : float
        As drawn.
    probability : float
        Of arms as odd as these by chance alone, of two tests together.
    """

    share: float
    expected: float
    probability: float

    @property
    def alarm(self) -> bool:
        """Whether the arms are not what was drawn."""
        return self.probability < ALARM


def sample_ratio(held_out: npt.ArrayLike, members: npt.ArrayLike, share: float) -> SampleRatio:
    """Compare the held out among the members of each stratum with the share that was drawn.

    Parameters
    ----------
    held_out, members : array of int of shape (strata,)
        Those who are measured; a campaign without strata has one.
    share : float
        To hold out, above 0 and below 1.

    Notes
    -----
    All members by an exact binomial test, strata against one another by a chi-squared test where at least five held out and
    five given are expected in each; the smaller of both p-values counts twice. Arms that were drawn within strata vary less
    than these tests take them to, so that the alarm is rarer still.
    """
    held, size = np.asarray(held_out, np.int64), np.asarray(members, np.int64)
    total = int(size.sum())
    if not total:
        return SampleRatio(share, share, 1.0)
    whole = float(binomtest(int(held.sum()), total, share).pvalue)
    wide = size * min(share, 1 - share) >= _LEAST_EXPECTED
    odd = 1.0
    if wide.sum() > 1:
        off = (held[wide] - size[wide] * share) ** 2 / (size[wide] * share * (1 - share))
        odd = float(chi2.sf(off.sum(), int(wide.sum())))
    return SampleRatio(float(held.sum() / total), share, min(1.0, 2 * min(whole, odd)))

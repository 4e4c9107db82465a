"""Differences as people read them: always with their sign, a true minus, which is as wide as the plus."""

from __future__ import annotations

import math


def signed(difference: float, digits: int = 0) -> str:
    """Return a difference with its sign.

    Examples
    --------
    >>> signed(1234.4), signed(-0.374, 2)
    ('+1,234', '−0.37')
    """
    return f"{difference:+,.{digits}f}".replace("-", "−")


def points(share: float | None) -> str:
    """Return a difference of shares or chances in percentage points, with its sign; a dash where it is unknown.

    Examples
    --------
    >>> points(0.0912), points(-0.1), points(None)
    ('+9.1', '−10.0', '–')
    """
    return "–" if share is None or math.isnan(share) else signed(100 * share, 1)

"""One metric of a benchmark: its value and spread, which direction is better, its bar and verdict."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median
from typing import Literal

Better = Literal["lower", "higher", "neither"]
Verdict = Literal["met", "missed", "none"]
Relation = Literal["at most", "below", "at least", "above"]


@dataclass(frozen=True)
class Bar:
    """What a figure has to reach.

    Parameters
    ----------
    relation : {"at most", "below", "at least", "above"}
    limit : float
        In the unit of the figure.
    """

    relation: Relation
    limit: float

    def is_met(self, value: float) -> bool:
        """Return whether ``value`` reaches the bar; NaN reaches none."""
        return {
            "at most": value <= self.limit,
            "below": value < self.limit,
            "at least": value >= self.limit,
            "above": value > self.limit,
        }[self.relation]

    def __str__(self) -> str:
        text = f"{self.limit:,}"
        return f"{self.relation} {text.removeprefix('0') if text.startswith('0.') else text}"


@dataclass(frozen=True)
class Spread:
    """Where repeated measurements of one figure lie.

    Parameters
    ----------
    min, median, max : float
    of : {"runs", "95 % interval"}
        Whether ``min`` and ``max`` are those of repeated runs or the ends of a bootstrap interval.
    """

    min: float
    median: float
    max: float
    of: Literal["runs", "95 % interval"] = "runs"


@dataclass(frozen=True)
class Row:
    """One metric.

    Parameters
    ----------
    metric : str
        Unique in its result, and the same in every commit: two results are compared by it.
    unit : str
    value : float
        The median where the measurement was repeated. NaN where nothing could be measured.
    better : {"lower", "higher", "neither"}
        ``neither`` for what is shown for comparison only, a rival's time for one.
    spread : Spread, optional
        None where the figure was measured once.
    bar : str
        What the figure has to reach, empty where nothing was asked of it.
    verdict : {"met", "missed", "none"}
    """

    metric: str
    unit: str
    value: float
    better: Better
    spread: Spread | None = None
    bar: str = ""
    verdict: Verdict = "none"


def measured(metric: str, unit: str, values: Sequence[float], better: Better, bar: Bar | None = None) -> Row:
    """Return the row of one figure, measured once or repeatedly; the median is held against the bar.

    Raises
    ------
    ValueError
        When there is no value.
    """
    if not values:
        raise ValueError(f"{metric}: expected at least one value, got none")
    value = float(median(values))
    spread = Spread(float(min(values)), value, float(max(values))) if len(values) > 1 else None
    if bar is None:
        return Row(metric, unit, value, better, spread)
    return Row(metric, unit, value, better, spread, str(bar), verdict_of(met=bar.is_met(value)))


def verdict_of(*, met: bool) -> Verdict:
    """Return the word for a bar that was reached or not."""
    return "met" if met else "missed"

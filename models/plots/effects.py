"""Figures of a trained uplift tag: the Qini curve, expected beside measured effects, and floors beside what was measured."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from tagcast.models.plots.model import BLUE, GREY, ORANGE, plain_figure
from tagcast.models.stats.effects import effect_bins, qini

if TYPE_CHECKING:
    from matplotlib.figure import Figure

Floats = npt.NDArray[np.float64]
_POINTS = 100.0
_A_THOUSAND = 1000.0


def qini_plot(score: Floats, effect: Floats) -> Figure:
    """Draw outcomes gained over the share approached, highest scores first, beside as many drawn by lot."""
    figure, axes = plain_figure()
    share, gained = qini(score, effect)
    axes.plot(100 * share, _A_THOUSAND * gained, color=BLUE, linewidth=1.6, label="highest scores first")
    axes.plot(
        [0, 100], [0, _A_THOUSAND * gained[-1]], color=GREY, linewidth=1, linestyle="--", label="drawn by lot"
    )
    third = float(np.interp(0.3, share, gained)) * _A_THOUSAND
    axes.plot([30], [third], "o", color=ORANGE, markersize=5)
    axes.annotate(
        f"30 % approached: {third:.1f}",
        (30, third),
        xytext=(6, -10),
        textcoords="offset points",
        color=ORANGE,
    )
    axes.set(
        xlim=(0, 100),
        xlabel="people approached (%)",
        ylabel="outcomes gained, a thousand people of all",
        title="Qini curve, cases scored unseen",
    )
    axes.legend(frameon=False, loc="best")
    return figure


def effects_plot(score: Floats, lower: Floats, effect: Floats) -> Figure:
    """Draw the measured effect of each tenth by score over the expected one, with its interval."""
    return _over_bins(score, lower, effect, floor=False)


def floor_plot(score: Floats, lower: Floats, effect: Floats) -> Figure:
    """Draw the measured effect of each tenth by score over its mean lower bound: on or above the line the floor is kept."""
    return _over_bins(score, lower, effect, floor=True)


def _over_bins(score: Floats, lower: Floats, effect: Floats, *, floor: bool) -> Figure:
    figure, axes = plain_figure()
    bins = effect_bins(score, lower, effect)
    said = _POINTS * np.array([b.mean_lower if floor else b.mean_score for b in bins])
    came, low, high = (
        _POINTS * np.array([getattr(b, name) for b in bins]) for name in ("effect", "low", "high")
    )
    ends = [min(said.min(), low.min()), max(said.max(), high.max())]
    axes.plot(ends, ends, color=GREY, linewidth=1, linestyle="--", label="the floor" if floor else "perfect")
    axes.errorbar(
        said, came, [came - low, high - came], fmt="o", color=BLUE, markersize=4, linewidth=1.2, capsize=2
    )
    axes.axhline(0, color=GREY, linewidth=0.6)
    axes.set(
        xlabel="mean lower bound (points)" if floor else "mean score (points)",
        ylabel="measured effect (points)",
        title="Promised vs. actual" if floor else "Effects by tenths of the score",
    )
    axes.legend(frameon=False, loc="upper left")
    return figure

"""SHAP's own plots of an explanation: beeswarm and waterfall.

Each function returns a Figure of its own. SHAP draws on pyplot's current figure and shuffles by NumPy's global generator: both
are lent to it under a lock, and are afterwards as they were before.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from threading import RLock
from typing import TYPE_CHECKING, Literal

import numpy as np

if TYPE_CHECKING:
    import shap
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_LENT = RLock()
_NUMBER = -1
"""Of the lent figure among pyplot's, whose own begin at 1."""


@contextmanager
def _lent(
    width: float, height: float, layout: Literal["tight", "constrained"]
) -> Iterator[tuple[Figure, Axes]]:
    """Yield axes without a window that pyplot takes for the current ones, and NumPy's generator at a fixed state."""
    import matplotlib.pyplot as plt
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    with _LENT:
        figure = Figure(figsize=(width, height), dpi=130, layout=layout)
        FigureCanvasAgg.new_manager(figure, _NUMBER)
        plt.figure(figure)
        state = np.random.get_state()  # noqa: NPY002 - what shap draws from
        np.random.seed(0)  # noqa: NPY002
        try:
            yield figure, figure.add_subplot()
        finally:
            np.random.set_state(state)  # noqa: NPY002
            plt.close(figure)
    figure.set_size_inches(width, height)


def highest(explanation: shap.Explanation) -> int:
    """Return the row whose score is highest."""
    return int(np.argmax(explanation.base_values + explanation.values.sum(axis=1)))


def beeswarm(explanation: shap.Explanation, unit: str, top: int = 12) -> Figure:
    """Draw the contributions of the features that move the score most, each row a dot, its colour the feature's value.

    Parameters
    ----------
    explanation : shap.Explanation
        Of several rows.
    unit : str
        Of the contributions.
    top : int
        Features, at most.
    """
    import shap

    shown = min(top, explanation.values.shape[1])
    with _lent(8.2, 1.4 + 0.34 * shown, "tight") as (figure, axes):
        # Without a sum of the remaining features: it would be the longest line and say nothing.
        shap.plots.beeswarm(
            explanation,
            max_display=shown,
            ax=axes,
            plot_size=None,
            group_remaining_features=False,
            show=False,
        )
        axes.set_xlabel(f"contribution to the {unit}", fontsize=10)
        axes.set_title("What moves the score (SHAP)", fontsize=12)
        axes.tick_params(labelsize=9)
    return figure


def waterfall(explanation: shap.Explanation, title: str, top: int = 10) -> Figure:
    """Draw how the score of one row comes about: from the average, feature by feature.

    Parameters
    ----------
    explanation : shap.Explanation
        Of one row.
    title : str
        Whose score it is, and its unit.
    top : int
        Lines, at most: the last holds the remaining features together.
    """
    import shap

    shown = min(top, len(explanation.values))
    row = shap.Explanation(
        explanation.values,
        explanation.base_values,
        explanation.data,
        display_data=np.array(
            ["unknown" if np.isnan(v) else v for v in explanation.data.tolist()], dtype=object
        ),
        feature_names=explanation.feature_names,
    )
    # The figure above the last bar stands beyond the axes: the other layout would cut it off.
    with _lent(8.2, 1.6 + 0.36 * shown, "constrained") as (figure, axes):
        shap.plots.waterfall(row, max_display=shown, show=False)
        axes.set_title(title, loc="left", fontsize=11, pad=16)
        for label in axes.get_yticklabels():
            label.set_fontsize(9)
    return figure

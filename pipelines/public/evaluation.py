"""What an evaluation over several past snapshots gives at the public door."""

from __future__ import annotations

from dataclasses import asdict
from functools import cached_property
from html import escape
from typing import TYPE_CHECKING, Any

from tagcast.features.core.messages import language_of, render
from tagcast.pipelines.public.plots import Plots

if TYPE_CHECKING:
    import pandas as pd

    from tagcast.models.evaluation.evidence import Promised
    from tagcast.pipelines.evaluation import evaluate as behind

ALL = "all"
"""Stands in the place of a test snapshot for all of them together."""


class Evaluation:
    """A tag evaluated on several past snapshots, each by a model trained on what lay before it.

    :meth:`tagcast.Project.evaluate` makes it.

    Attributes
    ----------
    tag : str
    notes : tuple of str
        What a reader of the figures should know.

    Examples
    --------
    >>> evaluation = project.evaluate("churn_risk")  # doctest: +SKIP
    >>> evaluation.metrics.query("metric == 'auc'")  # doctest: +SKIP
    >>> evaluation.plots["metrics"]  # doctest: +SKIP
    """

    def __init__(self, found: behind.Evaluation) -> None:
        self.tag: str = found.definition.name
        self.notes: tuple[str, ...] = tuple(render(note, language_of()) for note in found.notes)
        self._found = found

    @cached_property
    def windows(self) -> pd.DataFrame:
        """The windows: ``test`` (a snapshot), ``snapshots`` learned from, ``rows``, ``mean_outcome``, ``mean_score``, ``chosen``."""
        import pandas as pd

        rows = [
            (w.test, w.snapshots, len(w.y), w.mean_outcome, w.mean_score, w.chosen)
            for w in self._found.windows
        ]
        return pd.DataFrame(
            rows, columns=["test", "snapshots", "rows", "mean_outcome", "mean_score", "chosen"]
        )

    @cached_property
    def metrics(self) -> pd.DataFrame:
        """Metrics with their 95 % intervals: ``test`` (``all`` together last), ``model``, ``metric``, ``value``, ``low``, ``high``."""
        import pandas as pd

        rows: list[tuple[Any, ...]] = [
            (window.test, model, metric, estimate.value, estimate.low, estimate.high)
            for window in self._found.windows
            for model, estimates in window.test_metrics.items()
            for metric, estimate in estimates.items()
        ]
        rows += [
            (ALL, "tagcast", name, e.value, e.low, e.high) for name, e in self._found.pooled.metrics.items()
        ]
        return pd.DataFrame(rows, columns=["test", "model", "metric", "value", "low", "high"])

    @cached_property
    def segments(self) -> pd.DataFrame:
        """Segments, all windows together: ``segment``, ``value``, ``rows``, ``mean_score``, then each metric's figure."""
        import pandas as pd

        return pd.DataFrame(
            [
                {
                    "segment": row.segment,
                    "value": row.value,
                    "rows": row.n,
                    "mean_score": row.mean_score,
                    **{name: estimate.value for name, estimate in row.metrics.items()},
                }
                for row in self._found.pooled.segments
            ]
        )

    @cached_property
    def calibration(self) -> pd.DataFrame:
        """Ten bins of rising score, all windows together: ``n``, ``mean_score``, ``observed``, ``low``, ``high``."""
        import pandas as pd

        return pd.DataFrame([asdict(row) for row in self._found.pooled.calibration])

    @cached_property
    def promise(self) -> pd.DataFrame:
        """What was promised and what came: ``test``, ``confidence`` (at least), ``predicted``, ``mean_confidence``, ``share_right``."""
        import pandas as pd

        bands: list[tuple[Any, Promised]] = [(w.test, b) for w in self._found.windows for b in w.promise]
        bands += [(ALL, band) for band in self._found.pooled.promise]
        rows = [(test, b.confidence, b.predicted, b.mean_confidence, b.share_right) for test, b in bands]
        return pd.DataFrame(
            rows, columns=["test", "confidence", "predicted", "mean_confidence", "share_right"]
        )

    @cached_property
    def plots(self) -> Plots:
        """Figures: ``calibration``, ``metrics`` by window, and ``segments``."""
        from tagcast.models.plots.backtest import calibration_by_window, metrics_by_window, segments_plot

        windows, pooled = self._found.windows, self._found.pooled
        return Plots(
            {
                "calibration": calibration_by_window(windows),
                "metrics": metrics_by_window(windows),
                "segments": segments_plot(pooled, windows[0].measures),
            }
        )

    def __repr__(self) -> str:
        tests = ", ".join(str(window.test) for window in self._found.windows)
        return f"<Evaluation {self.tag}: {tests}>"

    def _repr_html_(self) -> str:
        tables = (self.windows, self.metrics[self.metrics["model"] == "tagcast"])
        html = "".join(table.round(4).to_html(index=False, border=0, justify="left") for table in tables)
        return f"<b>{escape(self.tag)}</b>{html}"

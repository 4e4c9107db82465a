"""What training a tag gives at the public door: frames, figures, and a model that predicts."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from functools import cached_property
from html import escape
from typing import TYPE_CHECKING, Any

from tagcast.features.core.errors import ModelError
from tagcast.features.core.messages import Joined, Text, from_json, language_of, msg, render
from tagcast.pipelines.public.opened import Day, day_of
from tagcast.pipelines.public.plots import Plots

if TYPE_CHECKING:
    import pandas as pd

    from tagcast.models.artifacts.trained_model import TrainedModel
    from tagcast.models.training.result import AnyResult
    from tagcast.pipelines.training.registration import TrainedTag

CANDIDATE_COLUMNS = ("candidate", "loss", "chosen")
CHECK_COLUMNS = ("name", "outcome", "figure", "bar", "text")
METRIC_COLUMNS = ("model", "metric", "value", "low", "high")


class Training:
    """What came of training one tag: its version, the evidence in frames and figures, and the model.

    :meth:`tagcast.Project.train` makes it.

    Attributes
    ----------
    tag, kind : str
        The tag, and what it predicts: ``model`` (yes or no) or ``amount``.
    version : int or None
        None where it could not be trained; then ``reason`` says why, and the frames are empty.
    alias : str
        ``champion``, ``challenger``, or empty where there is no version.
    chosen : str
        The candidate that won.
    reason : str
        Of the gate.
    rows : int
        Rows that it was trained on, the test snapshot's among them.
    test : date or None
        The test snapshot.
    notes : tuple of str
        What a reader of the figures should know.

    Examples
    --------
    >>> training = project.train("churn_risk")  # doctest: +SKIP
    >>> training.checks[["name", "outcome", "text"]]  # doctest: +SKIP
    >>> training.plots["calibration"]  # doctest: +SKIP
    >>> training.predict(project.features("2017-12-02"))  # doctest: +SKIP
    """

    def __init__(self, trained: TrainedTag, results: tuple[AnyResult, pd.DataFrame] | None) -> None:
        self.tag: str = trained.tag
        self.kind: str = trained.kind
        self.version: int | None = trained.version
        self.alias: str = trained.alias
        self.chosen: str = trained.chosen
        self.reason: str = _words(trained.reason)
        self.rows: int = trained.rows
        self.test: date | None = trained.test
        self.notes: tuple[str, ...] = tuple(map(_words, trained.notes))
        self._trained = trained
        self._kept = results

    @property
    def model(self) -> TrainedModel:
        """The model, fitted on all snapshots; ModelError where there is none."""
        return self._results[0].model  # type: ignore[no-any-return]

    @cached_property
    def predictions(self) -> pd.DataFrame:
        """What was predicted at the test snapshot, by a model that had not seen it, beside what came.

        One row a profile: ``profile_id``, ``as_of``, ``outcome`` (0 or 1, or the amount), ``score``, ``lower``, ``upper``,
        ``value`` and ``confidence`` as a run at that time would have published them, ``came`` (the value that would have been
        right) and ``weight`` (how many profiles the row stands for, where rows were drawn).
        """
        import numpy as np
        import pandas as pd

        from tagcast.models.evaluation.measures import MEASURES
        from tagcast.pipelines.evidence.kind import decided_at_test

        result, _ = self._results
        scores = result.test_scores
        value, came, confidence = decided_at_test(result)
        return pd.DataFrame(
            {
                "profile_id": scores.profile_id.astype(object),
                "as_of": pd.Series([result.split.test] * len(value), dtype=object),
                "outcome": MEASURES[self.kind].outcome(scores),
                "score": scores.score,
                "lower": scores.lower,
                "upper": scores.upper,
                "value": value,
                "confidence": confidence,
                "came": came,
                "weight": np.ones(len(value)) if scores.weight is None else scores.weight,
            }
        )

    @cached_property
    def candidates(self) -> pd.DataFrame:
        """The candidates by rising loss: ``candidate``, ``loss`` (mean over validation; log loss, of an amount RMSE), ``chosen``."""
        import pandas as pd

        losses = {} if self._kept is None else self._kept[0].candidates
        rows = [(name, loss, name == self.chosen) for name, loss in losses.items()]
        rows.sort(key=lambda row: row[1])
        return pd.DataFrame(rows, columns=list(CANDIDATE_COLUMNS))

    @cached_property
    def checks(self) -> pd.DataFrame:
        """The gate's checks: ``name``, ``outcome`` (pass, warn or fail), ``figure``, the ``bar`` it is held against, ``text``."""
        import pandas as pd

        rows = [{**check, "text": _words(from_json(check["text"]))} for check in self._trained.checks]
        return pd.DataFrame(rows, columns=list(CHECK_COLUMNS))

    @cached_property
    def metrics(self) -> pd.DataFrame:
        """Metrics of the test snapshot with their 95 % intervals: ``model`` (tagcast or a reference), ``metric``, ``value``, ``low``, ``high``."""
        import pandas as pd

        measured = {} if self._kept is None else self._kept[0].test
        rows = [
            (model, metric, estimate.value, estimate.low, estimate.high)
            for model, estimates in measured.items()
            for metric, estimate in estimates.items()
        ]
        return pd.DataFrame(rows, columns=list(METRIC_COLUMNS))

    @cached_property
    def plots(self) -> Plots:
        """Figures: calibration, lift, promise, thresholds, SHAP summary, waterfall, dependence, and what else the kind of tag has."""
        from tagcast.pipelines.evidence.findings import explain_rows, training_figures
        from tagcast.pipelines.evidence.tag_kinds import evidence_kind
        from tagcast.pipelines.evidence.thresholds import threshold_figures

        result, explained = self._results
        figures = training_figures(result, explain_rows(result, explained))
        choices = evidence_kind(result.model.definition).thresholds(result)
        return Plots({**figures, **threshold_figures(choices)})

    def predict(self, frame: Any, as_of: Day | None = None) -> pd.DataFrame:
        """Predict rows of features with the model.

        Which value a tag takes is decided in a run, by its threshold, hysteresis and checks of range: see
        :meth:`tagcast.Project.score`.

        Parameters
        ----------
        frame : DataFrame or pyarrow.Table
            Holds the model's features among its columns, as :meth:`tagcast.Project.features` returns them.
        as_of : date or str, optional
            The day the features are of: bounds widen with the time since the last outcomes that were known. Default: the
            day on which these were known.

        Returns
        -------
        DataFrame
            ``score``, ``lower`` and ``upper`` of each row, with the index of ``frame``; ``profile_id`` first where the frame
            has it.

        Raises
        ------
        ModelError
            When features are missing; they are named.

        Examples
        --------
        >>> frame = project.features("2017-12-02")  # doctest: +SKIP
        >>> training.predict(frame, "2017-12-02").nlargest(10, "score")  # doctest: +SKIP
        """
        import pandas as pd

        rows = frame if isinstance(frame, pd.DataFrame) else frame.to_pandas()
        model = self.model
        found = model.predict(rows[[name for name in model.features if name in rows]], day_of(as_of))
        ids = {"profile_id": rows["profile_id"]} if "profile_id" in rows else {}
        scores = {"score": found.score, "lower": found.lower, "upper": found.upper}
        return pd.DataFrame({**ids, **scores}, index=rows.index)

    @property
    def _results(self) -> tuple[AnyResult, pd.DataFrame]:
        """What training gave, and the rows of the test snapshot on which the model is explained."""
        if self._kept is None:
            raise ModelError(
                msg("{tag} was not trained: {reason}", tag=self.tag, reason=self._trained.reason),
                hint=msg("{call} says what each tag finds in the data", call="project.check()"),
            )
        return self._kept

    @property
    def _heading(self) -> str:
        version = "–" if self.version is None else f"v{self.version}"
        return " ".join(filter(None, (self.tag, version, self.alias)))

    def __repr__(self) -> str:
        return f"<Training {self._heading}: {self.reason}>"

    def _repr_html_(self) -> str:
        own = self.metrics[self.metrics["model"] == "tagcast"].drop(columns="model").round(4)
        shown = self.checks[["name", "outcome", "text"]]
        tables: Sequence[pd.DataFrame] = [table for table in (own, shown) if len(table)]
        html = "".join(table.to_html(index=False, border=0, justify="left") for table in tables)
        return f"<b>{escape(self._heading)}</b><br>{escape(self.reason)}{html}"


def _words(text: Text | Joined) -> str:
    """Return a sentence in the reader's language."""
    return render(text, language_of())

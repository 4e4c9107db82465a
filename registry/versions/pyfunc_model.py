"""The script that MLflow copies beside a model's files and runs to load it (models from code, no pickle).

Nothing imports this module: MLflow executes it from the stored model, and it must call ``set_model``.
A stored model outlives the modules of today: it calls the public door of tagcast alone. tagcast's own scoring reads
the files directly and never runs stored code.
"""

from __future__ import annotations

from datetime import date
from typing import Any

import pandas as pd
from mlflow.models import set_model
from mlflow.pyfunc import PythonModel


class TagPyfunc(PythonModel):  # type: ignore[misc]  # MLflow ships no types
    """A tag model behind MLflow's interface."""

    def load_context(self, context: Any) -> None:
        """Read the model's files."""
        from tagcast import load_model_bundle  # not at the top: MLflow runs this script to store it, too

        self._model = load_model_bundle(context.artifacts["bundle"])

    def predict(self, context: Any, model_input: pd.DataFrame, params: Any = None) -> pd.DataFrame:
        """Return value, score, bounds, confidence and why a value is unknown, for each row of features.

        Parameters
        ----------
        context : mlflow.pyfunc.PythonModelContext
        model_input : DataFrame
            The features, in any order, and ``previous_value`` where there is one.
        params : dict, optional
            ``as_of``, a date as text; ``threshold``, below 0 for the model's own.
        """
        from tagcast import predict

        given = params or {}
        day, threshold = given.get("as_of", ""), given.get("threshold", -1.0)
        return predict(
            self._model,
            model_input,
            date.fromisoformat(day) if day else None,
            threshold=threshold if threshold >= 0 else None,
            previous=model_input["previous_value"].to_numpy(object)
            if "previous_value" in model_input
            else None,
        )


set_model(TagPyfunc())

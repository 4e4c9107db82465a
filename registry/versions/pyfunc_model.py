"""The script that MLflow copies beside a model's files and runs to load it (models from code, no pickle).

Nothing imports this module: MLflow executes it from the stored model, and it must call ``set_model``.
A stored model outlives the modules of today: it calls the public door of tagcast alone. tagcast's own scoring reads
the files directly and never runs stored code.
"""

from __future__ import annotations

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
        """Return ``score``, ``lower`` and ``upper`` for each row of features (columns in any order)."""
        predicted = self._model.predict(model_input[list(self._model.features)])
        return pd.DataFrame(
            {"score": predicted.score, "lower": predicted.lower, "upper": predicted.upper},
            index=model_input.index,
        )


set_model(TagPyfunc())

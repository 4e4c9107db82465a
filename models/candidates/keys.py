"""The keys of a tag that say what competes to be its model."""

from __future__ import annotations

from typing import Any

from pydantic import Field, model_validator

from tagcast.features.core.validation import Strict
from tagcast.models.candidates.names import DEFAULT, check_names

UNWRITTEN: dict[str, Any] = {"candidates": (DEFAULT,), "trusted": ()}
"""Values at which the keys are left out of what is written: a tag of tagcast's own candidates is written as ever."""


class WithCandidates(Strict):
    """The keys ``candidates`` and ``trusted``."""

    candidates: tuple[str, ...] = Field(
        (DEFAULT,),
        min_length=1,
        description="what competes to be its model: default (tagcast's own parts), python:package.module:function (returns an "
        "estimator), mlflow:models:/name@alias (a model that is not trained here)",
    )
    trusted: tuple[str, ...] = Field(
        (),
        description="types, as package.module.Type, that estimators of python: candidates may hold beside those of scikit-learn, "
        "NumPy and SciPy; a stored model makes no others when it is loaded",
    )

    @model_validator(mode="after")
    def _check_candidates(self) -> WithCandidates:
        check_names(self.candidates, self.trusted)
        return self

"""What learners and their parameters are called in MLflow: by the names under which people look for them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

_LEARNERS = {
    "forest": "lightgbm",
    "logistic": "logistic_regression",
    "bgnbd": "bg_nbd",
    "rfm": "rfm_ranking",
    "tweedie": "lightgbm_tweedie",
    "log1p": "lightgbm_log_amount",
}
_PARAMS = {
    "C": "logistic_regression_C",
    "bends": "logistic_regression_bends",
    "logistic_features": "logistic_regression_features",
    "forest_features": "lightgbm_features",
    "trees": "n_estimators",
}


def learner(name: str) -> str:
    """Return what a part or a candidate is called; a model of others goes by the name that the tag gives it.

    Examples
    --------
    >>> learner("forest"), learner("blend"), learner("python:lab:boosting")
    ('lightgbm', 'blend', 'python:lab:boosting')
    """
    return _LEARNERS.get(name, name).replace("@", " ")  # MLflow takes no @ in names


def model_params(chosen: str, params: Mapping[str, Any]) -> dict[str, Any]:
    """Return the parameters of a model flat, the weights of a blend one by one.

    Parameters
    ----------
    chosen : str
        The candidate that won.
    params : mapping
        As the training gave them.

    Examples
    --------
    >>> model_params("blend", {"trees": 134, "weights": {"logistic": 0.45, "forest": 0.55}})
    {'model': 'blend', 'n_estimators': 134, 'weight_logistic_regression': 0.45, 'weight_lightgbm': 0.55}
    """
    flat: dict[str, Any] = {"model": learner(chosen)}
    for name, value in params.items():
        if name == "weights" and isinstance(value, Mapping):
            flat |= {f"weight_{learner(part)}": weight for part, weight in value.items()}
        else:
            flat[_PARAMS.get(name, name)] = learner(value) if name == "kind" else value
    return flat

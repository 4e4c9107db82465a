"""Turn raw customer events into predictive tags you can verify.

The public door: open a project, then look at what is known of whom, train, promote, score, count audiences and compare the
promise with what happened. Everything behind it may change; stored models call :func:`load_model_bundle` and
:func:`predict` alone.

Examples
--------
>>> import tagcast
>>> project = tagcast.open("tagcast.toml")
>>> training = project.train("churn_risk")  # doctest: +SKIP
>>> run = project.score()  # doctest: +SKIP
>>> project.audience("churn_risk = 'yes' AND churn_risk.confidence >= 0.6").count().members  # doctest: +SKIP
45
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tagcast.models.evaluation.explanation import explain
    from tagcast.pipelines.public.audiences import Audience
    from tagcast.pipelines.public.evaluation import Evaluation
    from tagcast.pipelines.public.models import load_model_bundle, predict
    from tagcast.pipelines.public.plots import Plots
    from tagcast.pipelines.public.project import Project, open  # noqa: A004
    from tagcast.pipelines.public.training import Training

__all__ = [
    "Audience",
    "Evaluation",
    "Plots",
    "Project",
    "Training",
    "explain",
    "load_model_bundle",
    "open",
    "predict",
]
_WHERE = {
    "models.evaluation.explanation": ("explain",),
    "pipelines.public.audiences": ("Audience",),
    "pipelines.public.evaluation": ("Evaluation",),
    "pipelines.public.models": ("load_model_bundle", "predict"),
    "pipelines.public.plots": ("Plots",),
    "pipelines.public.project": ("Project", "open"),
    "pipelines.public.training": ("Training",),
}


def __getattr__(name: str) -> Any:
    """Load what is asked for: `import tagcast` alone costs nothing, the command line imports it too."""
    from importlib import import_module

    for module, names in _WHERE.items():
        if name in names:
            return getattr(import_module(f"tagcast.{module}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)

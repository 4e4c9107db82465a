"""Turn raw customer events into predictive tags you can verify.

The public door: open a project, then check, train, promote, score, count audiences and compare the promise with what
happened. Everything behind it may change; stored models call :func:`load_model_bundle` and :func:`predict` alone.

Examples
--------
>>> import tagcast
>>> project = tagcast.open_project("tagcast.toml")
>>> trained = tagcast.train(project, ["churn_risk"])  # doctest: +SKIP
>>> run = tagcast.score(project)  # doctest: +SKIP
>>> tagcast.count(project, "churn_risk = 'yes' AND churn_risk.confidence >= 0.6").members  # doctest: +SKIP
45
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tagcast.models.evaluation.explanation import explain
    from tagcast.pipelines.project.project import Project
    from tagcast.pipelines.public.audiences import count, members, profile
    from tagcast.pipelines.public.models import load_model_bundle, plots, predict, promote, train, versions
    from tagcast.pipelines.public.runs import check, open_project, promise, score

__all__ = [
    "Project",
    "check",
    "count",
    "explain",
    "load_model_bundle",
    "members",
    "open_project",
    "plots",
    "predict",
    "profile",
    "promise",
    "promote",
    "score",
    "train",
    "versions",
]
_WHERE = {
    "models.evaluation.explanation": ("explain",),
    "pipelines.project.project": ("Project",),
    "pipelines.public.audiences": ("count", "members", "profile"),
    "pipelines.public.models": ("load_model_bundle", "plots", "predict", "promote", "train", "versions"),
    "pipelines.public.runs": ("check", "open_project", "promise", "score"),
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

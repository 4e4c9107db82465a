"""Turn raw customer events into predictive tags you can verify.

The public door: open a project, then check, train, promote, score, count audiences and compare the promise with what
happened. Everything behind it may change; stored models call :func:`load_model_bundle` alone.

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
    from tagcast.pipelines.public import (
        Project,
        check,
        count,
        load_model_bundle,
        members,
        open_project,
        plots,
        profile,
        promise,
        promote,
        score,
        train,
        versions,
    )

__all__ = [
    "Project",
    "check",
    "count",
    "load_model_bundle",
    "members",
    "open_project",
    "plots",
    "profile",
    "promise",
    "promote",
    "score",
    "train",
    "versions",
]


def __getattr__(name: str) -> Any:
    """Load what is asked for: `import tagcast` alone costs nothing, the command line imports it too."""
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from tagcast.pipelines import public

    return getattr(public, name)


def __dir__() -> list[str]:
    return sorted(__all__)

"""What of tagcast is installed: the parts of its dependencies that only some commands need, and how to add them."""

from __future__ import annotations

from collections.abc import Mapping
from importlib.util import find_spec
from types import MappingProxyType

from tagcast.features.core.errors import MachineError
from tagcast.features.core.messages import msg

EXTRAS: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "console": ("fastapi", "nicegui", "starlette", "uvicorn"),
        "train": ("feast", "matplotlib", "optuna", "shap"),
    }
)
"""What each extra brings beside what tagcast itself requires, by the names under which it is imported."""


def require_extra(extra: str) -> None:
    """Pass where all that an extra brings is installed, without importing it.

    Parameters
    ----------
    extra : {"console", "train"}

    Raises
    ------
    MachineError
        When a package is missing; work that would come to need it has not begun.
    """
    for package in EXTRAS[extra]:
        if find_spec(package) is None:
            raise _missing(package, extra)


def missing_extra(error: ImportError) -> MachineError | None:
    """Return which extra to install after a failed import; None where none brings what is missing.

    Parameters
    ----------
    error : ImportError
        As Python raised it.
    """
    package = (error.name or "").partition(".")[0]
    if not isinstance(error, ModuleNotFoundError):
        return None
    return next((_missing(package, extra) for extra, brought in EXTRAS.items() if package in brought), None)


def _missing(package: str, extra: str) -> MachineError:
    return MachineError(
        msg("this needs {package}, which is not installed", package=package),
        hint=msg("install it: {command}", command=f"pip install 'tagcast[{extra}]'"),
    )

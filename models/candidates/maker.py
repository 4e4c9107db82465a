"""An estimator from a function of the project: imported, called, and refused where it is none."""

from __future__ import annotations

import importlib
import inspect
import sys
from collections.abc import Callable
from difflib import get_close_matches
from typing import Any

from tagcast.features.core.errors import DefinitionError
from tagcast.features.core.messages import Text, msg
from tagcast.models.candidates.answers import Method
from tagcast.models.candidates.names import PythonName
from tagcast.models.candidates.raised import raised_in


def importable(folder: str) -> None:
    """Let modules of a folder be imported, after those that are installed: none of them can stand in for another."""
    if folder not in sys.path:
        sys.path.append(folder)
    importlib.invalidate_caches()  # a module may have been written since the folder was looked at


def function_of(name: PythonName, folder: str) -> Callable[..., Any]:
    """Return the function that a candidate names.

    Parameters
    ----------
    name : PythonName
    folder : str
        Of tagcast.toml.

    Raises
    ------
    DefinitionError
        When there is no such module or function, or the module raises.
    """
    importable(folder)
    try:
        module = importlib.import_module(name.module)
    except ModuleNotFoundError as error:
        if error.name is not None and f"{name.module}.".startswith(f"{error.name}."):
            raise DefinitionError(
                msg("{candidate}: there is no module {module}", candidate=name.text, module=error.name),
                hint=msg(
                    "it is looked for among the installed packages and in {folder}, the folder of tagcast.toml",
                    folder=folder,
                ),
            ) from error
        raise _does_not_import(name, error, folder) from error
    except Exception as error:
        raise _does_not_import(name, error, folder) from error
    found = getattr(module, name.function, None)
    if found is None:
        functions = [one for one, it in vars(module).items() if callable(it) and not one.startswith("_")]
        near = get_close_matches(name.function, functions, n=1)
        raise DefinitionError(
            msg(
                "{candidate}: {module} has no function {function}",
                candidate=name.text,
                module=name.module,
                function=name.function,
            ),
            hint=msg("did you mean {nearest!r}?", nearest=near[0])
            if near
            else msg("write one in {file} that returns an estimator", file=str(module.__file__)),
        )
    if not callable(found):
        raise DefinitionError(
            msg(
                "{candidate}: expected a function, found {type}",
                candidate=name.text,
                type=type(found).__name__,
            ),
            hint=_RETURN_ONE,
        )
    function: Callable[..., Any] = found
    return function


def _does_not_import(name: PythonName, error: Exception, folder: str) -> DefinitionError:
    return DefinitionError(
        msg(
            "{candidate}: the module {module} cannot be imported: {reason}",
            candidate=name.text,
            module=name.module,
            reason=raised_in(error, folder),
        ),
        hint=msg("correct it: {command} has to work", command=f'python -c "import {name.module}"'),
    )


_RETURN_ONE = msg("it has to be a function that returns an estimator which is not fitted yet")


def estimator_of(name: PythonName, folder: str, seed: int, method: Method) -> Any:
    """Return an estimator that was never fitted, its random numbers drawn from ``seed``.

    Parameters
    ----------
    name : PythonName
    folder : str
        Of tagcast.toml.
    seed : int
        The function's argument, where it takes one; every ``random_state`` that it leaves open gets it too.
    method : str
        By which it is asked.

    Raises
    ------
    DefinitionError
        When the function raises, or returns something else.
    """
    function = function_of(name, folder)
    try:
        made = _called(function, seed)
    except Exception as error:
        raise DefinitionError(
            msg(
                "{candidate}: {function} raises {reason}",
                candidate=name.text,
                function=name.function,
                reason=raised_in(error, folder),
            ),
            hint=msg("it is called with a seed (a whole number), or with nothing where it takes nothing"),
        ) from error
    if problem := _no_estimator(made, method):
        raise DefinitionError(
            msg(
                "{candidate}: {function} returns {found}: {problem}",
                candidate=name.text,
                function=name.function,
                found=msg("the class {type}", type=made.__name__)
                if isinstance(made, type)
                else type(made).__name__,
                problem=problem,
            ),
            hint=_WANTED[method],
        )
    _seed(made, seed)
    return made


def _called(function: Callable[..., Any], seed: int) -> Any:
    """Return what a function makes with a seed, where it takes one."""
    taken = inspect.signature(function).parameters
    if "seed" in taken:
        return function(seed=seed)
    return function(seed) if taken else function()


def _no_estimator(made: Any, method: Method) -> Text:
    """Return why something is no estimator of this kind; empty where it is one."""
    from sklearn.base import is_classifier

    if isinstance(made, type) or not callable(getattr(made, "fit", None)):
        return msg("it is no estimator, it has no fit of its own")
    if not callable(getattr(made, method, None)):
        return msg("it has no {method}", method=method)
    if method == "predict" and is_classifier(made):
        return msg("it is a classifier, and the tag predicts an amount")
    return ""


_WANTED: dict[Method, Text] = {
    "predict": msg(
        "return an object with fit and predict, such as a regressor of scikit-learn or a Pipeline"
    ),
    "predict_proba": msg(
        "return an object with fit and predict_proba, such as a classifier of scikit-learn or a Pipeline (a support vector "
        "classifier needs probability=True)"
    ),
}


def _seed(estimator: Any, seed: int) -> None:
    """Give every ``random_state`` that is left open the seed, so that the same data make the same model."""
    params = getattr(estimator, "get_params", None)
    if not callable(params):
        return
    open_ones = {
        name: seed
        for name, value in params().items()
        if value is None and name.rpartition("__")[2] == "random_state"
    }
    if open_ones:
        estimator.set_params(**open_ones)


def weight_argument(estimator: Any) -> str | None:
    """Return by which argument ``fit`` takes weights of rows: of a pipeline by its last step's; None where it takes none."""
    steps = getattr(estimator, "steps", None)
    if isinstance(steps, list) and steps:
        name, last = steps[-1]
        inner = weight_argument(last)
        return f"{name}__{inner}" if inner else None
    try:
        taken = inspect.signature(estimator.fit).parameters
    except (TypeError, ValueError):
        return None
    return "sample_weight" if "sample_weight" in taken else None

"""How a tag names its candidates: ``default``, ``python:module:function``, ``mlflow:models:/name@alias``."""

from __future__ import annotations

import re
from dataclasses import dataclass

from tagcast.features.core.messages import msg
from tagcast.features.core.validation import InvalidValueError

DEFAULT = "default"
"""The parts of tagcast's own."""
_PYTHON = re.compile(r"python:(?P<module>[A-Za-z_]\w*(\.[A-Za-z_]\w*)*):(?P<function>[A-Za-z_]\w*)")
_MLFLOW = re.compile(r"mlflow:models:/(?P<model>[^/:@\s]+)(@(?P<alias>[^/:@\s]+)|/(?P<version>\d+))")
_TYPE = re.compile(r"[A-Za-z_]\w*(\.[A-Za-z_]\w*)+")


@dataclass(frozen=True)
class PythonName:
    """A function that returns an estimator: ``text`` as the tag has it, its module and its name."""

    text: str
    module: str
    function: str


@dataclass(frozen=True)
class MlflowName:
    """A registered model: ``text`` as the tag has it, its name, and either an alias or a version."""

    text: str
    model: str
    alias: str | None
    version: int | None


CandidateName = PythonName | MlflowName


def parse(text: str) -> CandidateName | None:
    """Return what a candidate names; None for ``default``.

    Raises
    ------
    InvalidValueError
        Where it is none of the three forms.
    """
    if text == DEFAULT:
        return None
    if found := _PYTHON.fullmatch(text):
        return PythonName(text, found["module"], found["function"])
    if found := _MLFLOW.fullmatch(text):
        return MlflowName(
            text, found["model"], found["alias"], int(found["version"]) if found["version"] else None
        )
    raise InvalidValueError(
        msg(
            "expected {default}, {python} or {mlflow}; found {found!r}",
            default=DEFAULT,
            python="python:package.module:function",
            mlflow="mlflow:models:/name@alias (mlflow:models:/name/3)",
            found=text,
        )
    )


def check_names(candidates: tuple[str, ...], trusted: tuple[str, ...]) -> None:
    """Check the keys ``candidates`` and ``trusted`` of a tag.

    Raises
    ------
    InvalidValueError
        Naming what is no candidate, no type, or there twice.
    """
    for text in candidates:
        parse(text)
    twice = [text for place, text in enumerate(candidates) if text in candidates[:place]]
    if twice:
        raise InvalidValueError(msg("candidates names {found!r} twice", found=twice[0]))
    for name in trusted:
        if not _TYPE.fullmatch(name):
            raise InvalidValueError(
                msg("trusted: expected a type such as package.module.Type, found {found!r}", found=name)
            )
    if trusted and not any(isinstance(parse(text), PythonName) for text in candidates):
        raise InvalidValueError(
            msg("trusted is about models that python: candidates make, and candidates names none")
        )

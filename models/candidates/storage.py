"""A fitted estimator as bytes without pickle: written by skops, read again with exactly the types that were recorded.

skops writes arrays, numbers and the names of types. Loading makes instances of those types and nothing else, and only of types that
are named as trusted: which these are is settled when the tag is trained, and loading never adds one.
"""

from __future__ import annotations

import io
import json
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any
from zipfile import ZipFile, ZipInfo

from tagcast.features.core.errors import ModelError
from tagcast.features.core.messages import listed, msg
from tagcast.models.candidates.answers import Floats, amounts_of, chances_of
from tagcast.models.candidates.raised import raised

if TYPE_CHECKING:
    import pandas as pd

OWN_LIBRARIES = ("sklearn", "numpy", "scipy")
"""Whose types need not be named: tagcast runs their code for its own models."""
_STORABLE = msg(
    "skops has to be able to write every part of it: functions by their name in a module (no lambdas), no open files or locks as "
    "attributes"
)
_SCHEMA = "schema.json"
_FIRST_DAY = (1980, 1, 1, 0, 0, 0)
"""The earliest time that a zip file can hold."""


@dataclass(frozen=True)
class StoredEstimator:
    """A fitted estimator, as it is stored and as it predicts: what is measured in training is what is loaded later.

    Parameters
    ----------
    name : str
        Of the candidate, for messages.
    content : bytes
    types : tuple of str
        The types that skops does not know itself: these are made at loading, and no others.
    """

    name: str
    content: bytes
    types: tuple[str, ...]

    @cached_property
    def estimator(self) -> Any:
        """The estimator.

        Raises
        ------
        ModelError
            When the content needs a type that was not recorded, or one that cannot be imported.
        """
        import skops.io

        found = _untrusted(self.name, self.content)
        if beyond := sorted(set(found) - set(self.types)):
            raise ModelError(
                msg(
                    "{candidate}: the stored model holds types that were not trusted when it was trained: {types}",
                    candidate=self.name,
                    types=listed(beyond),
                ),
                hint=msg("it was changed since; train the tag again, or promote an older version"),
            )
        with _readable(self.name):
            return skops.io.loads(self.content, trusted=list(self.types))

    def columns(self, features: tuple[str, ...]) -> tuple[int, ...]:
        """Return all places: which features the estimator reads is its own business."""
        return tuple(range(len(features)))

    def chances(self, frame: pd.DataFrame) -> Floats:
        """Return the probability of yes, shape (n,)."""
        return chances_of(self.name, self.estimator, frame)

    def amounts(self, frame: pd.DataFrame) -> Floats:
        """Return the predicted amount, shape (n,), never below 0."""
        return amounts_of(self.name, self.estimator, frame)

    def to_json(self) -> dict[str, Any]:
        """Return plain JSON values; the content is a file of its own."""
        return {"types": list(self.types)}

    def __getstate__(self) -> dict[str, Any]:
        """Leave out the estimator: between processes, too, it travels as its bytes."""
        return {"name": self.name, "content": self.content, "types": self.types}


def stored(name: str, estimator: Any, trusted: Collection[str]) -> StoredEstimator:
    """Return a fitted estimator as it is stored.

    Parameters
    ----------
    name : str
        Of the candidate, for messages.
    estimator : estimator
    trusted : collection of str
        Types beside those of ``OWN_LIBRARIES`` that it may hold.

    Raises
    ------
    ModelError
        When skops cannot write it, or it holds types that are not trusted: they are named.
    """
    import skops.io

    try:
        content = _same_bytes(skops.io.dumps(estimator))
        found = _untrusted(name, content)
    except ModelError:
        raise
    except Exception as error:
        raise ModelError(
            msg(
                "{candidate}: {type} cannot be stored without pickle: {reason}",
                candidate=name,
                type=type(estimator).__name__,
                reason=raised(error),
            ),
            hint=_STORABLE,
        ) from error
    if nameless := [one for one in found if "<" in one]:
        raise ModelError(
            msg(
                "{candidate}: {type} cannot be stored without pickle: {reason}",
                candidate=name,
                type=type(estimator).__name__,
                reason=msg("it holds {types}, which nobody can import by name", types=listed(nameless)),
            ),
            hint=_STORABLE,
        )
    if beyond := [one for one in found if one.partition(".")[0] not in OWN_LIBRARIES and one not in trusted]:
        raise ModelError(
            msg(
                "{candidate}: the estimator holds types that the tag does not trust: {types}",
                candidate=name,
                types=listed(beyond),
            ),
            hint=msg("if you know their code, add to the tag: {key}", key=f"trusted: [{', '.join(beyond)}]"),
        )
    return StoredEstimator(name, content, tuple(found))


@contextmanager
def _readable(name: str) -> Iterator[None]:
    """Turn what skops raises at loading into a ModelError."""
    try:
        yield
    except Exception as error:
        raise ModelError(
            msg(
                "{candidate}: the stored model cannot be read: {reason}", candidate=name, reason=raised(error)
            ),
            hint=msg(
                "its code has to be where it was at training: a module in the folder of tagcast.toml, or an installed "
                "package of the same version"
            ),
        ) from error


def _untrusted(name: str, content: bytes) -> list[str]:
    import skops.io

    with _readable(name):
        found: Sequence[str] = skops.io.get_untrusted_types(data=content)
    return sorted(found)


def _same_bytes(content: bytes) -> bytes:
    """Return what skops wrote with the places of objects in memory, and the time, taken out: the same model, the same bytes."""
    with ZipFile(io.BytesIO(content)) as given:
        schema = json.loads(given.read(_SCHEMA))
        files = {name: given.read(name) for name in given.namelist() if name != _SCHEMA}
    numbers: dict[int, int] = {}
    renamed: dict[str, str] = {}
    for node in _nodes(schema):
        if isinstance(number := node.get("__id__"), int):
            node["__id__"] = numbers.setdefault(number, len(numbers) + 1)
        if (name := node.get("file")) in files:
            kind = str(name).rpartition(".")[2]
            node["file"] = renamed.setdefault(str(name), f"{len(renamed) + 1}.{kind}")
    files = {renamed.get(name, name): data for name, data in files.items()}
    files[_SCHEMA] = json.dumps(schema, separators=(",", ":")).encode()
    out = io.BytesIO()
    with ZipFile(out, "w") as written:
        for name in sorted(files):
            written.writestr(ZipInfo(name, _FIRST_DAY), files[name])
    return out.getvalue()


def _nodes(schema: Any) -> Iterator[dict[str, Any]]:
    """Yield every table of skops' schema, outer ones first."""
    waiting = [schema]
    while waiting:
        one = waiting.pop()
        if isinstance(one, dict):
            yield one
            waiting.extend(reversed(one.values()))
        elif isinstance(one, list):
            waiting.extend(reversed(one))

"""Why a column or a value inside of one cannot be mapped, and what to name instead."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from difflib import get_close_matches

from tagcast.features.core.messages import Joined, Message, listed, msg
from tagcast.features.ingest.readers.nested.value_paths import path_in, path_text

_MOST_NAMED = 12


@dataclass(frozen=True)
class ColumnProblem:
    """What is wrong with a named value, and how to fix it.

    Parameters
    ----------
    text, hint : Message
    shape : str
        ``object`` or ``list`` where that stands instead of a plain value; empty where nothing does.
    """

    text: Message
    hint: Message
    shape: str = ""


def absent(keys: tuple[str, ...], there: tuple[str, ...], names: Collection[str]) -> ColumnProblem:
    """Return that a path ends too early.

    Parameters
    ----------
    keys : tuple of str
        The path.
    there : tuple of str
        The part of it that leads somewhere.
    names : collection of str
        What stands there; none where it is a plain value.
    """
    path, before = path_text(keys), path_text(there)
    if not names:
        return ColumnProblem(
            msg("there is no value {path!r}: {before} is no object", path=path, before=before),
            msg("name {before} itself, or another value", before=before),
        )
    missing = keys[len(there)]
    lower = {n.lower(): n for n in names}
    near = get_close_matches(missing.lower(), list(lower), n=1, cutoff=0.5)
    text = msg("there is no value {path!r}", path=path)
    if near:
        nearest = path_text((*there, lower[near[0]], *keys[len(there) + 1 :]))
        return ColumnProblem(
            text,
            msg("did you mean {nearest!r}? in {before}: {names}", nearest=nearest, before=before, names=_some(names)),
        )  # fmt: skip
    return ColumnProblem(text, msg("in {before}: {names}", before=before, names=_some(names)))


def no_plain_value(
    path: str, shape: str, names: Collection[str], *, differs: bool = False, at: str = ""
) -> ColumnProblem:
    """Return that an object or a list stands where one value is wanted.

    Parameters
    ----------
    path : str
    shape : {"object", "list"}
    names : collection of str
        What an object holds.
    differs : bool
        Whether other lines may hold a plain value there.
    at : str
        Path of the list, where it is another.
    """
    if shape == "list":
        return ColumnProblem(
            msg("{path} is a list, or in one", path=path),
            msg("name a value beside it, or make a line of each element: {example}; of a database, in its query",
                example=f'unnest = "{at or path}"'),
            shape,
        )  # fmt: skip
    keys = path_in(path) or (path,)
    inner = path_text((*keys, min(names, default="name")))
    hint = msg("name a value in it, as in {example}", example=inner)
    if differs:
        hint = msg(
            "name a value in it, as in {example}; if it is a plain value in other lines, derive it: {both}",
            example=inner,
            both=f"COALESCE({inner}, {path})",
        )
    text = (
        msg("{path} is an object: {names}", path=path, names=_some(names))
        if names
        else msg("{path} is an object", path=path)
    )
    return ColumnProblem(text, hint, shape)


def _some(names: Collection[str]) -> Joined:
    ordered = sorted(names)
    return listed([*ordered[:_MOST_NAMED], *(["…"] if len(ordered) > _MOST_NAMED else [])])

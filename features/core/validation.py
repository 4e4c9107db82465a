"""Tables that are read from files, and what pydantic finds wrong in them or in a request, as messages: none of its own English."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from difflib import get_close_matches
from reprlib import Repr
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import BaseModel, ConfigDict

from tagcast.features.core.messages import NOTHING, Message, Text, listed, msg, nmsg

_SHORT = Repr()
_SHORT.maxstring = _SHORT.maxother = 200
_SHOWN = 20
"""Names that are listed where none is near."""


class Strict(BaseModel):
    """A table whose keys are all known, and whose values never change."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class InvalidValueError(ValueError):
    """What a validator of ours refuses; pydantic hands it on as it is.

    Parameters
    ----------
    message : Message or str
    """

    def __init__(self, message: Text) -> None:
        super().__init__(message)
        self.message = message

    def __str__(self) -> str:
        return str(self.message)


def explained(error: Mapping[str, Any]) -> Text:
    """Return what is wrong with one value.

    Parameters
    ----------
    error : mapping
        One of ``ValidationError.errors()``, with its context.
    """
    context: dict[str, Any] = error.get("ctx") or {}
    own = context.get("error")
    if isinstance(own, InvalidValueError):
        return own.message
    if isinstance(own, ValueError) and own.args and isinstance(own.args[0], Message):
        return own.args[0]
    kind = str(error["type"])
    if kind in _PLAIN:
        return _PLAIN[kind]()
    if kind in _WITH_BOUND:
        return _WITH_BOUND[kind](context)
    # A type that none of our models has today: pydantic's own words, marked as such.
    return msg("not accepted (raw message: {raw})", raw=error["msg"])


def _number() -> Message:
    return msg("expected a number")


def _whole_number() -> Message:
    return msg("expected a whole number")


def _text() -> Message:
    return msg("expected a text")


def _list() -> Message:
    return msg("expected a list")


def _table() -> Message:
    return msg("expected keys with values")


def _date() -> Message:
    return msg("expected a date such as 2024-01-31")


def _moment() -> Message:
    return msg("expected a date and time such as 2024-01-31T09:30:00")


def _yes_or_no() -> Message:
    return msg("expected true or false")


_PLAIN: dict[str, Callable[[], Message]] = {
    "missing": lambda: msg("is missing"),
    "extra_forbidden": lambda: msg("unknown key"),
    "string_type": _text,
    "int_type": _whole_number,
    "int_parsing": _whole_number,
    "int_from_float": _whole_number,
    "float_type": _number,
    "float_parsing": _number,
    "finite_number": _number,
    "bool_type": _yes_or_no,
    "bool_parsing": _yes_or_no,
    "list_type": _list,
    "tuple_type": _list,
    "set_type": _list,
    "dict_type": _table,
    "model_type": _table,
    "model_attributes_type": _table,
    "date_type": _date,
    "date_parsing": _date,
    "date_from_datetime_parsing": _date,
    "date_from_datetime_inexact": _date,
    "datetime_type": _moment,
    "datetime_parsing": _moment,
    "datetime_from_date_parsing": _moment,
    "json_invalid": lambda: msg("not valid JSON"),
    "none_required": lambda: msg("expected nothing"),
    "frozen_instance": lambda: msg("cannot be changed"),
}
_WITH_BOUND: dict[str, Callable[[dict[str, Any]], Message]] = {
    "literal_error": lambda c: (
        msg("expected true")
        if c["expected"] == "True"
        else msg("expected one of {choices}", choices=c["expected"].replace(" or ", ", "))
    ),
    "enum": lambda c: msg("expected one of {choices}", choices=c["expected"].replace(" or ", ", ")),
    "union_tag_invalid": lambda c: msg(
        "{key}: expected one of {choices}, found {found!r}",
        key=c["discriminator"].strip("'"),
        choices=c["expected_tags"],
        found=c["tag"],
    ),
    "union_tag_not_found": lambda c: msg("{key} is missing", key=c["discriminator"].strip("'")),
    "greater_than": lambda c: msg("has to be greater than {bound}", bound=c["gt"]),
    "greater_than_equal": lambda c: msg("has to be at least {bound}", bound=c["ge"]),
    "less_than": lambda c: msg("has to be less than {bound}", bound=c["lt"]),
    "less_than_equal": lambda c: msg("has to be at most {bound}", bound=c["le"]),
    "string_pattern_mismatch": lambda c: msg("has to match the pattern {pattern}", pattern=c["pattern"]),
    "string_too_short": lambda c: nmsg(
        "needs at least {n} character", "needs at least {n} characters", c["min_length"]
    ),
    "string_too_long": lambda c: nmsg(
        "at most {n} character is allowed", "at most {n} characters are allowed", c["max_length"]
    ),
    "too_short": lambda c: nmsg("needs at least {n} item", "needs at least {n} items", c["min_length"]),
    "too_long": lambda c: nmsg(
        "at most {n} item is allowed", "at most {n} items are allowed", c["max_length"]
    ),
}


def near(word: str, known: Collection[str]) -> Message:
    """Return which of ``known`` may be meant by ``word``, or the first of them; nothing where there are none."""
    found = get_close_matches(word, list(known), n=1)
    if found:
        return msg("did you mean {nearest!r}?", nearest=found[0])
    shown = [*list(known)[:_SHOWN], *(["…"] if len(known) > _SHOWN else [])]
    return msg("known: {names}", names=listed(shown)) if shown else NOTHING


def suggested(word: str, known: Collection[str]) -> Message:
    """Return which of ``known`` may be meant by ``word``, and all of them."""
    found = get_close_matches(word, list(known), n=1)
    if found:
        return msg("did you mean {nearest!r}? known: {names}", nearest=found[0], names=listed(known))
    return msg("known: {names}", names=listed(known))


def with_near(message: Text, word: str, known: Collection[str]) -> Text:
    """Return what is wrong with a word and what may be meant by it."""
    meant = near(word, known)
    return msg("{problem}; {meant}", problem=message, meant=meant) if meant else message


def at(place: str, problem: Text, shown: str = "") -> Text:
    """Return a problem with the key it is about and what was found there.

    Parameters
    ----------
    place : str
        Empty where it is about the whole.
    problem : Message or str
    shown : str
        What was found; empty where it is not shown.
    """
    found = msg("{problem} (found {found})", problem=problem, found=shown) if shown else problem
    return msg("{place}: {problem}", place=place, problem=found) if place else found


def placed(error: Mapping[str, Any]) -> Text:
    """Return what is wrong with one value of a file, with its key and what was found there."""
    shown = error["type"] != "missing" and not isinstance(error["input"], dict)
    place = ".".join(str(part) for part in error["loc"])
    return at(place, explained(error), _SHORT.repr(error["input"]) if shown else "")


def zone(value: str) -> str:
    """Return ``value`` where it names a time zone."""
    try:
        ZoneInfo(value)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise InvalidValueError(
            msg("expected a time zone such as Europe/Oslo, found {found!r}", found=value)
        ) from None
    return value

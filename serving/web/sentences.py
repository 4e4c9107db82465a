"""Sentences in answers: messages become texts in the reader's language as they leave."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from typing import TYPE_CHECKING, Any

from tagcast.features.core.messages import Joined, Language, Message, from_json, render
from tagcast.serving.web.plain_pages import language_of

if TYPE_CHECKING:
    from fastapi import Request


def localized(request: Request, answer: Any) -> Any:
    """Return an answer as plain values, its messages rendered into the language of the request.

    Parameters
    ----------
    request : Request
        ``Accept-Language`` counts, or the language chosen in the console.
    answer : dataclass, mapping, list or value
        Messages in it are :class:`Message`, :class:`Joined`, or what their ``to_json`` returned.
    """
    return _plain(answer, language_of(request.headers))


def _plain(value: Any, language: Language) -> Any:
    if isinstance(value, Message | Joined):
        return render(value, language)
    if isinstance(value, Mapping):
        if isinstance(value.get("message"), str) or isinstance(value.get("joined"), list):
            return render(from_json(value), language)
        return {key: _plain(one, language) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(one, language) for one in value]
    if is_dataclass(value) and not isinstance(value, type):
        return {field.name: _plain(getattr(value, field.name), language) for field in fields(value)}
    return value

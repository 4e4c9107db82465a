"""Sentences in answers: messages become texts in the reader's language as they leave."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tagcast.features.core.messages import as_values
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
    return as_values(answer, language_of(request.headers))

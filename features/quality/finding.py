"""A finding: something a person should know of the data before training on it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

from tagcast.features.core.messages import Joined, Message, Text, msg


@dataclass(frozen=True)
class Finding:
    """Something a person should know before training.

    Parameters
    ----------
    level : {"error", "warning", "note"}
    code : str
        What it is, for programs.
    where : str
        The source, or what else it is about.
    message, hint : Message, Joined or str
    """

    level: Literal["error", "warning", "note"]
    code: str
    where: str
    message: Text | Joined
    hint: Text | Joined


def lines_of(lines: int, rows: int) -> Message:
    """Return ``lines`` as a part of ``rows``, in words."""
    return msg("{lines:,} of {rows:,} lines ({share:.1%})", lines=lines, rows=rows, share=lines / rows)


def shape(text: str) -> str:
    """Return what ``text`` looks like without saying it: letters as A, digits as 9.

    Two tables that match nobody are told apart by their ids' shapes; the ids themselves belong to people.

    Examples
    --------
    >>> shape("kari.99@example.org"), shape("0017")
    ('AAAA.99@AAAAAAA.AAA', '9999')
    """
    return re.sub(r"[^\W\d_]", "A", re.sub(r"\d", "9", text))

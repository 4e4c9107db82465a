"""A finding: something a person should know of the data before training on it."""

from __future__ import annotations

import re
from collections.abc import Mapping
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


@dataclass(frozen=True)
class SourceColumns:
    """What the columns of the event log are called in the sources, for examples that can be copied.

    Parameters
    ----------
    by_source : mapping of str to mapping of str to str
        Source to event-log column (and ``event``) to source column; the first source that has it speaks for all.
    """

    by_source: Mapping[str, Mapping[str, str]]

    def sql(self, column: str, source: str = "") -> str:
        """Return the source's column for an event-log column as SQL names it."""
        every = [self.by_source.get(source, {}), *self.by_source.values()]
        return sql_name(next((named[column] for named in every if column in named), column))


def sql_name(column: str) -> str:
    """Return a column as SQL names it."""
    return column if re.fullmatch(r"[A-Za-z_]\w*", column) else '"' + column.replace('"', '""') + '"'


def setting(key: str, sql: str) -> str:
    """Return a line of the configuration that sets ``key`` to an SQL expression.

    Examples
    --------
    >>> print(setting("where", "id <> 'x'"))
    where = "id <> 'x'"
    """
    plain = not {'"', "\\"} & set(sql)
    return f'{key} = "{sql}"' if plain else f"{key} = '''{sql}'''"


def literal(text: str) -> str:
    """Return ``text`` as SQL writes it."""
    return "'" + text.replace("'", "''") + "'"


def shape(text: str) -> str:
    """Return what ``text`` looks like without saying it: letters as A, digits as 9.

    Two tables that match nobody are distinguished by their ids' shapes; the ids themselves belong to people.

    Examples
    --------
    >>> shape("kari.99@example.org"), shape("0017")
    ('AAAA.99@AAAAAAA.AAA', '9999')
    """
    return re.sub(r"[^\W\d_]", "A", re.sub(r"\d", "9", text))

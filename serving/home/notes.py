"""Notes of the home page: one line each, of something that somebody should know or do."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

from tagcast.features.core.messages import Joined, Message

if TYPE_CHECKING:
    from tagcast.registry.access.roles import Person
    from tagcast.serving.context import ServiceContext

NoteKind = Literal["waiting", "promise", "campaign", "audience"]
Tone = Literal["", "good", "warn", "bad"]


@dataclass(frozen=True)
class Note:
    """One line of the home page.

    Parameters
    ----------
    kind : {"waiting", "promise", "campaign", "audience"}
        The section that it stands in.
    text : Message or Joined
    path : str
        Of the page that shows more; empty where there is none.
    subject : mapping of str to str
        What it is about, by language; empty where the text says it all.
    tone : {"", "good", "warn", "bad"}
    """

    kind: NoteKind
    text: Message | Joined
    path: str = ""
    subject: Mapping[str, str] = field(default_factory=dict)
    tone: Tone = ""


NoteSource = Callable[["ServiceContext", "Person"], list[Note]]
"""Returns the notes of one matter that somebody may see, the most pressing first; it reads what is on record, and no profiles."""

"""The home page as a whole: what is new, notes, pins, goals and first steps. No profile is read but for counts kept by run."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tagcast.features.core.errors import StateError
from tagcast.features.core.messages import msg
from tagcast.registry.access.roles import require
from tagcast.registry.people.visits import last_visit
from tagcast.serving.home.audiences import audience_notes
from tagcast.serving.home.campaigns import campaign_notes
from tagcast.serving.home.changes import RunNews, run_news
from tagcast.serving.home.first_steps import FirstStep, first_steps
from tagcast.serving.home.notes import Note, NoteSource
from tagcast.serving.home.pinned import pinned_audiences, pins_of
from tagcast.serving.home.promises import promise_notes
from tagcast.serving.home.tag_table import TableRow, table_rows
from tagcast.serving.home.waiting import approval_notes, draft_notes, review_notes

if TYPE_CHECKING:
    from datetime import datetime

    from tagcast.registry.access.roles import Person
    from tagcast.registry.governance.saved_audiences import SavedAudience
    from tagcast.serving.context import ServiceContext

log = logging.getLogger("tagcast")

NOTES: tuple[NoteSource, ...] = (
    approval_notes,
    review_notes,
    draft_notes,
    promise_notes,
    campaign_notes,
    audience_notes,
)
"""Where notes come from, in the order in which they stand within their section."""


@dataclass(frozen=True)
class Home:
    """What the home page shows beside the goals.

    Parameters
    ----------
    news : RunNews or None
        None where nothing was published.
    notes : tuple of Note
    tags : tuple of TableRow
        Those pinned, in the order of the catalogue.
    audiences : tuple of SavedAudience
        Those pinned, by name.
    steps : tuple of FirstStep
        Empty once all are done.
    """

    news: RunNews | None
    notes: tuple[Note, ...]
    tags: tuple[TableRow, ...]
    audiences: tuple[SavedAudience, ...]
    steps: tuple[FirstStep, ...]


def home(context: ServiceContext, person: Person) -> Home:
    """Return the home page of ``person``, and record that they are here."""
    require(person, "see")
    return Home(
        run_news(context, person, _visited(context, person)),
        tuple(note for source in NOTES for note in source(context, person)),
        tuple(row for row in table_rows(context, person) if row.pinned)
        if pins_of(context, person, "tag")
        else (),
        tuple(pinned_audiences(context, person)),
        tuple(first_steps(context, person)),
    )


def _visited(context: ServiceContext, person: Person) -> datetime | None:
    try:
        return last_visit(context.state, person.name, context.now)
    except StateError as error:  # a home that is only read is shown all the same
        log.warning(msg("a visit cannot be put on record: {problem}", problem=error.message))
        return None

"""Labels of saved audiences: the words that people sort them by."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from datetime import datetime
from typing import TYPE_CHECKING

from sqlalchemy import delete, select

from tagcast.features.core.errors import TagcastError
from tagcast.features.core.messages import msg
from tagcast.registry.access.audit_log import record
from tagcast.registry.governance.audiences.rights import may_manage
from tagcast.registry.governance.saved_audiences import get
from tagcast.registry.state.tables import AUDIENCE_LABELS
from tagcast.registry.state.text_validation import checked

if TYPE_CHECKING:
    from tagcast.registry.access.roles import Person
    from tagcast.registry.state.database import State

LABEL_LENGTH = 60
MOST_LABELS = 10
"""Of one audience."""


def labels(state: State) -> dict[str, tuple[str, ...]]:
    """Return the labels of every audience that has any, sorted."""
    found: dict[str, list[str]] = defaultdict(list)
    table = AUDIENCE_LABELS
    with state.reading() as connection:
        for row in connection.execute(select(table).order_by(table.c.name, table.c.label)):
            found[row.name].append(row.label)
    return {name: tuple(words) for name, words in found.items()}


def set_labels(state: State, name: str, words: Iterable[str], by: Person, now: datetime) -> tuple[str, ...]:
    """Give an audience these labels in place of those it has, and return them, sorted and each once.

    Raises
    ------
    NotFoundError
        When there is no such audience.
    NotAllowedError
        Where it belongs to somebody else, and ``by`` leads no team.
    TagcastError
        For a label that is empty or too long, and for too many.
    """
    given = sorted({checked(word, msg("the label"), at_most=LABEL_LENGTH) for word in words})
    if len(given) > MOST_LABELS:
        raise TagcastError(
            msg("an audience has {most} labels at most, found {found}", most=MOST_LABELS, found=len(given)),
            hint=msg("leave some out"),
        )
    with state.writing() as connection:
        audience = get(state, name)
        may_manage(audience, by)
        connection.execute(delete(AUDIENCE_LABELS).where(AUDIENCE_LABELS.c.name == audience.name))
        if given:
            connection.execute(
                AUDIENCE_LABELS.insert(), [{"name": audience.name, "label": word} for word in given]
            )
        record(
            state,
            now=now,
            who=by.name,
            action="audience.label",
            subject=audience.name,
            detail={"labels": given},
        )
    return tuple(given)

"""Rules that people drafted in the console: every version of the text is kept, the newest of a tag counts.

Where a draft stands in its life is the life of its tag (:mod:`tagcast.registry.governance.lifecycle`).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import JSON, Column, Index, String, Table, Text, select

from tagcast.features.core.errors import NotAllowedError
from tagcast.features.core.messages import msg
from tagcast.models.definitions.rule_tag import RuleDefinition
from tagcast.registry.access.roles import Person
from tagcast.registry.governance.lifecycle import REASON_LENGTH, Status, status_of
from tagcast.registry.state.database import State
from tagcast.registry.state.tables import METADATA, NAME_LENGTH, UtcDateTime, serial
from tagcast.registry.state.text_validation import checked

DRAFTS = Table(
    "rule_drafts",
    METADATA,
    serial(),
    Column("tag", String(250), nullable=False),
    Column("at", UtcDateTime, nullable=False),
    Column("who", String(NAME_LENGTH), nullable=False),
    Column("definition", JSON, nullable=False),
    Column("reason", Text, nullable=False),
    Index("rule_drafts_by_tag", "tag", "id"),
    sqlite_autoincrement=True,
)


@dataclass(frozen=True)
class RuleDraft:
    """One wording of a drafted rule.

    Parameters
    ----------
    definition : RuleDefinition
    at : datetime
        UTC.
    who : str
    reason : str
        Why it is needed.
    status : Status
        Where the tag stands.
    """

    definition: RuleDefinition
    at: datetime
    who: str
    reason: str
    status: Status

    @property
    def tag(self) -> str:
        """The tag's name."""
        return self.definition.name


def save(state: State, definition: RuleDefinition, *, by: str, reason: str, now: datetime) -> None:
    """Save a version of the text.

    Raises
    ------
    TagcastError
        Without a reason.
    """
    row: dict[str, Any] = {
        "tag": definition.name,
        "at": now,
        "who": by,
        "definition": definition.model_dump(mode="json", exclude_none=True),
        "reason": checked(reason, msg("the reason"), at_most=REASON_LENGTH, lines=True),
    }
    with state.writing() as connection:
        connection.execute(DRAFTS.insert().values(row))


def drafted(state: State) -> dict[str, RuleDraft]:
    """Return the newest wording of every drafted tag, by name."""
    with state.reading() as connection:
        newest = {row.tag: row for row in connection.execute(select(DRAFTS).order_by(DRAFTS.c.id))}
    statuses = status_of(state, newest)
    return {tag: _draft(newest[tag], statuses[tag]) for tag in sorted(newest)}


def require_own_draft(state: State, person: Person, tag: str) -> None:
    """Pass who wrote the newest wording of a draft, and who may review; what is no draft is nobody's own.

    Raises
    ------
    NotAllowedError
    """
    was = drafted(state).get(tag)
    if was is not None and was.who != person.name and not person.may("review"):
        raise NotAllowedError(
            msg("{tag} is a draft of {who}", tag=tag, who=was.who),
            hint=msg("ask them, or draft a tag of another name"),
        )


def published_rules(state: State) -> list[RuleDefinition]:
    """Return the drafted rules that runs evaluate: those whose tag is published."""
    return [draft.definition for draft in drafted(state).values() if draft.status == "published"]


def _draft(row: Any, status: Status) -> RuleDraft:
    return RuleDraft(RuleDefinition.model_validate(row.definition), row.at, row.who, row.reason, status)

"""Exports as the audit log has them: one's own, and for who leads a team everybody's."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from tagcast.registry.access.audit_log import MOST_ENTRIES, entries
from tagcast.registry.access.roles import require
from tagcast.registry.operations.campaigns import all_campaigns

if TYPE_CHECKING:
    from tagcast.registry.access.audit_log import AuditEntry
    from tagcast.registry.access.roles import Person
    from tagcast.serving.context import ServiceContext


@dataclass(frozen=True)
class ExportOnRecord:
    """An export that was made.

    Parameters
    ----------
    id : str
    at : datetime
        UTC.
    who : str
    name : str
        Of the saved audience or the campaign; empty where it was given none.
    rows : int
        Written.
    held_out, without_consent, standing, rested : int
        Members who were left out at random, for lack of consent, as standing control group, and since they had been contacted
        often of late.
    channel : str
        Empty where none was named.
    no_contact : bool
        Whether it was declared to contact nobody.
    campaign : str
        Id of the campaign that it is; empty where it is none.
    format : str
    """

    id: str
    at: datetime
    who: str
    name: str
    rows: int
    held_out: int
    without_consent: int
    standing: int
    rested: int
    channel: str
    no_contact: bool
    campaign: str
    format: str


def sees_team(person: Person) -> bool:
    """Return whether somebody sees everybody's exports: who leads a team, or reads the audit log anyway."""
    return person.may("team") or person.may("audit")


def exports_on_record(
    context: ServiceContext,
    person: Person,
    *,
    mine: bool = False,
    name: str | None = None,
    limit: int = 200,
    before: int | None = None,
) -> tuple[list[ExportOnRecord], int | None]:
    """Return exports, newest first, and what to give as ``before`` for older ones; None at the end.

    Parameters
    ----------
    context : ServiceContext
    person : Person
        Who leads no team is shown their own.
    mine : bool
        Whether one's own alone are asked for.
    name : str, optional
        Of the saved audience or the campaign.
    limit : int
        At most 1,000.
    before : int, optional

    Raises
    ------
    NotAllowedError
        Without the right "export".
    """
    require(person, "export")
    who = None if sees_team(person) and not mine else person.name
    limit = min(max(limit, 1), MOST_ENTRIES)
    lines = entries(context.state, action="export", who=who, subject=name, limit=limit, before=before)
    campaigns = {one.id for one in all_campaigns(context.state)}
    return [_read(line, campaigns) for line in lines], lines[-1].id if len(lines) == limit else None


def _read(line: AuditEntry, campaigns: set[str]) -> ExportOnRecord:
    detail: Any = line.detail
    export = str(detail.get("id", ""))
    return ExportOnRecord(
        id=export,
        at=line.at,
        who=line.who,
        name="" if line.subject == export else line.subject,
        rows=int(detail.get("rows", 0)),
        held_out=int(detail.get("held_out", 0)),
        without_consent=int(detail.get("without_consent", 0)),
        standing=int(detail.get("standing", 0)),
        rested=int(detail.get("rested", 0)),
        channel=str(detail.get("channel") or ""),
        no_contact=bool(detail.get("no_contact", False)),
        campaign=export if export in campaigns else "",
        format=str(detail.get("format", "")),
    )

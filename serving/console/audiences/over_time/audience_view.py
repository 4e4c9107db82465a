"""What the page of a saved audience shows, gathered in one go."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING

from tagcast.features.core.errors import FilterError, TagcastError
from tagcast.models.filters.conditions import InAudience
from tagcast.registry.governance.saved_audiences import FIXED
from tagcast.serving.audiences import service
from tagcast.serving.audiences.over_time.alerts import audience_alerts
from tagcast.serving.audiences.over_time.changes import membership_change
from tagcast.serving.audiences.over_time.edits import edits
from tagcast.serving.audiences.over_time.team import labels_of, used_by
from tagcast.serving.audiences.saved_audience_actions import find, sizes
from tagcast.serving.audiences.wording.field_words import field_words
from tagcast.serving.delivery.exports_on_record import exports_on_record

if TYPE_CHECKING:
    from tagcast.features.core.messages import Language
    from tagcast.models.filters.conditions import Filter
    from tagcast.registry.access.roles import Person
    from tagcast.registry.governance.audiences.membership_changes import MembershipChange
    from tagcast.registry.governance.saved_audiences import SavedAudience
    from tagcast.serving.audiences.over_time.alerts import AudienceAlert
    from tagcast.serving.audiences.over_time.edits import Edit
    from tagcast.serving.context import ServiceContext
    from tagcast.serving.delivery.exports_on_record import ExportOnRecord


@dataclass(frozen=True)
class AudienceView:
    """A saved audience with what is on record of it, as somebody may see it.

    Parameters
    ----------
    audience : SavedAudience
    tree : Filter or None
        Its filter, of one with members on record that one is among them; None where it cannot be read today.
    sentence : str
        What it means; empty where it cannot be read, and of a list.
    trouble : TagcastError or None
        Why it cannot be read today.
    sizes : tuple of (date, int)
        By the day of the data, oldest first.
    change : MembershipChange, TagcastError or None
        Since the run before; the error where it cannot be known.
    alert : AudienceAlert or None
    labels, used_by : tuple of str
    edits : list of Edit
    last_export, last_campaign : ExportOnRecord or None
        Of those that the caller may see.
    titles : dict of str to str
        Of tags.
    """

    audience: SavedAudience
    tree: Filter | None
    sentence: str
    trouble: TagcastError | None
    sizes: tuple[tuple[date, int], ...]
    change: MembershipChange | TagcastError | None
    alert: AudienceAlert | None
    labels: tuple[str, ...]
    used_by: tuple[str, ...]
    edits: list[Edit]
    last_export: ExportOnRecord | None
    last_campaign: ExportOnRecord | None
    titles: dict[str, str]


def audience_view(context: ServiceContext, person: Person, name: str, language: Language) -> AudienceView:
    """Return what the page of a saved audience shows.

    Raises
    ------
    NotFoundError
        When there is none that ``person`` may know of.
    """
    audience = find(context, person, name)
    text = InAudience(name=name).text() if audience.kind in FIXED else audience.filter
    tree, sentence, trouble = None, "", None
    try:
        tree = service.parse_for(context, person, text)
        if audience.kind != "list":
            meant = service.parse_for(context, person, audience.filter)
            sentence = service.sentence(context, person, meant, language)
    except FilterError as error:
        trouble = error
    change: MembershipChange | TagcastError | None = None
    try:
        change = membership_change(context, person, audience.name)
    except TagcastError as error:
        change = error
    days = {entry.run.number: entry.run.run.as_of for entry in context.log}
    words = field_words(context, person)
    by_day = {days.get(one.run, one.at.date()): one.members for one in sizes(context, person, audience.name)}
    exports: list[ExportOnRecord] = []
    if person.may("export"):
        exports, _ = exports_on_record(context, person, name=audience.name)
    return AudienceView(
        audience,
        tree,
        sentence,
        trouble,
        tuple(sorted(by_day.items())),
        change,
        next((one for one in audience_alerts(context, person) if one.audience == audience.name), None),
        labels_of(context, person).get(audience.name, ()),
        tuple(used_by(context, person, audience.name)),
        edits(context, person, audience.name),
        exports[0] if exports else None,
        next((one for one in exports if one.campaign), None),
        {name: words.title(name, language) for name in words.titles},
    )

"""Who may be contacted: an export names its channel or says that nobody is contacted, and its reach is known beforehand."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlglot import exp

from tagcast.features.core.errors import TagcastError
from tagcast.features.core.messages import listed, msg
from tagcast.models.filters.conditions import FieldRef, Filter, IsNull
from tagcast.registry.access.roles import require
from tagcast.serving.audiences.filter_resolution import resolve
from tagcast.serving.delivery.frequency import Contacted, is_contact, recent_contacts
from tagcast.serving.delivery.holdouts import in_standing_group
from tagcast.serving.filters.consents import consent_by
from tagcast.serving.filters.filter_sql import complement
from tagcast.serving.filters.row_rights import reader_for
from tagcast.serving.filters.where import where_in

if TYPE_CHECKING:
    from datetime import date

    from tagcast.features.core.settings import Settings
    from tagcast.registry.access.roles import Person
    from tagcast.serving.context import ServiceContext
    from tagcast.serving.delivery.frequency import RecentContacts
    from tagcast.serving.store.base import StoreReader


@dataclass(frozen=True)
class Reach:
    """How many members of an audience an export would write, before it is written.

    Parameters
    ----------
    members : int
        Of the audience.
    without_consent : int
        Left out, since they do not consent to the channel.
    consent_unknown : int
        Of these, those of whom nothing is known; the others did not agree.
    standing : int
        Left out of those who consent, since they belong to the standing control group.
    contacted, at_limit, rested : int
        Of the others, as :class:`tagcast.serving.delivery.frequency.Contacted` has it.
    """

    members: int
    without_consent: int
    consent_unknown: int
    standing: int = 0
    contacted: int = 0
    at_limit: int = 0
    rested: int = 0

    @property
    def written(self) -> int:
        """Return the members that can be contacted, of whom a share may still be held out."""
        return self.members - self.without_consent - self.standing - self.rested


def require_purpose(settings: Settings, channel: str | None, *, no_contact: bool) -> None:
    """Raise unless an export says what it is for, where ``[consent]`` is configured.

    Raises
    ------
    TagcastError
        Without a channel and without ``no_contact``, or with both.
    """
    channels = listed(sorted(settings.consent))
    if channel is not None and no_contact:
        raise TagcastError(
            msg("an export is either for the channel {channel!r} or contacts no one", channel=channel),
            hint=msg("leave out --no-contact (no_contact in the API), or the channel"),
        )
    if settings.consent and channel is None and not no_contact:
        raise TagcastError(
            msg("this export names no channel, so no one’s consent would be checked"),
            hint=msg(
                "name the channel, one of {channels}, with --channel (channel in the API); if no one in the file is contacted, declare so with --no-contact (no_contact), which is recorded",
                channels=channels,
            ),
        )


def reach(
    context: ServiceContext,
    person: Person,
    tree: Filter,
    channel: str | None,
    *,
    starts: date | None = None,
    no_contact: bool = False,
) -> Reach:
    """Return how many members of ``tree`` an export to ``channel`` would write and leave out.

    Parameters
    ----------
    context : ServiceContext
    person : Person
    tree : Filter
    channel : str or None
        Of ``[consent]``; None leaves out no one for their consent.
    starts : date, optional
        Day of the export's campaign; default: today.
    no_contact : bool
        Whether it contacts nobody, as it does without a channel where consent is configured.

    Raises
    ------
    NotAllowedError
        Without the right "export".
    TagcastError
        For an unknown channel.
    """
    require(person, "export")
    resolved = resolve(context, person, tree)
    with reader_for(context, person) as reader:
        _, where = where_in(reader, resolved.whole, context.now, resolved.frozen)
        members = count_rows(reader, where)
        consents = consents_to(context, reader, channel)
        contact = is_contact(context.settings, channel, no_contact=no_contact)
        recent = recent_contacts(context, no_contact=not contact, starts=starts)
        if channel is None or consents is None:
            return Reach(members, 0, 0, *kept_back(context, reader, where, recent))
        field = FieldRef(name=context.settings.consent[channel])
        unknown = where_in(reader, Filter(root=IsNull(field=field)), context.now)[1]
        return Reach(
            members,
            count_rows(reader, exp.and_(where, complement(consents))),
            count_rows(reader, exp.and_(where, unknown)),
            *kept_back(context, reader, exp.and_(where, consents), recent),
        )


def consents_to(context: ServiceContext, reader: StoreReader, channel: str | None) -> exp.Expr | None:
    """Return the condition that a profile consents to ``channel``; None where none is named.

    Raises
    ------
    TagcastError
        Where nothing is known of consent to it.
    """
    if channel is None:
        return None
    attribute = context.settings.consent.get(channel)
    condition = None if attribute is None else consent_by(reader, attribute, context.now)
    if condition is None:
        known = listed(sorted(context.settings.consent)) or msg("none")
        raise TagcastError(
            msg("nothing is known of consent to {channel!r}", channel=channel),
            hint=msg("known channels: {channels}; see [consent]", channels=known),
        )
    return condition


def kept_back(
    context: ServiceContext, reader: StoreReader, where: exp.Expr, recent: RecentContacts | None
) -> tuple[int, int, int, int]:
    """Return how many profiles of those a condition finds belong to the standing control group, and of the others how many were contacted."""
    share = context.settings.campaigns.standing_holdout
    if not share and recent is None:
        return 0, 0, 0, 0
    former, standing, contacted = context.former_ids, 0, Contacted()
    for batch in reader.query(exp.select("profile_id").from_("profiles").where(where)):
        ids = batch.column(0).to_pylist()
        others = [one for one in ids if not in_standing_group(one, share, former)]
        standing += len(ids) - len(others)
        if recent is not None:
            contacted += Contacted.count(recent.of(others), recent)
    return standing, contacted.contacted, contacted.at_limit, contacted.rested


def count_rows(reader: StoreReader, where: exp.Expr) -> int:
    """Return how many profiles a condition finds."""
    query = exp.select(exp.alias_(exp.Count(this=exp.Star()), "rows")).from_("profiles").where(where)
    return int(reader.query(query).read_all().column(0)[0].as_py())

"""How often customers may be contacted: whom the exports of the last days have handed out, and whom the next one leaves out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

import numpy as np
import numpy.typing as npt

from tagcast.registry.operations.contacts import contacts_since, save_contacts, times_contacted

if TYPE_CHECKING:
    from tagcast.features.core.settings import Settings
    from tagcast.registry.state.id_lists import IdList
    from tagcast.serving.context import ServiceContext

SECONDS = 30.0
"""For which it is remembered how often each was contacted."""


@dataclass(frozen=True)
class RecentContacts:
    """How often each customer was contacted of late.

    Parameters
    ----------
    times : mapping of str to int
        By every id of a person; who is not among them was not contacted.
    at_most, days : int
        The limit.
    leaves_out : bool
        Whether who has reached it is left out, rather than counted alone.
    """

    times: Mapping[str, int]
    at_most: int
    days: int
    leaves_out: bool

    def of(self, ids: Sequence[str]) -> npt.NDArray[np.int64]:
        """Return how often each of some customers was contacted."""
        return np.array([self.times.get(one, 0) for one in ids], np.int64)


@dataclass(frozen=True)
class Contacted:
    """How many members were contacted of late.

    Parameters
    ----------
    contacted : int
        Once at least.
    at_limit : int
        Of these, as often as the limit allows.
    rested : int
        Of these, those who are left out for that; 0 where the limit only warns.
    """

    contacted: int = 0
    at_limit: int = 0
    rested: int = 0

    @classmethod
    def count(cls, times: npt.NDArray[np.int64], recent: RecentContacts) -> Contacted:
        """Return how many of those who were contacted so often there are."""
        full = int((times >= recent.at_most).sum())
        return cls(int((times > 0).sum()), full, full if recent.leaves_out else 0)

    def __add__(self, other: Contacted) -> Contacted:
        """Return how many of both there are."""
        return Contacted(
            self.contacted + other.contacted, self.at_limit + other.at_limit, self.rested + other.rested
        )


NOBODY = Contacted()


def recent_contacts(
    context: ServiceContext, *, no_contact: bool, starts: date | None = None
) -> RecentContacts | None:
    """Return how often each customer was contacted in the days before an export's; None where nothing limits it.

    Parameters
    ----------
    context : ServiceContext
    no_contact : bool
        Whether the export contacts nobody.
    starts : date, optional
        Its day; default: today. What starts later counts as well.
    """
    limit = context.settings.contact
    if limit.at_most is None or no_contact:
        return None
    day = starts or today(context)
    exports = contacts_since(context.state, day - timedelta(days=limit.days - 1))
    former = context.former_ids
    times = context.remembered.get(
        ("contacts", exports, former.digest),
        lambda: times_contacted(context.state, former, exports),
        seconds=SECONDS,
    )
    return RecentContacts(times, limit.at_most, limit.days, limit.beyond == "leave_out")


def keep_contacts(context: ServiceContext, export: str, channel: str | None, given: IdList) -> None:
    """Keep whom an export that is no campaign hands out; within the transaction that records it."""
    day = today(context)
    before = day - timedelta(days=context.settings.contact.days)
    save_contacts(context.state, export, day, channel or "", given, forget_before=before)


def is_contact(settings: Settings, channel: str | None, *, no_contact: bool) -> bool:
    """Return whether an export contacts people: where consent is configured, it names the channel then."""
    return not no_contact and (channel is not None or not settings.consent)


def today(context: ServiceContext) -> date:
    """Return the local day."""
    return context.now.astimezone(ZoneInfo(context.settings.timezone)).date()

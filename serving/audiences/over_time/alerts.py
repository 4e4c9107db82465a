"""Sudden changes of saved audiences: sizes that moved further with the active run than they usually do."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from itertools import pairwise
from statistics import median
from typing import TYPE_CHECKING

from tagcast.registry.governance.audiences.membership_changes import Reason, change_on
from tagcast.registry.governance.audiences.versions import versions_of
from tagcast.registry.governance.saved_audiences import sizes
from tagcast.serving.audiences.filter_resolution import visible_audiences
from tagcast.serving.catalog.shown_counts import shown_size, smallest_cell

if TYPE_CHECKING:
    from tagcast.registry.access.roles import Person
    from tagcast.registry.governance.saved_audiences import SavedAudience, Size
    from tagcast.registry.state.database import State
    from tagcast.serving.context import ServiceContext
    from tagcast.serving.store.manifest import Entry

LEAST_HISTORY = 5
"""Changes from run to run from which it is known how an audience usually moves."""
WITHOUT_HISTORY = 0.5
"""Change that is sudden where less is known."""
LEAST_CHANGE = 0.1
"""What is never called sudden, however steady an audience was."""
LEAST_MEMBERS = 10
"""By which the size has to differ."""
SPREADS = 3.5
"""Robust standard deviations from the usual change that are sudden (Iglewicz and Hoaglin, How to Detect and Handle Outliers, 1993)."""
_OF_NORMAL = 1.4826
"""Median absolute deviation to standard deviation."""


@dataclass(frozen=True)
class AudienceAlert:
    """A saved audience whose size changed suddenly.

    Parameters
    ----------
    audience : str
    run : int
    as_of : date
        The day of the run's data.
    before, members : int
        Its size in the run before and in this one.
    limit : float
        Change, as a share of the size before, from which on it is sudden.
    reason : Reason or None
        The main one; None where it is not known, or not for the caller.
    """

    audience: str
    run: int
    as_of: date
    before: int
    members: int
    limit: float
    reason: Reason | None

    @property
    def change(self) -> float:
        """The change as a share of the size before."""
        return self.members / self.before - 1 if self.before else math.inf


def sudden(earlier: Sequence[int], members: int, share: float | None = None) -> float | None:
    """Return from which change on a size is called sudden, where it is; else None.

    Parameters
    ----------
    earlier : sequence of int
        Sizes in earlier runs, oldest first.
    members : int
        In the active run.
    share : float, optional
        Change that is sudden, as it was configured. By default the audience's own history decides: the logarithms of its
        changes from run to run have a median and a median absolute deviation, beside what chance alone moves few members by.
    """
    if not earlier or abs(members - earlier[-1]) < LEAST_MEMBERS:
        return None
    before = earlier[-1]
    if share is not None or len(earlier) <= LEAST_HISTORY:
        limit = WITHOUT_HISTORY if share is None else share
        return limit if abs(members - before) >= limit * before else None
    steps = [math.log(max(b, 1) / max(a, 1)) for a, b in pairwise(earlier)]
    usual = median(steps)
    spread = _OF_NORMAL * median(abs(step - usual) for step in steps)
    chance = math.sqrt(2 / max(before, 1))  # of two sizes that differ by nothing else
    limit = max(SPREADS * math.hypot(spread, chance), math.log(1 + LEAST_CHANGE))
    step = math.log(max(members, 1) / max(before, 1))
    return math.expm1(limit) if abs(step - usual) > limit else None


def alert_of(
    state: State, audience: SavedAudience, log: Sequence[Entry], share: float | None
) -> AudienceAlert | None:
    """Return how an audience's size changed suddenly with the active run; None where it did not.

    Parameters
    ----------
    state : State
    audience : SavedAudience
    log : sequence of Entry
        Of the store, oldest first.
    share : float, optional
        As :func:`sudden` takes it.
    """
    if not log:
        return None
    active, days = log[-1].manifest, {entry.run.number: entry.run.run.as_of for entry in log}
    # Sizes of another filter tell nothing of how this one moves.
    edited = versions_of(state, audience)[-1].at
    history = [one for one in by_day(sizes(state, audience.name), days) if one.at >= edited]
    now = next((one for one in history if one.run == active.number), None)
    if now is None:
        return None
    as_of = active.run.as_of
    # Of a day that was scored several times only the last counts, and the active run's day is not its own past.
    last = {days.get(one.run, one.at.date()): one.members for one in history if one.run != now.run}
    earlier = [members for day, members in sorted(last.items()) if day < as_of]
    limit = sudden(earlier, now.members, share)
    if limit is None:
        return None
    change = change_on(state, audience.name, active.number)
    reason = change.main if change is not None else None
    return AudienceAlert(audience.name, active.number, as_of, earlier[-1], now.members, limit, reason)


def audience_alerts(context: ServiceContext, person: Person) -> list[AudienceAlert]:
    """Return the saved audiences whose size changed suddenly with the active run, by name, as ``person`` may see them.

    Whoever sees some profiles only sees none: sizes on record are of everybody. Who may not look at single profiles reads
    rounded sizes and no reason.
    """
    if person.limits or not person.may("filter"):
        return []
    cell, log = smallest_cell(context, person), context.log
    found = []
    for audience in visible_audiences(context, person):
        alert = alert_of(context.state, audience, log, context.settings.notify.audience_change)
        if alert is not None:
            found.append(alert if cell <= 1 else _rounded(alert, cell))
    return found


def by_day(found: Sequence[Size], days: Mapping[int, date]) -> list[Size]:
    """Return sizes by the day of their run's data: a day that was scored afterwards is no news.

    Of a run that the log does not know, when it was counted tells.
    """
    return sorted(found, key=lambda size: (days.get(size.run, size.at.date()), size.at, size.run))


def _rounded(alert: AudienceAlert, cell: int) -> AudienceAlert:
    return AudienceAlert(
        alert.audience,
        alert.run,
        alert.as_of,
        shown_size(alert.before, cell),
        shown_size(alert.members, cell),
        alert.limit,
        None,
    )

"""The run some weeks back that a new one is held against: what fades a little every night differs little from the last run."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, timedelta

from tagcast.serving.store.manifest import Entry, Manifest


def reference_run(log: Sequence[Entry], as_of: date, days: int) -> Manifest | None:
    """Return the oldest run of the ``days`` before ``as_of`` that still counts; None where there is none.

    A run that was rolled back does not count, nor does one from before a difference that somebody accepted by giving a
    reason.

    Parameters
    ----------
    log : sequence of Entry
        Of the store, oldest first.
    as_of : date
        Of the new run.
    days : int
    """
    counting: list[Manifest] = []
    for entry in log:
        if entry.action == "publish":
            counting = [*([] if entry.reason else counting), entry.manifest]
        elif entry.action == "rollback":
            numbers = [one.number for one in counting]
            kept = numbers.index(entry.manifest.number) if entry.manifest.number in numbers else -1
            counting = [*counting[: max(kept, 0)], entry.manifest]
    since = as_of - timedelta(days=days)
    recent = [one for one in counting if since <= one.run.as_of < as_of]
    return min(recent, key=lambda one: one.run.as_of, default=None)

"""As-of queries: a profile's tags at an earlier time, and which model predicted them; and how far back that is kept."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any, Protocol

from tagcast.features.core.errors import StoreError
from tagcast.features.core.messages import msg
from tagcast.serving.store.long_form import predictions_of
from tagcast.serving.store.manifest import Entry, active_at

if TYPE_CHECKING:
    from tagcast.serving.store.base import ProfileStore


@dataclass(frozen=True)
class TagsAt:
    """The tags of a profile at an earlier time.

    Parameters
    ----------
    entry : Entry
        What was active.
    predictions : list of dict
        By tag: ``value``, ``band``, ``model_version``, ``as_of``, ``scored_at``, ``expires_at``; with
        ``score``, ``confidence``, ``reasons`` and the rest where ``exact``.
    exact : bool
        Whether the run itself is still stored; else values and bands come from the history of changes.
    """

    entry: Entry
    predictions: list[dict[str, Any]]
    exact: bool


class KeptHistory(Protocol):
    """The changes of values that a store keeps, entry by entry of its log."""

    def since(self) -> int:
        """Return the first entry whose changes are there, and those of all later ones; one more than the last where none is."""
        ...

    def forget(self, until: int) -> None:
        """Delete the changes of entries up to ``until``; under the lock."""
        ...


def tags_at(store: ProfileStore, profile_id: str, when: datetime) -> TagsAt:
    """Return the tags of a profile at ``when``.

    Raises
    ------
    StoreError
        When nothing was active then, or the history has a gap since.
    """
    log = store.log()
    then = active_at(log, when)
    if then is None:
        problem = msg("nothing was published by {moment} UTC", moment=f"{when:%Y-%m-%d %H:%M}")
        if log:
            first = f"{log[0].at:%Y-%m-%d %H:%M}"
            problem = msg("{problem}; the first run is of {first} UTC", problem=problem, first=first)
        raise StoreError(problem, hint=msg("ask for a later date"))
    if then.manifest.number in store.stored():
        with store.open(then.manifest) as reader:
            return TagsAt(then, predictions_of(reader, profile_id), exact=True)
    return TagsAt(then, _undone(store, log, then, profile_id), exact=False)


def _undone(store: ProfileStore, log: list[Entry], then: Entry, profile_id: str) -> list[dict[str, Any]]:
    """Take back, from the newest to the oldest, what changed after ``then``."""
    gap = next((e for e in log if e.number > then.number and not e.compared), None)
    if gap is not None:
        raise StoreError(
            msg(
                "predictions of {day} are not known: the run before {run_id} was damaged, so what changed then was not recorded",
                day=f"{then.at:%Y-%m-%d}",
                run_id=gap.manifest.run.run_id,
            ),
            hint=msg("dates from {moment} UTC on can be asked for", moment=f"{gap.at:%Y-%m-%d %H:%M}"),
        )
    if then.number + 1 < (since := store.history.since()):
        first = next((e for e in log if e.number + 1 >= since), log[-1])
        raise StoreError(
            msg(
                "predictions of {day} are not known any more: changes are kept for a while",
                day=f"{then.at:%Y-%m-%d}",
            ),
            hint=msg(
                "dates from {moment} UTC on can be asked for; history_days in [keep] says for how long",
                moment=f"{first.at:%Y-%m-%d %H:%M}",
            ),
        )
    with store.open(log[-1].manifest) as reader:
        pairs = {row["tag"]: (row["value"], row["band"]) for row in predictions_of(reader, profile_id)}
    changes = store.changes_of(profile_id, then.number)
    for newer, older in zip(reversed(log[1:]), reversed(log[:-1]), strict=True):
        if newer.number <= then.number:
            break
        for row in changes:
            if row["entry"] == newer.number:
                pairs[row["tag"]] = row["was_value"], row["was_band"]
        present = {tag.tag for tag in older.manifest.run.tags}
        pairs = {tag: pair for tag, pair in pairs.items() if tag in present}
    run = then.manifest.run
    return [
        {
            "tag": tag.tag,
            "value": pairs[tag.tag][0],
            "band": pairs[tag.tag][1],
            "model_version": tag.model_version,
            "as_of": run.as_of,
            "scored_at": run.scored_at,
            "expires_at": tag.expires_at,
        }
        for tag in sorted(run.tags, key=lambda t: t.tag)
        if pairs.get(tag.tag, (None, None))[0] is not None
    ]


def forget_history(store: ProfileStore, before: datetime, *, dry_run: bool = False) -> int:
    """Delete the changes of what was activated before a moment, and return of how many entries; runs and the log stay.

    Raises
    ------
    StoreBusyError
        When a run is being written.
    """
    since = store.history.since()
    gone = [e.number for e in store.log() if e.number >= since and e.at < before]
    if gone and not dry_run:
        with store.lock("history", 0.0), store.errors():
            store.history.forget(max(gone))
    return len(gone)

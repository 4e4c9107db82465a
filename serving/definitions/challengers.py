"""Challengers beside the champions of their tags: how both did run by run, whom they disagree on today, what waits for a person."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING, Any

from tagcast.features.core.errors import StoreError
from tagcast.features.core.messages import Text
from tagcast.registry.access.roles import require, require_everybody
from tagcast.registry.governance.shadows import LEAST_RUNS, comparisons, standings
from tagcast.serving.catalog.known_tags import known_tags, may_see, trained_versions
from tagcast.serving.catalog.shown_counts import shown_size, smallest_cell
from tagcast.serving.catalog.tag_actions import PendingChampion, pending_champions
from tagcast.serving.filters.row_rights import reader_for
from tagcast.serving.publishing.kept_predictions import challenger_predictions, challengers_in
from tagcast.serving.publishing.quality_over_runs import quality_of_tags
from tagcast.serving.store.schema import column_name

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tagcast.registry.access.roles import Person
    from tagcast.registry.governance.shadows import Comparison, Standing
    from tagcast.serving.context import ServiceContext

    Moves = dict[tuple[str, str], int]


@dataclass(frozen=True)
class MetricBeside:
    """One metric of both, on the same people: the difference is challenger minus champion, with a 95 % interval."""

    metric: str
    champion: float
    challenger: float
    difference: float
    low: float
    high: float


@dataclass(frozen=True)
class RunBeside:
    """One run whose window has closed.

    Parameters
    ----------
    as_of, due : date
    people : int
        Whom both predicted.
    metrics : tuple of MetricBeside
    """

    as_of: date
    due: date
    people: int
    metrics: tuple[MetricBeside, ...]


@dataclass(frozen=True)
class DriftAt:
    """How far the features of the champion had moved since its training, at one run."""

    as_of: date
    weighted: float
    words: Text


@dataclass(frozen=True)
class Move:
    """Customers of the active run to whom champion and challenger give other values."""

    champion: str
    challenger: str
    profiles: int


@dataclass(frozen=True)
class Agreement:
    """How far both agree on the active run, before anybody knows what comes.

    Parameters
    ----------
    profiles, same : int
        Whom the challenger scored, and to whom both give the same value.
    moves : tuple of Move
        The others, most first.
    """

    profiles: int
    same: int
    moves: tuple[Move, ...]


@dataclass(frozen=True)
class Challenger:
    """A challenger beside its champion.

    Parameters
    ----------
    tag : str
    title : dict of str to str
        By language.
    version, champion : int
    since : date
        As of which run it was scored beside this champion first.
    text : Message
        How it stands, in words.
    is_better : bool
        Whether it is better beyond chance.
    judged, needed : int
        Runs that were judged, and how many it takes.
    difference, low, high : float or None
        Of the loss over all of them; None while none was judged.
    runs : tuple of RunBeside
        Oldest day first.
    drift : tuple of DriftAt
        Of the champion, oldest day first.
    agreement : Agreement or None
        None where the active run has no predictions of it.
    proposal : PendingChampion or None
        What waits for a person.
    """

    tag: str
    title: dict[str, str]
    version: int
    champion: int
    since: date
    text: Text
    is_better: bool
    judged: int
    needed: int
    difference: float | None
    low: float | None
    high: float | None
    runs: tuple[RunBeside, ...]
    drift: tuple[DriftAt, ...]
    agreement: Agreement | None
    proposal: PendingChampion | None


def challengers(context: ServiceContext, person: Person) -> list[Challenger]:
    """Return the challengers of the tags that ``person`` may see, what waits for a person first, then by tag.

    Raises
    ------
    NotAllowedError
        Where ``person`` may not review, or sees some profiles only.
    """
    require(person, "review")
    require_everybody(person)
    known, waiting = known_tags(context), pending_champions(context, person)
    found = []
    for tag, versions in trained_versions(context).items():
        if tag in known and may_see(person, known[tag]):
            title = dict(known[tag].title)
            found += [
                _challenger(context, person, standing, title, waiting)
                for standing in standings(context.state, list(versions))
            ]
    return sorted(found, key=lambda one: (one.proposal is None, one.tag, -one.version))


def _challenger(
    context: ServiceContext,
    person: Person,
    standing: Standing,
    title: dict[str, str],
    waiting: Sequence[PendingChampion],
) -> Challenger:
    cell = smallest_cell(context, person)
    difference, low, high = standing.difference or (None, None, None)
    quality = quality_of_tags(context.log, {standing.tag})[standing.tag]
    drift = [
        DriftAt(run.as_of, run.drift.weighted, run.drift.words)
        for run in quality
        if run.drift is not None and run.version == str(standing.champion)
    ]
    return Challenger(
        standing.tag,
        title,
        standing.version,
        standing.champion,
        standing.since,
        standing.message,
        standing.is_better,
        len(standing.runs),
        LEAST_RUNS,
        difference,
        low,
        high,
        _runs(comparisons(context.state, standing.tag, since=standing.since), standing, cell),
        tuple(drift),
        _agreement(context, person, standing, cell),
        next((p for p in waiting if (p.tag, p.version) == (standing.tag, standing.version)), None),
    )


def _runs(rows: Sequence[Comparison], standing: Standing, cell: int) -> tuple[RunBeside, ...]:
    by_day: dict[date, list[Comparison]] = {}
    for row in rows:
        if (row.version, row.champion) == (standing.version, standing.champion):
            by_day.setdefault(row.as_of, []).append(row)
    return tuple(
        RunBeside(
            as_of,
            of_day[0].due,
            people,
            tuple(
                MetricBeside(c.metric, c.of_champion, c.of_challenger, c.difference, c.low, c.high)
                for c in of_day
            ),
        )
        for as_of, of_day in by_day.items()
        if (people := shown_size(of_day[0].people, cell))
    )


def _agreement(context: ServiceContext, person: Person, standing: Standing, cell: int) -> Agreement | None:
    """Return whom both agree on in the active run; found once a run."""
    manifest = context.store.current()
    if manifest is None:
        return None
    scored = next((tag.model_version for tag in manifest.run.tags if tag.tag == standing.tag), "")
    if scored != str(standing.champion):
        return None  # the run is of another champion

    def moves() -> Moves | None:
        home = context.settings.home
        try:
            if challengers_in(home, manifest).get(standing.tag) != standing.version:
                return None
            other = challenger_predictions(home, manifest, standing.tag)
        except (OSError, StoreError):
            return None
        import pandas as pd

        column = column_name(standing.tag, "value")
        with reader_for(context, person) as reader:
            if reader.manifest.run.run_id != manifest.run.run_id:
                return None
            parts = [batch.to_pandas() for batch in reader.stream([column])]
        own = pd.concat(parts, ignore_index=True)
        both = own.merge(other[["profile_id", "value"]], on="profile_id")
        both = both[both[column].notna()]
        pairs = both.groupby([both[column].astype(str), both["value"].astype(str)]).size()
        return {(str(was), str(now)): int(n) for (was, now), n in pairs.items()}

    key: Any = ("agreement", manifest.run.run_id, standing.tag, standing.champion, standing.version)
    found: Moves | None = context.remembered.get(key, moves)
    if not found:
        return None
    sizes = {step: shown_size(n, cell) for step, n in found.items()}
    apart = [Move(was, now, n) for (was, now), n in sizes.items() if was != now and n]
    return Agreement(
        sum(sizes.values()),
        sum(n for (was, now), n in sizes.items() if was == now),
        tuple(sorted(apart, key=lambda m: -m.profiles)),
    )

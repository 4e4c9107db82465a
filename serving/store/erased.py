"""Profiles are taken out of a store: of every run, of what it counts, and of the history."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from sqlglot import exp

from tagcast.models.filters.fields import UNKNOWN
from tagcast.serving.store.manifest import Entry, Manifest, TagSummary
from tagcast.serving.store.schema import TagRun, column_name

if TYPE_CHECKING:
    import pyarrow as pa

    from tagcast.serving.store.base import ProfileStore, StoreReader

IDS_AT_ONCE = 1_000
"""In one statement."""
_UNITS = 2**40
"""Confidence is added up in whole units (:mod:`tagcast.serving.publishing.run_checks`): what is taken off is the same bits."""


@dataclass(frozen=True)
class Taken:
    """What was taken out of a store.

    Parameters
    ----------
    runs : tuple of int
        Numbers of the runs that held any of the profiles.
    rows, changes : int
        Of these runs, and of the history.
    waiting : int
        Tables that readers hold: they are gone with the next call.
    """

    runs: tuple[int, ...] = ()
    rows: int = 0
    changes: int = 0
    waiting: int = 0


def erase_profiles(store: ProfileStore, ids: Collection[str], wait_seconds: float = 0.0) -> Taken:
    """Take profiles out of every run of a store and of the history, with what the manifests count of them.

    Done again, it changes nothing.

    Raises
    ------
    StoreBusyError
        When a run is still being written after ``wait_seconds``.
    StoreError
        When a run cannot be read or written; called again it goes on from there.
    """
    if store.current() is None:
        return Taken()
    with store.lock("erase", wait_seconds) as folder, store.errors():
        manifests = stored_manifests(store)
        store.drop(sorted(store.stored() - manifests.keys()))
        found = {}
        for number in sorted(manifests):
            with store.open(manifests[number]) as reader:
                after = _manifest_without(reader, ids)
            if after is not None:
                found[number] = after
        taken = store.take_out(ids, found, folder)
        rows = sum(manifests[number].profiles - after.profiles for number, after in found.items())
        return replace(taken, rows=rows, runs=tuple(found))


def renewed(entry: Entry, runs: Mapping[int, Manifest]) -> Entry:
    """Return an entry of the log with the manifests of some runs as they are now."""
    kept = entry.kept
    return replace(
        entry,
        manifest=runs.get(entry.manifest.number, entry.manifest),
        kept=None if kept is None else runs.get(kept.number, kept),
    )


def stored_manifests(store: ProfileStore) -> dict[int, Manifest]:
    """Return the runs whose rows are there and which the log names, by number."""
    stored = store.stored()
    every = (run for entry in store.log() for run in (entry.manifest, entry.run))
    return {run.number: run for run in every if run.number in stored}


def _manifest_without(reader: StoreReader, ids: Collection[str]) -> Manifest | None:
    """Return the manifest of a run without some profiles, an edition later; None where it holds none of them.

    Scores by how they lie, and how values moved since the run before, stay as they were published: they say nothing of anybody.
    """
    manifest, ordered = reader.manifest, sorted(ids)
    parts = [ordered[first : first + IDS_AT_ONCE] for first in range(0, len(ordered), IDS_AT_ONCE)]
    gone = sum(_rows(reader, part, []).num_rows for part in parts)
    if not gone:
        return None
    tags, summaries, predictions = [], dict(manifest.tags), manifest.predictions
    for tag in manifest.run.tags:
        names = [column_name(tag.tag, part) for part in ("value", "unknown_because", "confidence")]
        rows = [row for part in parts for row in zip(*_columns(reader, part, names), strict=True)]
        there = [row for row in rows if row[0] is not None]
        summaries[tag.tag] = _summary_without(manifest.tags[tag.tag], there)
        tags.append(_with_population(tag, tag.population - len(there)))
        predictions -= len(there)
    return replace(
        manifest,
        run=replace(manifest.run, tags=tuple(tags)),
        profiles=manifest.profiles - gone,
        predictions=predictions,
        tags=summaries,
        edition=manifest.edition + 1,
    )


def listed(ids: Collection[str]) -> exp.Expr:
    """Return the condition that a row is of one of some profiles."""
    return exp.column("profile_id").isin(*map(exp.Literal.string, sorted(ids)))


def _summary_without(summary: TagSummary, rows: Collection[tuple[str, str | None, float]]) -> TagSummary:
    predicted, because = Counter(summary.predicted), Counter(summary.unknown_because)
    predicted.subtract(value for value, _, _ in rows if value != UNKNOWN)
    because.subtract(str(ground).split(":")[0] for value, ground, _ in rows if value == UNKNOWN)
    gone = sum(round(confidence * _UNITS) for value, _, confidence in rows if value != UNKNOWN)
    return replace(
        summary,
        predicted=dict(predicted),
        unknown_because={ground: n for ground, n in because.items() if n > 0},
        confidence=max(0, round(summary.confidence * _UNITS) - gone) / _UNITS,
    )


def _with_population(tag: TagRun, population: int) -> TagRun:
    return replace(tag, population=population)


def _columns(reader: StoreReader, ids: Collection[str], names: list[str]) -> list[list[object]]:
    rows = _rows(reader, ids, names)
    return [rows.column(name).to_pylist() for name in names]


def _rows(reader: StoreReader, ids: Collection[str], names: list[str]) -> pa.Table:
    columns = [exp.column(exp.to_identifier(name, quoted=True)) for name in names]
    select = exp.select("profile_id", *columns).from_("profiles").where(listed(ids))
    found = reader.query(select).read_all()
    reader.let_go()
    return found

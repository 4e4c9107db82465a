"""How many customers each case of a drafted rule has, counted while it is typed, on the snapshot of the active run.

Features are read from the files of that snapshot, attributes and the published value from the run, and the rule is evaluated as a
run evaluates it; so the run that scores the same day gives the same numbers.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from tagcast.features.core.home.layouts import SNAPSHOTS, layout_of
from tagcast.features.core.messages import LANGUAGES, msg
from tagcast.serving import rule_drafts
from tagcast.serving.audiences.small_cells import require_single_profiles
from tagcast.serving.audiences.wording.description import describe
from tagcast.serving.audiences.wording.field_words import field_words
from tagcast.serving.catalog.known_tags import hidden_tags
from tagcast.serving.filters.row_rights import reader_for
from tagcast.serving.store.schema import column_name

if TYPE_CHECKING:
    import pyarrow as pa

    from tagcast.features.compute.snapshot_reader import SnapshotFiles
    from tagcast.features.core.engines.key_ranges import KeyRange
    from tagcast.models.definitions.rule_tag import Rule
    from tagcast.registry.access.roles import Person
    from tagcast.serving.context import ServiceContext
    from tagcast.serving.scoring.rule_columns import RuleColumns
    from tagcast.serving.store.base import StoreReader
    from tagcast.serving.store.manifest import Manifest

MOST_COUNTED = 400_000
"""Profiles: of a snapshot of more, some ranges of ids are counted, spread over all of them, and taken for the others."""
BATCH_ROWS = 65_536


@dataclass(frozen=True)
class CaseCount:
    """One case of a rule.

    Parameters
    ----------
    value : str
    words : dict of str to str
        When it applies, by language; empty of the value that the others get.
    profiles : int
    published : int or None
        With the value in the active run; None where the tag is not in it.
    """

    value: str
    words: dict[str, str]
    profiles: int
    published: int | None


@dataclass(frozen=True)
class DraftCount:
    """A drafted rule as it is worded, counted.

    Parameters
    ----------
    run, as_of : str, date
        Of the active run.
    cases : tuple of CaseCount
        In the order of the rule; empty where it cannot be counted yet.
    without : int
        Customers without a value: beyond the population, or where no case holds.
    profiles : int
        Customers that were counted, or that the estimate is of.
    moved : int or None
        Customers whose value is another than in the active run; None where the tag is not in it.
    exact : bool
        False where some ranges of ids stand for all.
    waits_for : tuple of str
        What the snapshot of the run does not hold: the next run that is scored with the rule counts it.
    """

    run: str
    as_of: date
    cases: tuple[CaseCount, ...] = ()
    without: int = 0
    profiles: int = 0
    moved: int | None = None
    exact: bool = True
    waits_for: tuple[str, ...] = ()


def count_draft(context: ServiceContext, person: Person, definition: str | Mapping[str, Any]) -> DraftCount:
    """Count a rule as it is worded, without keeping it.

    Parameters
    ----------
    context, person : ServiceContext, Person
    definition : str or mapping
        As :func:`tagcast.serving.rule_drafts.draft` takes it.

    Raises
    ------
    NotAllowedError
        Where ``person`` may not draft, or may not look at single profiles: counts of rules that differ by a little tell of those.
    DefinitionError
        For what is wrong with it.
    StoreError
        When nothing was published yet.
    """
    require_single_profiles(person, msg("how many customers a rule has"))
    rule = rule_drafts.checked_rule(context, person, definition)
    with reader_for(context, person) as reader:
        manifest, name = reader.manifest, rule.definition.name
        needed = rule_drafts.features_needed(context, person, rule)
        source = _source(manifest, context.settings.data / "features", rule, needed)
        if not isinstance(source, _Source):
            return DraftCount(manifest.run.run_id, manifest.run.as_of, waits_for=source)
        published = None
        if name in {tag.tag for tag in manifest.run.tags} - hidden_tags(context, person):
            published = column_name(name, "value")
        counts: Counter[tuple[str | None, str | None]] = Counter()
        for within in source.ranges.read:
            counts.update(_pairs(reader, source, within, published))
    share = source.ranges.share
    return _counted(context, person, rule, manifest, counts, share, published=published is not None)


@dataclass(frozen=True)
class _Ranges:
    """Which ranges of ids are read, and the share of all profiles that they hold."""

    read: Sequence[KeyRange]
    share: float


@dataclass(frozen=True)
class _Source:
    """Where a rule is counted: the snapshot with its features, ready to be evaluated, and its attributes in the run."""

    columns: RuleColumns
    files: SnapshotFiles
    ranges: _Ranges
    attributes: Sequence[str]


def _source(manifest: Manifest, folder: Path, rule: Rule, needed: Sequence[str]) -> _Source | tuple[str, ...]:
    """Return where the snapshot of the run holds what a rule needs, else what it does not hold."""
    from tagcast.features.catalog.feature_set import PROFILE_VIEW, FeatureSet
    from tagcast.features.compute.snapshot_reader import SnapshotFiles
    from tagcast.features.core.engines.key_ranges import PART_FILES
    from tagcast.serving.scoring.rule_columns import LoadedRule, RuleColumns

    definition, lacking = rule.definition, tuple(needed)
    for spec in dict.fromkeys(tag.feature_set for tag in manifest.run.tags if tag.feature_set):
        found = FeatureSet.parse(spec)
        held = found.columns_with(definition.pair.entity if definition.pair else None)
        if absent := tuple(name for name in needed if name not in held):
            lacking = min(lacking, absent, key=len)
            continue
        place = folder / found.id / f"as_of={manifest.run.as_of}"
        if (described := _described(place)) is None:
            continue  # the keeping of snapshots has ended, or the run was scored elsewhere
        files = {view: sorted((place / view).glob(PART_FILES)) for view in described["rows"]}
        rows = [int(n) for n in described["rows"][PROFILE_VIEW]]
        return _Source(
            RuleColumns(LoadedRule(rule, found)),
            SnapshotFiles(found, place, files, sum(rows)),
            _ranges(described["borders"], rows),
            [name for name in rule.fields if name not in held],
        )
    return lacking or ("",)


def _described(folder: Path) -> dict[str, Any] | None:
    try:
        found: dict[str, Any] = json.loads((folder / "snapshot.json").read_text(encoding="utf-8"))
        return found if layout_of(found) == SNAPSHOTS and "borders" in found else None
    except (OSError, ValueError, TypeError):
        return None


def _ranges(borders: Sequence[str], rows: Sequence[int]) -> _Ranges:
    """Return the ranges that are counted: all, or of a large snapshot some, spread over all of them."""
    from tagcast.features.core.engines.key_ranges import ranges_between

    every, total = ranges_between(borders), sum(rows)
    step = max(1, round(total / MOST_COUNTED))
    if step == 1 or len(every) != len(rows):
        return _Ranges(every, 1.0)
    chosen = range(step // 2 if step < 2 * len(every) else 0, len(every), step)
    read = [every[k] for k in chosen] or [every[0]]
    return _Ranges(read, sum(rows[one.number] for one in read) / max(1, total))


def _pairs(
    reader: StoreReader, source: _Source, within: KeyRange, published: str | None
) -> Iterator[tuple[str | None, str | None]]:
    """Yield the value that each profile of a range would have, and the one that it has in the run."""
    import pyarrow as pa
    import pyarrow.compute as pc

    from tagcast.serving.store.merge_join import MergeJoin

    columns = source.columns
    own = [field.name for field in columns.fields].index(column_name(columns.name, "value"))
    beside = [*source.attributes, *([published] if published else [])]
    stored = MergeJoin(reader.stream(beside, within), "the active run")
    pair = columns.loaded.definition.pair
    for batch in source.files.stream([pair] if pair else [], BATCH_ROWS, within):
        table = stored.up_to(str(batch.profile_id[-1]))
        if table is None:
            return  # nobody of this range is theirs to see
        # Whoever sees some profiles only counts those alone.
        place = pc.index_in(batch.profile_id, value_set=table.column(0).combine_chunks())
        seen = np.flatnonzero(place.is_valid().to_numpy(zero_copy_only=False))
        if not len(seen):
            continue
        rows = table.take(place.drop_null())
        attributes = {name: _as_read(rows.column(name)) for name in source.attributes}
        value = columns.lay_out(batch.take(seen), attributes, reasons=False)[own]
        was = rows.column(published).cast(pa.string()).to_pylist() if published else [None] * len(seen)
        yield from zip(value.cast(pa.string()).to_pylist(), was, strict=True)


def _as_read(column: pa.ChunkedArray) -> pa.Array:
    """Return an attribute of the run as a scoring run reads it: numbers as float64, words and days as text."""
    import pyarrow as pa

    whole = column.combine_chunks()
    if pa.types.is_boolean(whole.type):
        return whole
    number = (
        pa.types.is_integer(whole.type) or pa.types.is_floating(whole.type) or pa.types.is_decimal(whole.type)
    )
    return whole.cast(pa.float64() if number else pa.string())


def _counted(
    context: ServiceContext,
    person: Person,
    rule: Rule,
    manifest: Manifest,
    counts: Counter[tuple[str | None, str | None]],
    share: float,
    *,
    published: bool,
) -> DraftCount:
    def size(profiles: int) -> int:
        return round(profiles / share)

    found = field_words(context, person)
    titles = {field.name: field.title for field in rule_drafts.fields(context, person)}
    named = replace(found, titles={**found.titles, **titles})
    now, then = Counter[str | None](), Counter[str | None]()
    for (value, was), n in counts.items():
        now[value] += n
        then[was] += n
    words: dict[str, dict[str, str]] = {
        value: {language: describe(tree, named, language) for language in LANGUAGES}
        for value, tree in rule.cases.items()
    }
    return DraftCount(
        manifest.run.run_id,
        manifest.run.as_of,
        tuple(
            CaseCount(value, words.get(value, {}), size(now[value]), size(then[value]) if published else None)
            for value in rule.definition.values
        ),
        size(now[None]),
        size(sum(counts.values())),
        size(sum(n for (value, was), n in counts.items() if value != was)) if published else None,
        share == 1.0,
    )

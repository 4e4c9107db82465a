"""Why values changed between two runs: new data, a new model version, or a new threshold.

A sample of profiles is scored anew by the model and the threshold of the run before, on today's features: what changes
against the published values is due to the data, what changes again with today's model is due to the model, and the rest
to the threshold.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from tagcast.features.catalog.feature_set import FeatureSet
from tagcast.models.decisions.policy import NEVER, codes_of
from tagcast.models.inference.membership import eligible
from tagcast.serving.scoring.loaded_tag import LoadedTag
from tagcast.serving.scoring.model_columns import TagColumns
from tagcast.serving.scoring.previous_values import PastValues
from tagcast.serving.store.manifest import Manifest

if TYPE_CHECKING:
    import pyarrow as pa

    from tagcast.features.compute.snapshot_reader import FeatureBatch
    from tagcast.features.compute.snapshots import Snapshots
    from tagcast.serving.store.base import StoreReader

SAMPLE_ROWS = 20_000
BATCH_ROWS = 32_768
Codes = npt.NDArray[np.int8]


@dataclass(frozen=True)
class MovedBy:
    """Shares of a tag's sampled profiles whose value changed, by cause.

    A profile may count for more than one, where one cause undoes another.

    Parameters
    ----------
    sampled : int
        Of the population, before or now.
    data, model, threshold : float
    """

    sampled: int
    data: float
    model: float
    threshold: float


class _Side:
    """The values of the sample by one model with one threshold."""

    def __init__(self, tag: LoadedTag, as_of: date, snapshots: Snapshots) -> None:
        self.tag = tag
        self.columns = TagColumns(tag, as_of)
        self.feature_set = FeatureSet.parse(tag.model.feature_set)
        self.pair = tag.pair
        names = self.feature_set.columns_with(self.pair.entity if self.pair else None)
        self._places = [names.index(name) for name in tag.model.features]
        self.snapshots = snapshots

    def values(self, batch: FeatureBatch, threshold: float, past: Codes | None) -> Codes:
        """Return codes of values, -1 beyond the population."""
        rows = np.flatnonzero(eligible(self.tag.definition, self.feature_set, batch))
        pair = self.pair
        whole = batch.profile if pair is None else np.hstack([batch.profile, batch.pairs[pair]])
        decided = self.columns.decide(
            rows, whole[rows][:, self._places], {}, threshold, None if past is None else past[rows]
        )
        codes = np.full(len(batch.profile_id), -1, np.int8)
        codes[rows] = decided.value
        return codes


def moved_by(
    now: LoadedTag,
    before: LoadedTag,
    snapshots: Mapping[str, Snapshots],
    as_of: date,
    last: StoreReader,
    run: Manifest,
    past: PastValues | None,
) -> MovedBy:
    """Take apart what moved one tag.

    Parameters
    ----------
    now, before : LoadedTag
        Of the two runs.
    snapshots : mapping of str to Snapshots
        By feature set; the partitions at ``as_of`` are built.
    as_of : date
        Of the new run.
    last : StoreReader
        The run before.
    run : Manifest
        The new run.
    past : PastValues, optional
        What the new run held on to.
    """
    name = now.definition.name
    thresholds = [manifest.tags[name].threshold for manifest in (last.manifest, run)]
    old_threshold, new_threshold = (NEVER if threshold is None else threshold for threshold in thresholds)
    sides = [_Side(tag, as_of, snapshots[tag.model.feature_set]) for tag in (before, now)]
    before_this = PastValues({name: last}).follow()
    held_on = past.follow() if past is not None else None
    changed, sampled = np.zeros(3, np.int64), 0
    for ids, picked, batches in _sampled(sides, run.profiles):
        words = held_on.of(ids).get(name) if held_on is not None else None
        held = None if words is None else codes_of(words[picked])
        values = [_codes(before_this.of(ids)[name][picked], now)]
        values.append(sides[0].values(batches[0], old_threshold, held))
        # Where the model is the same, whatever else decides belongs to the threshold.
        same = now.version == before.version
        values.append(values[-1] if same else sides[1].values(batches[1], old_threshold, held))
        values.append(sides[1].values(batches[1], new_threshold, held))
        there = np.logical_or.reduce([codes >= 0 for codes in values])
        sampled += int(there.sum())
        changed += [int((a != b).sum()) for a, b in pairwise(values)]
    return MovedBy(sampled, *(changed / max(sampled, 1)).tolist())


def _codes(words: npt.NDArray[np.object_], tag: LoadedTag) -> Codes:
    codes = np.full(len(words), -1, np.int8)
    for place, word in enumerate((*tag.definition.values, "unknown")):
        codes[words == word] = place
    return codes


def _sampled(
    sides: list[_Side], profiles: int
) -> Iterator[tuple[pa.StringArray, npt.NDArray[np.int64], list[FeatureBatch]]]:
    """Yield ids of everyone, the places of the sampled, and their features for both sides."""
    step = max(1, profiles // SAMPLE_ROWS)
    streams = [
        side.snapshots.stream(side.columns.as_of, [side.pair] if side.pair else [], BATCH_ROWS)
        for side in sides
    ]
    done = 0
    for batches in zip(*streams, strict=True):
        count = len(batches[0].profile_id)
        picked = np.arange(-done % step, count, step)
        done += count
        yield batches[0].profile_id, picked, [batch.take(picked) for batch in batches]

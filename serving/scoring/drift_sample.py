"""Profiles of a run that are drawn by lot while it streams by: they show how far its features have moved.

Which places of the snapshot are drawn depends on how many profiles it has, and on nothing else: neither on batches nor on threads.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from tagcast.features.catalog.feature_set import FeatureSet
from tagcast.features.compute.snapshot_reader import FeatureBatch
from tagcast.models.inference.feature_drift import SAMPLE, FeatureDrift, explained_rows, feature_drift
from tagcast.models.inference.membership import eligible
from tagcast.serving.scoring.explanations import member_features

if TYPE_CHECKING:
    from tagcast.models.inference.engine import Engine
    from tagcast.serving.scoring.loaded_tag import LoadedTag

_SEED = 0


class DriftSample:
    """The features of some profiles, by feature set.

    Parameters
    ----------
    total : int
        Profiles of the snapshot.
    """

    def __init__(self, total: int) -> None:
        drawn = np.random.default_rng(_SEED).choice(total, min(total, SAMPLE), replace=False, shuffle=False)
        self._places = np.sort(drawn)
        self._parts: dict[str, list[FeatureBatch]] = {}

    def take(self, first: int, batches: Mapping[str, FeatureBatch]) -> None:
        """Keep those of a batch that are drawn.

        Parameters
        ----------
        first : int
            Place of the batch's first profile in the snapshot.
        batches : mapping of str to FeatureBatch
            The same profiles in each feature set.
        """
        for spec, batch in batches.items():
            ends = np.searchsorted(self._places, [first, first + len(batch.profile_id)])
            rows = self._places[slice(*ends)] - first
            if len(rows):
                self._parts.setdefault(spec, []).append(batch.take(rows))

    def add(self, after: DriftSample) -> None:
        """Add those of the profiles that come after."""
        for spec, parts in after._parts.items():
            self._parts.setdefault(spec, []).extend(parts)

    def drifts(self, spec: str, engine: Engine, tags: Sequence[LoadedTag]) -> dict[str, FeatureDrift]:
        """Return how far the features of each of ``tags`` have moved; of one of which nothing can be said there is none.

        Parameters
        ----------
        spec : str
            Of the feature set.
        engine : Engine
            Its members are the models of ``tags``.
        tags : sequence of LoadedTag
        """
        if spec not in self._parts or not any(tag.model.bins for tag in tags):
            return {}
        batch = _joined(self._parts[spec])
        coded, feature_set = engine.encode(batch.profile, batch.pairs), FeatureSet.parse(spec)
        found = {}
        for k, tag in enumerate(tags):
            rows = np.flatnonzero(eligible(tag.definition, feature_set, batch))
            if not tag.model.bins or not len(rows):
                continue
            X, some = member_features(engine.members[k], batch, rows), explained_rows(len(rows))
            known = engine.paths(k, coded, rows[some])
            given = tag.model.contributions(X[some], exact=not engine.explains(k), known=known)
            if drift := feature_drift(tag.model, X, given):
                found[tag.definition.name] = drift
        return found


def _joined(parts: Sequence[FeatureBatch]) -> FeatureBatch:
    import pyarrow as pa

    return FeatureBatch(
        pa.chunked_array([part.profile_id for part in parts]).combine_chunks(),
        np.concatenate([part.profile for part in parts]),
        {pair: np.concatenate([part.pairs[pair] for part in parts]) for pair in parts[0].pairs},
    )

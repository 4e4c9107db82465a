"""The reasons of a model's predictions, for some of a batch: exact values for few, path attribution for the rest."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from tagcast.models.inference.attributions import top_reasons
from tagcast.serving.scoring.model_columns import METHODS, Explained, merged

if TYPE_CHECKING:
    from tagcast.features.compute.snapshot_reader import FeatureBatch
    from tagcast.models.inference.engine import EncodedBatch, Engine, Member

TOP_REASONS = 3


def explain(
    engine: Engine,
    k: int,
    coded: EncodedBatch,
    batch: FeatureBatch,
    rows: npt.NDArray[np.int64],
    exact: npt.NDArray[np.bool_],
) -> Explained | None:
    """Return the weightiest reasons of ``rows``.

    Parameters
    ----------
    engine, k : Engine, int
        The model is its k-th member.
    coded : EncodedBatch
        The batch as the engine sees it.
    batch : FeatureBatch
    rows : ndarray of shape (r,)
        Places in the batch, of the tag's population.
    exact : ndarray of bool, shape (r,)
        Which of them get exact values; all where the kernel cannot follow the model's paths.
    """
    member = engine.members[k]
    if not engine.explains(k):
        exact = np.ones(len(rows), bool)
    parts = []
    methods = member.model.reasons_methods
    for method, chosen, whole in zip(methods, (rows[exact], rows[~exact]), (True, False), strict=True):
        if not len(chosen):
            continue
        X = member_features(member, batch, chosen)
        known = {} if whole else engine.paths(k, coded, chosen)
        given = member.model.contributions(X, exact=whole, known=known)
        order, sizes = top_reasons(given, TOP_REASONS)
        values = np.take_along_axis(X, order, axis=1)
        parts.append(
            Explained(chosen, order, values, sizes, np.full(len(chosen), METHODS.index(method), np.int8))
        )
    return merged(parts)


def member_features(
    member: Member, batch: FeatureBatch, rows: npt.NDArray[np.int64]
) -> npt.NDArray[np.float64]:
    """Return the features of ``rows`` in the order of the model."""
    own = None if member.pair is None else batch.pairs[member.pair]
    return member.matrix(batch.profile, own, None if len(rows) == len(batch.profile_id) else rows)

"""The predictions of one tag for a batch of profiles, as columns of the store: numbers until they are written."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from tagcast.models.decisions.policy import band_codes
from tagcast.models.filters.fields import UNKNOWN
from tagcast.models.inference.abstention import RangeCheck, abstain, grounds
from tagcast.serving.store.schema import REASONS, tag_fields

if TYPE_CHECKING:
    from tagcast.serving.scoring.loaded_tag import LoadedTag

Floats = npt.NDArray[np.float64]
Rows = npt.NDArray[np.int64]

METHODS = ("shap", "path", "occlusion")
"""How reasons were worked out: by TreeSHAP, along the paths of the forest, or by what a feature's typical value would change."""


@dataclass(frozen=True)
class Decided:
    """A tag's answers for those of a batch who are in its population.

    Parameters
    ----------
    rows : ndarray of shape (k,)
        Their places in the batch.
    score, lower, upper, confidence : ndarray of shape (k,)
    value, band : ndarray of int8
        Places in ``(*values, "unknown")`` and among the bands.
    because, unlike : ndarray of int16
        Why a value is unknown (:func:`tagcast.models.inference.abstention.grounds`, -1 where it is not), and why a profile is unlike
        training (:attr:`tagcast.models.inference.abstention.RangeCheck.words`).
    """

    rows: Rows
    score: Floats
    lower: Floats
    upper: Floats
    confidence: Floats
    value: npt.NDArray[np.int8]
    band: npt.NDArray[np.int8]
    because: npt.NDArray[np.int16]
    unlike: npt.NDArray[np.int16]


@dataclass(frozen=True)
class Explained:
    """Reasons of some of a batch.

    Parameters
    ----------
    rows : ndarray of shape (k,)
        Their places in the batch, rising.
    features : ndarray of shape (k, r)
        Places among the model's features, the weightiest first.
    values, sizes : ndarray of shape (k, r)
        The feature's value, and its contribution; a contribution of 0 is no reason.
    method : ndarray of int8
        Places in ``METHODS``.
    """

    rows: Rows
    features: npt.NDArray[np.int64]
    values: Floats
    sizes: Floats
    method: npt.NDArray[np.int8]


class TagColumns:
    """One tag of a run.

    Parameters
    ----------
    tag : LoadedTag
    as_of : date
    """

    def __init__(self, tag: LoadedTag, as_of: date) -> None:
        self.tag = tag
        self.as_of = as_of
        definition = tag.definition
        self._range_check = RangeCheck(tag.model)
        self.unlike_words = self._range_check.words
        self.silent = len(definition.values)
        self.explained_first = definition.values.index(definition.asked)
        self._words = {
            "value": pa.array([*definition.values, UNKNOWN]),
            "unknown_because": pa.array(grounds(definition.min_confidence, self.unlike_words)),
            "band": pa.array(list(definition.levels)),
            "reasons_method": pa.array(METHODS),
        }
        self._features = pa.array(tag.model.features, pa.string())

    @property
    def fields(self) -> list[pa.Field]:
        """The columns of :meth:`lay_out`."""
        return tag_fields(self.tag.definition.name)

    def decide(
        self,
        rows: Rows,
        X: Floats,
        known: dict[str, Floats],
        threshold: float,
        past: npt.NDArray[np.int8] | None,
    ) -> Decided:
        """Predict and decide.

        Parameters
        ----------
        rows : ndarray of shape (k,)
            Places in the batch.
        X : ndarray of shape (k, p)
            The model's features.
        known : dict of str to ndarray of shape (k,)
            Of :meth:`tagcast.models.inference.engine.Engine.known`.
        threshold : float
            Score from which a yes/no tag is yes.
        past : ndarray of shape (k,), optional
            Codes of the values before, for hysteresis.
        """
        definition = self.tag.definition
        score, lower, upper, value, confidence = self.tag.model.decide(
            X, self.as_of, known, definition=definition, threshold=threshold, past=past
        )
        unlike = self._range_check.codes(X)
        value, because = abstain(value, self.silent, confidence, definition.min_confidence, unlike)
        band = band_codes(score, definition.levels)
        return Decided(rows, score, lower, upper, confidence, value, band, because, unlike)

    def lay_out(self, decided: Decided, explained: Explained | None, count: int) -> list[pa.Array]:
        """Return the columns for a batch of ``count`` profiles; those beyond the population are null."""
        everyone = len(decided.rows) == count
        absent = np.ones(count, bool)
        absent[decided.rows] = False

        def spread(values: npt.NDArray[Any], none: npt.NDArray[np.bool_] | None = None) -> pa.Array:
            if everyone:
                return pa.array(values, mask=none)
            whole = np.zeros(count, values.dtype)
            whole[decided.rows] = values
            missing = absent.copy()
            if none is not None:
                missing[decided.rows] = none
            return pa.array(whole, mask=missing)

        def words(part: str, codes: npt.NDArray[Any]) -> pa.Array:
            return pa.DictionaryArray.from_arrays(spread(codes, codes < 0), self._words[part])

        method = np.full(len(decided.rows), -1, np.int8)
        if explained is not None:
            method[np.searchsorted(decided.rows, explained.rows)] = explained.method
        columns = {
            "value": words("value", decided.value),
            "unknown_because": words("unknown_because", decided.because),
            "score": spread(decided.score),
            "lower": spread(decided.lower),
            "upper": spread(decided.upper),
            "confidence": spread(decided.confidence),
            "band": words("band", decided.band),
            "reasons": self._reasons(explained, count),
            "reasons_method": words("reasons_method", method),
        }
        return [columns[field.name.rpartition(":")[2]] for field in self.fields]

    def _reasons(self, explained: Explained | None, count: int) -> pa.Array:
        if explained is None:
            return pa.nulls(count, REASONS)
        given = explained.sizes != 0
        length = np.zeros(count + 1, np.int32)
        length[explained.rows + 1] = given.sum(axis=1)
        absent = np.ones(count, bool)
        absent[explained.rows] = False
        values = explained.values[given]
        entries = pa.StructArray.from_arrays(
            [
                self._features.take(pa.array(explained.features[given])),
                pa.array(values, mask=np.isnan(values)),
                pa.array(explained.sizes[given]),
            ],
            fields=list(REASONS.value_type),
        )
        return pa.ListArray.from_arrays(
            pa.array(np.cumsum(length, dtype=np.int32)), entries, type=REASONS, mask=pa.array(absent)
        )


def merged(parts: Sequence[Explained]) -> Explained | None:
    """Return reasons of different rows of one batch as one, None where there are none."""
    parts = [part for part in parts if len(part.rows)]
    if not parts:
        return None
    rows = np.concatenate([part.rows for part in parts])
    order = np.argsort(rows)
    columns = [
        np.concatenate([getattr(part, name) for part in parts])[order]
        for name in ("features", "values", "sizes", "method")
    ]
    return Explained(rows[order], *columns)

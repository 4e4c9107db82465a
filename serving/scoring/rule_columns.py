"""The values of rule tags for a batch of profiles, as columns of the store: the contract of every tag, with confidence 1."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from tagcast.features.catalog.feature_set import FeatureSet
from tagcast.models.definitions.rule_tag import Rule
from tagcast.models.inference.membership import eligible
from tagcast.models.inference.rule_evaluator import RuleEvaluator, RulePrediction
from tagcast.serving.scoring.explanations import TOP_REASONS
from tagcast.serving.store.schema import REASONS, STAGED, tag_fields

if TYPE_CHECKING:
    from tagcast.features.compute.snapshot_reader import FeatureBatch
    from tagcast.features.entities.pair import Pair
    from tagcast.models.definitions.rule_tag import RuleDefinition

METHOD = "rule"


@dataclass(frozen=True)
class LoadedRule:
    """A rule tag ready to be evaluated.

    Parameters
    ----------
    rule : Rule
    feature_set : FeatureSet
        Where its features come from.
    """

    rule: Rule
    feature_set: FeatureSet

    @property
    def definition(self) -> RuleDefinition:
        """Its definition."""
        return self.rule.definition

    @property
    def version(self) -> str:
        """Empty: no model predicts it."""
        return ""

    @property
    def expires_after(self) -> timedelta:
        """How long a tag of this run is good for."""
        return timedelta(days=self.definition.expires_after_days)


class RuleColumns:
    """One rule tag of a run.

    Parameters
    ----------
    loaded : LoadedRule
    """

    def __init__(self, loaded: LoadedRule) -> None:
        self.loaded = loaded
        definition = loaded.definition
        self.name = definition.name
        self.fields: list[pa.Field] = tag_fields(self.name)
        self._values = pa.array(definition.values)
        # A yes scores 1 and a no 0; of several cases none is more than another.
        scores = [0.0 if word == "no" else 1.0 for word in definition.values]
        self._score = np.array(scores)
        self._evaluator = RuleEvaluator(loaded.rule)
        self._terms = pa.array(self._evaluator.words, pa.string())
        feature_set, pair = loaded.feature_set, definition.pair
        own = feature_set.of_pairs.get(pair.entity, ()) if pair else ()
        sides = (False, feature_set.of_profile), (True, own)
        self._places = [
            (of_pair, place, name)
            for of_pair, names in sides
            for place, name in enumerate(names)
            if name in loaded.rule.fields
        ]

    def lay_out(
        self, batch: FeatureBatch, attributes: Mapping[str, pa.Array], *, reasons: bool
    ) -> list[pa.Array]:
        """Return the columns of :attr:`fields` for a batch; null beyond the population and where the rule has no value.

        Parameters
        ----------
        batch : FeatureBatch
            Of the rule's feature set, with its pair.
        attributes : mapping of str to pyarrow.Array
        reasons : bool
            Whether to fill in the reasons.
        """
        count = len(batch.profile_id)
        numbers = self._numbers(batch, attributes)
        prediction = self._evaluator({**attributes, **numbers}, count)
        value = np.where(
            eligible(self.loaded.definition, self.loaded.feature_set, batch), prediction.value, -1
        )
        absent = value < 0
        score = pa.array(self._score[value], mask=absent)
        codes = pa.array(value.astype(np.int8), mask=absent)
        why = self._reasons(prediction, numbers, absent) if reasons else pa.nulls(count, REASONS)
        columns: dict[str, Any] = {
            "value": pa.DictionaryArray.from_arrays(codes, self._values),
            "unknown_because": pa.nulls(count, STAGED["unknown_because"]),
            "score": score,
            "lower": score,
            "upper": score,
            "confidence": pa.array(np.ones(count), mask=absent),
            "band": pa.DictionaryArray.from_arrays(codes, self._values),
            "reasons": why,
            "reasons_method": _method(absent | (not reasons)),
        }
        return [columns[field.name.rpartition(":")[2]] for field in self.fields]

    def _numbers(
        self, batch: FeatureBatch, attributes: Mapping[str, pa.Array]
    ) -> dict[str, npt.NDArray[np.float64]]:
        """Return the numbers that the rule uses: its features, and attributes that are numbers."""
        pair = self.loaded.definition.pair
        own = None if pair is None else batch.pairs.get(pair)
        found = {}
        for name in self.loaded.rule.fields:
            column = attributes.get(name)
            if column is not None and pa.types.is_floating(column.type):
                found[name] = column.to_numpy(zero_copy_only=False)
        for of_pair, place, name in self._places:
            matrix = own if of_pair else batch.profile
            if matrix is not None:
                found[name] = matrix[:, place]
        return found

    def _reasons(
        self,
        prediction: RulePrediction,
        numbers: Mapping[str, npt.NDArray[np.float64]],
        absent: npt.NDArray[np.bool_],
    ) -> pa.Array:
        """Return the terms that decided, the first of them: a contribution of 1 where one held, of -1 where not."""
        shown = prediction.decisive & ~absent[:, None]
        shown &= np.cumsum(shown, axis=1) <= TOP_REASONS
        rows, places = np.nonzero(shown)
        values = np.full(len(rows), np.nan)
        for place, leaf in enumerate(self._evaluator.terms):
            if (column := numbers.get(leaf.field.name)) is not None:
                of_term = places == place
                values[of_term] = column[rows[of_term]]
        entries = pa.StructArray.from_arrays(
            [
                self._terms.take(pa.array(places)),
                pa.array(values, mask=np.isnan(values)),
                pa.array(np.where(prediction.held[rows, places], 1.0, -1.0)),
            ],
            fields=list(REASONS.value_type),
        )
        ends = np.r_[0, np.cumsum(shown.sum(axis=1))].astype(np.int32)
        return pa.ListArray.from_arrays(pa.array(ends), entries, type=REASONS, mask=pa.array(absent))


def _method(absent: npt.NDArray[np.bool_]) -> pa.Array:
    codes = pa.array(np.zeros(len(absent), np.int8), mask=absent)
    return pa.DictionaryArray.from_arrays(codes, pa.array([METHOD]))


def rule_specs(rules: Sequence[LoadedRule]) -> dict[str, list[Pair]]:
    """Return the feature sets that rules need, by spec, each with the pairs wanted of it."""
    found: dict[str, set[Pair]] = {}
    for rule in rules:
        wanted = found.setdefault(rule.feature_set.spec, set())
        if pair := rule.definition.pair:
            wanted.add(pair)
    return {spec: sorted(pairs) for spec, pairs in found.items()}

"""A model ready to score, and those over one set of features compiled together."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from functools import cached_property
from typing import TYPE_CHECKING

from tagcast.features.catalog.feature_set import FeatureSet

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tagcast.features.entities.pair import Pair
    from tagcast.models.artifacts.trained_model import TrainedModel
    from tagcast.models.definitions.model_tag import TagDefinition
    from tagcast.models.inference.engine import Engine


@dataclass(frozen=True)
class LoadedTag:
    """A champion, or what challenges it, ready to score.

    Parameters
    ----------
    model : TrainedModel
    version : str
    metrics : mapping of str to float
        Of the version.
    applied : TagDefinition, optional
        The definition with what was activated since (:func:`tagcast.models.definitions.diff.overlaid`).
    """

    model: TrainedModel
    version: str
    metrics: Mapping[str, float] = field(default_factory=dict)
    applied: TagDefinition | None = None

    @property
    def definition(self) -> TagDefinition:
        """The active definition: as it was when the model was trained, where nothing was activated since."""
        return self.applied or self.model.definition

    @property
    def threshold(self) -> float | None:
        """Score from which the value is yes; None where each run's scores decide, for an amount and for an effect."""
        import numpy as np

        from tagcast.models.decisions.policy import learned_threshold

        decision = self.definition.decision
        if self.definition.treatment is not None:
            return None
        if decision == self.model.definition.decision:
            return self.model.threshold
        return learned_threshold(decision, np.empty(0, np.int8), np.empty(0))

    @property
    def feature_set(self) -> FeatureSet:
        """The features the model was trained on."""
        return FeatureSet.parse(self.model.feature_set)

    @cached_property
    def pair(self) -> Pair | None:
        """The pair whose features it needs."""
        from tagcast.models.inference.membership import pair_read

        return pair_read(self.definition, self.feature_set)

    @property
    def expires_after(self) -> timedelta:
        """How long a tag of this run is good for."""
        return timedelta(days=self.definition.expires_after_days)


def engine_of(spec: str, tags: Sequence[LoadedTag], challengers: Sequence[LoadedTag] = ()) -> Engine:
    """Return the models over the feature set ``spec``, compiled together; challengers come last, and give way."""
    from tagcast.models.inference.engine import Engine, Member

    feature_set = FeatureSet.parse(spec)
    members = []
    for place, tag in enumerate([*tags, *challengers]):
        pair = tag.pair
        names = feature_set.columns_with(pair.entity if pair else None)
        places = tuple(names.index(f) for f in tag.model.features)
        members.append(Member(tag.model, pair, places, gives_way=place >= len(tags)))
    beside = {entity: len(names) for entity, names in feature_set.of_pairs.items()}
    return Engine(members, len(feature_set.of_profile), beside)

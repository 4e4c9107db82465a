"""What is counted while a range of profiles is scored; the counts of ranges, added in their order, are those of the run."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from tagcast.models.artifacts.binary_model import TagModel
from tagcast.models.inference.estimated_quality import EstimatedQuality, ScoreCounts, estimated_quality
from tagcast.serving.scoring.drift_sample import DriftSample

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import date

    from tagcast.features.core.messages import Message
    from tagcast.models.inference.engine import Engine
    from tagcast.models.inference.feature_drift import FeatureDrift
    from tagcast.serving.scoring.loaded_tag import LoadedTag
    from tagcast.serving.scoring.model_columns import Decided, TagColumns

_SEED = 0


@dataclass
class RangeCounts:
    """The counts of one range, or of several.

    Parameters
    ----------
    population : dict of str to int
        Profiles of which each tag speaks.
    unlike : dict of str to Counter
        Of these, who is unlike those of training, by why.
    scores : dict of str to ScoreCounts
        Of tags whose scores are chances.
    sample : DriftSample
    left_out : dict of str to Message
        Challengers that failed, and why.
    """

    population: dict[str, int]
    unlike: dict[str, Counter[str]]
    scores: dict[str, ScoreCounts]
    sample: DriftSample
    left_out: dict[str, Message]

    @classmethod
    def of_nobody(cls, tags: Sequence[LoadedTag], rules: Sequence[str], sample: DriftSample) -> RangeCounts:
        """Return counts with nobody in them yet."""
        names = [tag.definition.name for tag in tags]
        chances = [tag.definition.name for tag in tags if isinstance(tag.model, TagModel)]
        return cls(
            dict.fromkeys([*names, *rules], 0),
            {name: Counter() for name in names},
            {name: ScoreCounts() for name in chances},
            sample,
            {},
        )

    def count(self, name: str, columns: TagColumns, decided: Decided) -> None:
        """Count a batch of a tag."""
        self.population[name] += len(decided.rows)
        unlike = decided.unlike[decided.unlike > 0]
        for code, count in zip(*np.unique(unlike, return_counts=True), strict=True):
            self.unlike[name][columns.unlike_words[int(code)]] += int(count)
        if name in self.scores:
            self.scores[name].add(decided.score, decided.value == columns.explained_first)

    def add(self, after: RangeCounts) -> None:
        """Add the counts of the range that comes after."""
        for name, population in after.population.items():
            self.population[name] += population
        for name, unlike in after.unlike.items():
            self.unlike[name].update(unlike)
        for name, scores in after.scores.items():
            self.scores[name] += scores
        self.sample.add(after.sample)
        self.left_out = {**after.left_out, **self.left_out}


@dataclass(frozen=True)
class RunFigures:
    """What a run's counts say.

    Parameters
    ----------
    tags : sequence of LoadedTag
    as_of : date
    engines : mapping of str to Engine
        The models by feature set, compiled.
    counts : RangeCounts
        Of all of its ranges.
    """

    tags: Sequence[LoadedTag]
    as_of: date
    engines: Mapping[str, Engine]
    counts: RangeCounts

    @property
    def population(self) -> Mapping[str, int]:
        """Profiles of which each tag speaks."""
        return self.counts.population

    def expected(self, tag: LoadedTag) -> EstimatedQuality | None:
        """Return how good a tag's values are expected to be; None of what is no yes or no."""
        model, counts = tag.model, self.counts.scores.get(tag.definition.name)
        if counts is None or not isinstance(model, TagModel):
            return None
        slope, shift, covariance = model.calibrator.line_ahead(self.as_of, model.unseen_season(self.as_of))
        return estimated_quality(counts, slope, shift, covariance, _SEED)

    @cached_property
    def drifts(self) -> Mapping[str, FeatureDrift]:
        """How far features have moved since training, by tag; without those of which nothing can be said."""
        by_spec = {spec: [t for t in self.tags if t.model.feature_set == spec] for spec in self.engines}
        sample = self.counts.sample
        found = [sample.drifts(spec, engine, by_spec[spec]) for spec, engine in self.engines.items()]
        return {tag: drift for of_spec in found for tag, drift in of_spec.items()}

    def unlike_training(self, tag: str) -> tuple[float, str]:
        """Return the share of a tag's population that is unlike what training saw, and the commonest reason.

        0 and empty where everyone is like training; of reasons that are equally common, the first by letters.
        """
        found = self.counts.unlike[tag]
        if not found:
            return 0.0, ""
        commonest = min(found, key=lambda reason: (-found[reason], reason))
        return found.total() / self.population[tag], commonest

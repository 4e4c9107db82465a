"""The batch scorer: stream a snapshot, predict every tag by its model or rule, explain, lay out for the store.

Two passes over the snapshot. The first is taken only by tags whose decision depends on all scores of the
run (the top share of a population has no threshold before everyone is scored); the second decides,
explains and lays out. Features are read twice rather than held, and a few batches are under way at a time: memory
does not grow with profiles.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from functools import cached_property
from typing import TYPE_CHECKING, Literal

from tagcast.features.catalog.feature_set import FeatureSet
from tagcast.features.core.errors import StoreError
from tagcast.features.core.messages import Message, msg
from tagcast.features.core.system import available_processors
from tagcast.models.decisions.policy import NEVER, codes_of
from tagcast.models.inference.engine import EncodedBatch
from tagcast.models.inference.membership import eligible
from tagcast.serving.scoring.challengers import Challengers
from tagcast.serving.scoring.drift_sample import DriftSample
from tagcast.serving.scoring.explanations import explain, member_features
from tagcast.serving.scoring.loaded_tag import LoadedTag
from tagcast.serving.scoring.model_columns import Decided, TagColumns
from tagcast.serving.scoring.ordered_pool import Pool
from tagcast.serving.scoring.rule_columns import LoadedRule, RuleColumns, rule_specs
from tagcast.serving.store.schema import attribute_field

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt
    import pyarrow as pa

    from tagcast.features.compute.snapshot_reader import FeatureBatch
    from tagcast.features.compute.snapshots import Snapshots
    from tagcast.models.inference.estimated_quality import EstimatedQuality
    from tagcast.models.inference.feature_drift import FeatureDrift
    from tagcast.serving.scoring.attribute_stream import Attributes
    from tagcast.serving.scoring.previous_values import PastValues

__all__ = ["LoadedTag", "Scorer", "eligible"]

MOST_ROWS, LEAST_ROWS = 32_768, 2_048
_RANKING, _SCORING = msg("ranking"), msg("scoring")
CELLS = 400_000
"""Profiles times tags in a batch: many tags make smaller ones."""
EXACT_REASONS_CAP = 10_000
"""Yes-tags (highest tiers) a run and tag that get exact TreeSHAP; path attribution costs a hundredth at most."""

Reasons = Literal["all", "none"]


@dataclass(frozen=True)
class _Step:
    """The same profiles in each feature set, their attributes, and their values before; ``first`` come in steps before."""

    first: int
    ids: pa.StringArray
    batches: Mapping[str, FeatureBatch]
    attributes: Mapping[str, pa.Array]
    past: Mapping[str, npt.NDArray[np.int8]]


@dataclass(frozen=True)
class _Answers:
    coded: Mapping[str, EncodedBatch]
    decided: Mapping[str, Decided]
    challengers: Mapping[str, Decided]


class Scorer:
    """Predicts a set of tags for every profile of a snapshot: champions, and rules.

    Parameters
    ----------
    tags : sequence of LoadedTag
    snapshots : dict of str to Snapshots
        By ``FeatureSet.spec``; the partitions at ``as_of`` are built.
    as_of : date
    scored_at : datetime
        UTC.
    progress : callable
        ``(stage, done, total)``.
    past : PastValues, optional
        What was published before, for tags with hysteresis.
    threads : int, optional
        Batches worked on at a time; as many as there are processors by default. Results do not depend on it.
    reasons : {"all", "none"}
        Whether to fill in the reasons.
    rules : sequence of LoadedRule
        Tags that rules decide.
    attributes : Attributes, optional
        What rules may use beside features; part of every batch.
    challengers : Challengers, optional
        Scored in the shadow; no batch holds what they predict.
    """

    def __init__(
        self,
        tags: Sequence[LoadedTag],
        snapshots: dict[str, Snapshots],
        as_of: date,
        scored_at: datetime,
        progress: Callable[[Message, int, int], None],
        past: PastValues | None = None,
        *,
        threads: int | None = None,
        reasons: Reasons = "all",
        rules: Sequence[LoadedRule] = (),
        attributes: Attributes | None = None,
        challengers: Challengers | None = None,
    ) -> None:
        self.tags = tags
        self.rules = [RuleColumns(rule) for rule in rules]
        self._ruled = rule_specs(rules)
        used = {t.model.feature_set for t in tags} | set(self._ruled)
        self.snapshots = {spec: one for spec, one in snapshots.items() if spec in used}
        self.as_of = as_of
        self.scored_at = scored_at.astimezone(UTC)
        self.progress = progress
        self.past = past
        self.attributes = attributes
        self._kinds = {} if attributes is None else attributes.kinds
        self.threads = threads or available_processors()
        self.reasons = reasons
        self.population = dict.fromkeys([t.definition.name for t in tags] + [r.name for r in self.rules], 0)
        self._columns = {tag.definition.name: TagColumns(tag, as_of) for tag in tags}
        self._sample = DriftSample(0)
        self._exact_left = dict.fromkeys(self.population, EXACT_REASONS_CAP)
        self._tags_by_spec = {
            spec: [t for t in tags if t.model.feature_set == spec] for spec in self.snapshots
        }
        self._challengers = challengers or Challengers((), as_of)
        models = {spec: own_tags for spec, own_tags in self._tags_by_spec.items() if own_tags}
        self._engines = {spec: self._challengers.engine(spec, own) for spec, own in models.items()}

    def scores(self, tags: Sequence[LoadedTag]) -> Iterator[tuple[str, npt.NDArray[np.float64]]]:
        """Yield the name and some scores of each of ``tags`` in turn: the first pass."""
        chosen = {tag.definition.name for tag in tags}

        with Pool(self.threads) as pool:
            steps = self._steps(_RANKING, tags)
            for answers in pool.in_order(lambda step: self._decide(step, {}, chosen), steps):
                self._challengers.rank(answers.challengers)
                yield from ((name, decided.score) for name, decided in answers.decided.items())
        self._challengers.set_thresholds()

    def batches(self, thresholds: Mapping[str, float]) -> Iterator[pa.RecordBatch]:
        """Yield every profile with all its tags: the second pass.

        Parameters
        ----------
        thresholds : mapping of str to float
            Score at which each tag's value is yes; amounts have none.

        Yields
        ------
        RecordBatch
            ``profile_id``, attributes, and :func:`tagcast.serving.store.schema.tag_fields` of each tag, by rising id.
        """
        everything = set(self._columns)

        def work(step: _Step) -> tuple[_Step, _Answers]:
            return step, self._decide(step, thresholds, everything)

        with Pool(self.threads) as pool:
            decided = pool.in_order(work, self._steps(_SCORING, self.tags))
            # Who gets exact reasons depends on who came before: decided here, in order.
            explained = ((*found, self._count(*found)) for found in decided)
            for batch in pool.in_order(lambda found: self._lay_out(*found), explained):
                for rule in self.rules:
                    self.population[rule.name] += (
                        batch.num_rows - batch.column(f"{rule.name}:value").null_count
                    )
                yield batch

    def expected(self, tag: str) -> EstimatedQuality | None:
        """Return how good a tag's values are expected to be, of the second pass; None of what is no yes or no."""
        return self._columns[tag].expected

    @cached_property
    def drifts(self) -> Mapping[str, FeatureDrift]:
        """How far the features of the second pass have moved since training, by tag; without those of which nothing can be said."""
        found = [self._sample.drifts(spec, e, self._tags_by_spec[spec]) for spec, e in self._engines.items()]
        return {tag: drift for of_spec in found for tag, drift in of_spec.items()}

    def unlike_training(self, tag: str) -> tuple[float, str]:
        """Return the share of a tag's population that is unlike what training saw in the second pass, and the commonest reason.

        0 and empty where everyone is like training; of reasons that are equally common, the first by letters.
        """
        found = self._columns[tag].unlike
        if not found:
            return 0.0, ""
        commonest = min(found, key=lambda reason: (-found[reason], reason))
        return found.total() / self.population[tag], commonest

    def _steps(self, stage: Message, tags: Sequence[LoadedTag]) -> Iterator[_Step]:
        """Yield the profiles batch by batch, with the features of each set side by side."""
        scoring = stage is _SCORING
        rows = max(LEAST_ROWS, min(MOST_ROWS, CELLS // max(len(tags) + len(self.rules), 1)))
        streams = {}
        for spec, own_tags in self._tags_by_spec.items():
            ruled = self._ruled.get(spec) if scoring else None
            ranks = not scoring and spec in self._challengers.ranked.values()
            if ruled is not None or ranks or any(tag in tags for tag in own_tags):
                pairs = {pair for t in own_tags if (pair := t.pair)} | set(ruled or ())
                streams[spec] = self.snapshots[spec].stream(self.as_of, sorted(pairs), rows)
        total = max((self.snapshots[spec].rows(self.as_of) for spec in streams), default=0)
        done = 0
        self._sample = DriftSample(total)
        past = self.past.follow() if self.past is not None and scoring else None
        about = self.attributes.follow() if self.attributes is not None and scoring else None
        for batches in zip(*streams.values(), strict=True):
            self.progress(stage, done, total)
            ids, batches_by_spec = batches[0].profile_id, dict(zip(streams, batches, strict=True))
            if not all(batch.profile_id.equals(ids) for batch in batches):
                raise StoreError(
                    msg("the feature tables of {as_of} hold different profiles", as_of=self.as_of),
                    hint=msg("delete the folder features/ of the home and score again"),
                )
            self._sample.take(done, batches_by_spec)
            attributes = {} if about is None else about.of(ids)
            codes = {} if past is None else {tag: codes_of(words) for tag, words in past.of(ids).items()}
            yield _Step(done, ids, batches_by_spec, attributes, codes)
            done += len(ids)
        self.progress(stage, total, total)

    def _decide(self, step: _Step, thresholds: Mapping[str, float], chosen: set[str]) -> _Answers:
        import numpy as np

        coded, decided = {}, {}
        for spec, engine in self._engines.items():
            if (batch := step.batches.get(spec)) is None:
                continue
            feature_set = FeatureSet.parse(spec)
            coded[spec] = engine.encode(batch.profile, batch.pairs)
            for k, tag in enumerate(self._tags_by_spec[spec]):
                name = tag.definition.name
                if name not in chosen:
                    continue
                rows = np.flatnonzero(eligible(tag.definition, feature_set, batch))
                known = engine.known(k, coded[spec], None if len(rows) == len(step.ids) else rows)
                past = step.past.get(name)
                decided[name] = self._columns[name].decide(
                    rows,
                    member_features(engine.members[k], batch, rows),
                    known,
                    thresholds.get(name, NEVER),
                    None if past is None else past[rows],
                )
        challenging = self._challengers.decide(self._engines, coded, step.batches, decided, step.first)
        return _Answers(coded, decided, challenging)

    def _count(self, step: _Step, answers: _Answers) -> dict[str, npt.NDArray[np.bool_]]:
        """Count a batch, and return which rows of each tag's population are explained exactly."""
        import numpy as np

        self._challengers.add(step.ids, answers.challengers)
        exact = {}
        for name, decided in answers.decided.items():
            self.population[name] += len(decided.rows)
            columns = self._columns[name]
            columns.count(decided)
            explained = decided.value == columns.explained_first
            explained &= np.cumsum(explained) <= self._exact_left[name]
            self._exact_left[name] -= int(explained.sum())
            exact[name] = explained
        return exact

    def _lay_out(
        self, step: _Step, answers: _Answers, exact: Mapping[str, npt.NDArray[np.bool_]]
    ) -> pa.RecordBatch:
        import pyarrow as pa

        fields = [pa.field("profile_id", pa.string())]
        fields += [attribute_field(name, c.type, self._kinds[name]) for name, c in step.attributes.items()]
        arrays = [step.ids, *step.attributes.values()]
        laid_out = {}
        for spec, own_tags in self._tags_by_spec.items():
            for k, tag in enumerate(own_tags):
                name = tag.definition.name
                decided = answers.decided[name]
                explained = None
                if self.reasons == "all":
                    engine, batch = self._engines[spec], step.batches[spec]
                    explained = explain(engine, k, answers.coded[spec], batch, decided.rows, exact[name])
                laid_out[name] = self._columns[name].lay_out(decided, explained, len(step.ids))
        for tag in self.tags:
            fields += self._columns[tag.definition.name].fields
            arrays += laid_out[tag.definition.name]
        for rule in self.rules:
            batch = step.batches[rule.loaded.feature_set.spec]
            fields += rule.fields
            arrays += rule.lay_out(batch, step.attributes, reasons=self.reasons == "all")
        return pa.record_batch(arrays, schema=pa.schema(fields))

"""The batch scorer: stream a snapshot, predict every tag by its model or rule, explain, lay out for the store.

Two passes over the snapshot, or over a range of its profiles. The first is taken only by tags whose decision depends on all
scores of the run (the top share of a population has no threshold before everyone is scored); the second decides, explains
and lays out. Where ranges are scored by themselves there is a third in between, which counts whom those before a range
leave to be explained exactly. Features are read anew rather than held, and a few batches are under way at a time: memory
does not grow with profiles.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING, Literal

from tagcast.features.catalog.feature_set import FeatureSet
from tagcast.features.core.messages import Message, msg
from tagcast.features.core.system import available_processors
from tagcast.models.decisions.policy import NEVER
from tagcast.models.inference.engine import EncodedBatch
from tagcast.models.inference.membership import eligible
from tagcast.serving.scoring.challengers import Challengers
from tagcast.serving.scoring.drift_sample import DriftSample
from tagcast.serving.scoring.explanations import explain, member_features
from tagcast.serving.scoring.facts.columns import Facts
from tagcast.serving.scoring.loaded_tag import LoadedTag
from tagcast.serving.scoring.model_columns import Decided, TagColumns
from tagcast.serving.scoring.ordered_pool import Pool
from tagcast.serving.scoring.ranges.compiled_tags import CompiledTags
from tagcast.serving.scoring.ranges.range_counts import RangeCounts
from tagcast.serving.scoring.ranges.share import Share
from tagcast.serving.scoring.ranges.steps import Features, Step, side_by_side
from tagcast.serving.scoring.rule_columns import LoadedRule, RuleColumns, rule_specs
from tagcast.serving.store.schema import attribute_field

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt
    import pyarrow as pa

    from tagcast.features.core.engines.engine import Progress
    from tagcast.serving.scoring.attribute_stream import Attributes
    from tagcast.serving.scoring.previous_values import PastValues

__all__ = ["LoadedTag", "Scorer", "eligible"]

MOST_ROWS, LEAST_ROWS = 32_768, 2_048
RANKING, COUNTING, SCORING = msg("ranking"), msg("counting"), msg("scoring")
CELLS = 400_000
"""Profiles times tags in a batch: many tags make smaller ones."""
EXACT_REASONS_CAP = 10_000
"""Yes-tags (highest tiers) a run and tag that get exact TreeSHAP; path attribution costs a hundredth at most."""

Reasons = Literal["all", "none"]


Scores = Mapping[str, "npt.NDArray[np.float64]"]


@dataclass(frozen=True)
class _Answers:
    coded: Mapping[str, EncodedBatch]
    decided: Mapping[str, Decided]
    challengers: Mapping[str, Decided]


class Scorer:
    """Predicts a set of tags, by champions and by rules, for every profile of a snapshot or of a range of it.

    Parameters
    ----------
    tags : sequence of LoadedTag
    snapshots : mapping of str to Features
        Those at ``as_of``, by ``FeatureSet.spec``.
    as_of : date
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
    compiled : CompiledTags, optional
        The models of ``tags`` and challengers, where they are compiled already.
    facts : Facts, optional
        Part of every batch.
    share : Share
        The range that is scored; everybody by default.
    """

    def __init__(
        self,
        tags: Sequence[LoadedTag],
        snapshots: Mapping[str, Features],
        as_of: date,
        progress: Progress,
        past: PastValues | None = None,
        *,
        threads: int | None = None,
        reasons: Reasons = "all",
        rules: Sequence[LoadedRule] = (),
        attributes: Attributes | None = None,
        challengers: Challengers | None = None,
        compiled: CompiledTags | None = None,
        facts: Facts | None = None,
        share: Share | None = None,
    ) -> None:
        self.tags = tags
        self.rules = [RuleColumns(rule) for rule in rules]
        self._ruled = rule_specs(rules)
        used = {t.model.feature_set for t in tags} | set(self._ruled)
        self.snapshots = {spec: one for spec, one in snapshots.items() if spec in used}
        self.as_of = as_of
        self.progress, self.past = progress, past
        self.attributes = attributes
        self._kinds = {} if attributes is None else attributes.kinds
        self.threads = threads or available_processors()
        self.reasons = reasons
        self._facts = facts or Facts()
        self._share = share or Share()
        self._columns = {tag.definition.name: TagColumns(tag, as_of) for tag in tags}
        self._total = max((one.rows for one in self.snapshots.values()), default=0)
        self.counts = self._nobody()
        self._exact_left = {
            name: max(0, EXACT_REASONS_CAP - self._share.explained.get(name, 0)) for name in self._columns
        }
        self._tags_by_spec = {
            spec: [t for t in tags if t.model.feature_set == spec] for spec in self.snapshots
        }
        self._challengers = challengers or Challengers((), as_of)
        self.compiled = compiled or CompiledTags.of(tags, list(self._challengers.tags.values()))

    def scores(self, tags: Sequence[LoadedTag]) -> Iterator[tuple[Scores, Scores]]:
        """Yield some scores of each of ``tags``, and of what challenges them, by name: the first pass."""
        chosen = {tag.definition.name for tag in tags}

        with Pool(self.threads) as pool:
            steps = self._steps(RANKING, tags)
            for answers in pool.in_order(lambda step: self._decide(step, {}, chosen), steps):
                yield (
                    {name: decided.score for name, decided in answers.decided.items()},
                    {name: decided.score for name, decided in answers.challengers.items()},
                )

    def explained(self, thresholds: Mapping[str, float], names: Collection[str]) -> dict[str, int]:
        """Return how many in the range have the value of each tag that is explained first, at least as far as it matters.

        Parameters
        ----------
        thresholds : mapping of str to float
        names : collection of str
            Of the tags that are counted.

        Returns
        -------
        dict of str to int
            Up to ``EXACT_REASONS_CAP`` it is exact: beyond it nobody asks, and counting ends.
        """
        found, chosen = dict.fromkeys(names, 0), set(names)
        tags = [tag for tag in self.tags if tag.definition.name in chosen]
        with Pool(self.threads) as pool:
            steps = self._steps(COUNTING, tags)
            for answers in pool.in_order(lambda step: self._decide(step, thresholds, chosen), steps):
                for name, decided in answers.decided.items():
                    found[name] += int((decided.value == self._columns[name].explained_first).sum())
                if min(found.values()) >= EXACT_REASONS_CAP:
                    break
        return found

    def batches(self, thresholds: Mapping[str, float]) -> Iterator[pa.RecordBatch]:
        """Yield every profile with all its tags: the second pass. :attr:`counts` counts them.

        Parameters
        ----------
        thresholds : mapping of str to float
            Score at which each tag's value is yes; amounts have none.

        Yields
        ------
        RecordBatch
            ``profile_id``, attributes, facts, and :func:`tagcast.serving.store.schema.tag_fields` of each tag, by rising id.
        """
        everything = set(self._columns)
        self.counts = self._nobody()

        def work(step: Step) -> tuple[Step, _Answers]:
            return step, self._decide(step, thresholds, everything)

        with Pool(self.threads) as pool:
            decided = pool.in_order(work, self._steps(SCORING, self.tags))
            # Who gets exact reasons depends on who came before: decided here, in order.
            explained = ((*found, self._count(*found)) for found in decided)
            for batch in pool.in_order(lambda found: self._lay_out(*found), explained):
                for rule in self.rules:
                    self.counts.population[rule.name] += (
                        batch.num_rows - batch.column(f"{rule.name}:value").null_count
                    )
                yield batch

    def _nobody(self) -> RangeCounts:
        return RangeCounts.of_nobody(self.tags, [rule.name for rule in self.rules], DriftSample(self._total))

    def _steps(self, stage: Message, tags: Sequence[LoadedTag]) -> Iterator[Step]:
        """Yield the profiles of the range batch by batch, with the features of each set side by side."""
        scoring = stage is SCORING
        rows = max(LEAST_ROWS, min(MOST_ROWS, CELLS // max(len(tags) + len(self.rules), 1)))
        streams, within = {}, self._share.within
        for spec, own_tags in self._tags_by_spec.items():
            ruled = self._ruled.get(spec) if scoring else None
            ranks = stage is RANKING and spec in self._challengers.ranked.values()
            if ruled is not None or ranks or any(tag in tags for tag in own_tags):
                pairs = {pair for t in own_tags if (pair := t.pair)} | set(ruled or ())
                streams[spec] = self.snapshots[spec].stream(sorted(pairs), rows, within)
        past = self.past.follow(within) if self.past is not None and stage is not RANKING else None
        about = self.attributes.follow(within) if self.attributes is not None and scoring else None
        done = self._share.first
        for step in side_by_side(streams, done, self.as_of, past, about):
            self.progress(stage, done, self._total)
            yield step
            done += len(step.ids)
        self.progress(stage, done, self._total)

    def _decide(self, step: Step, thresholds: Mapping[str, float], chosen: set[str]) -> _Answers:
        import numpy as np

        coded, decided = {}, {}
        for spec, engine in self.compiled.engines.items():
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
        challenging = self._challengers.decide(self.compiled, coded, step.batches, decided, step.first)
        return _Answers(coded, decided, challenging)

    def _count(self, step: Step, answers: _Answers) -> dict[str, npt.NDArray[np.bool_]]:
        """Count a batch, and return which rows of each tag's population are explained exactly."""
        import numpy as np

        self.counts.sample.take(step.first, step.batches)
        self._challengers.add(step.ids, answers.challengers)
        exact = {}
        for name, decided in answers.decided.items():
            columns = self._columns[name]
            self.counts.count(name, columns, decided)
            explained = decided.value == columns.explained_first
            explained &= np.cumsum(explained) <= self._exact_left[name]
            self._exact_left[name] -= int(explained.sum())
            exact[name] = explained
        return exact

    def _lay_out(
        self, step: Step, answers: _Answers, exact: Mapping[str, npt.NDArray[np.bool_]]
    ) -> pa.RecordBatch:
        import pyarrow as pa

        fields = [pa.field("profile_id", pa.string())]
        fields += [attribute_field(name, c.type, self._kinds[name]) for name, c in step.attributes.items()]
        arrays = [step.ids, *step.attributes.values()]
        fields += self._facts.fields
        arrays += self._facts.columns(step.batches)
        laid_out = {}
        for spec, own_tags in self._tags_by_spec.items():
            for k, tag in enumerate(own_tags):
                name = tag.definition.name
                decided = answers.decided[name]
                explained = None
                if self.reasons == "all":
                    engine, batch = self.compiled.engines[spec], step.batches[spec]
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

"""A run, range by range: who has to be seen first, what is scored then, and how the ranges are put together."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from tagcast.features.core.telemetry.traces import traced
from tagcast.models.decisions.policy import needs_population, threshold_from_sorted
from tagcast.models.decisions.sorted_scores import SortedScores
from tagcast.pipelines.project.progress import log
from tagcast.pipelines.scoring.ranges.work import CHALLENGERS, CountExplained, Rank, RunWork, Score
from tagcast.serving.scoring import scorer
from tagcast.serving.scoring.challengers import stands_for
from tagcast.serving.scoring.ranges.range_counts import RunFigures
from tagcast.serving.scoring.ranges.share import Share
from tagcast.serving.store.lock_and_sync import disk_errors

if TYPE_CHECKING:
    from tagcast.features.core.engines.engine import Engine
    from tagcast.features.core.messages import Message
    from tagcast.pipelines.scoring.ranges.work import ScoredRange
    from tagcast.serving.publishing.parts.staged_part import StagedPart
    from tagcast.serving.scoring.loaded_tag import LoadedTag

Answer = TypeVar("Answer")
PROFILES_OF_A_RANGE = 100_000
"""Ten tags of them take some five seconds, with reasons some fifteen, beside the two in which a worker compiles the models."""


class RangedRun:
    """One run over the ranges of its profiles.

    Parameters
    ----------
    engine : Engine
    work : RunWork
    """

    def __init__(self, engine: Engine, work: RunWork) -> None:
        self._engine = engine
        self.work = work
        snapshot = next(iter(work.snapshots.values()))
        ranges = engine.ranges(snapshot.profiles, rows=PROFILES_OF_A_RANGE)
        self._shares = [Share(within, snapshot.rows_below(within.first)) for within in ranges]
        self._left_out: dict[str, Message] = {}
        self._challenging: dict[str, float] = {}
        self._scored: list[ScoredRange] = []
        self._leave_out(work.compiled.left_out)

    def thresholds(self) -> dict[str, float]:
        """Return the score at which each tag says yes; ranks everyone first where a rule needs it."""
        work = self.work
        found = {tag.definition.name: known for tag in work.tags if (known := tag.threshold) is not None}
        ranked, challenging = _ranked(work.tags), _ranked(work.challenging(()))
        if not ranked and not challenging:
            return found
        rank = Rank(work, tuple(ranked), tuple(challenging))
        parts = self._each(rank, self._shares, scorer.RANKING)
        for part in parts:
            self._leave_out(part.left_out)
        with disk_errors(work.folder):
            for name, tag in ranked.items():
                scores = SortedScores([part.champions[name] for part in parts])
                found[name] = threshold_from_sorted(tag.definition.decision, scores)
            for name, tag in challenging.items():
                scores = SortedScores([part.challengers[name] for part in parts])
                weight = stands_for(work.populations.get(name, 0))
                self._challenging[name] = threshold_from_sorted(tag.definition.decision, scores, weight)
        return found

    @traced("score")
    def score(self, thresholds: Mapping[str, float]) -> RunFigures:
        """Score every range, and return what was counted of all of them."""
        work = self.work
        score = Score(work, thresholds, self._challenging, tuple(self._left_out))
        self._scored = self._each(score, self._with_explained(thresholds), scorer.SCORING)
        counts = self._scored[0].counts
        for one in self._scored[1:]:
            counts.add(one.counts)
        self._leave_out(counts.left_out)
        return RunFigures(work.tags, work.as_of, work.compiled.engines, counts)

    @property
    def parts(self) -> list[StagedPart]:
        """The parts that were scored."""
        return [one.part for one in self._scored]

    @property
    def challengers(self) -> dict[str, int]:
        """The version of each challenger that was not left out."""
        return {tag.definition.name: int(tag.version) for tag in self.work.challenging(tuple(self._left_out))}

    def challengers_file(self, about: Mapping[bytes, str]) -> Path | None:
        """Put together what challengers predict, with ``about`` as metadata; None where there is nothing to be kept.

        Raises
        ------
        StoreError
            When the disk does not take it.
        """
        import pyarrow.parquet as pq

        files = [file for part in self.parts if (file := part.folder / CHALLENGERS).is_file()]
        if not files or not self.challengers:
            return None
        whole = self.work.folder / CHALLENGERS
        with disk_errors(whole.parent), ExitStack() as stack:
            opened = [stack.enter_context(pq.ParquetFile(file)) for file in files]
            writer = stack.enter_context(pq.ParquetWriter(whole, opened[0].schema_arrow, compression="zstd"))
            for file in opened:
                for batch in file.iter_batches():
                    writer.write_batch(batch)
            writer.add_key_value_metadata(dict(about))
        return whole

    def _with_explained(self, thresholds: Mapping[str, float]) -> list[Share]:
        """Return the ranges, each with how many come before it of whom the first get exact reasons.

        Most tags have enough of them in the first ranges: later ones are looked through, more and more together, for rare
        values alone. What the last one holds nobody has to know.
        """
        if self.work.reasons == "none":
            return self._shares
        before = {tag.definition.name: 0 for tag in self.work.tags}
        found = [replace(self._shares[0], explained=dict(before))]
        while len(found) < len(self._shares):
            rare = tuple(name for name, count in before.items() if count < scorer.EXACT_REASONS_CAP)
            some = self._shares[len(found) - 1 : min(2 * len(found) - 1, len(self._shares) - 1)]
            count = CountExplained(self.work, thresholds, rare)
            counted = self._each(count, some, scorer.COUNTING) if rare else [{}] * len(some)
            for share, of_range in zip(self._shares[len(found) :], counted, strict=False):
                for name, explained in of_range.items():
                    before[name] += explained
                found.append(replace(share, explained=dict(before)))
        return found

    def _each(self, work: Callable[[Share], Answer], shares: Sequence[Share], doing: Message) -> list[Answer]:
        return self._engine.each(work, shares, doing, self.work.progress)

    def _leave_out(self, messages: Mapping[str, Message]) -> None:
        """Go on without challengers that failed, and say why."""
        for name, problem in messages.items():
            if name not in self._left_out:
                self._left_out[name] = problem
                log.warning(problem)


def _ranked(tags: Sequence[LoadedTag]) -> dict[str, LoadedTag]:
    """Return the tags whose thresholds depend on all scores of a run."""
    return {tag.definition.name: tag for tag in tags if needs_population(tag.definition.decision)}

"""What is done for one range of a run's profiles: ranked, counted, scored. Each can be done again, and by any process.

A range's files take their names when they are whole; who does the same work a second time, or at the same time, changes nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import date
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tagcast.features.core.engines.aside import Aside
from tagcast.pipelines.scoring.ranges.foreign_models import ForeignModels
from tagcast.serving.publishing.parts.staged_part import (
    PartWriter,
    ScoreFiles,
    StagedPart,
    score_file,
)
from tagcast.serving.scoring.challengers import Challengers
from tagcast.serving.scoring.facts.columns import Facts
from tagcast.serving.scoring.ranges.compiled_tags import CompiledTags
from tagcast.serving.scoring.scorer import Scorer
from tagcast.serving.store.lock_and_sync import disk_errors

if TYPE_CHECKING:
    from tagcast.features.core.engines.engine import Progress
    from tagcast.features.core.messages import Message, Text
    from tagcast.serving.scoring.attribute_stream import Attributes
    from tagcast.serving.scoring.loaded_tag import LoadedTag
    from tagcast.serving.scoring.previous_values import PastValues
    from tagcast.serving.scoring.ranges.range_counts import RangeCounts
    from tagcast.serving.scoring.ranges.share import Share
    from tagcast.serving.scoring.ranges.steps import Features
    from tagcast.serving.scoring.rule_columns import LoadedRule
    from tagcast.serving.scoring.scorer import Reasons

CHALLENGERS = "challengers.parquet"
"""In the folder of a part, what challengers predict of its profiles."""


@dataclass(frozen=True)
class RunWork:
    """All that is the same for every range of a run; it can be handed to other processes.

    Parameters
    ----------
    tags : tuple of LoadedTag
    rules : tuple of LoadedRule
    snapshots : mapping of str to Features
        By spec of the feature set.
    as_of : date
    folder : Path
        Where the files of ranges lie; every process sees it.
    past : callable
        Opens what was published before, for tags with hysteresis.
    attributes : Attributes
        What rules may use beside features, in one file.
    challengers : tuple of LoadedTag
        Scored in the shadow.
    populations : mapping of str to int
        About how many profiles each challenged tag speaks of.
    foreign : ForeignModels
        Opened before the models are compiled.
    facts : Facts
        Features that are kept beside the tags.
    threads : int, optional
        Batches worked on at a time.
    reasons : {"all", "none"}
        Whether to fill in the reasons.
    progress : callable, optional
        Stays in the process that made it.
    """

    tags: tuple[LoadedTag, ...]
    rules: tuple[LoadedRule, ...]
    snapshots: Mapping[str, Features]
    as_of: date
    folder: Path
    past: Callable[[], AbstractContextManager[PastValues]]
    attributes: Attributes
    challengers: tuple[LoadedTag, ...] = ()
    populations: Mapping[str, int] = field(default_factory=dict)
    foreign: ForeignModels = field(default_factory=ForeignModels)
    facts: Facts = field(default_factory=Facts)
    threads: int | None = None
    reasons: Reasons = "all"
    progress: Progress | None = None

    @cached_property
    def compiled(self) -> CompiledTags:
        """The models, compiled once a process; models of others once in each."""
        self.foreign.open()
        return CompiledTags.of(self.tags, self.challengers)

    def __getstate__(self) -> dict[str, Any]:
        """Return what other processes need: compiled models are soon read, but those of others have to be opened first."""
        fields = {**self.__dict__, "progress": None}
        if self.foreign.frozen or self.foreign.modules is not None:
            fields.pop("compiled", None)
        return fields

    def challenging(self, left_out: Sequence[str]) -> tuple[LoadedTag, ...]:
        """Return the challengers that are not left out."""
        gone = {*left_out, *self.compiled.left_out}
        return tuple(tag for tag in self.challengers if tag.definition.name not in gone)

    @contextmanager
    def scorer(self, share: Share, challengers: Challengers | None = None) -> Iterator[Scorer]:
        """Yield what scores a range."""
        with ExitStack() as stack:
            yield Scorer(
                self.tags,
                self.snapshots,
                self.as_of,
                self.progress or _silent,
                stack.enter_context(self.past()),
                threads=self.threads,
                reasons=self.reasons,
                rules=self.rules,
                attributes=self.attributes,
                challengers=challengers,
                compiled=self.compiled,
                facts=self.facts,
                share=share,
            )


def _silent(stage: Text, done: int, total: int) -> None:
    """Show nothing."""


@dataclass(frozen=True)
class Ranked:
    """The scores of a range whose thresholds depend on everybody.

    Parameters
    ----------
    champions, challengers : mapping of str to Path
        Files of sorted scores, by tag.
    left_out : mapping of str to Message
        Challengers that failed.
    """

    champions: Mapping[str, Path]
    challengers: Mapping[str, Path]
    left_out: Mapping[str, Message]


@dataclass(frozen=True)
class Rank:
    """Work for an engine: the first pass over a range.

    Parameters
    ----------
    run : RunWork
    champions, challengers : tuple of str
        Tags whose thresholds depend on all scores of the run.
    """

    run: RunWork
    champions: tuple[str, ...]
    challengers: tuple[str, ...]

    def __call__(self, share: Share) -> Ranked:
        """Write the scores of the range."""
        run = self.run
        folder = run.folder / f"ranked-{share.within.number:05}"
        chosen = {*self.champions, *self.challengers}
        tags = [tag for tag in run.tags if tag.definition.name in chosen]
        beside = Challengers(
            [tag for tag in run.challenging(()) if tag.definition.name in self.challengers],
            run.as_of,
            run.populations,
        )
        names = [*self.champions, *self.challengers]
        with disk_errors(run.folder):
            aside = Aside(folder)
        with aside:
            with disk_errors(run.folder):
                aside.path.mkdir()
                files = ScoreFiles(aside.path, len(names))
            with run.scorer(share, beside) as scorer:
                for champions, challengers in scorer.scores(tags):
                    found = [champions.get(name) for name in self.champions]
                    found += [challengers.get(name) for name in self.challengers]
                    with disk_errors(run.folder):
                        for place, scores in enumerate(found):
                            if scores is not None:
                                files.add(place, scores)
            with disk_errors(run.folder):
                files.sort()
                aside.finish()
        paths = [score_file(folder, place) for place in range(len(names))]
        return Ranked(
            dict(zip(self.champions, paths, strict=False)),
            dict(zip(self.challengers, paths[len(self.champions) :], strict=True)),
            beside.left_out,
        )


@dataclass(frozen=True)
class CountExplained:
    """Work for an engine: how many of a range are to be explained exactly, before others.

    Parameters
    ----------
    run : RunWork
    thresholds : mapping of str to float
    tags : tuple of str
        Those that are counted.
    """

    run: RunWork
    thresholds: Mapping[str, float]
    tags: tuple[str, ...]

    def __call__(self, share: Share) -> Mapping[str, int]:
        """Return how many of the range each tag speaks first of."""
        with self.run.scorer(share) as scorer:
            return scorer.explained(self.thresholds, self.tags)


@dataclass(frozen=True)
class ScoredRange:
    """A range that was scored.

    Parameters
    ----------
    part : StagedPart
        Its folder holds :data:`CHALLENGERS` where there are any.
    counts : RangeCounts
    """

    part: StagedPart
    counts: RangeCounts


@dataclass(frozen=True)
class Score:
    """Work for an engine: the second pass over a range.

    Parameters
    ----------
    run : RunWork
    thresholds : mapping of str to float
        Score at which each tag's value is yes.
    challenging : mapping of str to float
        The same of challengers whose thresholds depend on everybody.
    left_out : tuple of str
        Challengers that have failed already.
    """

    run: RunWork
    thresholds: Mapping[str, float]
    challenging: Mapping[str, float]
    left_out: tuple[str, ...]

    def __call__(self, share: Share) -> ScoredRange:
        """Write the part of the range."""
        run = self.run
        folder = run.folder / f"part-{share.within.number:05}"
        tags = run.challenging(self.left_out)
        with disk_errors(run.folder):
            writer = PartWriter(folder, share.within)
        with writer:
            file = writer.aside / CHALLENGERS
            with (
                Challengers(tags, run.as_of, run.populations, self.challenging, file) as beside,
                run.scorer(share, beside) as scorer,
            ):
                for batch in scorer.batches(self.thresholds):
                    with disk_errors(run.folder):
                        writer.add(batch)
            counts = scorer.counts
            counts.left_out = dict(beside.left_out)
            with disk_errors(run.folder):
                return ScoredRange(writer.finish(), counts)

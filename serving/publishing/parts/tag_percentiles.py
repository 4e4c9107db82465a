"""The percentiles of one tag, from the sorted scores of all parts."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from tagcast.features.core.engines.aside import Aside
from tagcast.models.decisions.sorted_scores import SortedScores
from tagcast.serving.publishing.parts.staged_part import StagedPart
from tagcast.serving.publishing.percentiles import Percentiles

LEAST_SCORES = 30_000_000
"""Of a run whose percentiles are worth a job of an engine: two seconds of processors, as these are for so many."""


@dataclass(frozen=True)
class TagPercentiles:
    """Work for an engine, a tag an item.

    Parameters
    ----------
    folder : Path
        Where the percentiles are written.
    parts : tuple of StagedPart
    tags : tuple of str
    """

    folder: Path
    parts: tuple[StagedPart, ...]
    tags: tuple[str, ...]

    @property
    def worth_a_job(self) -> bool:
        """Whether there are so many that they are for an engine's tasks."""
        return sum(part.profiles for part in self.parts) * len(self.tags) >= LEAST_SCORES

    def __call__(self, place: int) -> Path:
        """Write the percentiles of the tag at ``place``, and return the file."""
        file = self.folder / f"percentiles-{place}.npy"
        scores = [run for part in self.parts for run in part.scores(self.tags[place])]
        with Aside(file) as aside:
            Percentiles.of(SortedScores(scores)).save(aside.path)
            aside.finish()
        return file

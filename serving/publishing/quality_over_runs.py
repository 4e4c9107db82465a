"""What the runs of a tag expected of themselves, one after the other: how it changed, and what to do about it."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING, NamedTuple

from tagcast.features.core.messages import Message, msg, nmsg
from tagcast.models.inference.estimated_quality import EstimatedQuality
from tagcast.models.inference.feature_drift import FeatureDrift
from tagcast.serving.store.manifest import published_by_day

if TYPE_CHECKING:
    from tagcast.registry.versions.versions import Version
    from tagcast.serving.store.manifest import Entry

AUC_DROP = 0.02
"""By how much the estimated AUC of a champion has fallen where somebody should train anew, unless its tag says otherwise."""


@dataclass(frozen=True)
class RunQuality:
    """What one run expected of a tag, and what was measured.

    Parameters
    ----------
    as_of : date
    scored_at : datetime
    version : str
        Of the model.
    population : int
        Profiles of which the tag speaks; 0 where their number is not shown.
    expected : EstimatedQuality or None
        Before anybody knew; None where the run did not record it.
    drift : FeatureDrift or None
        How far features had moved since training; None where the run did not record it.
    measured : mapping of str to float
        ``auc``, ``precision``, ``recall`` and ``rate`` once the window had closed; those that are known.
    """

    as_of: date
    scored_at: datetime
    version: str
    population: int
    expected: EstimatedQuality | None
    drift: FeatureDrift | None
    measured: Mapping[str, float] = field(default_factory=dict)


class AucFall(NamedTuple):
    """From what the estimated AUC of a champion fell, and to what."""

    first: float
    now: float


def quality_over_runs(log: Sequence[Entry], tag: str) -> list[RunQuality]:
    """Return what each run that people saw expected of ``tag``, oldest day first."""
    return quality_of_tags(log, {tag})[tag]


def quality_of_tags(log: Sequence[Entry], tags: Collection[str]) -> dict[str, list[RunQuality]]:
    """Return the same of several tags, going through the runs once."""
    found: dict[str, list[RunQuality]] = {tag: [] for tag in tags}
    for run in reversed(published_by_day(log)):
        for one in run.run.tags:
            if one.tag in found:
                about = (run.run.as_of, run.run.scored_at, one.model_version, one.population)
                found[one.tag].append(RunQuality(*about, one.expected, one.drift))
    return found


def by_week(runs: Sequence[RunQuality]) -> list[RunQuality]:
    """Return the newest run of each week, Monday first."""
    return list({run.as_of - timedelta(days=run.as_of.weekday()): run for run in runs}.values())


def auc_fall(runs: Sequence[RunQuality], version: int, tried: datetime, least: float) -> AucFall | None:
    """Return from what the estimated AUC of a version has fallen; None while it holds, and where it had fallen before the last try.

    Parameters
    ----------
    runs : sequence of RunQuality
        Oldest day first.
    version : int
    tried : datetime
        When the tag was trained last, whatever became of it.
    least : float
        What counts as a fall.
    """
    estimates = [
        (run, run.expected.auc.value) for run in runs if run.version == str(version) and run.expected
    ]
    for run, now in estimates:
        first = estimates[0][1]
        if first - now >= least:
            return None if run.scored_at <= tried else AucFall(first, now)
    return None


def retraining_advice(
    runs: Sequence[RunQuality], champion: Version, newest: Version, now: datetime
) -> Message | None:
    """Return in words why a tag that no night trains should be trained anew; None where nothing asks for it.

    Parameters
    ----------
    runs : sequence of RunQuality
        Oldest day first.
    champion, newest : Version
        Of the tag.
    now : datetime
    """
    fall = auc_fall(runs, champion.version, newest.created, AUC_DROP)
    if fall is None:
        return None
    age = (now.date() - champion.created.date()).days
    return msg(
        "{age}, its estimated AUC fell from {first:.2f} to {now:.2f}: {command}",
        age=nmsg("the champion is {n} day old", "the champion is {n} days old", age),
        first=fall.first,
        now=fall.now,
        command=f"tagcast train {champion.tag}",
    )

"""What last year's season changes for one model on one day: trained by tagcast's own training, and asked twice."""

from __future__ import annotations

import pickle
from dataclasses import dataclass, replace
from datetime import date, timedelta
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from benchmarks.quality.promise import AUDIENCES
from benchmarks.results import ROOT

if TYPE_CHECKING:
    import pandas as pd

    from tagcast.models.calibration.binary_calibrator import Calibrated
    from tagcast.models.definitions.model_tag import TagDefinition
    from tagcast.models.training.dataset import TrainingFrame

Floats = npt.NDArray[np.float64]
STEP_DAYS = 30
MOST_SNAPSHOTS = 12
TRIALS = 2  # what is compared is one model with itself


@dataclass(frozen=True)
class Log:
    """A project, the days on which its tags are trained, and the horizons.

    Parameters
    ----------
    name, config, tags : str
        Of the project; relative to the repository.
    first, end : date
        The first snapshot, and the first day that nothing may be known of.
    horizons : tuple of int
    """

    name: str
    config: str
    tags: str
    first: date
    end: date
    horizons: tuple[int, ...]

    @property
    def days(self) -> list[date]:
        """Snapshots every 30 days, rising."""
        count = (self.end - self.first).days // STEP_DAYS
        return [self.end - timedelta(days=STEP_DAYS * k) for k in range(count, 0, -1)]


LOGS = (
    Log(
        "online retail", "benchmarks/quality/seasons/online_retail_years.toml", "benchmarks/tags/online_retail_years",
        date(2010, 3, 19), date(2011, 9, 10), (90, 60, 30),
    ),
    Log("cdnow", "examples/cdnow/tagcast.toml", "benchmarks/tags/cdnow", date(1997, 4, 1), date(1998, 7, 1), (90,)),
)  # fmt: skip


@dataclass(frozen=True)
class Tested:
    """A model of one tag, and the day that it scores.

    Parameters
    ----------
    tag : str
    horizon_days : int
    as_of : date
    model : TagModel
    X : DataFrame of shape (n, p)
    y : ndarray of shape (n,)
    covered : float
        Share of the window ahead that a window a year back covers.
    """

    tag: str
    horizon_days: int
    as_of: date
    model: Any
    X: pd.DataFrame
    y: npt.NDArray[np.int8]
    covered: float


def frames(log: Log, home: Path) -> dict[str, tuple[TagDefinition, TrainingFrame]]:
    """Return definition and rows of each tag and horizon, at every day whose window closed."""
    from tagcast.models.training.splits import Split
    from tagcast.pipelines.project.project import TagPlan, open_project
    from tagcast.pipelines.reports.terminal import progress
    from tagcast.pipelines.training.frames import training_frames, views_read
    from tagcast.pipelines.training.labelling.labels import label_rows

    with progress() as show:
        project = open_project(ROOT / log.config, home, show)
        project.settings = project.settings.model_copy(update={"tags": str(ROOT / log.tags)})
        known = [
            d for d in project.definitions(log.end) if d.kind == "model" and d.outcome.kind != "top_share"
        ]
        feature_set = project.feature_set(known, log.days[len(log.days) // 2])
        plans = {}
        for horizon in log.horizons:
            days = tuple(d for d in log.days if d + timedelta(days=horizon) <= log.end)
            for definition in known:
                outcome = definition.outcome.model_copy(update={"horizon_days": horizon})
                one = definition.model_copy(
                    update={"name": f"{definition.name}_{horizon}d", "outcome": outcome}
                )
                plans[one.name] = TagPlan(one, Split(days, horizon))
        labels = {name: label_rows(project, plan, log.end) for name, plan in plans.items()}
        found = training_frames(project, list(plans.values()), labels, feature_set, views_read(known))
    return {name: (plan.definition, found[name]) for name, plan in plans.items()}


def trained(
    log: Log, definition: TagDefinition, frame: TrainingFrame, as_of: date, kept: Path
) -> Tested | None:
    """Train as of a day and keep it; None where no window a year back reaches, or cases are too few."""
    from tagcast.features.core.errors import ModelError
    from tagcast.models.artifacts.loader import load_bundle
    from tagcast.models.calibration.binary_calibrator import MIN_CASES
    from tagcast.models.stats.season_coverage import year_back_share
    from tagcast.models.training import tag_kind
    from tagcast.models.training.splits import Split

    horizon = definition.horizon_days
    days = [d for d in log.days if d + timedelta(days=horizon) <= as_of][-MOST_SNAPSHOTS:]
    covered = max((year_back_share(d, as_of, horizon) for d in days), default=0.0)
    day = frame.as_of.astype("datetime64[D]")
    test = day == np.datetime64(as_of)
    yes = int(frame.y[test].sum())
    if covered <= 0 or min(yes, int(test.sum()) - yes) < MIN_CASES:
        return None
    folder = kept / f"{log.name} {definition.name} {as_of}"
    if not (folder / "model.json").is_file():
        try:
            learned = frame.only(np.isin(day, np.array(days, "datetime64[D]")))
            split = Split(tuple(days), horizon)
            tag_kind.train(definition, learned, split, feature_set=log.name, trials=TRIALS).model.save(folder)
        except ModelError as error:
            print(f"{definition.name} as of {as_of}: {error}")
            return None
    return Tested(
        definition.name, horizon, as_of, load_bundle(folder), frame.X.loc[test], frame.y[test], covered
    )


def ways(tested: Tested) -> tuple[Calibrated, Calibrated]:
    """Return what the model says with and without last year's season."""
    model = tested.model
    bare = replace(model, calibrator=replace(model.calibrator, season=None))
    X = tested.X[list(model.features)]
    return model.predict(X, tested.as_of), bare.predict(X, tested.as_of)


def broken(tested: Tested, said: Calibrated) -> tuple[float, float]:
    """Return the share of random audiences below their promise, and what the share that was right exceeds it by."""
    from tagcast.models.decisions.policy import decide
    from tagcast.models.evaluation.random_audiences import audience_promise

    value, confidence = decide(*said, threshold=tested.model.threshold, min_confidence=0.5)
    percentile = 100 * np.argsort(np.argsort(said.score, kind="stable"), kind="stable") / len(said.score)
    found = audience_promise(
        tested.X, None, value, confidence, percentile, tested.y, audiences=AUDIENCES // 10, seed=0
    )
    return found.broken_share, found.mean_excess


def judged(tested: Tested) -> dict[str, Any]:
    """Return log losses and promises of one model, with and without the season."""
    from tagcast.models.stats.metrics import log_loss

    with_it, without = ways(tested)
    season = tested.model.season_ahead(tested.as_of)
    (broke, over), (broke_before, over_before) = broken(tested, with_it), broken(tested, without)
    return {
        "tag": tested.tag, "horizon": tested.horizon_days, "as_of": str(tested.as_of), "covered": tested.covered,
        "people": len(tested.y), "rate": float(tested.y.mean()), "season": str(season.text) if season else "",
        "with": log_loss(tested.y, with_it.score), "without": log_loss(tested.y, without.score),
        "broken": broke, "broken_without": broke_before, "excess": over, "excess_without": over_before,
    }  # fmt: skip


def came_of(log: Log, kept: Path, job: tuple[str, date]) -> dict[str, Any] | None:
    """Return what came of one tag at one day."""
    name, as_of = job
    definition, frame = _rows(kept / f"{log.name} {name}.pickle")
    tested = trained(log, definition, frame, as_of, kept)
    return None if tested is None else {"log": log.name, **judged(tested)}


@lru_cache(maxsize=1)
def _rows(file: Path) -> tuple[TagDefinition, TrainingFrame]:
    found: tuple[TagDefinition, TrainingFrame] = pickle.loads(file.read_bytes())  # noqa: S301 - written by main
    return found

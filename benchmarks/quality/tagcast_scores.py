"""tagcast's own answer to a task: `tagcast train` and `tagcast score`, read back from the profile store."""

from __future__ import annotations

import time
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from benchmarks.quality.tasks import Task

if TYPE_CHECKING:
    from tagcast.pipelines.project.project import Project

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Published:
    """What the store says of the test rows, in their order.

    Parameters
    ----------
    score, confidence, percentile : ndarray of shape (n,)
    value : ndarray of shape (n,)
        ``yes``, ``no`` or ``unknown``.
    seconds : float
        Wall time of training.
    chosen : str
        The candidate that won.
    refused : str
        Why the gate gave no champion (the version was then put active by hand), else empty.
    notes : tuple of str
        What training says about itself.
    unsure : bool
        Whether the scoring run marked the tag as unsure of its season, before any outcome was known.
    """

    score: Floats
    value: npt.NDArray[np.object_]
    confidence: Floats
    percentile: Floats
    seconds: float
    chosen: str
    refused: str
    notes: tuple[str, ...]
    unsure: bool


def train_and_score(task: Task, workspace: Project, profiles: npt.NDArray[np.object_]) -> Published:
    """Train the tag as of ``task.now``, score everyone of that day, return what was published on ``profiles``.

    Raises
    ------
    TagcastError
        When the tag cannot be trained or scored.
    RuntimeError
        When the store leaves out a profile of the population.
    """
    from tagcast.features.core.errors import ModelError
    from tagcast.models.stats.season_coverage import UNSURE
    from tagcast.pipelines.deployment.model_versions import promote_version
    from tagcast.pipelines.scoring.score import score_tags
    from tagcast.pipelines.training.train import train_tags
    from tagcast.serving.store.duckdb.store import DuckDbStore
    from tagcast.serving.store.long_form import predictions

    now = datetime.now(UTC)
    started = time.perf_counter()
    (trained,) = train_tags(workspace, [task.tag], as_of=task.now, now=now)
    seconds = time.perf_counter() - started
    if trained.version is None:
        raise ModelError(f"{task.name}: {trained.reason}")
    refused = "" if trained.alias == "champion" else trained.reason
    if refused:
        promote_version(
            workspace, task.tag, trained.version, by="benchmark", reason="to be measured", now=now, force=True,
        )  # fmt: skip
    # Tasks share homes: a run may lack the tags of another one, and be of an older day.
    run = score_tags(workspace, [task.tag], as_of=task.now, now=now, force_reason="measured by itself")
    with DuckDbStore(workspace.settings.home / "store").reader() as reader:
        said = predictions(reader, task.tag).to_pandas().set_index("profile_id")
    missing = set(profiles.tolist()) - set(said.index)
    if missing:
        raise RuntimeError(f"{task.name}: {len(missing):,} profiles of the population have no prediction")
    mine = said.loc[profiles.tolist()]
    return Published(
        mine["score"].to_numpy(float),
        mine["value"].astype(str).to_numpy(object),
        mine["confidence"].to_numpy(float),
        mine["percentile"].to_numpy(float),
        seconds,
        trained.chosen,
        refused,
        tuple(trained.notes),
        run.tags[0].unseen_season >= UNSURE,
    )

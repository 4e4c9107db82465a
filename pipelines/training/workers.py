"""Train tags side by side in processes of their own; each model is what one process alone would train."""

from __future__ import annotations

import multiprocessing
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Self

from tagcast.features.core.errors import TagcastError
from tagcast.pipelines.project.project import TagPlan
from tagcast.pipelines.training.candidates import open_for

if TYPE_CHECKING:
    from tagcast.features.core.messages import Message
    from tagcast.models.estimators.foreign import Candidate
    from tagcast.models.training.dataset import TrainingFrame
    from tagcast.models.training.result import AnyResult


@dataclass(frozen=True)
class Job:
    """One training, as sent to a worker process.

    Parameters
    ----------
    plan : TagPlan
    frame : TrainingFrame
    feature_set : str
        ``FeatureSet.spec``.
    seed, trials : int
    timeout_s : float, optional
    storage : str
        Optuna's storage URL, so that a stopped study is taken up again.
    folder : Path
        Where the worker leaves the bundle.
    foreign : tuple of Candidate
        Models of others that the tag names.
    notes : tuple of Message
        On the rows that it learns from.
    """

    plan: TagPlan
    frame: TrainingFrame
    feature_set: str
    seed: int
    trials: int
    timeout_s: float | None
    storage: str
    folder: Path
    foreign: tuple[Candidate, ...] = ()
    notes: tuple[Message, ...] = ()


class Workers:
    """Processes that train tags side by side, started early: they load their libraries while labels are counted.

    Parameters
    ----------
    count : int
        Tags trained at once.
    tags : int
        Tags that are asked for; where it is one, its trials run side by side in this process instead.
    """

    def __init__(self, count: int, tags: int) -> None:
        self._threads = count
        self._pool: ProcessPoolExecutor | None = None
        if count > 1 and tags > 1:
            # Fresh processes: a fork would copy the locks of DuckDB's and LightGBM's threads in whatever
            # state they are.
            self._pool = ProcessPoolExecutor(min(count, tags), multiprocessing.get_context("spawn"))
            for _ in range(min(count, tags)):
                self._pool.submit(_load)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        if self._pool is not None:
            self._pool.shutdown(cancel_futures=True)

    def run(self, jobs: Sequence[Job]) -> Iterator[tuple[Job, AnyResult | TagcastError]]:
        """Yield each job's result as it is ready; a worker's own error is a result, not the end of the run."""
        if self._pool is None:
            for job in jobs:
                yield job, _train(job, self._threads)
            return
        futures = {self._pool.submit(_train, job): job for job in jobs}
        for future in as_completed(futures):
            yield futures[future], future.result()


def _load() -> None:
    """Import what training needs."""
    import lightgbm  # noqa: F401
    import optuna.trial  # noqa: F401

    import tagcast.models.training.tag_kind  # noqa: F401


def _train(job: Job, threads: int = 1) -> AnyResult | TagcastError:
    from threadpoolctl import threadpool_limits

    from tagcast.models.training.tag_kind import train

    begun = time.monotonic()
    try:
        open_for(job.foreign)
        # Threads of BLAS would wait for one another longer than such small matrices take, and for the other tags.
        with threadpool_limits(1):
            result = train(
                job.plan.definition,
                job.frame,
                job.plan.split,
                feature_set=job.feature_set,
                seed=job.seed,
                trials=job.trials,
                timeout_s=job.timeout_s,
                threads=threads,
                storage=job.storage,
                foreign=job.foreign,
            )
        result.model.save(job.folder)
    except TagcastError as error:
        return error
    return replace(result, seconds=time.monotonic() - begun)

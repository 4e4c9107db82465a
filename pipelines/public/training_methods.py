"""Models of a project: trained, and evaluated on several past snapshots."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING

from tagcast.pipelines.public.evaluation import Evaluation
from tagcast.pipelines.public.opened import Day, Opened, day_of
from tagcast.pipelines.public.training import Training

if TYPE_CHECKING:
    import pandas as pd

    from tagcast.models.training.result import AnyResult
    from tagcast.pipelines.training.registration import TrainedTag
    from tagcast.pipelines.training.workers import Job


class TrainingMethods(Opened):
    """Methods that make models."""

    def train(
        self,
        tag: str,
        as_of: Day | None = None,
        *,
        trials: int = 12,
        timeout_s: float | None = None,
        threads: int = 2,
        now: datetime | None = None,
    ) -> Training:
        """Train a tag and version the model; one that passes the gate becomes champion.

        Parameters
        ----------
        tag : str
            One tag; :meth:`train_all` trains several, and families.
        as_of : date or str, optional
            Nothing at or after this day is read. Default: the day after the last event.
        trials : int
            LightGBM settings to try.
        timeout_s : float, optional
            Seconds after which to stop trying.
        threads : int
            Trials side by side; the model is the same for any number.
        now : datetime, optional
            Moment for the records. Default: the clock.

        Returns
        -------
        Training
            Its version and alias, frames of predictions, candidates and checks, figures, and the model.

        Raises
        ------
        TagcastError
            Where the tag cannot be trained, before anything long begins.
        NotAllowedError
            For a key in ``TAGCAST_KEY`` that does not work, or whose role may not do this.

        Examples
        --------
        >>> training = project.train("churn_risk", "2017-12-02")  # doctest: +SKIP
        >>> training.alias, training.reason  # doctest: +SKIP
        ('champion', 'passes every check')
        """
        from tagcast.pipelines.training.train import one_tag

        self._check_entity(tag)
        with self._working("operate", now) as (project, _, _):
            day = project.resolve_as_of(day_of(as_of))
            one_tag(project.definitions(day), tag)
        (training,) = self.train_all(
            [tag], day, trials=trials, timeout_s=timeout_s, threads=threads, now=now
        ).values()
        return training

    def train_all(
        self,
        tags: Sequence[str] | None = None,
        as_of: Day | None = None,
        *,
        trials: int = 12,
        timeout_s: float | None = None,
        threads: int = 2,
        now: datetime | None = None,
    ) -> dict[str, Training]:
        """Train several tags side by side, each as :meth:`train` would.

        Parameters
        ----------
        tags : sequence of str, optional
            Tags or families. Default: all.
        as_of, trials, timeout_s, now
            As of :meth:`train`.
        threads : int
            Tags trained side by side; the models are the same for any number.

        Returns
        -------
        dict of str to Training
            By tag. One that cannot be trained is among them, without a version and with the reason.

        Raises
        ------
        TagcastError
            When no tag at all can be trained.
        NotAllowedError
            For a key in ``TAGCAST_KEY`` that does not work, or whose role may not do this.

        Examples
        --------
        >>> trainings = project.train_all(["churn_risk", "interest"])  # doctest: +SKIP
        >>> {tag: training.alias for tag, training in trainings.items()}  # doctest: +SKIP
        """
        from tagcast.pipelines.evidence.findings import explained_rows
        from tagcast.pipelines.training.train import train_tags

        results: dict[str, tuple[AnyResult, pd.DataFrame]] = {}

        def observe(job: Job, result: AnyResult, trained: TrainedTag) -> None:
            results[trained.tag] = (result, explained_rows(result, job.frame.unapproached))

        for tag in tags or ():
            self._check_entity(tag)
        with self._working("operate", now) as (project, moment, _):
            every = train_tags(
                project, tags, as_of=day_of(as_of), now=moment, trials=trials, timeout_s=timeout_s,
                threads=threads, observe=observe,
            )  # fmt: skip
        return {one.tag: Training(one, results.get(one.tag)) for one in every}

    def evaluate(
        self,
        tag: str,
        as_of: Day | None = None,
        *,
        windows: int = 3,
        trials: int = 12,
        timeout_s: float | None = None,
        threads: int = 2,
        now: datetime | None = None,
    ) -> Evaluation:
        """Evaluate a tag on several past snapshots, each by a model trained on what lay before it; no version is made.

        Parameters
        ----------
        tag : str
            One tag.
        as_of, trials, now
            As of :meth:`train`.
        windows : int
            Past snapshots to test on.
        timeout_s : float, optional
            Seconds a window after which to stop trying.
        threads : int
            Windows trained side by side; the figures are the same for any number.

        Returns
        -------
        Evaluation
            Frames of windows, metrics, segments, calibration and promise, and figures.

        Raises
        ------
        DataError
            Before any training, when fewer windows fit.
        NotAllowedError
            For a key in ``TAGCAST_KEY`` that does not work, or whose role may not do this.

        Examples
        --------
        >>> project.evaluate("churn_risk", windows=2).metrics  # doctest: +SKIP
        """
        from tagcast.pipelines.evaluation.evaluate import evaluate_tag

        self._check_entity(tag)
        with self._working("operate", now) as (project, _, _):
            found = evaluate_tag(
                project, tag, windows=windows, as_of=day_of(as_of), trials=trials, timeout_s=timeout_s,
                threads=threads,
            )  # fmt: skip
        return Evaluation(found)

"""Runs of a project: everyone is scored, and what the active run predicts is read, filtered and held against what happened."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Literal, overload

from tagcast.features.core.errors import NotAllowedError, NotFoundError
from tagcast.features.core.messages import msg
from tagcast.features.core.validation import near
from tagcast.pipelines.project.local_user import key_given
from tagcast.pipelines.project.progress import log
from tagcast.pipelines.public.audiences import Audience
from tagcast.pipelines.public.opened import Day, Opened, day_of
from tagcast.registry.access.access_log import record_access
from tagcast.registry.access.origin import check_purpose

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa

    from tagcast.pipelines.scoring.run_summary import ScoringRun
    from tagcast.registry.access.roles import Person
    from tagcast.serving.profiles.profile_query import ProfileView

PREDICTION_COLUMNS = (
    "profile_id", "value", "score", "lower", "upper", "confidence", "percentile", "band", "unknown_because", "reasons",
)  # fmt: skip


class RunMethods(Opened):
    """Methods that make runs and read the active one."""

    def score(
        self,
        tags: Sequence[str] | None = None,
        as_of: Day | None = None,
        *,
        out: str | Path | None = None,
        reasons: Literal["all", "none"] = "all",
        force_reason: str = "",
        now: datetime | None = None,
    ) -> ScoringRun:
        """Score everyone with each champion and publish a new run.

        Parameters
        ----------
        tags : sequence of str, optional
            Tags or families. Default: every champion and rule.
        as_of : date or str, optional
            Default: the day after the last event.
        out : str or Path, optional
            Also write the predictions to this Parquet file, one row a profile and tag.
        reasons : {"all", "none"}
            Whether to give reasons.
        force_reason : str
            Why the run may differ from the last one by more than ``[publish]`` allows.
        now : datetime, optional
            Moment for the records. Default: the clock.

        Returns
        -------
        ScoringRun
            ``run_id``, ``as_of``, ``profiles``, and each of its ``tags``.

        Raises
        ------
        RunRefusedError
            When it differs by more, and no reason is given. The run before stays active.
        NotAllowedError
            For a key in ``TAGCAST_KEY`` that does not work, or whose role may not do this.

        Examples
        --------
        >>> project.score(as_of="2017-12-02").profiles  # doctest: +SKIP
        2469
        """
        from tagcast.pipelines.scoring.run import score_run

        with self._working("operate", now) as (project, moment, _):
            return score_run(
                project,
                tags,
                as_of=day_of(as_of),
                now=moment,
                out=None if out is None else Path(out),
                reasons=reasons,
                force_reason=force_reason,
            )

    @overload
    def predictions(self, tag: str, *, as_arrow: Literal[False] = ..., now: datetime | None = ...) -> pd.DataFrame: ...  # fmt: skip
    @overload
    def predictions(self, tag: str, *, as_arrow: Literal[True], now: datetime | None = ...) -> pa.Table: ...
    def predictions(
        self, tag: str, *, as_arrow: bool = False, now: datetime | None = None
    ) -> pd.DataFrame | pa.Table:
        """Return what the active run predicts of a tag.

        Parameters
        ----------
        tag : str
            One tag of the run.
        as_arrow : bool
            Return an Arrow table.
        now : datetime, optional
            When this happens: a tag that has expired by then is warned of in the log. Default: the clock.

        Returns
        -------
        DataFrame or pyarrow.Table
            One row a profile of the tag's population by rising ``profile_id``: ``value``, ``score``, ``lower``, ``upper``,
            ``confidence``, ``percentile``, ``band``, ``unknown_because`` (empty where the value is known), and ``reasons``, a
            list of ``feature``, ``value`` and ``contribution``.

        Raises
        ------
        NotFoundError
            When the active run has no such tag.
        NotAllowedError
            For a key in ``TAGCAST_KEY`` that does not work, or whose role may not look at profiles, or at this tag.

        Examples
        --------
        >>> frame = project.predictions("churn_risk")  # doctest: +SKIP
        >>> frame["value"].value_counts()  # doctest: +SKIP
        """
        from tagcast.serving.audiences.queries import expired_sentences, expired_tags
        from tagcast.serving.store.long_form import predictions

        with self._working("profiles", now) as (project, moment, person):
            check_purpose(needed=project.settings.access.ask_purpose)
            if key_given():
                self._check_visible(tag, person, moment)
            with project.store.reader() as everybody:
                reader = self._seen(person, moment)(everybody)
                known = sorted(one.tag for one in reader.manifest.run.tags)
                if tag not in known:
                    raise NotFoundError(
                        msg("the active run has no tag {tag!r}", tag=tag), hint=near(tag, known)
                    )
                for sentence in expired_sentences(expired_tags(reader, [tag], moment), moment):
                    log.warning(sentence)
                table = predictions(reader, tag).select(list(PREDICTION_COLUMNS))
            record_access(
                project.state,
                now=moment,
                who=person.name,
                kind="predictions",
                # Of who sees some only it says whom: nobody else was shown.
                ids=table.column("profile_id").to_pylist() if person.limits else (),
                everyone=None if person.limits else table.num_rows,
                detail={"tag": tag},
            )
        return table if as_arrow else table.to_pandas()

    def audience(self, filter: str, *, now: datetime | None = None) -> Audience:  # noqa: A002
        """Return the profiles that a filter finds in the active run, to be counted, read and portrayed.

        Parameters
        ----------
        filter : str
            Such as ``"churn_risk = 'yes' AND churn_risk.confidence >= 0.6"``.
        now : datetime, optional
            When it is asked: tags that have expired are unknown. Default: the clock, at each question.

        Returns
        -------
        Audience
            Nothing is counted yet.

        Raises
        ------
        FilterError
            Where the filter is wrong; it knows the position.
        StoreError
            When nothing was published yet.

        Examples
        --------
        >>> project.audience("churn_risk = 'yes'").count().members  # doctest: +SKIP
        112
        """
        return Audience(self._project, filter, now, self._purpose)

    def promise(self, *, now: datetime | None = None) -> pd.DataFrame:
        """Compare what each tag's newest run whose window is over promised with what happened.

        Parameters
        ----------
        now : datetime, optional
            When this happens. Default: the clock.

        Returns
        -------
        DataFrame
            A row a tag and level of confidence: ``tag``, ``version``, ``as_of``, ``due``, ``at_least`` (confidence from
            which values count), ``predicted`` (values), ``promised`` (their mean confidence), ``right`` (share that came
            true), ``gone`` (values that are not judged: their profiles are no longer in the data), ``observed`` (False while
            no stored run's window is over: then it is the model's test snapshot).

        Raises
        ------
        StoreError
            When nothing was published yet.
        NotAllowedError
            For a key in ``TAGCAST_KEY`` that does not work, or whose role may not do this.

        Examples
        --------
        >>> project.promise()[["tag", "at_least", "promised", "right"]]  # doctest: +SKIP
        """
        import pandas as pd

        from tagcast.pipelines.evaluation.observed_accuracy import promise_beside_reality

        with self._working("operate", now) as (project, _, _):
            return pd.DataFrame([asdict(row) for row in promise_beside_reality(project)])

    def profile(self, profile_id: str, *, now: datetime | None = None) -> ProfileView:
        """Return what the active run predicts for one profile.

        Parameters
        ----------
        profile_id : str
            The id it has now, or one that it had before its account was merged.
        now : datetime, optional
            When this happens. Default: the clock.

        Returns
        -------
        ProfileView
            ``attributes``, and ``predictions`` with value, score, confidence and reasons of each tag.

        Raises
        ------
        NotFoundError
            When there is no such profile.
        NotAllowedError
            For a key in ``TAGCAST_KEY`` that does not work, or whose role may not do this.

        Examples
        --------
        >>> project.profile("1228").attributes  # doctest: +SKIP
        """
        from tagcast.pipelines.profiles import active_view
        from tagcast.serving.audiences.filter_resolution import columns_of

        with self._working("profiles", now) as (project, moment, person):
            visible = columns_of(self._context(moment), person) if key_given() else None
            view, _ = active_view(project, person, profile_id, moment, self._seen(person, moment), visible)
        return view

    def _check_visible(self, tag: str, person: Person, moment: datetime) -> None:
        """Refuse a tag of the active run that is not for whose key is given: sensitive, or not published."""
        from tagcast.serving.audiences.filter_resolution import columns_of
        from tagcast.serving.catalog.known_tags import find_tag

        context = self._context(moment)
        if tag in columns_of(context, person).tags:
            return
        known = find_tag(context, person, tag)  # raises where there is none, or it is sensitive
        if known.run is not None:
            raise NotAllowedError(
                msg("{tag} is not published", tag=tag),
                hint=msg("who may review tags sees it, and can publish it"),
            )

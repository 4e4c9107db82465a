"""Data of a project as frames: is it ready, what was known on a day, and what a tag learns from."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Literal, overload

from tagcast.pipelines.public.opened import Day, Opened, day_of
from tagcast.registry.access.access_log import record_access
from tagcast.registry.access.origin import check_purpose

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa

    from tagcast.pipelines.training.readiness import ProjectReadiness


class DataMethods(Opened):
    """Methods that read a project's data."""

    def check(self, as_of: Day | None = None, *, now: datetime | None = None) -> ProjectReadiness:
        """Read the sources and report whether they are ready to train on; nothing is changed.

        Parameters
        ----------
        as_of : date or str, optional
            As if today were this day. Default: the day after the last event.
        now : datetime, optional
            When this happens. Default: the clock.

        Returns
        -------
        ProjectReadiness
            ``has_errors``, ``sources``, ``tags`` and ``views``.

        Raises
        ------
        NotAllowedError
            For a key in ``TAGCAST_KEY`` that does not work, or whose role may not do this.

        Examples
        --------
        >>> report = project.check("2017-12-02")  # doctest: +SKIP
        >>> report.has_errors  # doctest: +SKIP
        False
        """
        from tagcast.pipelines.training.readiness import check_project

        with self._working("operate", now) as (project, _, _):
            return check_project(project, day_of(as_of))

    @overload
    def features(
        self, as_of: Day | None = ..., *, views: Sequence[str] | None = ..., columns: Sequence[str] | None = ...,
        category: str | None = ..., of: Mapping[str, str] | None = ..., as_arrow: Literal[False] = ..., now: datetime | None = ...,
    ) -> pd.DataFrame: ...  # fmt: skip
    @overload
    def features(
        self, as_of: Day | None = ..., *, views: Sequence[str] | None = ..., columns: Sequence[str] | None = ...,
        category: str | None = ..., of: Mapping[str, str] | None = ..., as_arrow: Literal[True], now: datetime | None = ...,
    ) -> pa.Table: ...  # fmt: skip
    def features(
        self,
        as_of: Day | None = None,
        *,
        views: Sequence[str] | None = None,
        columns: Sequence[str] | None = None,
        category: str | None = None,
        of: Mapping[str, str] | None = None,
        as_arrow: bool = False,
        now: datetime | None = None,
    ) -> pd.DataFrame | pa.Table:
        """Return what was known of every profile before a day; its snapshot is built where it is not there.

        Parameters
        ----------
        as_of : date or str, optional
            Nothing at or after this day counts. Default: the day after the last event.
        views : sequence of str, optional
            Only features of these views, such as ``profile_activity`` or one that the project declares.
        columns : sequence of str, optional
            Only these features.
        category : str, optional
            Also the features of profiles in this category, as tags of one category learn from them.
        of : mapping of str to str, optional
            The same of one of an entity: ``{"fund": "F001"}``.
        as_arrow : bool
            Return an Arrow table.
        now : datetime, optional
            When this happens. Default: the clock.

        Returns
        -------
        DataFrame or pyarrow.Table
            One row a profile by rising ``profile_id``, then the features; what is not known is NaN, in Arrow null.

        Raises
        ------
        DataError
            When the day lies after the data, or before all of them.
        DefinitionError
            For a view, feature or category that is not there, with the nearest name.
        NotAllowedError
            For a key in ``TAGCAST_KEY`` that does not work, or whose role may not do this.

        See Also
        --------
        feature_batches : The same for more profiles than memory holds.

        Examples
        --------
        >>> frame = project.features("2017-12-02", columns=["recency_days", "spend_90d"])  # doctest: +SKIP
        >>> frame.describe()  # doctest: +SKIP
        """
        table = self.feature_batches(
            as_of, views=views, columns=columns, category=category, of=of, now=now
        ).read_all()
        return table if as_arrow else table.to_pandas()

    def feature_batches(
        self,
        as_of: Day | None = None,
        *,
        views: Sequence[str] | None = None,
        columns: Sequence[str] | None = None,
        category: str | None = None,
        of: Mapping[str, str] | None = None,
        batch_rows: int = 65_536,
        now: datetime | None = None,
    ) -> pa.RecordBatchReader:
        """Return what :meth:`features` returns batch by batch: memory holds one, however many profiles there are.

        Parameters
        ----------
        as_of, views, columns, category, of, now
            As of :meth:`features`.
        batch_rows : int
            Profiles a batch.

        Returns
        -------
        pyarrow.RecordBatchReader
            To be read once.

        Raises
        ------
        TagcastError
            As of :meth:`features`.

        Examples
        --------
        >>> for batch in project.feature_batches("2017-12-02"):  # doctest: +SKIP
        ...     print(batch.num_rows)
        """
        from tagcast.models.definitions.base import pair_of
        from tagcast.pipelines.snapshots import snapshot_batches

        with self._working("operate", now) as (project, moment, person):
            check_purpose(needed=project.settings.access.ask_purpose)
            batches = snapshot_batches(
                project,
                day_of(as_of),
                views=views,
                columns=columns,
                pair=pair_of(category, of),
                batch_rows=batch_rows,
            )
            record_access(project.state, now=moment, who=person.name, kind="features", everyone=0)
            return batches

    def training_frame(
        self, tag: str, as_of: Day | None = None, *, now: datetime | None = None
    ) -> pd.DataFrame:
        """Return the rows that :meth:`tagcast.Project.train` learns a tag from: labels, weights and features.

        Parameters
        ----------
        tag : str
            One tag.
        as_of : date or str, optional
            Nothing at or after this day is read. Default: the day after the last event.
        now : datetime, optional
            When this happens. Default: the clock.

        Returns
        -------
        DataFrame
            One row a profile and snapshot: ``profile_id``; ``as_of``, the snapshot; ``role``; ``y``, the outcome as 0 or 1 (of
            an amount whether there was any, and the ``amount``); ``approached``, whether a campaign did within the window, where
            the tag learns from those too; ``weight``, how many rows it stands for where they were
            drawn; then the features. The role is ``train``, ``validation`` (candidates are measured on it), ``test`` (measures
            the model and nothing else) or ``final``: its window reaches beyond the day of the test snapshot, so that only the model
            that is kept in the end learns from it. To measure on ``test``, fit on ``train`` and ``validation`` alone.

        Raises
        ------
        TagcastError
            Where the tag cannot be trained.
        NotAllowedError
            For a key in ``TAGCAST_KEY`` that does not work, or whose role may not do this.

        Examples
        --------
        >>> frame = project.training_frame("churn_risk", "2017-12-02")  # doctest: +SKIP
        >>> frame.groupby(["as_of", "role"])["y"].mean()  # doctest: +SKIP
        """
        import numpy as np
        import pandas as pd

        from tagcast.pipelines.training.train import tag_frame

        self._check_entity(tag)
        with self._working("operate", now) as (project, moment, person):
            check_purpose(needed=project.settings.access.ask_purpose)
            plan, frame = tag_frame(project, tag, day_of(as_of))
            record_access(
                project.state,
                now=moment,
                who=person.name,
                kind="training",
                everyone=len(frame.y),
                detail={"tag": tag},
            )
        days = pd.Series(frame.as_of.astype(object))
        about = {
            "profile_id": frame.profile_id,
            "as_of": days,
            "role": days.map(plan.split.roles),
            "y": frame.y,
            **({} if frame.amount is None else {"amount": frame.amount}),
            **({} if frame.treated is None else {"treated": frame.treated}),
            **({} if frame.approached is None else {"approached": frame.approached}),
            "weight": np.ones(len(frame.y)) if frame.weight is None else frame.weight,
        }
        return pd.concat([pd.DataFrame(about), frame.X], axis=1)

"""An audience at the public door: a filter over the active run, counted, read and portrayed."""

from __future__ import annotations

from dataclasses import asdict
from datetime import datetime
from html import escape
from typing import TYPE_CHECKING

from tagcast.features.core.errors import TagcastError
from tagcast.features.core.messages import language_of, msg, render
from tagcast.pipelines.audiences import outcome_of, portrait_of, show_audience
from tagcast.pipelines.project.local_user import caller, local_origin
from tagcast.pipelines.public.opened import context_at, moment_of, valid_at
from tagcast.registry.access.origin import asked_from

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pandas as pd

    from tagcast.pipelines.project import project as behind
    from tagcast.registry.access.roles import Person
    from tagcast.serving.audiences.queries import AudienceCount
    from tagcast.serving.context import ServiceContext


class Audience:
    """The profiles that a filter finds in the active run.

    :meth:`tagcast.Project.audience` makes it. It holds the filter alone: each method asks the run that is active then.

    Examples
    --------
    >>> quitting = project.audience("churn_risk = 'yes' AND churn_risk.confidence >= 0.6")  # doctest: +SKIP
    >>> quitting.count().members  # doctest: +SKIP
    45
    >>> quitting.to_pandas(limit=3)  # doctest: +SKIP
    >>> quitting.portrait().head()  # doctest: +SKIP
    """

    def __init__(
        self,
        project: behind.Project,
        filter: str,  # noqa: A002
        now: datetime | None = None,
        purpose: str | None = None,
    ) -> None:
        from tagcast.serving.audiences.service import parse_for

        self.filter = filter
        self._project = project
        self._now = now
        self._purpose = purpose
        parse_for(*self._asked(), filter)  # what is wrong with it is shown where it is written

    def count(self) -> AudienceCount:
        """Count the members.

        Returns
        -------
        AudienceCount
            ``members`` of ``base`` profiles, their ``share``, and the ``mean_confidence`` of each tag in the filter.

        Raises
        ------
        NotAllowedError
            For a key in ``TAGCAST_KEY`` that does not work, or whose role may not do this.

        Examples
        --------
        >>> project.audience("churn_risk = 'yes'").count().members  # doctest: +SKIP
        112
        """
        from tagcast.serving.audiences.service import count, parse_for

        context, person = self._asked()
        return count(context, person, parse_for(context, person, self.filter))

    def outcome(self, tags: Sequence[str] | None = None) -> pd.DataFrame:
        """Return what to expect of the members by each outcome, against as many at random.

        Parameters
        ----------
        tags : sequence of str, optional
            By these tags alone. Default: those of the filter, or those that are used most.

        Returns
        -------
        DataFrame
            A row a tag: ``tag``, ``kind``, ``members``, ``covered`` (with a score), ``unknown``, ``expected`` (how many it comes
            for, or what they spend), ``low`` and ``high`` (95 % range), ``times`` (the mean of everybody), ``share_of_all``, and the
            ``sentence``.

        Raises
        ------
        TagcastError
            For one of ``tags`` that predicts nothing in the active run.
        NotAllowedError
            For a key in ``TAGCAST_KEY`` that does not work, or whose role may not look at single profiles.

        Examples
        --------
        >>> project.audience("churn_risk.percentile >= 80").outcome().loc[0, "sentence"]  # doctest: +SKIP
        'About 189 of these 464 will stop buying within 30 days, 3.0 times as many as among 464 at random; …'
        """
        import pandas as pd

        context, person = self._asked()
        found = outcome_of(context, person, self.filter, tags).outcome
        figures = ("tag", "kind", "members", "covered", "unknown", "expected", "low", "high")
        language = language_of()
        rows = [
            {
                **{name: getattr(one.outcome, name) for name in figures},
                "times": one.times,
                "share_of_all": one.share_of_all,
                "sentence": one.sentence[language],
            }
            for one in found.outcomes
        ]
        return pd.DataFrame(rows, columns=[*figures, "times", "share_of_all", "sentence"])

    def to_pandas(self, limit: int | None = None, seed: int | None = None) -> pd.DataFrame:
        """Return the members, one row a profile.

        Parameters
        ----------
        limit : int, optional
            Most rows. Default: all members.
        seed : int, optional
            Draw them at random, the same ones for the same number. Default: by rising id.

        Returns
        -------
        DataFrame
            ``profile_id``, the attributes, and value, score and confidence of each tag in the filter.

        Raises
        ------
        NotAllowedError
            For a key in ``TAGCAST_KEY`` that does not work, or whose role may not look at profiles.

        Examples
        --------
        >>> project.audience("churn_risk = 'yes'").to_pandas(limit=20, seed=1)  # doctest: +SKIP
        """
        import pandas as pd

        from tagcast.serving.filters.row_rights import reader_for

        context, person = self._asked()
        if limit is None:
            with reader_for(context, person) as reader:
                limit = max(1, reader.manifest.profiles)
        with asked_from(local_origin("python", self._purpose)):
            rows, _ = show_audience(context, person, self.filter, limit, seed)
        return pd.DataFrame(rows) if rows else pd.DataFrame({"profile_id": []}, dtype=object)

    def portrait(self, against: str | Audience | None = None) -> pd.DataFrame:
        """Return what sets the members apart from everyone, or from another audience.

        Parameters
        ----------
        against : str or Audience, optional
            The other audience. Default: everyone.

        Returns
        -------
        DataFrame
            A row a level of a fact, an attribute or a tag, by field: ``field``, ``kind``, ``level``, ``members``, ``share``,
            ``against``, ``against_share``, ``index`` (100 times one share by the other; 100 is the same), ``low`` and ``high``
            (its 95 % interval), ``clear`` (whether it differs from 100, judged with all others) and ``own`` (whether the filter
            itself says something of the field).

        Raises
        ------
        FilterError
            Where the other filter is wrong.
        NotAllowedError
            For a key in ``TAGCAST_KEY`` that does not work, or whose role may not do this.

        Examples
        --------
        >>> found = project.audience("churn_risk = 'yes'").portrait()  # doctest: +SKIP
        >>> found.sort_values("index", ascending=False).head()  # doctest: +SKIP
        """
        import pandas as pd

        context, person = self._asked()
        other = against.filter if isinstance(against, Audience) else against
        with asked_from(local_origin("python", self._purpose)):
            found = portrait_of(context, person, self.filter, other)
        return pd.DataFrame([asdict(row) for row in found.rows])

    def _asked(self) -> tuple[ServiceContext, Person]:
        """Return what is asked, and who asks."""
        moment = moment_of(self._now)
        context = context_at(self._project, moment)
        return context, caller(context.accounts, valid_at(moment))

    def __repr__(self) -> str:
        return f"<Audience {self.filter!r}>"

    def _repr_html_(self) -> str:
        try:
            found = self.count()
            size = msg("{members:,} of {base:,} profiles", members=found.members, base=found.base)
        except TagcastError as error:  # to look at it is no reason to stop a notebook
            return f"<code>{escape(self.filter)}</code><br>{escape(render(error.message, language_of()))}"
        return f"<code>{escape(self.filter)}</code><br>{escape(render(size, language_of()))}"

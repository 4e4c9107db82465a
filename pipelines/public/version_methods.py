"""Versions of models: listed, seen in their plots, and promoted."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any

from tagcast.features.core.messages import language_of, render
from tagcast.pipelines.public.opened import Opened
from tagcast.pipelines.public.plots import Plots, pictured

if TYPE_CHECKING:
    import pandas as pd

    from tagcast.registry.access.roles import Person


class VersionMethods(Opened):
    """Methods that look at versions and decide about them."""

    def versions(self, tag: str | None = None, *, now: datetime | None = None) -> pd.DataFrame:
        """Return the model versions, newest first within a tag.

        Parameters
        ----------
        tag : str, optional
            One tag, or the stem of a family. Default: all.
        now : datetime, optional
            When this happens. Default: the clock.

        Returns
        -------
        DataFrame
            ``tag``, ``kind``, ``version``, ``aliases``, ``created``, ``metrics`` (a dict), ``decision``, ``reason``,
            ``checks``, ``reservations``, ``shadow`` (a dict: how a challenger stands beside the champion, else None).

        Raises
        ------
        ModelError
            When nothing was trained yet.
        NotAllowedError
            For a key in ``TAGCAST_KEY`` that does not work.

        Examples
        --------
        >>> project.versions("churn_risk")[["version", "aliases", "decision"]]  # doctest: +SKIP
        """
        import pandas as pd

        from tagcast.pipelines.deployment.model_versions import list_models

        with self._working("see", now) as (project, moment, person):
            hidden = self._hidden(person, moment)
            rows = [v.to_dict() for v in list_models(project, tag) if v.tag not in hidden]
        frame = pd.DataFrame(rows)
        return frame.assign(reason=[render(row["reason"], language_of()) for row in rows]) if rows else frame

    def plots(self, tag: str, *, now: datetime | None = None) -> Plots:
        """Return the plots that training left with the champion of a tag, or with its newest version.

        Parameters
        ----------
        tag : str
            One tag.
        now : datetime, optional
            When this happens. Default: the clock.

        Returns
        -------
        Plots
            Figures by name (``calibration``, ``lift``, ``shap_summary`` …), each showing the picture that was kept. Those of a
            fresh :class:`tagcast.Training` are drawn anew.

        Raises
        ------
        TagcastError
            When there is no version, or the tag is not for whose key is given.

        Examples
        --------
        >>> project.plots("churn_risk")["lift"]  # doctest: +SKIP
        """
        from tagcast.pipelines.project.versions import registered_versions
        from tagcast.serving.catalog.known_tags import find_tag
        from tagcast.serving.catalog.stored_models import plot_png, plots_of

        with self._working("see", now) as (project, moment, person):
            known = registered_versions(project, tag)
            context = self._context(moment)
            if tag in self._hidden(person, moment):
                find_tag(context, person, tag)  # raises, with what helps
            version = next((v for v in known if "champion" in v.aliases), known[0])
            return Plots(
                {name: pictured(plot_png(context, version, name)) for name in plots_of(context, version)}
            )

    def promote(
        self, tag: str, version: int, *, reason: str, force: bool = False, now: datetime | None = None
    ) -> dict[str, Any]:
        """Make a version the champion of its tag by hand; who, when and why are recorded.

        Who decides is the user of the system, or whose key is in ``TAGCAST_KEY``.

        Parameters
        ----------
        tag : str
        version : int
        reason : str
            Why; it is kept with the decision.
        force : bool
            Although checks of the gate failed; recorded with them.
        now : datetime, optional
            Moment for the records. Default: the clock.

        Returns
        -------
        dict
            ``action`` is ``promoted``, or ``proposed`` where a second person has to approve it.

        Raises
        ------
        ModelError
            When there is no such version, or checks of the gate failed and ``force`` is not given.
        NotAllowedError
            For a key without the right to review.

        Examples
        --------
        >>> project.promote("churn_risk", 2, reason="read the card")["action"]  # doctest: +SKIP
        'promoted'
        """
        from tagcast.pipelines.deployment.model_versions import promote_version

        with self._working("review", now) as (project, moment, person):
            return promote_version(
                project, tag, version, by=person.name, reason=reason, now=moment, force=force
            )

    def _hidden(self, person: Person, moment: datetime) -> frozenset[str]:
        """Return the tags that are marked sensitive and not for ``person``."""
        from tagcast.serving.catalog.known_tags import hidden_tags

        return frozenset() if person.may("sensitive") else hidden_tags(self._context(moment), person)

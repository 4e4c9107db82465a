"""Audiences and profiles at the public door."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tagcast.pipelines.project.clock import clock
from tagcast.pipelines.project.local_user import caller, key_given, require_right
from tagcast.pipelines.project.project import Project

if TYPE_CHECKING:
    import pandas as pd

    from tagcast.serving.audiences.queries import AudienceCount
    from tagcast.serving.context import ServiceContext
    from tagcast.serving.profiles.profile_query import ProfileView


def count(project: Project, filter: str) -> AudienceCount:  # noqa: A002
    """Count the profiles that a filter finds.

    Parameters
    ----------
    project : Project
    filter : str
        Such as ``"churn_risk = 'yes' AND churn_risk.confidence >= 0.6"``.

    Returns
    -------
    AudienceCount
        ``members`` of ``base`` profiles, and the ``mean_confidence`` of each tag in the filter.

    Raises
    ------
    FilterError
        Where the filter is wrong; it knows the position.
    """
    from tagcast.serving.audiences.service import count as count_members
    from tagcast.serving.audiences.service import parse_for

    context = _context(project)
    person = caller(context.accounts, context.now)
    return count_members(context, person, parse_for(context, person, filter))


def members(project: Project, filter: str, limit: int = 20, seed: int | None = None) -> pd.DataFrame:  # noqa: A002
    """Return some of the profiles that a filter finds.

    Parameters
    ----------
    project : Project
    filter : str
    limit : int
        Most rows.
    seed : int, optional
        Draw them at random, the same ones for the same number. Default: the first by id.

    Returns
    -------
    DataFrame
        ``profile_id``, attributes, and the parts of each tag.
    """
    import pandas as pd

    from tagcast.pipelines.audiences import show_audience

    context = _context(project)
    rows, _ = show_audience(context, caller(context.accounts, context.now), filter, limit, seed)
    return pd.DataFrame(rows)


def profile(project: Project, profile_id: str) -> ProfileView:
    """Return what the active run predicts for one profile.

    Parameters
    ----------
    project : Project
    profile_id : str
        The id it has now, or one that it had before its account was merged.

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
    """
    from tagcast.pipelines.profiles import active_view
    from tagcast.serving.audiences.filter_resolution import columns_of

    person = require_right(project, "profiles", clock())
    visible = columns_of(_context(project), person) if key_given() else None
    view, _ = active_view(project, profile_id, visible)
    return view


def _context(project: Project) -> ServiceContext:
    from tagcast.serving.context import open_context

    return open_context(project.settings, clock)

"""A project, and its checks, runs and promises at the public door.

Tables are pandas frames, single results the dataclasses that the commands print. Each function does what the command
of its name does.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from datetime import date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from tagcast.pipelines.project.clock import clock
from tagcast.pipelines.project.local_user import require_right
from tagcast.pipelines.project.progress import Progress, quiet
from tagcast.pipelines.project.project import Project

if TYPE_CHECKING:
    import pandas as pd

    from tagcast.pipelines.scoring.run_summary import ScoringRun
    from tagcast.pipelines.training.readiness import ProjectReadiness


def open_project(
    config: str | Path | None = None, home: str | Path | None = None, *, progress: Progress = quiet
) -> Project:
    """Open a project; nothing is read or built yet.

    Parameters
    ----------
    config : str or Path, optional
        Its ``tagcast.toml``. Default: the one in the working directory or above.
    home : str or Path, optional
        Folder that keeps everything made. Default: ``TAGCAST_HOME``, else ``.tagcast`` beside the configuration.
    progress : callable, optional
        Called as ``progress(stage, done, total)`` while something takes long.

    Returns
    -------
    Project
        To be given to the other functions.

    Raises
    ------
    ConfigError
        When there is no configuration, or it is wrong.

    Examples
    --------
    >>> import tagcast
    >>> project = tagcast.open_project("tagcast.toml")
    >>> project.settings.name
    'completejourney'
    """
    from tagcast.features.core.settings import load_settings
    from tagcast.features.core.system import warn_of_open_home

    where, kept = (None if path is None else Path(path) for path in (config, home))
    settings = load_settings(where, kept, Path.cwd())
    warn_of_open_home(settings.home)
    return Project(settings, progress)


def check(project: Project, as_of: date | None = None) -> ProjectReadiness:
    """Read the sources and report whether they are ready to train on; nothing is changed.

    Parameters
    ----------
    project : Project
    as_of : date, optional
        As if today were this day. Default: the day after the last event.

    Returns
    -------
    ProjectReadiness
        ``has_errors``, ``sources`` and ``tags``.
    """
    from tagcast.pipelines.training.readiness import check_project

    require_right(project, "operate", clock())
    return check_project(project, as_of)


def score(
    project: Project,
    tags: Sequence[str] | None = None,
    *,
    as_of: date | None = None,
    out: str | Path | None = None,
    reasons: Literal["all", "none"] = "all",
    force_reason: str = "",
    now: datetime | None = None,
) -> ScoringRun:
    """Score everyone with each champion and publish a new run.

    Parameters
    ----------
    project : Project
    tags : sequence of str, optional
        Tags or families; default: every champion and rule.
    as_of : date, optional
        Default: the day after the last event.
    out : str or Path, optional
        Also write the predictions to this Parquet file, one row a profile and tag.
    reasons : {"all", "none"}
        Whether to give reasons.
    force_reason : str
        Why the run may differ from the last one by more than ``[publish]`` allows.
    now : datetime, optional
        Default: the clock.

    Returns
    -------
    ScoringRun

    Raises
    ------
    RunRefusedError
        When it differs by more, and no reason is given. The run before stays active.
    NotAllowedError
        For a key in ``TAGCAST_KEY`` that does not work, or whose role may not do this.
    """
    from tagcast.pipelines.scoring.run import score_run

    require_right(project, "operate", clock())
    return score_run(
        project,
        tags,
        as_of=as_of,
        now=now or clock(),
        out=None if out is None else Path(out),
        reasons=reasons,
        force_reason=force_reason,
    )


def promise(project: Project) -> pd.DataFrame:
    """Compare what each tag's newest run whose window is over promised with what happened.

    Parameters
    ----------
    project : Project

    Returns
    -------
    DataFrame
        A row a tag and level of confidence: ``tag``, ``version``, ``as_of``, ``due``, ``at_least`` (confidence from
        which values count), ``predicted`` (values), ``promised`` (their mean confidence), ``right`` (share that came true),
        ``gone`` (values that are not judged: their profiles are no longer in the data), ``observed`` (False while no
        stored run's window is over: then it is the model's test snapshot).
    """
    import pandas as pd

    from tagcast.pipelines.evaluation.observed_accuracy import promise_beside_reality

    require_right(project, "operate", clock())
    return pd.DataFrame([asdict(row) for row in promise_beside_reality(project)])

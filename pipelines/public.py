"""What `import tagcast` offers: a project, and the steps of the command line as functions.

Tables are pandas frames, single results the dataclasses that the commands print. Each function does what the command
of its name does.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from datetime import date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from tagcast.pipelines.project.clock import clock
from tagcast.pipelines.project.local_user import local_user, system_user
from tagcast.pipelines.project.progress import Progress, quiet
from tagcast.pipelines.project.project import Project

if TYPE_CHECKING:
    import pandas as pd

    from tagcast.models.artifacts.trained_model import TrainedModel
    from tagcast.pipelines.scoring.run_summary import ScoringRun
    from tagcast.pipelines.training.readiness import ProjectReadiness
    from tagcast.pipelines.training.registration import TrainedTag
    from tagcast.serving.audiences.queries import AudienceCount
    from tagcast.serving.context import ServiceContext
    from tagcast.serving.profiles.profile_query import ProfileView

__all__ = [
    "Project",
    "check",
    "count",
    "load_model_bundle",
    "members",
    "open_project",
    "plots",
    "profile",
    "promise",
    "promote",
    "score",
    "train",
    "versions",
]


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

    where, kept = (None if path is None else Path(path) for path in (config, home))
    return Project(load_settings(where, kept, Path.cwd()), progress)


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

    return check_project(project, as_of)


def train(
    project: Project,
    tags: Sequence[str] | None = None,
    *,
    as_of: date | None = None,
    trials: int = 12,
    timeout_s: float | None = None,
    threads: int = 2,
    now: datetime | None = None,
) -> list[TrainedTag]:
    """Train tags and version the models; those that pass the gate become champions.

    Parameters
    ----------
    project : Project
    tags : sequence of str, optional
        Tags or families; default: all.
    as_of : date, optional
        Nothing at or after this day is read. Default: the day after the last event.
    trials : int
        LightGBM settings to try for each tag.
    timeout_s : float, optional
        Seconds after which to stop trying.
    threads : int
        Tags trained side by side; the models are the same for any number.
    now : datetime, optional
        Moment for the records. Default: the clock.

    Returns
    -------
    list of TrainedTag
        In order of name; a tag that cannot be trained is among them with the reason.

    Raises
    ------
    TagcastError
        When no tag at all can be trained.
    """
    from tagcast.pipelines.training.train import train_tags

    return train_tags(
        project, tags, as_of=as_of, now=now or clock(), trials=trials, timeout_s=timeout_s, threads=threads
    )


def versions(project: Project, tag: str | None = None) -> pd.DataFrame:
    """Return the model versions, newest first within a tag.

    Parameters
    ----------
    project : Project
    tag : str, optional
        One tag, or the stem of a family.

    Returns
    -------
    DataFrame
        ``tag``, ``version``, ``aliases``, ``created``, ``metrics`` (a dict), ``decision``, ``reason``, ``checks``.
    """
    import pandas as pd

    from tagcast.pipelines.deployment.model_versions import list_models

    return pd.DataFrame([version.to_dict() for version in list_models(project, tag)])


def plots(project: Project, tag: str) -> dict[str, bytes]:
    """Return the plots that training left with the champion of a tag, or with its newest version.

    Parameters
    ----------
    project : Project
    tag : str

    Returns
    -------
    dict of str to bytes
        Name (``calibration``, ``lift``, ``shap_summary`` …) to PNG.
    """
    from tagcast.pipelines.project.versions import registered_versions
    from tagcast.serving.catalog.stored_models import plot_png, plots_of

    known = registered_versions(project, tag)
    version = next((v for v in known if "champion" in v.aliases), known[0])
    context = _context(project)
    return {name: plot_png(context, version, name) for name in plots_of(context, version)}


def promote(
    project: Project,
    tag: str,
    version: int,
    *,
    reason: str,
    by: str | None = None,
    force: bool = False,
    now: datetime | None = None,
) -> dict[str, Any]:
    """Make a version the champion of its tag by hand; who, when and why are recorded.

    Parameters
    ----------
    project : Project
    tag : str
    version : int
    reason : str
        Why; it is kept with the decision.
    by : str, optional
        Who decides. Default: the user of the system.
    force : bool
        Although checks of the gate failed; recorded with them.
    now : datetime, optional
        Default: the clock.

    Returns
    -------
    dict
        ``action`` is ``promoted``, or ``proposed`` where a second person has to approve it.

    Raises
    ------
    ModelError
        When there is no such version, or checks of the gate failed and ``force`` is not given.
    """
    from tagcast.pipelines.deployment.model_versions import promote_version

    return promote_version(
        project, tag, version, by=by or system_user(), reason=reason, now=now or clock(), force=force
    )


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
    """
    from tagcast.pipelines.scoring.run import score_run

    return score_run(
        project,
        tags,
        as_of=as_of,
        now=now or clock(),
        out=None if out is None else Path(out),
        reasons=reasons,
        force_reason=force_reason,
    )


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

    context, person = _context(project), local_user()
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

    rows, _ = show_audience(_context(project), local_user(), filter, limit, seed)
    return pd.DataFrame(rows)


def profile(project: Project, profile_id: str) -> ProfileView:
    """Return what the active run predicts for one profile.

    Parameters
    ----------
    project : Project
    profile_id : str

    Returns
    -------
    ProfileView
        ``attributes``, and ``predictions`` with value, score, confidence and reasons of each tag.

    Raises
    ------
    NotFoundError
        When there is no such profile.
    """
    from tagcast.serving.profiles.profile_query import profile as read_profile

    with project.store.reader() as reader:
        return read_profile(reader, profile_id)


def promise(project: Project) -> pd.DataFrame:
    """Compare what the active run promised with what happened.

    Parameters
    ----------
    project : Project

    Returns
    -------
    DataFrame
        A row a tag and level of confidence: ``tag``, ``version``, ``as_of``, ``due``, ``at_least`` (confidence from
        which values count), ``said`` (values), ``promised`` (their mean confidence), ``right`` (share that came true),
        ``observed`` (False where the window is still open: then it is the model's test snapshot).
    """
    import pandas as pd

    from tagcast.pipelines.evaluation.observed_accuracy import promise_beside_reality

    return pd.DataFrame([asdict(row) for row in promise_beside_reality(project)])


def load_model_bundle(folder: str | Path) -> TrainedModel:
    """Read the model of a version from its files; stored MLflow models call this, and nothing else of tagcast.

    Parameters
    ----------
    folder : str or Path
        The version's ``bundle``.

    Returns
    -------
    TrainedModel
        Of either kind: ``features``, ``predict``, ``contributions``.

    Raises
    ------
    ModelError
        When a file is missing, malformed or not the one that was saved; it is named.
    """
    from tagcast.models.artifacts.loader import load_bundle

    return load_bundle(Path(folder))


def _context(project: Project) -> ServiceContext:
    from tagcast.serving.context import open_context

    return open_context(project.settings, clock)

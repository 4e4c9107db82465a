"""One run, as the command line, the demo and `import tagcast` do it alike: score, publish, and keep what is asked of it later."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from tagcast.features.core.home.publication import publication, publishing
from tagcast.pipelines.project.local_user import caller
from tagcast.pipelines.project.project import Project
from tagcast.pipelines.scoring.audience_sizes import save_sizes
from tagcast.pipelines.scoring.run_summary import ScoringRun
from tagcast.pipelines.scoring.score import score_tags
from tagcast.registry.access.access_log import record_access
from tagcast.registry.access.origin import check_purpose
from tagcast.serving.publishing.kept_predictions import keep_predictions

if TYPE_CHECKING:
    from tagcast.serving.scoring.scorer import Reasons


def score_run(
    project: Project,
    names: Sequence[str] | None,
    *,
    as_of: date | None,
    now: datetime,
    out: Path | None = None,
    reasons: Reasons = "all",
    wait_seconds: float = 0.0,
    force_reason: str = "",
) -> ScoringRun:
    """Score everyone known at ``as_of``, publish the run, save how large each saved audience is in it, and keep what it predicted.

    Parameters
    ----------
    project : Project
    names : sequence of str or None
        Tags or families; None for every champion and rule.
    as_of : date, optional
        Default: the day after the last event.
    now : datetime
        When the run happens.
    out : Path, optional
        Long form of the predictions as Parquet.
    reasons : {"all", "none"}
        Whether to give reasons.
    wait_seconds : float
        How long to wait for another run that is writing the store.
    force_reason : str
        Why the run may differ from the last one by more than the configuration allows, lack tags of it, or be of an
        older day. Without it a run of an older day is kept for the history, and the active one stays.

    Raises
    ------
    RunRefusedError
        When it differs by more or lacks tags, and no reason is given. The run before stays active.
    """
    if out is not None:
        check_purpose(needed=project.settings.access.ask_purpose)
        who = caller(project.accounts, now).name
        record_access(project.state, now=now, who=who, kind="predictions", everyone=0)
    with publication():
        run = score_tags(
            project,
            names,
            as_of=as_of,
            now=now,
            out=out,
            reasons=reasons,
            wait_seconds=wait_seconds,
            force_reason=force_reason,
        )
        if run.active_as_of is None:
            keep_of_run(project, now)
    return run


def keep_of_run(project: Project, now: datetime) -> None:
    """Keep of the active run what is asked of it later; what is kept already stays, so that a kill before the end does no harm."""
    with publication():
        publishing(project.settings.whole.home)
        save_sizes(project.settings, now)
        keep_predictions(project.store, project.state, project.settings.home)

"""The promise to audiences: random filters over the test rows, mean confidence beside what came true.

At most ``Task.broken_at_most`` of the audiences may end below their mean confidence by more than two standard
errors, and on average the realised share may exceed it by ``Task.excess_at_most``: a promise that is kept by
saying little is worth little.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from benchmarks.quality.tagcast_scores import Published
from benchmarks.quality.tasks import TaskData

if TYPE_CHECKING:
    from tagcast.pipelines.project.project import Project

AUDIENCES = 1000
WORST = 5


def promise(data: TaskData, said: Published, workspace: Project) -> dict[str, Any]:
    """Return what random audiences of one published run show, as JSON values.

    Returns
    -------
    dict
        ``audiences`` judged, ``broken_share``, ``mean_excess``, ``said_share`` (rows with a value), ``kept`` and
        the ``worst`` audiences.
    """
    import pandas as pd

    from tagcast.models.evaluation.random_audiences import audience_promise

    attributes = None
    if workspace.events.profiles_path is not None:
        known = pd.read_parquet(workspace.events.profiles_path)
        known.index = pd.Index(known["profile_id"].astype(str))
        attributes = known.drop(columns="profile_id").reindex(data.test.profile_id.tolist())
    found = audience_promise(
        data.test.X,
        attributes,
        said.value,
        said.confidence,
        said.percentile,
        data.test.y,
        audiences=AUDIENCES,
        seed=0,
    )
    task = data.task
    # NaN (no audience at all) keeps nothing.
    kept = found.broken_share <= task.broken_at_most and found.mean_excess <= task.excess_at_most
    kept |= task.may_be_unsure and said.unsure
    return {
        "audiences": found.audiences,
        "broken_share": found.broken_share,
        "broken_at_most": task.broken_at_most,
        "mean_excess": found.mean_excess,
        "excess_at_most": task.excess_at_most,
        "said_share": float((said.value != "unknown").mean()),
        "mean_confidence": float(said.confidence.mean()),
        "unsure": said.unsure,
        "kept": bool(kept),
        "worst": [
            {"filter": a.filter, "n": a.n, "confidence": a.mean_confidence, "right": a.share_right}
            for a in found.worst(WORST)
        ],
    }

"""The benchmark's tasks: which tag, trained as of which day, and the rows that every model gets.

A task's snapshots are written in the definitions under ``benchmarks/tags``. Training rows are those of the
snapshots, all labelled by the day ``now``; test rows are everyone eligible at ``now``, labelled by the window
that follows and that no model has seen.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace
from datetime import date, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from benchmarks.results import ROOT

if TYPE_CHECKING:
    from tagcast.models.training.dataset import TrainingFrame
    from tagcast.pipelines.project.project import Project, TagPlan

DATA = ROOT.parent / "shared" / "data"
"""Looked into for the data of CDNOW and Online Retail II where TAGCAST_DATA is not set."""
CONFIGS = {
    "completejourney": "tagcast.toml",
    "cdnow": "examples/cdnow/tagcast.toml",
    "online_retail": "examples/online_retail/tagcast.toml",
}


@dataclass(frozen=True)
class Task:
    """One tag, trained and scored as of ``now``.

    Parameters
    ----------
    name : str
        Unique, made for file names.
    project, tag : str
        Of ``CONFIGS``, and a tag of ``benchmarks/tags/<project>``.
    now : date
        The test snapshot.
    reference : bool
        Whether it counts in the averages.
    broken_at_most, excess_at_most : float
        Share of random audiences that may fall below their promise, and by how much the realised share may exceed
        mean confidence on average.
    may_be_unsure : bool
        Whether the promise also counts as kept where the scoring run marked the tag as unsure of its season.
    """

    name: str
    project: str
    tag: str
    now: date
    reference: bool = False
    broken_at_most: float = 0.02
    excess_at_most: float = 0.04
    may_be_unsure: bool = False


_DECEMBER, _OCTOBER = date(2017, 12, 2), date(2017, 10, 3)
_CATEGORIES = ("cheese", "soup", "eggs", "yogurt", "frozen_pizza", "cold_cereal", "beers_ales")
TASKS = (
    Task("completejourney churn 30 d", "completejourney", "churn_risk", _DECEMBER, reference=True),
    Task("completejourney value 90 d", "completejourney", "high_value", _OCTOBER, reference=True),
    Task("completejourney coffee 30 d", "completejourney", "interest.coffee", _DECEMBER, reference=True),
    Task("cdnow churn 90 d", "cdnow", "churn_risk", date(1998, 4, 1), reference=True),
    Task("cdnow value 90 d", "cdnow", "high_value", date(1998, 4, 1), reference=True),
    Task("discovery coffee 30 d", "completejourney", "discovery.coffee", _DECEMBER),
    *(
        Task(f"interest {name} 30 d", "completejourney", f"interest.{name}", _DECEMBER)
        for name in _CATEGORIES
    ),
    # Judged in a season that their data have not seen: more may be broken, and caution is no fault.
    *(
        Task(
            f"online retail {name} 90 d",
            "online_retail",
            tag,
            date(2010, 9, 11),
            broken_at_most=0.10,
            excess_at_most=1.0,
            may_be_unsure=True,
        )
        for name, tag in (("churn", "churn_risk"), ("value", "high_value"))
    ),
)


@dataclass(frozen=True)
class TaskData:
    """What every model of a task gets.

    Parameters
    ----------
    task : Task
    kind : str
        The outcome's kind, as in a tag definition.
    horizon_days : int
    train, test : TrainingFrame
        The same columns; rows sorted by (as_of, profile_id).
    history_train, history_test : ndarray of shape (n, 3)
        Repeat days (days with a purchase after the first), days from the first to the last of them, and days
        from the first to ``as_of``: what a buy-till-you-die model knows.
    """

    task: Task
    kind: str
    horizon_days: int
    train: TrainingFrame
    test: TrainingFrame
    history_train: npt.NDArray[np.float64]
    history_test: npt.NDArray[np.float64]

    @property
    def digest(self) -> str:
        """SHA-256 over all that a model can see, and what it is judged by."""
        sha = hashlib.sha256(repr((self.kind, self.horizon_days, list(self.train.X.columns))).encode())
        for frame, history in ((self.train, self.history_train), (self.test, self.history_test)):
            for part in (frame.X.to_numpy(float), frame.rfm.to_numpy(float), frame.y, history):
                sha.update(np.ascontiguousarray(part).tobytes())
            sha.update(frame.as_of.astype("int64").tobytes())
            sha.update("\n".join(frame.profile_id).encode())
        return sha.hexdigest()

    @property
    def last_fold(self) -> tuple[npt.NDArray[np.bool_], npt.NDArray[np.bool_]]:
        """Training rows to choose on (the last snapshot), and those labelled by then, as masks."""
        last = self.train.as_of.max()
        known = self.train.as_of + np.timedelta64(self.horizon_days, "D") <= last
        return known, self.train.as_of == last


def open_task_workspace(task: Task, home: Path, progress: Any) -> Project:
    """Return the task's project with the benchmark's own tag definitions."""
    from tagcast.pipelines.project.project import open_project

    workspace = open_project(ROOT / CONFIGS[task.project], home, progress)
    folder = str(ROOT / "benchmarks" / "tags" / task.project)
    workspace.settings = workspace.settings.model_copy(update={"tags": folder})
    return workspace


def task_data(task: Task, workspace: Project) -> TaskData:
    """Build training and test rows.

    Raises
    ------
    TagcastError
        When the data do not hold what the task's definition asks for.
    """
    from tagcast.models.training.splits import Split
    from tagcast.pipelines.project.project import TagPlan
    from tagcast.pipelines.training.frames import training_frames, views_read
    from tagcast.pipelines.training.labelling.labels import label_rows

    every = workspace.definitions(task.now)
    (definition,) = (d for d in every if d.name == task.tag)
    plan = workspace.plan(definition, task.now)
    feature_set = workspace.feature_set(every, task.now)
    # The last date is the test snapshot: its window is read here only, to judge.
    due = task.now + timedelta(days=definition.horizon_days)
    whole = TagPlan(definition, Split((*plan.split.snapshots, task.now), definition.horizon_days))
    labels = label_rows(workspace, whole, due)
    frames = training_frames(workspace, [whole], {task.tag: labels}, feature_set, views_read(every))
    both = frames[task.tag]
    past = both.as_of < np.datetime64(task.now)
    known = both.X.loc[past].notna().any()
    both = replace(both, X=both.X.loc[:, known])
    history = _history(workspace, whole, both)
    return TaskData(
        task,
        definition.outcome.kind,
        definition.horizon_days,
        _rows(both, past),
        _rows(both, ~past),
        history[past],
        history[~past],
    )


def _rows(frame: TrainingFrame, rows: npt.NDArray[np.bool_]) -> TrainingFrame:
    return replace(
        frame,
        X=frame.X.loc[rows].reset_index(drop=True),
        y=frame.y[rows],
        as_of=frame.as_of[rows],
        profile_id=frame.profile_id[rows],
        rfm=frame.rfm.loc[rows].reset_index(drop=True),
    )


def _history(workspace: Project, plan: TagPlan, frame: TrainingFrame) -> npt.NDArray[np.float64]:
    """Return repeat days, recency and age of each row's purchases before its snapshot."""
    events = workspace.event_table
    bought = events.filter((events.event == "purchase") & ~events.is_return)
    out = np.full((len(frame.y), 3), np.nan)
    for day in plan.split.snapshots:
        past = bought.filter(bought.event_day < day)
        seen = past.group_by("profile_id").aggregate(
            first=past.event_day.min(), last=past.event_day.max(), days=past.event_day.nunique()
        )
        table = seen.execute().set_index("profile_id")
        rows = frame.as_of == np.datetime64(day)
        # Everyone in a population has bought; a profile with returns alone stays unknown.
        mine = table.reindex(frame.profile_id[rows])
        first, last = (mine[c].to_numpy("datetime64[D]") for c in ("first", "last"))
        one = np.timedelta64(1, "D")
        out[rows, 0] = mine["days"].to_numpy(float) - 1
        out[rows, 1] = (last - first) / one
        out[rows, 2] = (np.datetime64(day) - first) / one
    return out

"""`tagcast train`: label, fetch features, learn, version, let the gate decide.

Tags are independent of one another, so they are trained side by side in processes; each model is the
same as if it were trained alone on one thread.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from datetime import date, datetime
from hashlib import sha256
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from features.errors import DataError, ModelError, TagcastError
from features.windows import FeatureSet
from models.definition_files import select
from pipelines.card_files import keep_card
from pipelines.evidence import findings_of
from pipelines.frames import check_cases, label_rows, training_frames
from pipelines.gate_inputs import GateInputs
from pipelines.jobs import Job, run_jobs
from pipelines.reporting import say, table
from pipelines.trade_off import decision_figures, trade_off_document
from pipelines.weak_segments import measured_segments
from pipelines.workspace import TagPlan, Workspace

if TYPE_CHECKING:
    import pandas as pd

    from models.training import TrainingResult
    from models.training_data import TrainingFrame
    from models.tuning import Trial
    from registry.recording import TrialRecord


@dataclass(frozen=True)
class TrainedTag:
    """What came of one tag.

    Parameters
    ----------
    tag : str
    version : int or None
        None where it was refused before training.
    alias : str
        ``champion``, ``challenger`` or empty.
    chosen : str
        The candidate that won.
    metrics : dict
        Of the test snapshot.
    rows, test : int, date or None
        Training rows and the test snapshot.
    reason : str
        Of the gate, or why there is no model.
    checks : list of dict
        The gate's checks.
    notes : tuple of str
    """

    tag: str
    version: int | None
    alias: str
    chosen: str = ""
    metrics: dict[str, float] = field(default_factory=dict)
    rows: int = 0
    test: date | None = None
    reason: str = ""
    checks: list[dict[str, Any]] = field(default_factory=list)
    notes: tuple[str, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """Return the outcome as JSON values."""
        return asdict(self)


def train_tags(
    workspace: Workspace,
    names: Sequence[str] | None,
    *,
    now: date | None,
    moment: datetime,
    trials: int = 12,
    timeout_s: float | None = None,
    threads: int = 2,
) -> list[TrainedTag]:
    """Train tags as if today were ``now`` and version the models.

    Parameters
    ----------
    workspace : Workspace
    names : sequence of str or None
        Tags or families; None for all.
    now : date, optional
        Nothing at or after it is read. Default: the day after the last event.
    moment : datetime
        When this happens, for the records.
    trials, timeout_s : int, float
        LightGBM settings to try for each tag, and seconds after which to stop.
    threads : int
        Tags trained at once.

    Returns
    -------
    list of TrainedTag
        In order of name; a tag that cannot be trained is among them with the reason.

    Raises
    ------
    TagcastError
        When no tag at all can be trained.
    """
    day = workspace.now(now)
    every = workspace.definitions(day)
    chosen = every if names is None else select(every, names)
    plans, labels, refused = _labelled(workspace, chosen, day)
    feature_set = workspace.feature_set(every, day)
    frames = training_frames(workspace, plans, labels, feature_set)
    # A file a tag: processes that create one SQLite file together race for its tables.
    studies = workspace.settings.home / "optuna"
    studies.mkdir(exist_ok=True)
    trained = []
    with TemporaryDirectory(prefix="tagcast-train-") as scratch:
        jobs = [
            Job(
                plan,
                frames[plan.definition.name],
                feature_set.spec,
                workspace.settings.seed,
                trials,
                timeout_s,
                f"sqlite:///{studies / f'{plan.definition.name}.db'}",
                Path(scratch) / str(number),
            )
            for number, plan in enumerate(plans)
        ]
        inputs = GateInputs(workspace, day, feature_set, Path(scratch) / "recounted")
        workspace.progress("training", 0, len(jobs))
        for done, (job, result) in enumerate(run_jobs(jobs, threads), start=1):
            trained.append(
                _register(workspace, job, result, inputs, moment)
                if not isinstance(result, TagcastError)
                else _refusal(job.plan.definition.name, result)
            )
            workspace.progress("training", done, len(jobs))
    if not any(t.version for t in trained):
        raise ModelError(
            "no tag could be trained: " + "; ".join(f"{t.tag}: {t.reason}" for t in [*trained, *refused])
        )
    return sorted([*trained, *refused], key=lambda t: t.tag)


def _refusal(tag: str, error: TagcastError) -> TrainedTag:
    return TrainedTag(
        tag, None, "", reason=f"{error.message} (mend: {error.mend})" if error.mend else error.message
    )


def _labelled(
    workspace: Workspace, definitions: Sequence[Any], now: date
) -> tuple[list[TagPlan], dict[str, pd.DataFrame], list[TrainedTag]]:
    """Plan and label every tag; one that cannot be labelled does not hold the others back.

    Raises
    ------
    TagcastError
        The first reason, when no tag can be labelled.
    """
    plans, labels, refused, errors = [], {}, [], []
    for done, definition in enumerate(definitions):
        workspace.progress("outcomes", done, len(definitions))
        try:
            plan = workspace.plan(definition, now)
            rows = label_rows(workspace, plan, now)
            check_cases(plan, rows)
        except (DataError, ModelError) as error:
            errors.append(error)
            refused.append(_refusal(definition.name, error))
            continue
        plans.append(plan)
        labels[definition.name] = rows
    workspace.progress("outcomes", len(definitions), len(definitions))
    if not plans:
        raise errors[0]
    return plans, labels, refused


def _register(
    workspace: Workspace, job: Job, result: TrainingResult, inputs: GateInputs, moment: datetime
) -> TrainedTag:
    from registry.decisions import settle
    from registry.gates import judge
    from registry.recording import log_version
    from registry.tracking import open_tracking

    definition, split = job.plan.definition, job.plan.split
    choices = trade_off_document(result)
    frame = job.frame
    found = findings_of(result, frame)
    tracking = open_tracking(workspace.settings.home, project=workspace.settings.name)
    version = log_version(
        tracking,
        tag=definition.name,
        bundle=job.folder,
        features=result.model.features,
        feature_set=FeatureSet.parse(job.feature_set).id,
        params={**result.best_params, "chosen": result.chosen, "trials": job.trials, "seed": job.seed},
        metrics=found.metrics,
        dataset={
            "events": {"digest": workspace.events.id, "rows": workspace.events.rows},
            "training": {
                "digest": frame_digest(frame),
                "rows": len(frame.y),
                "positives": int(frame.y.sum()),
            },
        },
        split={
            "snapshots": [str(s) for s in split.snapshots],
            "horizon_days": split.horizon_days,
            "test": str(split.test),
            "test_fold": [str(s) for s in split.test_fold.train],
            "validation": [str(f.score) for f in split.validation_folds],
        },
        figures={**found.figures, **decision_figures(choices)},
        notes=list(result.notes),
        documents={"trade_off": choices},
        trials=[trial_record(trial) for trial in result.trials],
        run_name=f"{definition.name} {split.test}",
        now=moment,
    )
    report = judge(inputs.evidence(job.plan, frame, result, tracking))
    # Before anything is decided: no champion is in force without its card.
    segments = measured_segments(result, frame, workspace.attributes())
    keep_card(tracking, version, result, frame, report, found, events=workspace.events, segments=segments)
    decision = settle(tracking, version, report, now=moment)
    return TrainedTag(
        definition.name,
        version.version,
        "champion" if decision.action == "promoted" else "challenger",
        result.chosen,
        found.metrics,
        len(frame.y),
        split.test,
        report.reason,
        report.as_dict()["checks"],
        tuple(result.notes),
    )


def trial_record(trial: Trial) -> TrialRecord:
    """Return a trial as MLflow keeps it."""
    from registry.recording import TrialRecord

    return TrialRecord(
        f"trial {trial.number}",
        "pruned" if trial.pruned else "complete",
        trial.params,
        {
            "log_loss": trial.log_loss,
            "rounds": float(trial.rounds),
            **{f"log_loss_fold_{k}": loss for k, loss in enumerate(trial.losses)},
        },
    )


def frame_digest(frame: TrainingFrame) -> str:
    """Return a SHA-256 over features and outcomes: the same training rows give the same digest."""
    digest = sha256()
    digest.update("|".join(frame.X.columns).encode())
    for part in (frame.X.to_numpy(), frame.y, frame.as_of.astype("int64")):
        digest.update(part.tobytes())
    digest.update("|".join(frame.profile_id).encode())
    return digest.hexdigest()


def render_training(trained: Sequence[TrainedTag]) -> None:
    """Print a table of the tags trained, then what the gate refused and why."""
    table(
        "Trained (metrics of the test snapshot)",
        (
            "tag",
            "version",
            "alias",
            "model",
            "test",
            "AUC",
            "RFM AUC",
            "log loss",
            "base log loss",
            "ECE",
            "lift@10%",
        ),
        [
            (
                t.tag,
                t.version,
                t.alias,
                t.chosen,
                t.test,
                *(
                    t.metrics.get(name)
                    for name in (
                        "auc",
                        "rfm_auc",
                        "log_loss",
                        "base_rate_log_loss",
                        "calibration_error",
                        "lift_at_10",
                    )
                ),
            )
            for t in trained
        ],
    )
    for t in trained:
        if t.alias != "champion":
            say(f"{t.tag}: no champion: {t.reason}")
    said: dict[str, list[str]] = {}
    for t in trained:
        for note in t.notes:
            said.setdefault(note, []).append(t.tag)
    for note, tags in said.items():
        say(f"{', '.join(tags)}: {note}")

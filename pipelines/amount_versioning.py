"""The training of an amount becomes a version: recorded with its evidence and card, then judged by the gate."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from tagcast.features.catalog.feature_set import FeatureSet
from tagcast.pipelines.cards.amount_card import keep_amount_card
from tagcast.pipelines.evidence.amount import amount_findings, amount_gate_evidence
from tagcast.pipelines.evidence.gate_inputs import GateInputs
from tagcast.pipelines.project.local_user import proposer
from tagcast.pipelines.project.project import Project
from tagcast.pipelines.training.registration import TrainedTag, dataset_of, decision_text, split_of
from tagcast.pipelines.training.workers import Job

if TYPE_CHECKING:
    from tagcast.models.training.amount import AmountResult
    from tagcast.models.training.amount_selection import AmountTrial
    from tagcast.registry.versions.recording import TrialRecord


def register_amount(
    project: Project, job: Job, result: AmountResult, inputs: GateInputs, moment: datetime
) -> TrainedTag:
    """Keep a training as a version with its card, let the gate decide, and say what came of it."""
    from tagcast.registry.gates.amount_gate import judge_amount
    from tagcast.registry.versions.promotion import settle
    from tagcast.registry.versions.recording import log_version
    from tagcast.registry.versions.tracking import open_tracking

    definition, split, frame = job.plan.definition, job.plan.split, job.frame
    found = amount_findings(result, frame)
    tracking = open_tracking(project.settings.home, project=project.settings.name)
    version = log_version(
        tracking,
        tag=definition.name,
        bundle=job.folder,
        features=result.model.features,
        feature_set=FeatureSet.parse(job.feature_set).id,
        params={**result.best_params, "chosen": result.chosen, "trials": job.trials, "seed": job.seed},
        metrics=found.metrics,
        dataset=dataset_of(project, frame),
        split=split_of(split),
        figures=found.figures,
        notes=list(result.notes),
        documents={"tiers": {"tiers": definition.levels, "confusion": result.confusion}},
        trials=[_trial_record(trial) for trial in result.trials],
        run_name=f"{definition.name} {split.test}",
        now=moment,
    )
    report = judge_amount(amount_gate_evidence(result, *inputs.gathered(job.plan, frame, result, tracking)))
    # Before anything is decided: no champion is active without its card.
    keep_amount_card(tracking, version, result, frame, report, found, events=project.events)
    decision = settle(tracking, version, report, now=moment, proposer=proposer(project.settings))
    return TrainedTag(
        definition.name,
        version.version,
        "champion" if decision.action == "promoted" else "challenger",
        result.chosen,
        found.metrics,
        len(frame.y),
        split.test,
        decision_text(decision),
        report.as_dict()["checks"],
        tuple(result.notes),
    )


def _trial_record(trial: AmountTrial) -> TrialRecord:
    """Return a trial as MLflow keeps it."""
    from tagcast.registry.versions.recording import TrialRecord

    return TrialRecord(
        f"trial {trial.number}",
        "complete",
        {"kind": trial.kind, **trial.params, "trees": trial.trees},
        {
            "rmse": sum(trial.rmse) / len(trial.rmse),
            **{f"rmse_fold_{k}": error for k, error in enumerate(trial.rmse)},
        },
    )

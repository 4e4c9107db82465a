"""A training result becomes a version: recorded with its evidence and card, then evaluated by the gate."""

from __future__ import annotations

from dataclasses import dataclass, field, fields, replace
from datetime import date, datetime
from hashlib import sha256
from typing import TYPE_CHECKING, Any

from tagcast.features.catalog.feature_set import FeatureSet
from tagcast.features.core.messages import NOTHING, Joined, Text, msg
from tagcast.pipelines.cards.card_files import keep_card
from tagcast.pipelines.evidence.findings import findings_of
from tagcast.pipelines.evidence.gate_inputs import GateInputs
from tagcast.pipelines.evidence.learner_names import model_params
from tagcast.pipelines.evidence.tag_kinds import evidence_kind
from tagcast.pipelines.evidence.thresholds import threshold_figures
from tagcast.pipelines.evidence.weak_segments import measured_segments, profile_attributes
from tagcast.pipelines.project.local_user import name_of_caller, proposer
from tagcast.pipelines.project.project import Project
from tagcast.pipelines.training.workers import Job
from tagcast.serving.catalog.definition_text import decision_words, outcome_words, population_words

if TYPE_CHECKING:
    from tagcast.models.definitions.model_tag import TagDefinition
    from tagcast.models.training.dataset import TrainingFrame
    from tagcast.models.training.result import AnyResult
    from tagcast.models.training.splits import Split
    from tagcast.registry.versions.decision_log import Decision


@dataclass(frozen=True)
class TrainedTag:
    """What came of one tag.

    Parameters
    ----------
    tag, kind : str
        Its name, and what it predicts.
    version : int or None
        None where it was refused before training.
    alias : str
        ``champion``, ``challenger`` or empty.
    chosen : str
        The candidate that won.
    metrics : dict
        Of the test snapshot.
    values : dict of str to int
        Profiles of the test snapshot by the value that they would get, unknown the last.
    rows, test : int, date or None
        Training rows and the test snapshot.
    reason : Message, Joined or str
        Of the gate, or why there is no model; says where a second person has to approve it.
    checks : list of dict
        The gate's checks.
    reservations : tuple of str
        What the gate holds against it all the same (:data:`tagcast.registry.gates.reservations.RESERVATIONS`).
    notes : tuple of Message or str
    proposed : bool
        Whether it passed the gate and waits for a second person.
    """

    tag: str
    kind: str
    version: int | None
    alias: str
    chosen: str = ""
    metrics: dict[str, float] = field(default_factory=dict)
    values: dict[str, int] = field(default_factory=dict)
    rows: int = 0
    test: date | None = None
    reason: Text | Joined = NOTHING
    checks: list[dict[str, Any]] = field(default_factory=list)
    notes: tuple[Text, ...] = ()
    reservations: tuple[str, ...] = ()
    proposed: bool = False

    def to_dict(self) -> dict[str, Any]:
        """Return the outcome by name, its reason as a message."""
        return {one.name: getattr(self, one.name) for one in fields(self)}


def register(
    project: Project, job: Job, result: AnyResult, inputs: GateInputs, moment: datetime
) -> TrainedTag:
    """Keep a training as a version with its card, let the gate decide, and say what came of it."""
    from tagcast.registry.gates.reservations import reservations
    from tagcast.registry.versions.names import Provenance
    from tagcast.registry.versions.promotion import decide_by_gate
    from tagcast.registry.versions.recording import log_version, unjudged_version
    from tagcast.registry.versions.tracking import tracking_of

    result = replace(result, notes=(*result.notes, *job.notes))
    definition, split = job.plan.definition, job.plan.split
    kind, learned, frame = evidence_kind(definition), job.frame, job.frame.unapproached
    choices = kind.thresholds(result)
    found = findings_of(result, frame)
    tracking = tracking_of(project.settings)
    version = unjudged_version(tracking, definition.name, job.folder, moment) or log_version(
        tracking,
        tag=definition.name,
        kind=definition.kind,
        bundle=job.folder,
        features=result.model.features,
        feature_set=FeatureSet.parse(job.feature_set).id,
        params={
            **model_params(result.chosen, result.best_params),
            "n_trials": job.trials,
            "random_seed": job.seed,
            "n_features": len(result.model.features),
            "horizon_days": split.horizon_days,
            "test_snapshot": split.test,
        },
        metrics=found.metrics,
        dataset=dataset_of(project, learned),
        split=split_of(split),
        figures={**found.figures, **threshold_figures(choices)},
        notes=list(result.notes),
        documents={"thresholds": choices},
        trials=[kind.trial_record(trial) for trial in result.trials],
        run_name=f"{definition.name} {split.test}",
        now=moment,
        provenance=Provenance(
            by=name_of_caller(project, moment),
            source=f"tagcast train {definition.name}",
            seconds=result.seconds,
            about=about_tag(definition),
        ),
    )
    report = inputs.report(job.plan, frame, result, found.evidence, tracking)
    # Before anything is decided: no champion is active without its card.
    segments = measured_segments(result, frame, profile_attributes(project))
    keep_card(tracking, version, result, learned, report, found, events=project.events, segments=segments)
    decision = decide_by_gate(tracking, version, report, now=moment, proposer=proposer(project, moment))
    return TrainedTag(
        definition.name,
        definition.kind,
        version.version,
        "champion" if decision.action == "promoted" else "challenger",
        result.chosen,
        found.metrics,
        found.evidence.decided.counts,
        len(learned.y),
        split.test,
        decision_text(decision),
        report.as_dict()["checks"],
        tuple(result.notes),
        reservations(report.as_dict()),
        proposed=decision.action == "proposed",
    )


def about_tag(definition: TagDefinition) -> str:
    """Return what a tag is, as Markdown: the description of its registered model."""
    d = definition
    lines = (
        f"**{d.title.both}**: {d.description.en}",
        f"Predicts: {outcome_words(d)}",
        f"For: {population_words(d)}",
        f"Decision: {decision_words(d)}",
        f"Owner: {d.owner}. Versions are made, checked and promoted by tagcast; its aliases say which is active.",
    )
    return "\n\n".join(lines)


def decision_text(decision: Decision) -> Text | Joined:
    """Return the gate's reason, and whether somebody has yet to approve."""
    if decision.action == "proposed":
        return msg("{reason}; waits for a second person: tagcast model approve", reason=decision.reason)
    return decision.reason


def dataset_of(project: Project, frame: TrainingFrame) -> dict[str, dict[str, Any]]:
    """Return the tables a model was trained on, by digest; ``positives`` counts true outcomes, or any spend.

    ``drawn_from`` says of how many rows those of training were drawn, where they are not all.
    """
    return {
        "events": {"digest": project.events.id, "rows": project.events.rows},
        "training": {
            "digest": frame_digest(frame),
            "rows": len(frame.y),
            **({} if frame.weight is None else {"drawn_from": frame.stands_for}),
            "positives": int(frame.y.sum()),
        },
    }


def split_of(split: Split) -> dict[str, Any]:
    """Return snapshots and folds as JSON values."""
    return {
        "snapshots": [str(s) for s in split.snapshots],
        **({"one_day": True} if split.one_day else {}),
        "horizon_days": split.horizon_days,
        "test": str(split.test),
        "test_fold": [str(s) for s in split.test_fold.train],
        "validation": [str(f.score) for f in split.validation_folds],
    }


def frame_digest(frame: TrainingFrame) -> str:
    """Return a SHA-256 over features and outcomes: the same training rows give the same digest."""
    digest = sha256()
    digest.update("|".join(frame.X.columns).encode())
    own = (frame.amount, frame.weight, frame.treated, frame.propensity, frame.approached)
    more = [array for array in own if array is not None]
    for part in (frame.X.to_numpy(), frame.y, *more, frame.as_of.astype("int64")):
        digest.update(part.tobytes())
    digest.update("|".join(frame.profile_id).encode())
    return digest.hexdigest()

"""Store a trained model in MLflow: parameters, metrics, dataset, split, plots, and a version of its tag.

Everything goes through an ``MlflowClient`` bound to one tracking URI: no global state of MLflow is used.
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tagcast.features.core.messages import Text, msg, to_json
from tagcast.registry.versions.mlflow_model import BUNDLE, digests, write_model
from tagcast.registry.versions.names import EXPERIMENT, Provenance, ownership
from tagcast.registry.versions.run_files import write_run_files
from tagcast.registry.versions.tracking import Tracking, store_errors
from tagcast.registry.versions.versions import (
    CREATED,
    DIGESTS,
    FEATURE_SET,
    KIND,
    METRICS,
    Version,
    check_names,
    versions,
)

if TYPE_CHECKING:
    from matplotlib.figure import Figure

MAX_DATASET_DIGEST = 36  # characters, MLflow's bound


@dataclass(frozen=True)
class TrialRecord:
    """One trial of the search for parameters: its name, ``complete`` or ``pruned``, what it tried and found, how long it took."""

    name: str
    state: str
    params: Mapping[str, Any]
    metrics: Mapping[str, float]
    seconds: float = 0.0


def log_version(
    tracking: Tracking,
    *,
    tag: str,
    kind: str,
    bundle: Path,
    features: Sequence[str],
    feature_set: str,
    params: Mapping[str, Any],
    metrics: Mapping[str, float],
    dataset: Mapping[str, Mapping[str, Any]],
    split: Mapping[str, Any],
    figures: Mapping[str, Figure | bytes],
    notes: Sequence[Text],
    documents: Mapping[str, Any] | None = None,
    trials: Sequence[TrialRecord] = (),
    run_name: str,
    now: datetime,
    provenance: Provenance | None = None,
) -> Version:
    """Store a trained model as a new version of ``tag``.

    Parameters
    ----------
    tracking : Tracking
        Open MLflow.
    tag : str
        Name of the tag; the registered model has it with the prefix of ``[mlflow]``.
    kind : str
        What it predicts: ``kind`` of its definition.
    bundle : Path
        Folder of the model's files, as ``TagModel.load`` reads it.
    features : sequence of str
        Columns the model reads, in order; they make the signature.
    feature_set : str
        Id of the feature set.
    params, metrics : mapping
        Of the run.
    dataset : mapping
        Name of each table to its ``digest`` and whatever describes it (rows, span), as JSON values.
    split : mapping
        Snapshots and folds, as JSON values.
    figures : mapping
        Name to figure, stored as PNG; bytes are a PNG already.
    notes : sequence of Message or str
        What a reader should know, a sentence each.
    documents : mapping, optional
        Further JSON documents of the run, by name.
    trials : sequence of TrialRecord
        What was tried on the way, each recorded as a child run.
    run_name : str
        Of the MLflow run.
    now : datetime
        Moment of training, with a timezone.
    provenance : Provenance, optional
        Who trained it, how, and for how long.

    Returns
    -------
    Version
        Without alias: the gate or a person decides (:mod:`tagcast.registry.versions.promotion`).

    Raises
    ------
    ModelError
        When it cannot be stored; no version exists then, and the run is marked as failed.
    """
    from mlflow.entities import Metric, Param

    if now.tzinfo is None:
        raise ValueError(f"expected a moment with a timezone, found {now.isoformat()}")
    client, millis = tracking.client, int(now.timestamp() * 1000)
    known = provenance or Provenance()
    over = millis + round(known.seconds * 1000)
    with (
        store_errors(msg("{tag}: the model version cannot be stored", tag=tag)),
        tempfile.TemporaryDirectory(prefix="tagcast-") as folder,
    ):
        _register(tracking, tag, known.about)
        run_id = client.create_run(
            tracking.experiment_id,
            start_time=millis,
            run_name=run_name,
            tags={
                "tagcast.tag": tag,
                KIND: kind,
                "mlflow.note.content": "\n\n".join(map(str, notes)),
                **known.tags,
            },
        ).info.run_id
        try:
            client.log_batch(
                run_id,
                metrics=[Metric(name, value, millis, 0) for name, value in sorted(metrics.items())],
                params=[Param(name, str(value)) for name, value in sorted(params.items())],
            )
            client.log_inputs(run_id, _dataset_inputs(dataset))
            _log_trials(tracking, run_id, tag, trials, millis, known)
            run_files = Path(folder) / "run"
            write_run_files(
                run_files,
                {"dataset": dataset, "split": split, "notes": to_json(notes), **(documents or {})},
                figures,
            )
            client.log_artifacts(run_id, str(run_files))
            stored = client.create_logged_model(
                tracking.experiment_id, name="tag_model", source_run_id=run_id, model_type="tag"
            )
            model = Path(folder) / "model"
            write_model(model, bundle, features=features, run_id=run_id, model_id=stored.model_id)
            client.log_model_artifacts(stored.model_id, str(model))
            client.finalize_logged_model(stored.model_id, "READY")
            # The version comes last: whatever fails before leaves a failed run, never half a version.
            logged = client.create_model_version(
                tracking.model_name(tag),
                source=stored.artifact_location,  # MLflow would look models:/… up at its global URI
                run_id=run_id,
                model_id=stored.model_id,
                tags={
                    KIND: kind,
                    CREATED: now.astimezone(UTC).isoformat(),
                    FEATURE_SET: feature_set,
                    METRICS: json.dumps(dict(metrics), sort_keys=True),
                    DIGESTS: json.dumps(digests(model)),
                },
            )
        except BaseException:
            client.set_terminated(run_id, "FAILED", over)
            raise
        client.set_terminated(run_id, "FINISHED", over)
    return Version.from_mlflow(tag, logged)


def unjudged_version(tracking: Tracking, tag: str, bundle: Path, now: datetime) -> Version | None:
    """Return the newest version of ``tag`` where it is the model of ``bundle``, and a kill came before the gate could judge it; else None.

    The same rows give the same model: who trains again after the kill goes on with that version.
    """
    newest = next(iter(versions(tracking, tag)), None)
    if newest is None or newest.decision is not None:
        return None
    inside = f"{BUNDLE}/"
    stored = {name: digest for name, digest in newest.digests.items() if name.startswith(inside)}
    if stored != {f"{inside}{name}": digest for name, digest in digests(bundle).items()}:
        return None
    with store_errors(msg("the model registry cannot be written")):
        tracking.client.set_terminated(newest.run_id, "FINISHED", int(now.timestamp() * 1000))
    return newest


def log_observed(
    tracking: Tracking, version: Version, metrics: Mapping[str, float], *, as_of: date, due: date
) -> None:
    """Log what became of a version's predictions as metrics of its run.

    Parameters
    ----------
    tracking : Tracking
    version : Version
    metrics : mapping of str to float
    as_of : date
        Of the predictions; its ordinal is the step, so that a chart of MLflow shows them day by day.
    due : date
        When the window was over: the moment of the metrics.

    Raises
    ------
    ModelError
        When MLflow's server cannot be reached.
    """
    from mlflow.entities import Metric

    at = int(datetime.combine(due, time(), UTC).timestamp() * 1000)
    with store_errors(msg("the model registry cannot be written")):
        tracking.client.log_batch(
            version.run_id,
            metrics=[Metric(name, value, at, as_of.toordinal()) for name, value in metrics.items()],
        )


def _log_trials(
    tracking: Tracking,
    parent: str,
    tag: str,
    trials: Sequence[TrialRecord],
    millis: int,
    provenance: Provenance,
) -> None:
    """Keep each trial as a child run, as MLflow's own pages nest them."""
    from mlflow.entities import Metric, Param

    for trial in trials:
        run = tracking.client.create_run(
            tracking.experiment_id,
            start_time=millis,
            run_name=trial.name,
            tags={
                "mlflow.parentRunId": parent,
                "tagcast.tag": tag,
                "tagcast.state": trial.state,
                **provenance.tags,
            },
        )
        tracking.client.log_batch(
            run.info.run_id,
            metrics=[Metric(name, value, millis, 0) for name, value in sorted(trial.metrics.items())],
            params=[Param(name, str(value)) for name, value in sorted(trial.params.items())],
        )
        tracking.client.set_terminated(run.info.run_id, "FINISHED", millis + round(trial.seconds * 1000))


def _register(tracking: Tracking, tag: str, about: str) -> None:
    from mlflow.exceptions import MlflowException

    client, name = tracking.client, tracking.model_name(tag)
    kept = client.get_experiment(tracking.experiment_id).tags
    for key, value in EXPERIMENT.items():
        if key not in kept:  # made by an older tagcast; what somebody chose since stays
            client.set_experiment_tag(tracking.experiment_id, key, value)
    try:
        client.create_registered_model(name, ownership(tracking.project), about or None)
    except MlflowException as error:
        if error.error_code != "RESOURCE_ALREADY_EXISTS":
            raise
        check_names(tracking, [tag])
        if about:
            client.update_registered_model(name, about)


def _dataset_inputs(dataset: Mapping[str, Mapping[str, Any]]) -> list[Any]:
    from mlflow.entities import Dataset, DatasetInput

    return [
        DatasetInput(
            Dataset(
                name=name,
                digest=str(about["digest"])[:MAX_DATASET_DIGEST],
                source_type="tagcast",
                source=name,
                profile=json.dumps(dict(about), default=str),
            )
        )
        for name, about in dataset.items()
    ]

"""Model versions in MLflow: log one, list them, fetch one whose files are what was recorded.

Everything goes through an ``MlflowClient`` bound to one tracking URI, so no global state of MLflow is
used. What a listing needs (metrics, digests, feature set) is kept as tags of the model version: listing
all versions takes two queries, whatever their number.
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from registry.decisions import Decision
from registry.tracking import Tracking, store_errors

if TYPE_CHECKING:
    from matplotlib.figure import Figure

BUNDLE = "artifacts/bundle"  # where MLflow's layout puts the bundle inside a model
REQUIREMENTS = ("lightgbm", "numpy", "pandas", "pydantic", "scikit-learn", "scipy")
PLOT_DPI = 100
_PREFIX = "tagcast."


@dataclass(frozen=True)
class Version:
    """One version of a tag's model.

    Parameters
    ----------
    tag, version : str, int
        Its key; MLflow counts versions from 1.
    run_id : str
        MLflow run that holds parameters, dataset, split and plots.
    created : datetime
        UTC.
    aliases : tuple of str
        ``champion``, ``challenger`` or what people set.
    feature_set : str
        Id of the feature set it was trained on.
    metrics : mapping
        Name to value, of the test snapshot.
    digests : mapping
        File inside the stored model to its SHA-256.
    decision : Decision or None
        The last one on this version.
    source : str
        Where MLflow keeps the files.
    """

    tag: str
    version: int
    run_id: str
    created: datetime
    aliases: tuple[str, ...]
    feature_set: str
    metrics: Mapping[str, float]
    digests: Mapping[str, str] = field(repr=False)
    decision: Decision | None
    source: str = field(repr=False)

    @property
    def name(self) -> str:
        """Short name for people and for the ``model_version`` of a predicted tag: ``churn_risk v3``."""
        return f"{self.tag} v{self.version}"


def log_version(
    tracking: Tracking,
    *,
    tag: str,
    bundle: Path,
    features: Sequence[str],
    feature_set: str,
    params: Mapping[str, Any],
    metrics: Mapping[str, float],
    dataset: Mapping[str, Mapping[str, Any]],
    split: Mapping[str, Any],
    figures: Mapping[str, Figure],
    notes: Sequence[str],
    run_name: str,
    now: datetime,
) -> Version:
    """Store a trained model as a new version of ``tag``.

    Parameters
    ----------
    tracking : Tracking
        Open MLflow.
    tag : str
        Name of the tag, and of the registered model.
    bundle : Path
        Folder of the model's files, read by ``TagModel.load``.
    features : sequence of str
        Columns the model reads, in order; they make the signature (all doubles).
    feature_set : str
        Id of the feature set.
    params, metrics : mapping
        Of the run.
    dataset : mapping
        Name to its ``digest`` and whatever describes it (rows, span), as JSON values.
    split : mapping
        Snapshots and folds, as JSON values.
    figures : mapping
        Name to matplotlib figure, stored as PNG.
    notes : sequence of str
        What a reader should know, one sentence each.
    run_name : str
        Of the MLflow run.
    now : datetime
        Moment of training, with a timezone.

    Returns
    -------
    Version
        Without alias: the gate or a person decides (``decisions.settle``, ``decisions.promote``).

    Raises
    ------
    ModelError
        When it cannot be stored; the version then does not exist, and its run is marked as failed.
    """
    from mlflow.entities import Metric, Param

    if now.tzinfo is None:
        raise ValueError(f"expected a moment with a timezone, found {now.isoformat()}")
    client, millis = tracking.client, int(now.timestamp() * 1000)
    with (
        store_errors(f"{tag}: the model version cannot be stored"),
        tempfile.TemporaryDirectory(prefix="tagcast-") as folder,
    ):
        _register(tracking, tag)
        run_id = client.create_run(
            tracking.experiment_id,
            start_time=millis,
            run_name=run_name,
            tags={f"{_PREFIX}tag": tag, "mlflow.note.content": "\n\n".join(notes)},
        ).info.run_id
        try:
            client.log_batch(
                run_id,
                metrics=[Metric(name, value, millis, 0) for name, value in sorted(metrics.items())],
                params=[Param(name, str(value)) for name, value in sorted(params.items())],
            )
            _log_dataset(tracking, run_id, dataset)
            _write_run_files(Path(folder) / "run", dataset=dataset, split=split, notes=notes, figures=figures)
            client.log_artifacts(run_id, str(Path(folder) / "run"))
            stored = client.create_logged_model(
                tracking.experiment_id, name="bundle", source_run_id=run_id, model_type="tag"
            )
            model = Path(folder) / "model"
            _write_model(model, bundle, features, run_id, stored.model_id)
            client.log_model_artifacts(stored.model_id, str(model))
            client.finalize_logged_model(stored.model_id, "READY")
            digests = _digests(model)
            # The version comes last: whatever fails before leaves a failed run, never half a version.
            logged = client.create_model_version(
                tag,
                source=stored.artifact_location,  # models:/… would be looked up at MLflow's global URI
                run_id=run_id,
                model_id=stored.model_id,
                tags={
                    f"{_PREFIX}created": now.astimezone(UTC).isoformat(),
                    f"{_PREFIX}feature_set": feature_set,
                    f"{_PREFIX}metrics": json.dumps(dict(metrics), sort_keys=True),
                    f"{_PREFIX}digests": json.dumps(digests),
                },
            )
        except BaseException:
            client.set_terminated(run_id, "FAILED")
            raise
        client.set_terminated(run_id, end_time=millis)
    return _version(logged, aliases=(), decision=None)


def versions(tracking: Tracking, tag: str | None = None) -> list[Version]:
    """Return the versions of one tag or of all, by tag name, newest first."""
    client = tracking.client
    with store_errors("the model registry cannot be read"):
        if tag is None:
            registered = [m for m in _all_pages(client.search_registered_models) if _ours(tracking, m)]
            found = _all_pages(client.search_model_versions)
        else:
            model = _registered(tracking, tag)
            registered = [] if model is None else [model]
            found = _all_pages(client.search_model_versions, f"name = '{tag}'") if model else []
    aliases = {(m.name, int(number)): alias for m in registered for alias, number in sorted(m.aliases.items())}
    names: dict[tuple[str, int], list[str]] = {}
    for m in registered:
        for alias, number in sorted(m.aliases.items()):
            names.setdefault((m.name, int(number)), []).append(alias)
    ours = {m.name for m in registered}
    decisions = {(d.tag, d.version): d for d in tracking.decisions.history(tag)}
    listed = [
        _version(v, tuple(names.get(key, ())), decisions.get(key))
        for v in found
        if v.name in ours and f"{_PREFIX}digests" in v.tags
        for key in [(v.name, int(v.version))]
    ]
    del aliases
    return sorted(listed, key=lambda v: (v.tag, -v.version))

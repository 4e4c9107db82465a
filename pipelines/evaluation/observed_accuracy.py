"""The promise beside reality: what the tags said with which confidence, and what share turned out right."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from tagcast.features.compute.labels import outcome
from tagcast.pipelines.evidence.promise_metrics import promise_metrics
from tagcast.pipelines.project.project import Project, eligibility, outcome_rule

if TYPE_CHECKING:
    from tagcast.registry.governance.observed_accuracy import PromiseRow


def promise_beside_reality(project: Project) -> list[PromiseRow]:
    """Judge the run active by the events that followed it, and keep what came of it for the pages of the tags.

    A window that is not fully observed is not judged: the test snapshot of the tag's model is shown
    instead, scored by the same recipe trained on what came before it.
    """
    import numpy as np
    import pandas as pd

    from tagcast.models.decisions.policy import band
    from tagcast.pipelines.project.champions import load_versions
    from tagcast.registry.governance.observed_accuracy import promise_rows, record_promises
    from tagcast.registry.state.database import open_state
    from tagcast.serving.store.long_form import predictions

    with project.store.reader() as reader:
        run = reader.manifest.run
        loaded = load_versions(project, {t.tag: int(t.model_version) for t in run.tags if t.model_version})
        rows: list[PromiseRow] = []
        for tag, version in loaded:
            name = tag.definition.name
            due = run.as_of + timedelta(days=tag.definition.horizon_days)
            if due > project.observed_until:
                test = max(tag.model.snapshots)
                rows.extend(promise_rows(name, version.version, test, due, version.metrics, observed=False))
                continue
            who, rule = eligibility(tag.definition), outcome_rule(tag.definition)
            happened = outcome(
                project.event_table, run.as_of, who, rule, observed_until=project.observed_until
            ).execute()
            said = predictions(reader, name).to_pandas()
            both = pd.merge(said, happened, on="profile_id", validate="one_to_one")
            value, y = both["value"].to_numpy(object), both["y"].to_numpy("int8")
            if tag.definition.is_amount:
                came = band(both["amount"].to_numpy(float), tag.definition.levels)
                # Right or wrong is all that counts: the tier that was said is a yes, and came or did not.
                value, y = np.where(value == "unknown", value, "yes"), (value == came).astype(np.int8)
            metrics = promise_metrics(value, both["confidence"].to_numpy(float), y)
            rows.extend(promise_rows(name, version.version, run.as_of, due, metrics, observed=True))
    record_promises(open_state(project.settings), rows)
    return rows

"""What other teams keep in a company's Feast and MLflow, and everything of theirs that can be read, to compare."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pandas as pd
from sqlalchemy import MetaData, create_engine, select

AT = pd.Timestamp("2024-03-31", tz="UTC")
NOT_OF_PROJECTS = frozenset({"feast_metadata", "projects"})


def write_plans(file: Path) -> Path:
    """Write the table that the feature view of another team reads."""
    frame = pd.DataFrame({"account": ["a", "b"], "plan": [1.0, 2.0], "at": [AT, AT]})
    frame.to_parquet(file, coerce_timestamps="us")
    return file


def feast_objects(plans: Path) -> list[Any]:
    """Return one object of every kind that a registry holds."""
    from feast import Entity, FeatureService, FeatureView, Field, FileSource, PushSource, ValueType
    from feast.on_demand_feature_view import OnDemandFeatureView
    from feast.transformation.python_transformation import PythonTransformation
    from feast.types import Float64

    source = FileSource(name="plans", path=str(plans), timestamp_field="at")
    account = Entity(name="account", join_keys=["account"], value_type=ValueType.STRING)
    view = FeatureView(
        name="account_plan",
        entities=[account],
        ttl=timedelta(days=3650),
        schema=[Field(name="plan", dtype=Float64)],
        source=source,
        online=True,
    )
    demand = OnDemandFeatureView(
        name="doubled",
        sources=[view],
        schema=[Field(name="twice", dtype=Float64)],
        feature_transformation=PythonTransformation(twice, "def twice(row): ..."),
        mode="python",
    )
    pushed = PushSource(name="plan_events", batch_source=source)
    return [account, view, demand, pushed, FeatureService(name="accounts", features=[view, demand])]


def twice(row: dict[str, list[float]]) -> dict[str, list[float]]:
    """Return an on-demand feature."""
    return {"twice": [2 * n for n in row["plan"]]}


def apply_and_materialize(store: Any, plans: Path) -> None:
    """Put the objects of another team into a Feast project, with values online."""
    from tagcast.features.feast_store.quiet import quiet_feast

    with quiet_feast():  # on-demand views are experimental, it says
        store.apply(feast_objects(plans))
    day = AT.to_pydatetime()
    store.materialize(day - timedelta(days=1), day + timedelta(days=1), feature_views=["account_plan"])


def feast_rows(url: str, *, ours: bool = False) -> dict[tuple[str, ...], str]:
    """Return the rows of a registry's own tables, of others or of tagcast, whatever Feast shows of them."""
    rows = _rows(url, lambda table, text: ("tagcast_project" in text) == ours)
    return {key: text for key, text in rows.items() if key[0] not in NOT_OF_PROJECTS}


def register_model(uri: str, name: str, folder: Path) -> None:
    """Keep a model of another team: an experiment with a run and a file, two versions, an alias."""
    from mlflow.tracking import MlflowClient

    client = MlflowClient(uri)
    there = client.get_experiment_by_name("risk")
    experiment = there.experiment_id if there else client.create_experiment("risk", tags={"team": "risk"})
    client.create_registered_model(name, tags={"team": "risk"}, description="of the risk team")
    for number in ("1", "2"):
        run = client.create_run(experiment, run_name=f"{name} {number}").info
        client.log_param(run.run_id, "depth", number)
        client.log_metric(run.run_id, "auc", 0.7)
        (folder / "model.txt").write_text(f"{name} {number}", encoding="utf-8")
        client.log_artifact(run.run_id, str(folder / "model.txt"))
        client.create_model_version(name, source=run.artifact_uri, run_id=run.run_id, tags={"n": number})
        client.set_terminated(run.run_id)
    client.set_registered_model_alias(name, "champion", "1")


def mlflow_rows(folder: Path) -> dict[tuple[str, ...], str]:
    """Return the rows of an MLflow server's own tables that were there, and a digest of each file it keeps."""
    rows = _rows(f"sqlite:///{folder / 'server.db'}", lambda table, text: True)
    files = (f for f in sorted((folder / "kept").rglob("*")) if f.is_file())
    kept = {("file", str(f)): hashlib.sha256(f.read_bytes()).hexdigest() for f in files}
    return rows | kept


def _rows(url: str, wanted: Callable[[str, str], bool]) -> dict[tuple[str, ...], str]:
    engine, found = create_engine(url), {}
    with engine.connect() as connection:
        tables = MetaData()
        tables.reflect(connection)
        for table in tables.sorted_tables:
            for row in connection.execute(select(table)).mappings():
                text = repr(sorted(row.items()))
                if wanted(table.name, text):
                    key = (table.name, *(str(row[c.name]) for c in table.primary_key))
                    found[key] = text
    engine.dispose()
    return found

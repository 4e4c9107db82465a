"""The company's own Feast repo: what its people answered and which plan they are on, pushed as it comes in."""

from datetime import timedelta
from pathlib import Path

import pandas as pd
from feast import Entity, FeatureService, FeatureView, Field, FileSource, PushSource, ValueType
from feast.on_demand_feature_view import on_demand_feature_view
from feast.types import Bool, Float64, Int64, String

customer = Entity(name="customer", join_keys=["customer_id"], value_type=ValueType.STRING)
answers = FileSource(
    name="answers",
    # Feast's DuckDB store would take a relative path from wherever a command is run.
    path=str(Path(__file__).resolve().parent / "data" / "answers.parquet"),
    timestamp_field="asked_at",
    created_timestamp_column="written_at",
)
answers_push = PushSource(name="answers_push", batch_source=answers)
survey = FeatureView(
    name="survey",
    entities=[customer],
    ttl=timedelta(days=120),
    schema=[
        Field(name="nps", dtype=Int64),
        Field(name="plan", dtype=String),
        Field(name="trial", dtype=Bool),
    ],
    source=answers_push,
    owner="research@example.com",
)


@on_demand_feature_view(sources=[survey], schema=[Field(name="discontent", dtype=Float64)])
def survey_scores(inputs: pd.DataFrame) -> pd.DataFrame:
    """Return how far an answer is from the best one."""
    return pd.DataFrame({"discontent": (10.0 - inputs["nps"]) / 10.0})


churn_company = FeatureService(name="churn_company", features=[survey, survey_scores])

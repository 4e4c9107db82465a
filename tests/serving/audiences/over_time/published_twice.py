"""Two runs of made profiles, a day apart: other values, cities and consents, another model of one tag, some new and some gone."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta

import numpy as np
import pandas as pd
import pyarrow as pa

from tagcast.serving.publishing.publication import stage_run
from tests.support.desks import TAGS, about, people, predicted
from tests.support.published import NOW, staged

TEA = TAGS[1]
FIRST = f"churn_risk = 'yes' AND NOT city = '北京' AND email_ok = TRUE AND \"{TEA}\".band = 'high'"
SECOND = (
    f"churn_risk = 'yes' AND NOT city = '北京' AND email_ok = TRUE AND \"{TEA}\".band = 'high' AND age >= 40"
)
THIRD = f"(churn_risk = 'yes' OR NOT city = '北京') AND \"{TEA}\".score >= 0.3"
PARITY = f"""
(churn_risk = 'yes' AND NOT email_ok = TRUE AND NOT "{TEA}".band = 'high')
OR (NOT churn_risk = 'yes' AND email_ok = TRUE AND NOT "{TEA}".band = 'high')
OR (NOT churn_risk = 'yes' AND NOT email_ok = TRUE AND "{TEA}".band = 'high')
OR (churn_risk = 'yes' AND email_ok = TRUE AND "{TEA}".band = 'high')
"""
"""Whatever changes makes a member of who was none, and the other way round."""
LATER = NOW + timedelta(days=2)


def run_of(number: int) -> pa.RecordBatch:
    """Return the rows of a run: the second has other values, cities and consents, forty new customers and some gone."""
    base, batches = people(440), predicted(440, seed=number)
    if number == 2:
        rng = np.random.default_rng(5)
        moved = rng.random(440) < 0.2
        for name in ("city", "email_ok"):
            values = np.array(base.column(name).to_pylist(), object)
            values[moved] = values[::-1][moved]
            place = base.schema.get_field_index(name)
            base = base.set_column(place, name, pa.array(list(values), base.column(name).type))
    there = np.arange(440) < 400 if number == 1 else np.arange(440) % 23 != 3
    return staged(base, *batches).filter(pa.array(there))


def publish(store, number: int) -> None:
    info, batch = about(predicted(440, seed=number), f"run-{number}"), run_of(number)
    described = [
        replace(
            one,
            expires_at=LATER + timedelta(days=30),
            model_version=str(number) if one.tag == TEA else "1",
            population=len(batch) - batch.column(f"{one.tag}:value").null_count,
        )
        for one in info.tags
    ]
    info = replace(
        info,
        tags=tuple(described),
        scored_at=NOW if number == 1 else LATER,
        as_of=date(2024, 4, 30) + timedelta(days=number - 1),
    )
    with stage_run(store, info.run_id) as staging:
        staging.add(batch)
        staging.publish(info, keep=5, accept="for the test")


def rows(number: int) -> pd.DataFrame:
    table = pa.Table.from_batches([run_of(number)])
    plain = [c.cast(pa.string()) if pa.types.is_dictionary(c.type) else c for c in table.columns]
    return pa.table(plain, names=table.column_names).to_pandas().set_index("profile_id")


def members(frame: pd.DataFrame, text: str) -> pd.Series:
    city = frame["city"] != "北京"
    leaving = frame["churn_risk:value"] == "yes"
    if text == PARITY:
        return leaving ^ (frame["email_ok"] == True) ^ (frame[f"{TEA}:band"] == "high")  # noqa: E712
    if text == THIRD:
        return (leaving | city) & (frame[f"{TEA}:score"] >= 0.3)
    found = leaving & city & (frame["email_ok"] == True) & (frame[f"{TEA}:band"] == "high")  # noqa: E712
    return found & (frame["age"] >= 40) if text == SECOND else found

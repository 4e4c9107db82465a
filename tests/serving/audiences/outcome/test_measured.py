"""What was measured of a rule stands beside what is expected of it: of the newest judged run, all three figures or none."""

from __future__ import annotations

from datetime import date

import pytest

from tagcast.models.stats.metrics import Estimate
from tagcast.registry.governance.observed_metrics import metric_rows, record_metrics
from tagcast.serving.audiences.outcome.measured import measured
from tests.support.desks import MARKETER, VIEWER, desk_over, publish_made
from tests.support.stores import make_store


def test_the_newest_judged_run_is_shown(tmp_path) -> None:
    store = make_store("duckdb", tmp_path)
    publish_made(store)
    context = desk_over(store, tmp_path / "project")
    assert measured(context, MARKETER, "churn_risk") == []
    for day, figures in (
        (date(2024, 3, 1), {"precision": 0.5, "recall": 0.3, "rate": 0.2}),
        (date(2024, 4, 1), {"precision": 0.6, "recall": 0.2, "rate": 0.15, "auc": 0.9}),
    ):
        known = {name: Estimate(value, value - 0.1, value + 0.1) for name, value in figures.items()}
        record_metrics(context.state, metric_rows("churn_risk", day, 1, 357, known, {}))
    (one,) = measured(context, MARKETER, "churn_risk")
    assert (one.as_of, one.people, one.precision, one.recall, one.rate) == (
        date(2024, 4, 1),
        357,
        0.6,
        0.2,
        0.15,
    )
    assert one.lift == pytest.approx(4)
    (rounded,) = measured(context, VIEWER, "churn_risk")
    assert rounded.people == 350
    newer = {"auc": Estimate(0.9, 0.8, 0.95)}
    record_metrics(context.state, metric_rows("churn_risk", date(2024, 4, 8), 1, 357, newer, {}))
    assert measured(context, MARKETER, "churn_risk") == []

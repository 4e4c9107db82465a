"""What runs expected of themselves, one after the other: when somebody should train anew, and what is shown of a year."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from types import SimpleNamespace

import pytest

from tagcast.models.inference.estimated_quality import EstimatedQuality
from tagcast.models.stats.metrics import Estimate
from tagcast.serving.publishing.quality_over_runs import RunQuality, auc_fall, by_week, retraining_advice

FIRST = date(2026, 6, 1)  # a Monday
MADE = datetime(2026, 5, 31, 12, tzinfo=UTC)


def run(days: int, auc: float | None, version: int = 1) -> RunQuality:
    at = datetime(2026, 6, 1, 4, tzinfo=UTC) + timedelta(days=days)
    one = Estimate(auc or 0.0, 0.0, 1.0)
    expected = None if auc is None else EstimatedQuality(one, None, None, one)
    return RunQuality(at.date(), at, str(version), 500, expected, None)


@pytest.mark.parametrize(
    ("runs", "tried", "fell"),
    [
        ([run(0, 0.86), run(1, 0.845)], MADE, None),
        ([run(0, 0.86), run(1, None), run(2, 0.835)], MADE, (0.86, 0.835)),
        ([run(0, 0.86), run(2, 0.835), run(3, 0.82)], MADE + timedelta(days=3), None),
        ([run(0, 0.95, version=2), run(1, 0.86), run(2, 0.85)], MADE, None),
        ([run(0, None), run(1, None)], MADE, None),
        ([], MADE, None),
    ],
    ids=["holds", "fell", "fell before the last try", "of another version", "nothing recorded", "no run"],
)
def test_an_estimate_falls_against_the_first_of_the_same_version(runs, tried, fell) -> None:
    assert auc_fall(runs, 1, tried, 0.02) == (None if fell is None else pytest.approx(fell))


def test_the_advice_says_age_fall_and_command() -> None:
    version = SimpleNamespace(tag="churn_risk", version=1, created=MADE)
    now = MADE + timedelta(days=94)
    advice = retraining_advice([run(0, 0.86), run(90, 0.834)], version, version, now)
    assert str(advice) == (
        "the champion is 94 days old, its estimated AUC fell from 0.86 to 0.83: tagcast train churn_risk"
    )
    assert retraining_advice([run(0, 0.86), run(90, 0.85)], version, version, now) is None


def test_of_each_week_the_newest_run_is_shown() -> None:
    shown = by_week([run(days, 0.8) for days in range(17)])
    assert [one.as_of for one in shown] == [FIRST + timedelta(days=n) for n in (6, 13, 16)]

"""What `make nights` holds a night to, on nights that are made right, and then wrong in one way."""

from __future__ import annotations

from datetime import UTC, date, timedelta

import pandas as pd
import pytest

from tagcast.models.definitions.cron import last_due
from tests.nights import reference
from tests.nights.comparison import NIGHTLY, Checker, different
from tests.nights.observed import Morning
from tests.nights.shop_year import HORIZONS, SPRING, ZONE, ShopData, hours_of

DAY = date(2025, 3, 26)
RUN = DAY - timedelta(days=14)


@pytest.fixture(scope="module")
def data() -> ShopData:
    return ShopData.make()


def values(data: ShopData, morning: date) -> pd.DataFrame:
    """Return predictions of everybody, of the rule as they should be."""
    stages = reference.stages(data, morning, reference.today(data, morning), 30)
    rows = [(one, "stage", stage, 1.0, "") for one, stage in stages.items()]
    rows += [(one, "spend_14d", "low", 0.7, "1") for one in stages.index]
    return pd.DataFrame(rows, columns=["profile_id", "tag", "value", "confidence", "model_version"])


def right_morning(data: ShopData) -> tuple[Checker, Morning]:
    """Return a morning that is right, and who knows the run that it judges."""
    checker, due = Checker(SPRING, data), reference.due_moment(DAY)
    before = Morning(RUN, published=[(RUN, "run 1")], values=values(data, RUN))
    checker.remember(before)
    predicted = before.values[before.values["tag"] == "spend_14d"].reset_index(drop=True)
    found = reference.judgement(data, DAY, "spend_14d", RUN, predicted)
    return checker, Morning(
        DAY,
        calls=[(next(at for at in hours_of(DAY) if at >= due), 0)],
        published=[(reference.today(data, DAY), "run 2")],
        values=values(data, DAY),
        steps=[(due, step, "done", "") for step in NIGHTLY],
        judged={
            ("spend_14d", RUN, 1, level): (RUN + timedelta(days=HORIZONS["spend_14d"]), *row)
            for level, row in found.items()
        },
    )


def test_a_right_morning_is_right_and_the_same_as_itself(data) -> None:
    checker, morning = right_morning(data)
    assert checker.wrong(morning) == []
    assert different(morning, morning) == []


WRONG = {
    "published twice": lambda m: m.published.append((m.published[0][0], "run 3")),
    "an older run once more": lambda m: m.published.__setitem__(0, (m.published[0][0], "run 1")),
    "of another day": lambda m: m.published.__setitem__(0, (DAY - timedelta(days=1), "run 2")),
    "not judged": lambda m: m.judged.clear(),
    "judged wrongly": lambda m: m.judged.update({("spend_14d", RUN, 1, 0.6): (DAY, 160, 0.7, 0.5, 0)}),
    "judged too early": lambda m: m.judged.update({("churn_risk", RUN, 1, 0.0): (DAY, 160, 0.7, 0.5, 0)}),
    "judged otherwise later": lambda m: m.changed.append(("spend_14d", RUN)),
    "a stage of somebody": lambda m: m.values.loc.__setitem__((0, "value"), "nobody"),
    "a step twice": lambda m: m.steps.append(m.steps[-1]),
    "before it was due": lambda m: m.calls.insert(0, (hours_of(DAY)[0], 0)),
    "failed to the end": lambda m: m.calls.append((hours_of(DAY)[-1], 7)),
    "overdue without an end": lambda m: m.overdue_at_noon.update(stage=60.0),
}


@pytest.mark.parametrize("harm", WRONG.values(), ids=WRONG)
def test_a_wrong_morning_is_noticed(data, harm) -> None:
    checker, morning = right_morning(data)
    harm(morning)
    assert checker.wrong(morning)


def test_a_fault_that_nobody_heard_of_is_noticed(data) -> None:
    _, usual = right_morning(data)
    _, morning = right_morning(data)
    morning.calls.insert(0, (morning.calls[0][0], 12))
    assert different(morning, usual)
    morning.news = [("failed", "", "the disk is full")]
    assert not different(morning, usual)


def test_half_past_two_comes_once_on_every_night_of_a_year() -> None:
    for number in range(365):
        day = date(2025, 1, 1) + timedelta(days=number)
        due = reference.due_moment(day)
        assert last_due("30 2 * * *", hours_of(day)[-1], ZONE) == due
        assert due.tzinfo is not None
        assert due.astimezone(UTC).date() == day

"""Which changes of a saved audience's size are sudden, who learns of it, and what the night sends."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from types import SimpleNamespace

import numpy as np
import pytest

from tagcast.features.core.messages import render
from tagcast.features.core.schema.operation import Notify
from tagcast.pipelines.nights.occasions import unsent
from tagcast.registry.access.roles import Person, roles_of
from tagcast.serving.audiences.over_time.alerts import audience_alerts, sudden
from tagcast.serving.audiences.over_time.changes import membership_change, record_changes
from tagcast.serving.audiences.over_time.words import alert_words
from tagcast.serving.audiences.saved_audience_actions import record_sizes, save
from tests.serving.audiences.over_time.published_twice import LATER, publish, rows
from tests.support.desks import ANALYST, MARKETER, VIEWER, desk_over
from tests.support.stores import make_store

LEAVING = "churn_risk = 'yes' AND email_ok = TRUE"
STEADY = [1000, 1010, 1005, 1012, 1003, 1008, 1001]
RESTLESS = [1000, 1400, 900, 1500, 1000, 1600, 1100]


@pytest.mark.parametrize(
    ("earlier", "members", "share", "alerts"),
    [
        (STEADY, 1400, None, True),
        (STEADY, 620, None, True),
        (STEADY, 1040, None, False),
        (RESTLESS, 1500, None, False),
        (RESTLESS, 12_000, None, True),
        (STEADY, 1290, 0.3, False),
        (STEADY, 1310, 0.3, True),
        (STEADY[:3], 1400, None, False),
        (STEADY[:3], 1600, None, True),
        ([6, 7, 5, 8, 6, 7], 13, None, False),  # fewer than ten more
        ([40, 44, 41, 43, 40, 42], 55, None, False),  # chance alone moves few by as much
        ([100] * 8, 0, None, True),
        ([0, 0, 0], 500, None, True),
        ([], 500, None, False),
    ],
)
def test_what_is_sudden(earlier, members, share, alerts) -> None:
    assert (sudden(earlier, members, share) is not None) == alerts


def test_growth_that_is_usual_is_no_alert() -> None:
    growing = [round(1000 * 1.2**k) for k in range(8)]
    assert sudden(growing, round(growing[-1] * 1.2)) is None
    assert sudden(growing, growing[-1] // 2) is not None


def test_chance_alone_seldom_alerts() -> None:
    """Of 400 audiences that only chance moves, at most one in a hundred is called sudden."""
    sizes = np.random.default_rng(4).poisson(200, (400, 9)).tolist()
    assert sum(sudden(one[:-1], one[-1]) is not None for one in sizes) <= 4


@pytest.fixture
def context(tmp_path):
    store = make_store("duckdb", tmp_path)
    publish(store, 1)
    context = desk_over(store, tmp_path / "project")
    save(context, MARKETER, "leaving", LEAVING)
    save(context, ANALYST, "rich", f"{LEAVING} AND income > 0")
    save(context, ANALYST, "everybody", "age > 0 OR age IS NULL")
    publish(store, 2)
    context.store.close()
    context = replace(context, clock=lambda: LATER + timedelta(hours=1))
    assert record_sizes(context, ANALYST) == record_changes(context, ANALYST) == []
    return replace(
        context, settings=context.settings.model_copy(update={"notify": Notify(audience_change=0.06)})
    )


def test_it_says_from_where_to_where_and_mainly_why(context) -> None:
    was, now = (
        int(((one["churn_risk:value"] == "yes") & (one["email_ok"] == True)).sum())  # noqa: E712
        for one in (rows(1), rows(2))
    )
    assert abs(now / was - 1) > 0.06
    seen, (alert,) = audience_alerts(context, ANALYST), audience_alerts(context, MARKETER)
    assert [one.audience for one in seen] == ["leaving", "rich"]  # the other stayed nearly as it was
    assert (alert.audience, alert.before, alert.members, alert.run) == ("leaving", was, now, 2)
    assert alert.change == pytest.approx(now / was - 1)
    gains = {one: one.joined - one.left for one in membership_change(context, ANALYST, "leaving").reasons}
    assert gains[alert.reason] == (max if now > was else min)(gains.values())
    text = render(alert_words(alert), "en")
    assert text.startswith(
        f"the audience “leaving” went from {was} to {now} members on 2024-05-01, more than"
    )
    assert "; mainly " in text


def test_who_may_not_see_single_profiles_reads_rounded_sizes_and_no_reason(context) -> None:
    (alert,) = audience_alerts(context, VIEWER)
    assert alert.before % 10 == alert.members % 10 == 0
    assert alert.reason is None
    limited = replace(MARKETER, roles=roles_of(context.settings.access), rows=("north",))
    assert audience_alerts(context, limited) == []
    assert audience_alerts(context, Person("ad", "admin")) == []


def test_an_edit_is_no_sudden_change(context) -> None:
    save(context, MARKETER, "leaving", "age > 80")
    assert audience_alerts(context, MARKETER) == []


def test_the_night_tells_of_it(context) -> None:
    project = SimpleNamespace(settings=context.settings, state=context.state, store=context.store.store)
    news = [one for one in unsent(project, context.now) if one.occasion == "audience_changed"]
    assert [one.text.partition("”")[0] for one in news] == ["the audience “leaving", "the audience “rich"]
    assert len({one.id for one in news}) == 2

"""A campaign as it stands on record, for tests that write their own."""

from __future__ import annotations

from datetime import UTC, date, datetime

from tagcast.registry.operations.campaigns import Campaign

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
SPRING = Campaign(
    id="c1",
    name="spring letter",
    entity="profile",
    made_at=NOW,
    made_by="ann",
    filter="churn_risk = 'yes'",
    names=("churn_risk",),
    channel="email",
    goal={"kind": "no_event", "event": "purchase", "horizon_days": 30},
    wanted="less",
    tag="churn_risk",
    starts=date(2026, 3, 2),
    days=30,
    share=0.25,
    seed=7,
    stratified=True,
    given=3,
    held_out=1,
    standing=2,
    run=4,
    as_of=date(2026, 3, 1),
    promised={"expected": 0.7, "tags": {"churn_risk": {"mean_score": 0.7, "mean_confidence": 0.6}}},
)

"""One profile's page: what is predicted, why, what was predicted before, and what it did."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pandas as pd
import pytest

from tagcast.features.core.errors import NotAllowedError, NotFoundError
from tagcast.features.ingest.event_log import build_event_log
from tagcast.registry.governance.lifecycle import transition
from tagcast.serving.profiles.profile_details import look_up, profile_page
from tagcast.serving.publishing.publication import stage_run
from tests.support.desks import (
    ANALYST,
    MARKETER,
    TAGS,
    VIEWER,
    about,
    desk_over,
    frame,
    people,
    predicted,
    publish_made,
)
from tests.support.published import NOW, staged
from tests.support.stores import KINDS, make_store

FRAME = frame().set_index("profile_id")


@pytest.fixture(params=KINDS)
def context(request, tmp_path):
    store = make_store(request.param, tmp_path)
    publish_made(store)
    return desk_over(store, tmp_path / "project")


def test_all_that_is_said_of_a_profile(context) -> None:
    page = look_up(context, ANALYST, "p0007")
    row = FRAME.loc["p0007"]
    assert page.attributes == {
        name: None if pd.isna(row[name]) else row[name]
        for name in ("city", "age", "income", "email_ok", "sms")
    }
    assert page.hidden == ()
    spoken = sorted(tag for tag in (*TAGS, "spend") if row[f"{tag}:value"] is not None)
    assert [tag["tag"] for tag in page.tags] == spoken
    for tag in page.tags:
        name = tag["tag"]
        assert (tag["value"], tag["score"], tag["band"]) == (
            row[f"{name}:value"],
            row[f"{name}:score"],
            row[f"{name}:band"],
        )
        assert tag["in_currency"] == (name == "spend")
        assert tag["reasons"][0]["feature"] == "recency_days"
    assert {tag["tag"]: tag["title"]["zh"] for tag in page.tags}["spend"] == "消费"


def test_a_tag_that_is_not_published_is_not_called_sensitive(context) -> None:
    transition(
        context.state, "churn_risk", "suspended", by=ANALYST, reason="r", now=NOW, second_person=False, published=True
    )  # fmt: skip
    page = look_up(context, MARKETER, "p0007")
    assert "churn_risk" not in {tag["tag"] for tag in page.tags}
    assert set(page.hidden) == {"income", TAGS[1]}


def test_what_is_sensitive_is_named_and_not_shown(context) -> None:
    page = profile_page(context, MARKETER, "p0007")
    assert set(page.hidden) == {"income", TAGS[1]}
    assert "income" not in page.attributes
    assert TAGS[1] not in {tag["tag"] for tag in page.tags} | {change.tag for change in page.history}
    with pytest.raises(NotAllowedError):
        look_up(context, VIEWER, "p0007")
    with pytest.raises(NotFoundError, match="no profile 'nobody'"):
        look_up(context, ANALYST, "nobody")
    with pytest.raises(NotFoundError):
        look_up(context, ANALYST, "' OR 1=1 --")
    for odd in ("p0007'", "p0007\\", "p0007\0", "p0007\udcff", "%s", "?", "\U0001f600"):
        with pytest.raises(NotFoundError, match="there is no profile"):
            look_up(context, ANALYST, odd)


def test_what_was_said_before(context) -> None:
    publish_made(context.store.store, "newer", seed=9)
    context.store.close()
    newer = frame(9).set_index("profile_id")
    changed = FRAME.index[(FRAME["churn_risk:value"] == "yes") & (newer["churn_risk:value"] == "no")]
    page = profile_page(context, ANALYST, changed[0])
    (change,) = [c for c in page.history if c.tag == "churn_risk" and c.was_value is not None]
    assert (change.was_value, change.value) == ("yes", "no")
    assert change.at == NOW
    assert change.cause == "data"


def test_a_change_says_whether_model_or_data_moved_it(context) -> None:
    batches = predicted(seed=9)
    run = about(batches, "newer")
    tags = tuple(replace(tag, model_version="2") if tag.tag == "churn_risk" else tag for tag in run.tags)
    tags = tuple(replace(tag, deciding="other") if tag.tag == "spend" else tag for tag in tags)
    with stage_run(context.store.store, "newer") as staging:
        staging.add(staged(people(), *batches))
        staging.publish(replace(run, tags=tags), keep=5)
    context.store.close()
    causes = {}
    for profile in ("p0001", "p0002", "p0003", "p0004", "p0005", "p0006"):
        causes |= {
            c.tag: c.cause for c in profile_page(context, ANALYST, profile).history if c.was_value is not None
        }
    assert causes["churn_risk"] == "model"
    assert causes["spend"] == "threshold"
    assert causes[TAGS[1]] == "data"


def test_every_id_is_found_wherever_it_lies(context) -> None:
    for profile_id in ("p0000", "p0001", "p0200", "p0399"):
        assert look_up(context, ANALYST, profile_id).profile_id == profile_id
    for nobody in ("", "a", "p", "p0400", "zzz"):
        with pytest.raises(NotFoundError):
            look_up(context, ANALYST, nobody)


def test_the_last_events_come_from_the_log(tmp_path) -> None:
    store = make_store("duckdb", tmp_path)
    publish_made(store)
    context = desk_over(store, tmp_path / "project")
    assert profile_page(context, ANALYST, "p0001").events == []
    moments = [pd.Timestamp("2024-01-01 10:00") + timedelta(days=k) for k in range(60)]
    lines = pd.DataFrame(
        {
            "customer": ["p0001", "p0002"] * 30,
            "at": moments,
            "price": [float(k) for k in range(60)],
            "units": 1,
            "off": 0.0,
            "kind": "tea",
            "sku": "a",
            "order_no": [str(k) for k in range(60)],
        }
    )
    lines.to_parquet(tmp_path / "project" / "lines.parquet", index=False)
    attributes = pd.DataFrame(
        {"id": ["p0001"], "city": "Oslo", "age": 30.0, "income": 1.0, "email_ok": True, "sms": "no"}
    )
    attributes.to_csv(tmp_path / "project" / "people.csv", index=False)
    build_event_log(context.settings)
    events = profile_page(context, ANALYST, "p0001", events=5).events
    assert [float(event["amount"]) for event in events] == [58.0, 56.0, 54.0, 52.0, 50.0]
    assert events[0]["event"] == "purchase"
    assert "profile_id" not in events[0]

"""A small app for tests: people log in, look, fill carts and sometimes pay, written as one table of events."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from examples.app.make_events import FIRST_DAY, app_events

__all__ = ["FIRST_DAY", "app_events", "tag_text", "write_app"]

CONFIG = """\
name = "small app"
timezone = "UTC"
tags = "tags"

[[sources]]
name = "app"
path = "events.parquet"
event_column = "type"

[sources.columns]
profile_id = "user"
event_time = "at"
amount = "paid"
channel = "device"

[profiles]
path = "people.csv"
key = "user"
columns = ["town", "age"]
"""


def tag_text(name: str, outcome: str, population: str = "", rest: str = "") -> str:
    """Return a definition that differs from others in its population and outcome alone."""
    chosen = f"population: {population}\n" if population else ""
    return f"""\
name: {name}
title: {{en: {name}, zh: {name}}}
description: {{en: {name}, zh: {name}}}
path: [App, Use]
owner: tests
{chosen}outcome: {outcome}
feature_service: churn
decision: {{rule: top_share, share: 0.3}}
snapshots: {{min_history_days: 60, every_days: 14}}
{rest}"""


def write_app(folder: Path, tags: dict[str, str], **more: int) -> Path:
    """Write a project with ``tags`` (file stem to text) and return its configuration."""
    folder.mkdir(parents=True, exist_ok=True)
    events = app_events(**more)
    events.to_parquet(folder / "events.parquet", index=False)
    people = pd.DataFrame({"user": sorted(events["user"].unique())})
    people.assign(town="Oslo", age=range(20, 20 + len(people))).to_csv(folder / "people.csv", index=False)
    (folder / "tags").mkdir(exist_ok=True)
    for name, text in tags.items():
        (folder / "tags" / f"{name}.yaml").write_text(text, encoding="utf-8")
    config = folder / "tagcast.toml"
    config.write_text(CONFIG, encoding="utf-8")
    return config

"""A small app for tests: people log in, look, fill carts and sometimes pay, written as one table of events."""

from __future__ import annotations

from datetime import date, datetime, time, timedelta
from pathlib import Path

import numpy as np
import pandas as pd

FIRST_DAY = date(2024, 1, 1)
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


def app_events(people: int = 250, days: int = 160, seed: int = 3) -> pd.DataFrame:
    """Return ``user, at, type, paid, device``; who logs in often goes on, who fills carts pays for some of them."""
    rng = np.random.default_rng(seed)
    rows = []
    for person in range(people):
        pace, buys = rng.gamma(1.2, 0.15), rng.beta(2, 3)
        gone = rng.exponential(180) if rng.random() < 0.6 else days
        start = float(rng.uniform(0, 40))
        day = start
        while day < min(days, start + gone):
            at = datetime.combine(FIRST_DAY, time()) + timedelta(days=day)
            device = rng.choice(["phone", "laptop"])
            kinds = ["login", *["view"] * int(rng.poisson(1.5))]
            if rng.random() < 0.4:
                kinds += ["cart", *(["purchase"] if rng.random() < buys else [])]
            for step, kind in enumerate(kinds):
                paid = round(float(rng.lognormal(2.5, 0.6)), 2) if kind == "purchase" else None
                rows.append((f"u{person:04d}", at + timedelta(minutes=step), kind, paid, device))
            day += max(0.3, float(rng.exponential(1 / max(pace, 0.02))))
    frame = pd.DataFrame(rows, columns=["user", "at", "type", "paid", "device"])
    return frame.assign(at=frame["at"].dt.floor("s"))


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

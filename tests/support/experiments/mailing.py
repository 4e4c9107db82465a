"""A small shop that sends one mail to half of its customers, drawn by lot: events with a planted effect, written as a project."""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path

import numpy as np
import pandas as pd

FIRST_DAY, MAIL_DAY = date(2024, 1, 1), date(2024, 4, 1)
HORIZON_DAYS = 14
BASE, GAIN = 0.2, 0.3
"""Chance of a visit after the mail day, and what the mail adds to it for those who bought lately."""
TAG = """
name: mail_effect
title: {en: Persuaded by mail, zh: 邮件可打动}
description: {en: Who visits because of the mail, zh: 因邮件来访的客户}
path: [Campaigns, Mail]
owner: crm
kind: uplift
treatment: {approached: "event = 'mail' and arm = 'sent'", control: "event = 'mail' and arm = 'none'"}
outcome: {kind: any_event, event: visit, horizon_days: 14}
features: [profile_activity]
decision: {rule: profit, benefit: 10, cost: 0.5}
"""
CONFIG = """
name = "mailing"
timezone = "UTC"
tags = "tags"
[[sources]]
name = "orders"
path = "orders.parquet"
[sources.columns]
profile_id = "customer"
event_time = "at"
amount = "price"
[[sources]]
name = "mails"
path = "mails.parquet"
event = "mail"
ended = true
words = ["arm"]
[sources.columns]
profile_id = "customer"
event_time = "at"
[[sources]]
name = "visits"
path = "visits.parquet"
event = "visit"
[sources.columns]
profile_id = "customer"
event_time = "at"
"""


def write_mailing(
    folder: Path, customers: int = 3000, gain: float = GAIN, seed: int = 0, tag: str = TAG
) -> Path:
    """Write the project; half of the customers bought in the last month, and only these are moved by the mail."""
    rng = np.random.default_rng(seed)
    names = np.array([f"c{i:05d}" for i in range(customers)])
    late = np.arange(customers) % 2 == 0
    last = np.where(late, rng.integers(1, 25, customers), rng.integers(40, 80, customers))
    several = names.repeat(3)
    before = last.repeat(3) + np.where(np.arange(3 * customers) % 3, rng.integers(0, 10, 3 * customers), 0)
    kept = (np.arange(3 * customers) % 3 == 0) | (rng.random(3 * customers) < 0.5)
    orders = pd.DataFrame(
        {
            "customer": several,
            "at": [MAIL_DAY - timedelta(days=int(d)) for d in before],
            "price": rng.lognormal(2, 0.5, 3 * customers).round(2),
        }
    )[kept]
    sent = rng.random(customers) < 0.5
    mails = pd.DataFrame({"customer": names, "at": MAIL_DAY, "arm": np.where(sent, "sent", "none")})
    came = rng.random(customers) < BASE + gain * (sent & late)
    visits = pd.DataFrame(
        {
            "customer": names[came],
            "at": [MAIL_DAY + timedelta(days=int(d)) for d in rng.integers(1, HORIZON_DAYS - 1, came.sum())],
        }
    )
    # The shop goes on: the window is over, and nobody's order says when.
    days = np.arange(1, HORIZON_DAYS + 5)
    going_on = {
        "customer": names[:40].repeat(len(days)),
        "at": [MAIL_DAY + timedelta(days=int(d)) for d in np.tile(days, 40)],
    }
    more = pd.DataFrame({**going_on, "price": 5.0})
    later = pd.DataFrame({"customer": names[:40], "at": MAIL_DAY + timedelta(days=HORIZON_DAYS + 4)})
    folder.mkdir(parents=True, exist_ok=True)
    frames = {
        "orders": pd.concat([orders, more]), "mails": mails, "visits": pd.concat([visits, later])
    }  # fmt: skip
    for name, frame in frames.items():
        frame.assign(at=pd.to_datetime(frame["at"]) + pd.Timedelta(hours=9)).to_parquet(
            folder / f"{name}.parquet", index=False
        )
    (folder / "tags").mkdir(exist_ok=True)
    (folder / "tags" / "mail_effect.yaml").write_text(tag, encoding="utf-8")
    (folder / "tagcast.toml").write_text(CONFIG, encoding="utf-8")
    return folder / "tagcast.toml"

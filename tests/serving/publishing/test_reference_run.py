"""Which earlier run a new one is held against, and a feed that fades step by step."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta

import pandas as pd
import pytest

from tagcast.serving.publishing.reference_run import reference_run
from tagcast.serving.store.manifest import Entry, Manifest
from tests.support.faults.wrong_data import write_project
from tests.support.published import NOW, run_info

FIRST = date(2026, 6, 1)
AWAY = """\
kind: rule
name: stage
title: {en: Stage, zh: 阶段}
description: {en: Where a customer stands, zh: 客户所处阶段}
path: [Lifecycle, Stage]
owner: tests
cases:
  away: "recency_days > 7"
otherwise: active
"""


def manifest(number: int, day: int) -> Manifest:
    run = replace(run_info(f"run-{number}", 5), as_of=FIRST + timedelta(days=day))
    return Manifest(run, number, 0, 5, 5, {}, {})


def log(*lines: str) -> list[Entry]:
    """Return entries of ``publish DAY``, ``forced DAY``, ``back NUMBER`` and ``keep DAY``."""
    entries: list[Entry] = []
    for number, line in enumerate(lines, start=1):
        word, value = line.split()
        if word == "back":
            target = next(e.manifest for e in entries if e.number == int(value))
            entries.append(Entry(number, "rollback", NOW, target))
        elif word == "keep":
            kept = manifest(number, int(value))
            entries.append(Entry(number, "keep", NOW, entries[-1].manifest, kept=kept))
        else:
            reason = "it is right" if word == "forced" else ""
            entries.append(Entry(number, "publish", NOW, manifest(number, int(value)), reason))
    return entries


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        ((), None),
        (("publish 39",), 1),
        (("publish 5", "publish 12", "publish 38", "publish 39"), 2),
        (("publish 10", "publish 39"), 1),
        (("publish 9", "publish 39"), 2),
        (("publish 2", "publish 8"), None),
        (("publish 12", "publish 20", "forced 25", "publish 39"), 3),
        (("publish 12", "publish 20", "back 1", "publish 39"), 1),
        (("publish 2", "publish 14", "back 1", "publish 39"), 4),
        (("publish 12", "forced 20", "back 1", "publish 39"), 1),
        (("publish 30", "keep 11", "publish 39"), 1),
        (("publish 40",), None),
        (("publish 20", "publish 15"), 2),
    ],
)
def test_the_oldest_run_of_the_last_thirty_days_that_still_counts(lines, expected) -> None:
    found = reference_run(log(*lines), FIRST + timedelta(days=40), 30)
    assert (found and found.number) == expected


def fading_shop(
    lost_a_night: float, *, customers: int = 400, days: int = 60, fades: int = 30
) -> pd.DataFrame:
    """Return lines of customers who buy every other day; from day ``fades`` on a further part of them is lost each night."""
    rows = [
        (f"c{number:03d}", FIRST + timedelta(days=day), 5.0)
        for number in range(customers)
        for day in range(number % 2, days, 2)
        if day < fades or number >= min(0.9, lost_a_night * (day - fades + 1)) * customers
    ]
    return pd.DataFrame(rows, columns=["customer", "at", "price"]).assign(
        at=lambda lines: pd.to_datetime(lines["at"]) + pd.Timedelta(hours=10)
    )


def away_by_hand(shop: pd.DataFrame, as_of: date) -> float:
    """Return the share whose last purchase before midnight lies more than 7 days back."""
    midnight = pd.Timestamp(as_of)
    last = shop[shop["at"] < midnight].groupby("customer")["at"].max()
    return float((midnight - last > pd.Timedelta(days=7)).mean())


@pytest.mark.parametrize("lost_a_night", [0.1, 0.05, 0.02])
def test_a_feed_that_fades_step_by_step_is_refused(tmp_path, lost_a_night) -> None:
    """Every night differs little from the one before; the first that is 25 points away from the first is refused."""
    shop = fading_shop(lost_a_night)
    project = write_project(tmp_path, tags=(AWAY,), columns='amount = "price"\n', shop=shop)
    away = {day: away_by_hand(shop, FIRST + timedelta(days=day)) for day in range(30, 60)}
    expected = next(day for day, share in away.items() if share - away[30] > 0.25)
    assert max(away[day] - away[day - 1] for day in range(31, expected + 1)) < 0.25
    refused = None
    for day in range(30, 60):
        as_of = FIRST + timedelta(days=day)
        answer = project.invoke("score", "--all", "--as-of", str(as_of), "--json")
        if answer.exit_code:
            refused = answer
            break
    assert refused is not None
    assert refused.exit_code == 10
    assert (as_of - FIRST).days == expected
    said = " ".join(refused.stderr.split())
    assert f"stage: {away[expected]:.0%} are away, 0% in the run of {FIRST + timedelta(days=30)}" in said
    # Whoever looked and found it right goes on, and is asked again only after as much has changed again.
    project.run("score", "--all", "--as-of", str(as_of), "--force", "--reason", "we sold those shops")
    later = as_of + timedelta(days=1)
    project.run("score", "--all", "--as-of", str(later))


def test_a_steady_feed_is_published_every_night(tmp_path) -> None:
    project = write_project(tmp_path, tags=(AWAY,), columns='amount = "price"\n', shop=fading_shop(0.0))
    for day in range(30, 60, 7):
        project.run("score", "--all", "--as-of", str(FIRST + timedelta(days=day)))

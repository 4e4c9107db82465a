"""A small app with a tag of every kind of outcome, and what its labels are on any engine."""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path
from typing import NamedTuple

import pandas as pd

from tagcast.features.core.engines.engine import ONE_MACHINE, Engine
from tagcast.pipelines.project.project import Project, open_project
from tagcast.pipelines.training.labelling.counts import OutcomeCounts
from tagcast.pipelines.training.labelling.labels import labelled
from tests.pipelines.training.app import FIRST_DAY, app_events, tag_text, write_app

DAY = FIRST_DAY + timedelta(days=140)
PEOPLE = 150
APPROACHED = '\n[campaigns.approached]\npath = "mailings.csv"\nkey = "who"\nstarts = "sent"\ndays = 9\n'
LABELS = "{label: {path: labels.parquet, key: who, as_of: month, value: stays}, horizon_days: 14}"
OUTCOMES = {
    "silent": ("{kind: no_event, event: login, horizon_days: 14}", "", ""),
    "comes": ("{kind: any_event, event: login, horizon_days: 14}", "", "campaigns: told\n"),
    "often": ("{kind: count_at_least, event: login, at_least: 3, horizon_days: 14}", "", ""),
    "spends": ("{kind: sum_at_least, at_least: 20, horizon_days: 28}", "{active_within_days: 60}", ""),
    "best": ("{kind: top_share, share: 0.13, horizon_days: 28}", "", "campaigns: ignore\n"),
    "worth": ("{kind: amount, horizon_days: 28, tiers: {low: 0, high: 30}}", "", ""),
    "fills": ("{count: true, where: \"event = 'cart'\", unless: \"event = 'purchase'\", at_least: 1, horizon_days: 7}", "", ""),
    "more": ('{sum: amount, at_least: "0.25 * spend_trend_7_30d * spend_30d", horizon_days: 14}', '"purchase_days_all > 0"', ""),
    "said": (LABELS, "", ""),
    "said_once": (LABELS.replace("labels.parquet", "once.parquet"), "", ""),
}  # fmt: skip


def labelled_app(folder: Path) -> Project:
    """Return the project, with tables of labels and of whom another tool approached."""
    few = "every_days: 14, max_snapshots: 3"
    tags = {
        name: tag_text(name, outcome, who, rest).replace("every_days: 14", few)
        for name, (outcome, who, rest) in OUTCOMES.items()
    }
    amount = {"worth": tags["worth"].replace("decision: {rule: top_share, share: 0.3}\n", "")}
    config = write_app(folder, tags | amount, people=PEOPLE)
    config.write_text(config.read_text(encoding="utf-8") + APPROACHED, encoding="utf-8")
    people = sorted(app_events(people=PEOPLE)["user"].unique())
    sent = [FIRST_DAY + timedelta(days=60 + n % 70) for n in range(0, len(people), 3)]
    pd.DataFrame({"who": people[::3], "sent": sent}).to_csv(folder / "mailings.csv", index=False)
    days = [DAY - timedelta(days=back) for back in (14, 28, 42)]
    said = [(who, day, "no" if n % 4 else "yes") for n, who in enumerate([*people, "nobody"]) for day in days]
    table = pd.DataFrame(said, columns=["who", "month", "stays"])
    table.to_parquet(folder / "labels.parquet", index=False)
    table[table["month"] == days[1]].to_parquet(folder / "once.parquet", index=False)
    return open_project(config, folder / "home")


class Found(NamedTuple):
    """What a labelling found; of all who were approached, those that are looked at."""

    counts: OutcomeCounts
    rows: pd.DataFrame
    drawn: pd.DataFrame
    reached: pd.DataFrame
    of_all: int


def labels_of(project: Project, name: str, engine: Engine = ONE_MACHINE, day: date = DAY) -> Found:
    """Return the labels of a tag as of a day."""
    project.__dict__["engine"] = engine
    (definition,) = [one for one in project.definitions(day) if one.name == name]
    with labelled(project, project.plan(definition, day), day) as labels:
        reached = labels.reached()
        return Found(labels.counts, labels.rows(), labels.drawn(), reached.looked_at, reached.rows)


def assert_same(found: Found, wanted: Found) -> None:
    """Hold two labellings against one another, to the bit."""
    assert (found.counts, found.of_all) == (wanted.counts, wanted.of_all)
    for one, other in zip(found[1:4], wanted[1:4], strict=True):
        pd.testing.assert_frame_equal(one, other, check_exact=True)

"""Everyday shops whose data went wrong in one way, for tests of what `tagcast check` says of them."""

from __future__ import annotations

import json
from datetime import date, timedelta
from pathlib import Path

import numpy as np
import pandas as pd

from tests.support.command_line import Project

LAST_DAY = date(2026, 10, 27)
STAGE = """\
kind: rule
name: stage
title: {en: Stage, zh: 阶段}
description: {en: Where a customer stands, zh: 客户所处阶段}
path: [Lifecycle, Stage]
owner: tests
cases:
  new: "tenure_days <= 60"
  lapsed: "recency_days > 90"
otherwise: returning
"""
CHURN = """\
name: churn
title: {en: Churn, zh: 流失}
description: {en: No purchase in 30 days, zh: 30天内不购买}
path: [Lifecycle, Retention]
owner: tests
population: {active_within_days: 90}
outcome: {kind: no_event, horizon_days: 30}
feature_service: churn
decision: {rule: threshold, threshold: 0.5}
"""


def everyday_shop(
    customers: int = 400, days: int = 300, lines_a_day: int = 14, seed: int = 7
) -> pd.DataFrame:
    """Return order lines ``customer, at, price, kind, sku`` up to ``LAST_DAY``, about ``lines_a_day`` on each day."""
    rng = np.random.default_rng(seed)
    first = pd.Timestamp(LAST_DAY - timedelta(days=days - 1))
    per_day = np.maximum(1, rng.poisson(lines_a_day, days))
    day = np.repeat(np.arange(days), per_day)
    count = len(day)
    often = rng.gamma(0.6, size=customers)
    kinds = rng.choice(["Coffee", "Tea", "Bread"], count, p=[0.4, 0.35, 0.25])
    return pd.DataFrame(
        {
            "customer": [f"c{number:04d}" for number in rng.choice(customers, count, p=often / often.sum())],
            "at": first
            + pd.to_timedelta(day, unit="D")
            + pd.to_timedelta(rng.integers(8 * 3600, 20 * 3600, count), unit="s"),
            "price": rng.lognormal(2, 0.5, count).round(2),
            "kind": kinds,
            "sku": [
                f"{kind}-{number}" for kind, number in zip(kinds, rng.integers(0, 6, count), strict=True)
            ],
        }
    )


def write_project(
    folder: Path,
    *,
    extra: str = "",
    timezone: str = "UTC",
    tags: tuple[str, ...] = (STAGE,),
    tables: str = "",
    columns: str = 'amount = "price"\ncategory = "kind"\nitem_id = "sku"\n',
    **sources: pd.DataFrame,
) -> Project:
    """Write a project with a source for each frame (``at`` and ``customer`` are its columns) and return it.

    Parameters
    ----------
    folder : Path
    extra : str
        Further lines of every ``[[sources]]`` table.
    tables : str
        Further tables of the configuration.
    columns : str
        Columns mapped beside customer and time, in every source that has them.
    """
    text = f'name = "faulty"\ntimezone = "{timezone}"\ntags = "tags"\n'
    for name, frame in sources.items():
        frame.to_parquet(folder / f"{name}.parquet", index=False)
        mapped = "".join(line + "\n" for line in columns.splitlines() if line.split('"')[1] in frame.columns)
        text += (
            f'[[sources]]\nname = "{name}"\npath = "{name}.parquet"\n{extra}\n[sources.columns]\n'
            f'profile_id = "customer"\nevent_time = "at"\n{mapped}'
        )
    (folder / "tagcast.toml").write_text(text + tables, encoding="utf-8")
    (folder / "tags").mkdir(exist_ok=True)
    for number, tag in enumerate(tags):
        (folder / "tags" / f"tag_{number}.yaml").write_text(tag, encoding="utf-8")
    return Project(folder / "tagcast.toml", folder / "home")


def findings(project: Project, *words: str) -> dict[str, list[dict]]:
    """Return the findings of `tagcast check` by code."""
    found: dict[str, list[dict]] = {}
    for finding in project_report(project, *words)["sources"]["findings"]:
        found.setdefault(finding["code"], []).append(finding)
    return found


def project_report(project: Project, *words: str) -> dict:
    """Return the report of `tagcast check`, ready or not."""
    return json.loads(project.invoke("check", *words, "--json").stdout)


def edit(project: Project, old: str, new: str) -> None:
    """Replace a part of the configuration."""
    text = project.config.read_text(encoding="utf-8")
    assert old in text
    project.config.write_text(text.replace(old, new), encoding="utf-8")

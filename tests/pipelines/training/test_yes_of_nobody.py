"""A yes that nobody gets: shares and profits ask for no confidence, and what no one would get is refused."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from tests.support.command_line import Project
from tests.support.faults.wrong_data import project_report, write_project

TAG = """\
name: {name}
title: {{en: Letter, zh: 信件}}
description: {{en: Whom to write to, zh: 应联系的客户}}
path: [Value, Letters]
owner: tests
population: {{active_within_days: 90}}
outcome: {outcome}
feature_service: {service}
decision: {{{rule}}}
"""
LEAVES = "{kind: no_event, horizon_days: 30}"
SPENDS = "{kind: top_share, share: 0.2, horizon_days: 30}"
COFFEE = "{kind: any_event, category: Coffee, horizon_days: 30}"


def tag(name: str, rule: str, more: str = "", *, outcome: str = LEAVES, service: str = "churn") -> str:
    return TAG.format(name=name, outcome=outcome, service=service, rule=rule) + more


def quiet_shop(customers: int = 260, days: int = 300, seed: int = 11) -> pd.DataFrame:
    """Return lines of customers who all buy about as often: whoever spends most next month is hard to tell."""
    rng = np.random.default_rng(seed)
    first = pd.Timestamp("2026-01-01")
    gap = rng.gamma(6.0, 3.0, customers)
    rows = []
    for number in range(customers):
        at, last = rng.uniform(0, 30), days * (1 if rng.random() < 0.6 else rng.uniform(0.4, 1))
        while at < last:
            rows.append((f"c{number:03d}", at, rng.lognormal(2.5, 0.6)))
            at += rng.gamma(2.0, gap[number] / 2)
    lines = pd.DataFrame(rows, columns=["customer", "day", "price"])
    lines["at"] = first + pd.to_timedelta((lines["day"] * 86400).astype(int), unit="s")
    lines["kind"] = np.where(rng.random(len(lines)) < 0.4, "Coffee", "Tea")
    lines["price"] = lines["price"].round(2)
    return lines.sort_values("at", ignore_index=True)[["customer", "at", "price", "kind"]]


def made(folder, *texts: str) -> Project:
    return write_project(folder, tags=texts, shop=quiet_shop())


def trained(project: Project) -> dict[str, dict]:
    return {
        found["tag"]: found for found in project.json("train", "--all", "--trials", "1", "--threads", "1")
    }


def population(project: Project, days: int = 90) -> int:
    """Return who bought in the days up to the last, counted from the file."""
    lines = pd.read_parquet(project.config.parent / "shop.parquet")
    today = lines["at"].max().normalize() + pd.Timedelta(days=1)
    return lines.loc[lines["at"] >= today - pd.Timedelta(days=days), "customer"].nunique()


@pytest.mark.slow
def test_a_share_and_a_profit_ask_for_no_confidence(tmp_path) -> None:
    project = made(
        tmp_path,
        tag("share", "rule: top_share, share: 0.2", outcome=SPENDS, service="value"),
        tag("profit", "rule: profit, benefit: 100, cost: 0.01"),
        tag("discovery", "rule: top_share, share: 0.05", outcome=COFFEE, service="interest"),
    )
    versions, people = trained(project), population(project)
    runs = {run["tag"]: run for run in project.json("score", "--all")["tags"]}
    for name, wanted in (
        ("share", round(0.2 * people)),
        ("profit", people),
        ("discovery", round(0.05 * people)),
    ):
        found, run = versions[name], runs[name]
        assert found["alias"] == "champion", found["reason"]
        assert found["values"]["unknown"] == 0
        # Equal scores at the border are all taken.
        assert wanted <= run["predicted"]["yes"] <= wanted + 12
        assert sum(run["predicted"].values()) == people
        table = project.json("model", "thresholds", name)
        (own,) = (row for row in table["thresholds"] if row["chosen"])
        assert own["unknown"] == 0
        assert own["size"] >= found["values"]["yes"]


def test_check_says_how_many_can_get_a_yes(tmp_path) -> None:
    project = made(
        tmp_path,
        tag(
            "letter", "rule: top_share, share: 0.9", "min_confidence: 0.9\n", outcome=SPENDS, service="value"
        ),
    )
    (found,) = project_report(project)["tags"]
    # A fifth has the outcome by its definition: .2 / .9 of the population can be that sure.
    assert found["yes_at_most"] == int(found["positives"] / 0.9)
    assert found["level"] == "warning"
    assert f"at most {found['yes_at_most']} can reach the min_confidence of 0.9" in found["message"]
    file = next((tmp_path / "tags").iterdir())
    file.write_text(file.read_text().replace("min_confidence: 0.9", "min_confidence: 0"), encoding="utf-8")
    (found,) = project_report(project)["tags"]
    assert (found["level"], found["yes_at_most"]) == ("ok", round(0.9 * found["population"]))


NOBODYS = {
    "silenced": (
        tag(
            "silenced",
            "rule: top_share, share: 0.2",
            "min_confidence: 0.97\n",
            outcome=SPENDS,
            service="value",
        ),
        "set min_confidence: 0",
        ("min_confidence: 0.97", "min_confidence: 0"),
    ),
    "above": (
        tag("above", "rule: threshold, threshold: 0.97", outcome=SPENDS, service="value"),
        "choose a lower threshold or decision: {rule: top_share, share: 0.1}, either with min_confidence: 0",
        ("rule: threshold, threshold: 0.97", "rule: top_share, share: 0.1"),
    ),
    "dear": (
        tag("dear", "rule: profit, benefit: 100, cost: 99", outcome=SPENDS, service="value"),
        "correct benefit and cost",
        ("cost: 99", "cost: 5"),
    ),
}


@pytest.mark.slow
def test_a_yes_of_nobody_is_no_champion_and_its_hint_helps(tmp_path) -> None:
    project = made(tmp_path, *(text for text, _, _ in NOBODYS.values()))
    printed = " ".join(project.run("train", "--all", "--trials", "1", "--threads", "1").stdout.split())
    for name, (_, why, _) in NOBODYS.items():
        assert f"{name}: no champion: nobody at the test snapshot gets a yes (yes 0, no " in printed
        assert why in printed
    assert "Who gets which value at the test snapshot" in printed
    assert project.invoke("score", "--all").exit_code != 0, "there is no champion"
    for file in (tmp_path / "tags").iterdir():
        text = file.read_text(encoding="utf-8")
        for _, _, (old, new) in NOBODYS.values():
            text = text.replace(old, new)
        file.write_text(text, encoding="utf-8")
    for found in trained(project).values():
        assert found["alias"] == "champion", found["reason"]
        assert found["values"]["yes"] > 0

"""What a year of campaigns does to the scores that choose whom they approach: ``python -m benchmarks.loop.campaigns``.

A made shop of shoppers who come, go quiet and come back. Once a month churn_risk is trained, everybody is scored, and a campaign approaches
the fifth with the highest scores, but for a tenth of it that is held out at random. Of those who would not have bought within the window,
the approach brings ``EFFECT`` to buy once. After ``CAMPAIGNS`` months the score of the top fifth is held against the share of it that really
would not buy by itself, which only the maker of the shop knows. With ``campaigns: told`` the model learns from everybody and knows whom a
campaign approached, with ``campaigns: ignore`` it learns from what it saw.
"""

from __future__ import annotations

import argparse
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import pandas as pd

from benchmarks.results import write_result
from benchmarks.rows import Bar, Row, measured

FIRST = date(2022, 1, 3)
CUSTOMERS = 6_000
CAMPAIGNS = 12
BEFORE_DAYS, STEP_DAYS, HORIZON_DAYS = 420, 30, 30
TOP, HELD_OUT, EFFECT = 0.2, 0.1, 0.6
SEEDS = (1, 2, 3)
BARS = (Bar("at least", 0.95), Bar("at most", 1.05))
TAG = "churn_risk"
CONFIG = """\
name = "made shop"
tags = "tags"
[[sources]]
name = "shop"
path = "lines.parquet"
[sources.columns]
profile_id = "customer"
event_time = "at"
amount = "price"
[campaigns.approached]
path = "approached.parquet"
key = "customer"
starts = "starts"
days = 30
campaign = "campaign"
"""
DEFINITION = """\
name: churn_risk
title: {{en: Churn risk, zh: 流失风险}}
description: {{en: Will not buy within 30 days, zh: 30天内不再购买}}
path: [Lifecycle, Retention]
owner: benchmark
population: {{active_within_days: 90}}
outcome: {{kind: no_event, horizon_days: 30}}
feature_service: churn
decision: {{rule: threshold, threshold: 0.5}}
snapshots: {{min_history_days: 120}}
campaigns: {campaigns}
"""


@dataclass(frozen=True)
class Month:
    """What a month of the loop came to.

    Parameters
    ----------
    as_of : date
    score, truth : float
        Mean score of the fifth with the highest scores, and the share of it that would not buy by itself.
    rows : int
        That were learned from.
    """

    as_of: date
    score: float
    truth: float
    rows: int


def shop(seed: int) -> pd.DataFrame:
    """Return what everybody buys by themselves: ``customer, at, price``."""
    rng = np.random.default_rng(seed)
    days = BEFORE_DAYS + CAMPAIGNS * STEP_DAYS + HORIZON_DAYS
    rate, rows = rng.gamma(1.2, 0.06, CUSTOMERS), []
    for customer in range(CUSTOMERS):
        day = float(
            rng.uniform(-HORIZON_DAYS, days)
        )  # customers come all the time: the shop is as old at each month
        while day < days:
            if day >= 0:
                rows.append((f"c{customer:04d}", day, round(float(rng.lognormal(2.5, 0.6)), 2)))
            quiet = 60.0 if rng.random() < 0.06 else 0.0
            day += max(0.2, float(rng.exponential(1 / max(rate[customer], 0.01)))) + quiet
    frame = pd.DataFrame(rows, columns=["customer", "day", "price"])
    start = pd.Timestamp(FIRST)
    return frame.assign(at=(start + pd.to_timedelta(frame.pop("day"), unit="D")).dt.floor("s"))


def year(seed: int, campaigns: str, folder: Path, *, say: Any = print) -> list[Month]:
    """Return the months of a year of campaigns, and the month after it.

    Parameters
    ----------
    seed : int
    campaigns : {"exclude", "told", "ignore"}
        Of the tag.
    folder : Path
    say : callable, optional
    """
    rng = np.random.default_rng(seed)
    own = shop(seed)
    (folder / "tags").mkdir(parents=True)
    (folder / "tagcast.toml").write_text(CONFIG, encoding="utf-8")
    (folder / "tags" / f"{TAG}.yaml").write_text(DEFINITION.format(campaigns=campaigns), encoding="utf-8")
    brought = own.iloc[:0]
    approached = pd.DataFrame({"customer": ["nobody"], "starts": [FIRST], "campaign": ["none"]})
    months = []
    for number in range(CAMPAIGNS + 1):
        as_of = FIRST + timedelta(days=BEFORE_DAYS + number * STEP_DAYS)
        until = pd.Timestamp(
            as_of + timedelta(days=1)
        )  # a first purchase of the day tells that the day before is whole
        seen = pd.concat([own, brought])
        seen[seen["at"] < until].to_parquet(folder / "lines.parquet", index=False)
        approached.to_parquet(folder / "approached.parquet", index=False)
        scores, rows = trained_and_scored(folder, as_of)
        window = own["at"].between(
            pd.Timestamp(as_of), pd.Timestamp(as_of + timedelta(days=HORIZON_DAYS)), "left"
        )
        buys = set(own.loc[window, "customer"])
        top = scores.nlargest(round(len(scores) * TOP))
        leaves = ~top.index.isin(buys)
        months.append(Month(as_of, float(top.mean()), float(leaves.mean()), rows))
        say(f"  {campaigns}, seed {seed}, {as_of}: {top.mean():.3f} of {leaves.mean():.3f}, {rows:,} rows")
        given = rng.random(len(top)) >= HELD_OUT
        chosen = pd.DataFrame({"customer": top.index[given], "starts": as_of, "campaign": f"m{number}"})
        approached = pd.concat([approached, chosen], ignore_index=True)
        stays = top.index[given & leaves & (rng.random(len(top)) < EFFECT)]
        at = pd.Timestamp(as_of) + pd.to_timedelta(rng.uniform(0.5, HORIZON_DAYS - 1, len(stays)), unit="D")
        brought = pd.concat([brought, pd.DataFrame({"customer": stays, "price": 12.0, "at": at.floor("s")})])
    return months


def trained_and_scored(folder: Path, as_of: date) -> tuple[pd.Series, int]:
    """Return what `tagcast train` and `tagcast score` say of everybody, and how many rows were learned from."""
    from tagcast.pipelines.deployment.model_versions import promote_version
    from tagcast.pipelines.project.project import open_project
    from tagcast.pipelines.scoring.score import score_tags
    from tagcast.pipelines.training.train import train_tags
    from tagcast.serving.store.long_form import predictions

    now = datetime.now(UTC)
    project = open_project(folder / "tagcast.toml", folder / "home")
    (trained,) = train_tags(project, None, as_of=as_of, now=now, trials=1, threads=1)
    if trained.version is None:
        raise RuntimeError(str(trained.reason))
    if trained.alias != "champion":
        promote_version(
            project, TAG, trained.version, by="benchmark", reason="to be measured", now=now, force=True
        )
    score_tags(project, None, as_of=as_of, now=now, force_reason="to be measured")
    with project.store.reader() as reader:
        said = predictions(reader, TAG).to_pandas().set_index("profile_id")
    return said["score"].astype(float).sort_index(), trained.rows


def main(argv: list[str] | None = None) -> None:
    """Run the loop in each way and write the result."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--seeds", type=int, nargs="+", default=list(SEEDS), help="shops; default: %(default)s"
    )
    options = parser.parse_args(argv)
    rows: list[Row] = []
    details: dict[str, Any] = {}
    for campaigns in ("exclude", "told", "ignore"):
        months = []
        for seed in options.seeds:
            with TemporaryDirectory(prefix="tagcast-loop-") as folder:
                months.append(year(seed, campaigns, Path(folder) / "shop"))
        details[campaigns] = [[[str(m.as_of), m.score, m.truth, m.rows] for m in seed] for seed in months]
        for what, at in (("before the first campaign", 0), (f"after {CAMPAIGNS} campaigns", -1)):
            found = [seed[at].score / seed[at].truth for seed in months]
            name = f"campaigns: {campaigns}, {what}"
            print(f"{name}: score over truth of the top fifth {', '.join(f'{one:.3f}' for one in found)}")
            if (campaigns, at) == ("exclude", -1):
                rows += [
                    measured(f"{name}, {bar}", "score over truth", found, "neither", bar) for bar in BARS
                ]
            else:
                rows.append(measured(name, "score over truth", found, "neither"))
    write_result("campaign_loop", vars(options), rows, now=datetime.now(UTC), details=details)


if __name__ == "__main__":
    main()

"""A tag of customers that learns from their fund, and one of funds that asks about their holders: from the events to the run."""

from __future__ import annotations

import re
from datetime import date

import numpy as np
import pandas as pd
import pytest

from tagcast.pipelines.project.champions import load_champions
from tagcast.pipelines.project.project import open_project
from tagcast.serving.store.long_form import predictions
from tests.support.command_line import Project
from tests.support.source_projects import source

pytestmark = pytest.mark.slow

NOW = date(2024, 6, 1)
CONFIG = f"""\
name = "funds"
features = "views"
tags = "tags"
[entities.fund]
table = {{ path = "funds.parquet", key = "code", columns = ["risk"] }}
[entities.manager]
of = "fund"
key = "run_by"
{source("app", 'event_column = "type"' + chr(10) + 'keys = { fund = "fund" }', {"profile_id": "id", "event_time": "at", "amount": "price"})}
"""
VIEWS = """\
view: flows
windows: [90]
features:
  redeemed: {count: true, where: "event = 'redeem'"}
  silence_days: {since_last: true}
---
view: main_fund
owner: product
title: {en: Main fund, zh: 主要基金}
related: {entity: fund, by: most}
columns:
  fund_redeemed: outflows.redeemed_90d
  fund_holders_redeem: {of: holders.mean_redeemed, title: {en: redemptions of its holders, zh: 持有人赎回次数}}
---
view: main_manager
related: {entity: manager}
columns: {manager_redeemed: managed.redeemed_90d}
---
view: fund_says
related: {entity: fund, by: most}
tags: {fund_is_silent: many_silent.value, fund_silence: many_silent.score}
---
view: clients
entity: manager
related: {entity: profile, within_days: 90}
tags:
  idle_clients: {count: "idle = 'yes'"}
  share_idle: {share: "idle = 'yes'"}
  share_busy: {share: "idle <> 'yes'"}
  mean_idle: {mean: idle.score}
  clients: {count: true}
---
view: outflows
entity: fund
windows: [90]
features:
  redeemed: {count: true, where: "event = 'redeem'"}
---
view: managed
entity: manager
windows: [90]
features:
  redeemed: {count: true, where: "event = 'redeem'"}
---
view: holders
entity: fund
related: {entity: profile, within_days: 365}
features:
  holders: {count: true}
  mean_redeemed: {mean: flows.redeemed_90d}
  share_silent: {share: "flows.silence_days > 14"}
"""
TAG = """\
name: redeems
title: Redeems soon
description: Redeems in the next 30 days
path: [Behaviour, Redemption]
owner: product
features: [main_fund, main_manager]
population: "fund_redeemed >= 0"
outcome: {count: true, where: "event = 'redeem'", horizon_days: 30, at_least: 1}
decision: {rule: top_share, share: 0.3}
"""
RULE = """\
kind: rule
name: many_silent
entity: fund
title: Silent holders
description: Many holders are silent
path: [Funds, Holders]
owner: product
rule: share_silent > 0.5 AND holders >= 2
"""


IDLE = """\
kind: rule
name: idle
title: Idle
description: Has not been seen for two weeks
path: [Behaviour, Silence]
owner: product
rule: silence_days > 14 AND fund_is_silent = 'yes' OR silence_days > 40
"""
HARD = """\
kind: rule
name: idle_clients_high
entity: manager
title: Idle clients
description: Many clients are idle
path: [Managers, Clients]
owner: product
rule: share_idle > 0.3 AND clients >= 2
"""


def history() -> pd.DataFrame:
    """Return events of 300 customers of 12 funds, a third of which everybody leaves."""
    rng, lines = np.random.default_rng(3), []
    for customer in range(300):
        fund = int(rng.integers(0, 12))
        for day in np.sort(rng.choice(500, 25, replace=False)):
            redeem = rng.random() < (0.6 if fund % 3 == 0 else 0.05)
            kind = "redeem" if redeem else str(rng.choice(["subscribe", "login"]))
            named = (
                None if kind == "login" else f"F{fund if rng.random() < 0.9 else int(rng.integers(0, 12))}"
            )
            at = pd.Timestamp("2023-01-20") + pd.Timedelta(days=int(day), minutes=int(rng.integers(0, 1440)))
            lines.append((f"c{customer:03d}", named, at, kind, float(np.round(rng.gamma(2, 100), 2))))
    return pd.DataFrame(lines, columns=["id", "fund", "at", "type", "price"])


@pytest.fixture(scope="module")
def project(tmp_path_factory) -> Project:
    folder = tmp_path_factory.mktemp("funds")
    history().to_parquet(folder / "app.parquet")
    codes = [f"F{n}" for n in range(12)]
    managers = [f"M{n % 4}" for n in range(12)]
    pd.DataFrame({"code": codes, "run_by": managers, "risk": "low"}).to_parquet(folder / "funds.parquet")
    for name, text in {
        "views/v": VIEWS,
        "tags/redeems": TAG,
        "tags/many_silent": RULE,
        "tags/idle": IDLE,
        "tags/hard": HARD,
    }.items():
        file = folder / f"{name}.yaml"
        file.parent.mkdir(exist_ok=True)
        file.write_text(text, encoding="utf-8")
    (folder / "tagcast.toml").write_text(CONFIG, encoding="utf-8")
    return Project(folder / "tagcast.toml", folder / "home")


def published(project: Project, entity: str, tag: str) -> pd.DataFrame:
    store = open_project(project.config, project.home).of(entity).store
    with store.open(store.current()) as reader:
        return predictions(reader, tag).to_pandas().set_index("profile_id")


def test_a_tag_learns_from_what_its_customers_are_related_to(project) -> None:
    day = str(NOW)
    report = project.json("check", "--as-of", day)
    (trained,) = project.json("train", "redeems", "--as-of", day, "--trials", "1", "--threads", "1")
    # Counted a second time from times of events, the other entities' features too, they are the same.
    checks = {check["name"]: check for check in trained["checks"]}
    assert checks["after_as_of"]["outcome"] == "pass", checks["after_as_of"]
    project.run("model", "promote", "redeems", "1", "--force", "--reason", "a small project")
    project.run("score", "--all", "--as-of", day)
    opened = open_project(project.config, project.home)
    (champion,) = load_champions(opened, ["redeems"], [])
    assert {*champion.model.features} == {"fund_redeemed", "fund_holders_redeem", "manager_redeemed"}
    view = opened.repo(champion.feature_set).store().get_feature_view("main_fund")
    assert (view.owner, view.tags["title_zh"]) == ("product", "主要基金")
    # Its customers' funds lose money, and so do its customers: the model sees no more than the relation.
    scores = published(project, "profile", "redeems")["score"]
    past = history().query("at < @NOW.isoformat()")
    main = (
        past.dropna(subset="fund").groupby("id")["fund"].agg(lambda f: f.value_counts().sort_index().idxmax())
    )
    leaving = scores[main[main.isin(["F0", "F3", "F6", "F9"])].index].dropna()
    assert leaving.mean() > scores.drop(leaving.index).dropna().mean() + 0.2
    assert "related" in str(report)


def test_a_rule_of_funds_asks_about_their_holders(project) -> None:
    project.run("score", "--all", "--as-of", str(NOW))
    values = published(project, "fund", "many_silent")["value"]
    past = history().query("at < @NOW.isoformat()")
    last = past.groupby("id")["at"].max().dt.normalize()
    silent = (pd.Timestamp(NOW) - last).dt.days > 14
    lately = past[past["at"] >= pd.Timestamp(NOW) - pd.Timedelta(days=365)].dropna(subset="fund")
    for fund, whom in lately.groupby("fund")["id"].unique().items():
        asked = silent[whom].mean() > 0.5 and len(whom) >= 2
        assert values[fund] == ("yes" if asked else "no"), fund
    assert {*values} == {"yes", "no"}


def test_what_tags_of_others_say_are_attributes(project) -> None:
    answers = project.json("score", "--all", "--as-of", str(NOW))
    assert list(answers) == ["fund", "profile", "manager"]  # each after those whose tags it reads
    past = history().query("at < @NOW.isoformat()")
    named = past.dropna(subset="fund")
    main = named.groupby("id")["fund"].agg(lambda f: f.value_counts().sort_index().idxmax())
    says = published(project, "fund", "many_silent")["value"]
    silent = {who for who, fund in main.items() if says[fund] == "yes"}
    counted = project.json("audience", "count", "fund_is_silent = 'yes' AND fund_silence = 1")
    assert counted["members"] == len(silent) > 0
    # A rule speaks of it, and of features.
    days = (pd.Timestamp(NOW) - past.groupby("id")["at"].max().dt.normalize()).dt.days
    idle = {who for who, n in days.items() if (n > 14 and who in silent) or n > 40}
    assert project.json("audience", "count", "idle = 'yes'")["members"] == len(idle) > 0
    # And another entity of that rule.
    lately = named[named["at"] >= pd.Timestamp(NOW) - pd.Timedelta(days=90)]
    leads = lately["fund"].map(lambda fund: f"M{int(fund[1:]) % 4}")
    high = 0
    for manager, whom in lately.groupby(leads)["id"].unique().items():
        met = len({*whom} & idle)
        high += met / len(whom) > 0.3
        shown = project.json("profile", "show", manager, "--entity", "manager")["attributes"]
        assert (shown["idle_clients"], shown["clients"]) == (met, len(whom))
        assert (shown["share_idle"], shown["share_busy"]) == (met / len(whom), 1 - met / len(whom))
        assert shown["mean_idle"] == met / len(whom)
    counted = project.json("audience", "count", "idle_clients_high = 'yes'", "--entity", "manager")
    assert counted["members"] == high


def test_of_a_run_of_another_day_nothing_is_known(project) -> None:
    day = "2024-05-25"
    found = project.run(
        "score", "idle", "--entity", "profile", "--as-of", day, "--force", "--reason", "an older day"
    )
    assert "there is no active run of fund as of 2024-05-25" in found.output + found.stderr
    assert project.json("audience", "count", "fund_is_silent = 'yes'")["members"] == 0


def test_no_model_learns_from_tags_of_others(project) -> None:
    file = project.config.parent / "tags" / "redeems.yaml"
    file.write_text(TAG.replace("main_manager]", "fund_says.fund_is_silent]"), encoding="utf-8")
    try:
        found = project.invoke("check", "--as-of", str(NOW))
        assert found.exit_code
        assert "no model learns from tags of others" in found.output + found.stderr
    finally:
        file.write_text(TAG, encoding="utf-8")


@pytest.mark.parametrize(
    ("written", "said"),
    [
        ("many_silence.value", "there is no tag 'many_silence' of fund"),
        ("many_silent.word", "expected churn_risk.score"),
        ("{share: many_silent}", "expected a condition on a tag"),
        ("{share: \"many_silent = 'yes'\"}", "either|expected|as columns are"),
    ],
)
def test_what_is_wrong_of_tags_of_others_is_named(project, written, said) -> None:
    file = project.config.parent / "views" / "v.yaml"
    file.write_text(VIEWS.replace("many_silent.value", written), encoding="utf-8")
    try:
        found = project.invoke("check", "--as-of", str(NOW))
        assert found.exit_code
        assert re.search(said, " ".join((found.output + found.stderr).split()))
    finally:
        file.write_text(VIEWS, encoding="utf-8")


def test_what_is_scored_is_taken_from_the_same_day(project) -> None:
    """A late event of a fund, of a day before the snapshot, makes what its holders have of it another."""
    opened = open_project(project.config, project.home)
    built = opened.snapshots(opened.widest_set(NOW))
    built.ensure([NOW])
    assert built.ensure([NOW]) == []
    more = pd.DataFrame(
        {"id": "c000", "fund": "F1", "at": pd.Timestamp("2024-05-30"), "type": "redeem", "price": 1.0},
        index=[0],
    )
    before = pd.read_parquet(built.path("main_fund", NOW))
    pd.concat([history(), more]).to_parquet(project.config.parent / "app.parquet")
    again = open_project(project.config, project.home)
    rebuilt = again.snapshots(again.widest_set(NOW))
    assert rebuilt.ensure([NOW]) == [NOW]
    after = pd.read_parquet(rebuilt.path("main_fund", NOW))
    assert (after["fund_redeemed"] - before["fund_redeemed"]).max() == 1

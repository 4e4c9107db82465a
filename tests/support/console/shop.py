"""A shop with everything that pages of the console show: people, a published tag, what waits for review, saved audiences."""

from __future__ import annotations

import csv
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pandas as pd

from tagcast.features.catalog.feature_set import FeatureSet
from tagcast.features.core.settings import load_settings
from tagcast.pipelines.scoring.score import score_tags
from tagcast.registry.access.accounts import add_user
from tagcast.registry.access.roles import Person
from tagcast.registry.gates.checks import Check, GateReport
from tagcast.registry.governance.lifecycle import transition
from tagcast.registry.state.database import State, open_state
from tagcast.registry.versions.promotion import decide_by_gate
from tagcast.registry.versions.recording import log_version
from tagcast.registry.versions.tracking import Tracking, open_tracking
from tests.support.browser import SECRET
from tests.support.champion import DAY, TAG, by_hand, shop_with_champion

PASSED = GateReport((Check("beats_rfm", "pass", 0.86, 0.84, "AUC .860 against .840"),))
ANN, BOB = Person("Ann", "data_scientist"), Person("Bob", "data_scientist")
PEOPLE = (
    ("Mia", "marketer"),
    ("Lea", "lead"),
    ("Bob", "data_scientist"),
    ("Ola", "owner"),
    ("Vera", "viewer"),
)
"""Who can log in, with SECRET."""
CONSENTS = ("yes", "yes", "yes", "no", "")
"""Of the customers in turn: three in five agree to mail, of one in five nothing is known."""
LAST_DAY = DAY + timedelta(days=43)
"""As of which the active run is."""
EXTRA = """
currency = "NOK"
"""
TABLES = """
[consent]
email = "mail_ok"

[contact]
at_most = 1
days = 14
beyond = "warn"
"""
REVIEW = """
[review]
second_person = true
"""
"""Asked for after the first run."""
NORTH, WEST = "northern", "western"
"""Rule tags that were scored before a second person was asked for."""
RULE = """\
kind: rule
name: {name}
title: {{en: {name} title, zh: {name} 标题}}
description: {{en: Lives up there, zh: 住在那里}}
path: [Lifecycle, Stage]
owner: tests
rule: "city = '{city}'"
"""


@dataclass(frozen=True)
class ConsoleShop:
    """Where the shop lies, and what its tests change behind the console's back."""

    config: Path
    home: Path
    folder: Path
    tracking: Tracking
    state: State

    def propose(self, now: datetime | None = None) -> int:
        """Put another version before the reviewers and return its number."""
        now = now or datetime.now(UTC)
        model = by_hand(threshold=0.4)
        bundle = self.folder / f"bundle-{now.timestamp()}"
        model.save(bundle)
        version = log_version(
            self.tracking, tag=TAG, kind="model", bundle=bundle, features=model.features,
            feature_set=FeatureSet.parse(model.feature_set).id, params={}, metrics={"auc": 0.86, "log_loss": 0.51}, dataset={},
            split={}, figures={}, notes=[], run_name="r", now=now,
        )  # fmt: skip
        decide_by_gate(self.tracking, version, PASSED, now=now, proposer="Ann")
        return version.version


def console_shop(folder: Path) -> ConsoleShop:
    """Return a shop whose churn is published by Bob, with one more version that waits for somebody else than Ann."""
    shop_with_champion(folder)
    config = folder / "tagcast.toml"
    _ask_for_consent(folder)
    text = config.read_text(encoding="utf-8").replace(
        'columns = ["city", "age"]', 'columns = ["city", "age", "mail_ok"]\nsensitive = ["age"]'
    )
    first, tables = text.split("\n\n", 1)
    config.write_text(f"{first}{EXTRA}\n{tables}{TABLES}", encoding="utf-8")
    for name, city in ((NORTH, "Tromsø"), (WEST, "Bergen")):
        (folder / "tags" / f"{name}.yaml").write_text(RULE.format(name=name, city=city), encoding="utf-8")
    now = datetime.now(UTC) - timedelta(minutes=5)
    from tagcast.pipelines.project.project import open_project

    # Two runs, so that something has moved; the window of the second lies partly in a season that training never saw.
    for days in (7, 0):
        as_of, at = LAST_DAY - timedelta(days=days), now - timedelta(days=days)
        reason = "" if days else "a week later"
        score_tags(open_project(config, folder / "home"), None, as_of=as_of, now=at, force_reason=reason)
        if days:
            with config.open("a", encoding="utf-8") as file:
                file.write(REVIEW)
    settings = load_settings(config, folder / "home", folder)
    state = open_state(settings)
    for name, role in PEOPLE:
        add_user(state, name, role, SECRET, sensitive=False, by="tests", now=now)
    how = {"reason": "for the tests", "second_person": True}
    # Published since the first run, until a step says otherwise: these two put it into review and agree.
    transition(state, TAG, "in_review", by=ANN, now=now, **how)
    transition(state, TAG, "published", by=BOB, now=now, **how)
    shop = ConsoleShop(
        config, settings.home, folder, open_tracking(settings.home, project=settings.name), state
    )
    shop.propose(now)
    return shop


def people(folder: Path) -> list[dict[str, str]]:
    """Return the customers of the shop in ``folder`` as they were written."""
    with (folder / "customers.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def _ask_for_consent(folder: Path) -> None:
    file = folder / "customers.csv"
    people = pd.read_csv(file)
    people["mail_ok"] = [CONSENTS[k % len(CONSENTS)] for k in range(len(people))]
    people.to_csv(file, index=False)

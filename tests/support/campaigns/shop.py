"""A small shop with a champion and a campaign whose effect is planted: what came of it can be counted again."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import numpy as np
import pandas as pd

from tagcast.features.core.settings import load_settings
from tagcast.pipelines.project.project import Project, open_project
from tagcast.pipelines.scoring.score import score_tags
from tagcast.registry.access.roles import Person
from tagcast.serving.audiences.service import parse_for
from tagcast.serving.context import ServiceContext, open_context
from tagcast.serving.delivery.exports import ExportRecord, export
from tests.support.champion import DAY, TAG, by_hand, put_in_charge
from tests.support.shop import CHURN, CONFIG, write_shop

MORNING = datetime(2024, 7, 1, 6, tzinfo=UTC)
DAYS = 30
MO = Person("mo", "marketer")
EVERYBODY = "churn_risk.score >= 0"


@dataclass
class CampaignShop:
    """A project whose data arrive day by day."""

    folder: Path

    @property
    def config(self) -> Path:
        return self.folder / "tagcast.toml"

    @property
    def home(self) -> Path:
        return self.folder / "home"

    def project(self) -> Project:
        return open_project(self.config, self.home)

    def context(self, now: datetime = MORNING) -> ServiceContext:
        return open_context(load_settings(self.config, self.home, self.folder), lambda: now)

    def lines(self) -> pd.DataFrame:
        """Everything that ever happens."""
        return pd.read_parquet(self.folder / "all.parquet")

    def arrive(self, until: date) -> None:
        """Let the source hold what happened before a day, and load it."""
        lines = self.lines()
        lines[lines["at"] < pd.Timestamp(until)].to_parquet(self.folder / "lines.parquet", index=False)
        _ = self.project().events

    def export(self, context: ServiceContext, filter_: str = EVERYBODY, **how: object) -> ExportRecord:
        tree = parse_for(context, MO, filter_)
        return export(context, MO, tree, self.folder / "out.csv", **{"holdout": 0.3, **how})

    def given(self) -> set[str]:
        """Who is in the file."""
        return set(pd.read_csv(self.folder / "out.csv")["profile_id"])

    def plant(self, given: set[str], share: float = 0.6, seed: int = 5) -> None:
        """Let a share of those given buy once in the window."""
        rng = np.random.default_rng(seed)
        lines = self.lines()
        more = lines.iloc[[0] * len(given)].copy()
        more["customer"] = sorted(given)
        more["at"] = [
            pd.Timestamp(DAY) + timedelta(hours=float(h)) for h in rng.uniform(0, DAYS * 24, len(more))
        ]
        more["at"] = more["at"].dt.floor("s")
        more["order_no"] = [f"planted{k}" for k in range(len(more))]
        more = more[rng.random(len(more)) < share]
        pd.concat([lines, more], ignore_index=True).to_parquet(self.folder / "all.parquet", index=False)


def campaign_shop(folder: Path, *, customers: int = 500, more: str = "") -> CampaignShop:
    """Return a shop that was scored on the morning of the campaign."""
    config = write_shop(folder, customers=customers)
    for file in (folder / "tags").iterdir():
        file.unlink()
    (folder / "tags" / "churn_risk.yaml").write_text(CHURN, encoding="utf-8")
    config.write_text(CONFIG + more, encoding="utf-8")
    (folder / "lines.parquet").rename(folder / "all.parquet")
    shop = CampaignShop(folder)
    shop.arrive(DAY)
    project = shop.project()
    put_in_charge(project, folder / "bundle", by_hand(), 1)
    score_tags(project, [TAG], as_of=DAY, now=MORNING)
    return shop

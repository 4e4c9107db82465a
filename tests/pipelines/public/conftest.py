"""A small shop that was trained and scored through the public door alone."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

import tagcast
from tests.support.rule_tags import STAGE
from tests.support.shop import AMOUNT, FIRST_DAY, write_shop

AS_OF = FIRST_DAY + timedelta(days=200)
NOW = datetime.combine(AS_OF, datetime.min.time(), UTC)


@dataclass(frozen=True)
class Shop:
    """What the tests look at."""

    config: Path
    home: Path
    project: tagcast.Project
    churn: tagcast.Training
    trainings: dict[str, tagcast.Training]


@pytest.fixture(scope="package")
def shop(tmp_path_factory) -> Shop:
    folder = tmp_path_factory.mktemp("public")
    config = write_shop(folder, customers=300)
    (folder / "tags" / "high_value.yaml").unlink()
    (folder / "tags" / "spend.yaml").write_text(AMOUNT, encoding="utf-8")
    (folder / "tags" / "stage.yaml").write_text(STAGE, encoding="utf-8")
    project = tagcast.open(config, folder / "home")
    churn = project.train("churn_risk", AS_OF, trials=1, now=NOW)
    trainings = project.train_all(["interest", "spend_30d"], AS_OF, trials=1, now=NOW)
    for training in (churn, *trainings.values()):
        project.promote(training.tag, training.version, reason="a small shop", force=True, now=NOW)
    project.score(as_of=AS_OF, now=NOW)
    return Shop(config, folder / "home", project, churn, trainings)

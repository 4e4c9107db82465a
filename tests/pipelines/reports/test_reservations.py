"""A champion whose scores, intervals or promise did not hold is nowhere called champion alone."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest

from tagcast.pipelines.project.versions import registered_versions
from tagcast.registry.gates.checks import Check, GateReport
from tagcast.registry.gates.reservations import RESERVATIONS, reservations
from tagcast.registry.versions.promotion import decide_by_gate
from tagcast.registry.versions.tracking import open_tracking
from tagcast.serving.console.i18n.translator import Translator
from tagcast.serving.console.ui.tag_badges import reservation_pills
from tests.support.champion import NOW, shop_with_champion
from tests.support.command_line import Project


def report(*checks: tuple[str, str]) -> GateReport:
    return GateReport(
        tuple(Check(name, outcome, 0.186, 0.05, f"{name}: {outcome}") for name, outcome in checks)
    )


@pytest.fixture
def shop(tmp_path):
    return shop_with_champion(tmp_path)


def judged(shop, *checks: tuple[str, str]) -> None:
    """Let the gate decide on the version with these checks."""
    tracking = open_tracking(shop.settings.home, project=shop.settings.name)
    (version,) = registered_versions(shop, "churn_risk")
    decide_by_gate(tracking, version, report(*checks), now=NOW + timedelta(hours=1))


@pytest.mark.parametrize(
    ("checks", "expected"),
    [
        ((("calibrated", "pass"), ("beats_rfm", "warn")), ()),
        ((("calibrated", "warn"),), ("calibrated",)),
        ((("keeps_promise", "warn"), ("covers", "warn")), ("covers", "keeps_promise")),
        ((), ()),
    ],
)
def test_what_a_gate_holds_against_a_version(checks, expected) -> None:
    assert reservations(report(*checks).as_dict()) == expected


def test_whoever_lists_champions_reads_that_one_is_not_calibrated(shop) -> None:
    judged(shop, ("calibrated", "warn"))
    project = Project(shop.settings.path, shop.settings.home)
    for words in (("model", "list"), ("tag", "list")):
        printed = " ".join(project.run(*words).stdout.split())
        # Narrow columns break the line between the two words.
        assert re.search(r"champion, .*not\b.*calibrated|1 .*not\b.*calibrated", printed), words
    (version,) = project.json("model", "list", "churn_risk")
    assert (version["aliases"], version["reservations"]) == (["champion"], ["calibrated"])
    row = next(row for row in project.json("tag", "list") if row["name"] == "churn_risk")
    assert (row["champion"], row["reservations"]) == (1, ["calibrated"])
    promoted = project.run("model", "promote", "churn_risk", "1", "--reason", "as good as any")
    assert "is champion (was 1), not calibrated" in " ".join(promoted.stdout.split())


def test_a_calibrated_champion_is_called_champion(shop) -> None:
    judged(shop, ("calibrated", "pass"))
    project = Project(shop.settings.path, shop.settings.home)
    assert "not calibrated" not in project.run("model", "list").stdout
    (version,) = project.json("model", "list", "churn_risk")
    assert version["reservations"] == []


@pytest.mark.parametrize(("language", "word"), [("en", "not calibrated"), ("zh", "未校准")])
def test_the_console_shows_it_as_a_pill(language, word) -> None:
    assert set(RESERVATIONS) == {"calibrated", "covers", "keeps_promise"}
    (pill,) = reservation_pills(Translator(language), ("calibrated",))
    assert word in pill
    assert "warn" in pill

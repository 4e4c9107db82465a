"""Amounts that are no plain numbers: what `tagcast check` says is followed, and gives the right sums."""

from __future__ import annotations

import json
import re
import shutil
from decimal import Decimal
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from tagcast.features.core.settings import load_settings
from tagcast.features.ingest.data_checks import examine
from tests.support.command_line import Project
from tests.support.faults.wrong_data import STAGE
from tests.support.source_projects import build
from tests.support.source_projects import read as read_log

CONFIG = """\
name = "amounts"
timezone = "UTC"
tags = "tags"
[[sources]]
name = "shop"
path = "shop.csv"
{derive}
[sources.columns]
profile_id = "customer"
event_time = "at"
{columns}
"""
DRAWN = np.random.default_rng(3)
CENTS = [Decimal(int(cents)) / 100 for cents in DRAWN.integers(1, 500_000, 200)]
WHOLE = [Decimal(int(euros)) for euros in DRAWN.integers(100, 90_000, 200)]


def english(value: Decimal) -> str:
    return f"{value:,.2f}"


def german(value: Decimal) -> str:
    return english(value).translate(str.maketrans(",.", ".,"))


def grouped_by(sign: str):
    return lambda value: english(value).replace(",", sign)


def in_brackets(value: Decimal) -> str:
    return f"({english(-value)})" if value < 0 else english(value)


def behind(value: Decimal) -> str:
    return f"{english(-value)}-" if value < 0 else english(value)


def write(folder: Path, texts: list[str], *, column: str = "price", derive: str = "") -> Project:
    """Write a shop with a line for each text, and return the project; ``derive`` takes the place of the column."""
    shutil.rmtree(folder / "home", ignore_errors=True)
    count = len(texts)
    days = pd.date_range("2026-01-01", periods=count, freq="7h")
    frame = pd.DataFrame({"customer": [f"c{n % 40}" for n in range(count)], "at": days, column: texts})
    frame.to_csv(folder / "shop.csv", index=False)
    mapped = "" if derive else f"amount = {json.dumps(column)}"
    (folder / "tags").mkdir(exist_ok=True)
    (folder / "tags" / "stage.yaml").write_text(STAGE, encoding="utf-8")
    table = f"[sources.derive]\n{derive}\n" if derive else ""
    (folder / "tagcast.toml").write_text(CONFIG.format(columns=mapped, derive=table), encoding="utf-8")
    return Project(folder / "tagcast.toml", folder / "home")


def found(project: Project) -> dict[str, dict[str, str]]:
    """What `tagcast check` finds in the sources, by code."""
    found = examine(load_settings(project.config, project.home, project.config.parent)).findings
    return {one.code: {"message": str(one.message), "hint": str(one.hint)} for one in found}


def settings_in(hint: str) -> list[str]:
    """The lines of the configuration that a hint names."""
    return re.findall(r"amount = (?:\"[^\"]*\"|'''.*?''')", hint)


def read(project: Project) -> list[Decimal]:
    """The amounts in the event log, in the order of time."""
    return read_log(build(project.config, project.home)).sort_values("event_time")["amount"].tolist()


@pytest.mark.parametrize(
    ("write_one", "sign"),
    [
        (german, 1),
        (lambda v: f"{v:.2f}".replace(".", ","), 1),
        (english, 1),
        (lambda v: f"${english(v)}", 1),
        (lambda v: f"{german(v)} EUR", 1),
        (lambda v: f"EUR {german(v)}", -1),
        (lambda v: f"¥{v:.2f}元", 1),
        (grouped_by(" "), -1),
        (grouped_by("\u00a0"), 1),
        (grouped_by("'"), 1),
        (lambda v: grouped_by("\u202f")(v).replace(".", ","), 1),
        (german, -1),
        (in_brackets, -1),
        (behind, -1),
        # Exports joined from two systems: each of these has decimals only.
        (lambda v: f"{v:.2f}".replace(".", "," if v % 2 > 1 else "."), 1),
        (lambda v: english(v).replace("-", "\u2212"), -1),
    ],
)
def test_the_hint_makes_numbers_of_them(tmp_path, write_one, sign) -> None:
    values = [value if n % 3 else sign * value for n, value in enumerate(CENTS)]
    texts = [write_one(value) for value in values]
    finding = found(write(tmp_path, texts))
    (hint,) = [f["hint"] for code, f in finding.items() if code in {"no_amounts", "unreadable_amounts"}]
    (line,) = settings_in(hint)
    assert "remove amount from columns" in hint
    assert read(write(tmp_path, texts, derive=line)) == values


@pytest.mark.parametrize("sign", [",", "."])
def test_a_sign_that_may_be_either_is_asked(tmp_path, sign) -> None:
    """1,290 is more than a thousand to some and less than two to others, and 1.290 as well."""
    texts = [f"{value:,}".replace(",", sign) for value in WHOLE]
    code = "unreadable_amounts" if sign == "," else "doubtful_amount"
    finding = found(write(tmp_path, texts))[code]
    few, many = sorted(
        (read(write(tmp_path, texts, derive=line)) for line in settings_in(finding["hint"])), key=sum
    )
    assert many == WHOLE
    assert few == [value / 1000 if value >= 1000 else value for value in WHOLE]
    assert "can be" in finding["hint"]


@pytest.mark.parametrize(
    "texts",
    [
        [f"{value / 1000:.3f}" for value in WHOLE],  # kilos: some begin with nought
        [str(value) for value in CENTS],
        # Who writes 45821 in one line does not group the digits of another.
        [f"{value:,}".replace(",", ".") if n % 2 else str(value) for n, value in enumerate(WHOLE)],
        [*(f"{value:,}".replace(",", ".") for value in WHOLE[:100]), *(str(value) for value in WHOLE[100:])],
    ],
)
def test_decimals_that_show_themselves_are_not_asked_about(tmp_path, texts) -> None:
    assert "doubtful_amount" not in found(write(tmp_path, texts))


def test_a_column_of_both_kinds_has_no_one_reading(tmp_path) -> None:
    texts = [german(v) if n % 2 else english(v) for n, v in enumerate(CENTS)]
    assert (
        "make a source of each way to write them"
        in found(write(tmp_path, texts))["unreadable_amounts"]["hint"]
    )


@pytest.mark.parametrize("text", ["n/a", "7.4%", "0x1f", "1.29.3", "-"])
def test_what_is_no_number_is_said_to_be_none(tmp_path, text) -> None:
    texts = [text if n % 5 == 0 else f"{value:.2f}" for n, value in enumerate(CENTS)]
    finding = found(write(tmp_path, texts))["unreadable_amounts"]
    assert "40 of 200 lines" in finding["message"]
    assert repr(text) in finding["message"]
    assert finding["hint"] == "fix them at the source: the other lines are numbers as they stand"
    every = found(write(tmp_path, [text] * 200))["no_amounts"]
    assert not settings_in(every["hint"])


def test_training_names_the_same_way_out(tmp_path) -> None:
    """Who never runs the check reads it there; names that SQL has to quote are quoted."""
    texts = [german(value) for value in CENTS if value >= 1000]
    refused = write(tmp_path, texts, column="Net price").invoke("score", "--all")
    assert refused.exit_code == 4
    (line,) = settings_in(refused.stderr)
    assert read(write(tmp_path, texts, column="Net price", derive=line)) == [v for v in CENTS if v >= 1000]

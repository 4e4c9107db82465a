"""In Chinese `tagcast check` prints no English sentence, whatever is wrong."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pandas as pd
import pytest
from click.testing import CliRunner

from tagcast.pipelines.cli.main import cli
from tests.support.source_projects import lines, project, source

TAG = """
name: churn_risk
title: {en: Churn risk, zh: 流失风险}
description: {en: No purchase in 30 days., zh: 30天内没有购买。}
path: [Lifecycle, Retention]
owner: crm
outcome: {kind: no_event, horizon_days: 30}
feature_service: churn
decision: {rule: threshold, threshold: 0.5}
"""
QUOTED = re.compile(r"'[^']*'|\"[^\"]*\"|“[^”]*”")
WORDS = re.compile(r"(?<![\w./$-])[A-Za-z]{2,}(?:[ ,;:]+[A-Za-z]{2,}){2,}(?![\w./$-])")
"""Three words of Latin letters or more, one after the other: a sentence, or a part of one."""


def english(text: str) -> list[str]:
    """Return what reads as English in an answer: not what is quoted, no commands, paths or keys."""
    plain = QUOTED.sub("Q", text)
    plain = re.sub(r"tagcast(?: [a-z]+)*", "T", plain)
    return WORDS.findall(plain)


def texts(answer):
    """Yield every text of a JSON answer."""
    for value in answer.values() if isinstance(answer, dict) else answer:
        if isinstance(value, dict | list):
            yield from texts(value)
        elif isinstance(value, str):
            yield value


def check(config: Path, *more: str):
    """Run `tagcast check` as a terminal in Chinese does."""
    return CliRunner(env={"LANG": "zh_CN.UTF-8", "LC_ALL": "", "TAGCAST_LANG": ""}).invoke(
        cli, ["check", "--config", str(config), "--home", str(config.parent / "home"), *more]
    )


def tagged(folder: Path, tag: str, *tables: str, **files: pd.DataFrame | str) -> Path:
    """Return a project with one definition of a tag."""
    config = project(
        folder, 'tags = "tags"', *(tables or (source(),)), **(files or {"shop_parquet": lines()})
    )
    (folder / "tags").mkdir()
    (folder / "tags" / "churn_risk.yaml").write_text(tag, encoding="utf-8")
    return config


def _written(folder: Path, text: str) -> Path:
    (folder / "tagcast.toml").write_text(text, encoding="utf-8")
    return folder / "tagcast.toml"


def _damaged(folder: Path) -> Path:
    config = project(folder, source())
    (folder / "shop.parquet").write_bytes(b"PAR1 nothing that could be read PAR1")
    return config


YEAR = pd.date_range("2023-01-01", "2023-12-31", freq="D")
STEADY = pd.DataFrame({"id": [f"c{n % 40}" for n in range(len(YEAR))], "at": YEAR, "price": 5.0})

BROKEN = {
    "no configuration": lambda f: f / "nowhere.toml",
    "not TOML": lambda f: _written(f, 'name = "small\n'),
    "a key twice": lambda f: _written(f, 'name = "small"\nname = "large"\n'),
    "unknown key": lambda f: project(f, 'sed = "3"', source(), shop_parquet=lines()),
    "wrong type": lambda f: project(f, 'seed = "many"', source(), shop_parquet=lines()),
    "no source": project,
    "bad zone": lambda f: project(f, source(), timezone="Europe/Olso", shop_parquet=lines()),
    "bad memory limit": lambda f: project(f, 'memory_limit = "much"', source(), shop_parquet=lines()),
    "no such file": lambda f: project(f, source()),
    "damaged file": _damaged,
    "no such column": lambda f: project(f, source(), shop_parquet=lines().rename(columns={"at": "time"})),
    "unset variable": lambda f: project(f, source(place='path = "${NOT_SET_ANYWHERE}/x.parquet"')),
    "no SQL": lambda f: project(f, source(extra='where = "price >"'), shop_parquet=lines()),
    "forbidden SQL": lambda f: project(f, source(extra='where = "(SELECT 1) > 0"'), shop_parquet=lines()),
    "unreadable times": lambda f: project(f, source(), shop_parquet=lines(at="the day before")),
    "no amounts": lambda f: project(f, source(), shop_parquet=lines(price="ten")),
    "no rows": lambda f: project(f, source(), shop_parquet=lines().head(0)),
    "one profile": lambda f: project(f, source(), shop_parquet=lines(id="a")),
    "no tags": lambda f: project(f, 'tags = "none"', source(), shop_parquet=lines()),
    "not YAML": lambda f: tagged(f, "name: [churn_risk"),
    "unknown key of a tag": lambda f: tagged(f, TAG.replace("owner:", "ownr:")),
    "wrong outcome": lambda f: tagged(f, TAG.replace("no_event", "never")),
    "wrong rule of a tag": lambda f: tagged(f, TAG.replace("threshold: 0.5", "threshold: 1.5")),
    "too little history": lambda f: tagged(f, TAG),
    "too few outcomes": lambda f: tagged(f, TAG, shop_parquet=STEADY),
}


@pytest.mark.parametrize("broken", BROKEN)
def test_no_english_sentence(tmp_path, broken) -> None:
    config = BROKEN[broken](tmp_path)
    answer = check(config)
    assert answer.exit_code not in {0, 1, 2}, answer.output
    whole = answer.stdout + answer.stderr
    assert not english(whole), whole
    assert re.search("[\u4e00-\u9fff]", whole), whole


@pytest.mark.parametrize("broken", ["unknown key", "no such file", "too few outcomes"])
def test_as_json(tmp_path, broken) -> None:
    config = BROKEN[broken](tmp_path)
    answer = check(config, "--json")
    found = json.loads(answer.stdout or answer.stderr.splitlines()[-1])
    said = list(texts(found))
    assert said
    assert not [one for text in said for one in english(text)], said


def test_events_of_the_future_and_doubtful_lines(tmp_path) -> None:
    frame = pd.concat([STEADY, STEADY.tail(30)], ignore_index=True)
    frame.loc[:40, "price"] = 0.0
    frame.loc[41:60, "price"] = -1.0
    frame.loc[61:62, "id"] = None
    frame.loc[63, "price"] = None
    config = tagged(tmp_path, TAG, shop_parquet=frame)
    answer = check(config, "--as-of", "2023-11-01")
    whole = answer.stdout + answer.stderr
    assert not english(whole), whole
    for said in ("不早于训练日", "重复", "金额为零", "金额为负", "没有 profile_id"):
        assert said in whole


def test_english_is_found() -> None:
    assert english("错误：there is no file x.parquet")
    assert not english("请用 --config 指定文件；可用：name、timezone、seed（却是 'one two three'）")


def test_english_stays_where_it_is_asked_for(tmp_path) -> None:
    config = BROKEN["no such file"](tmp_path)
    answer = CliRunner(env={"LANG": "zh_CN.UTF-8", "TAGCAST_LANG": "en"}).invoke(
        cli, ["check", "--config", str(config)]
    )
    assert "there is no file" in answer.stdout

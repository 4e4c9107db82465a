"""What is installed of tagcast: each extra brings what is asked for, and says how to get it where it is not there."""

from __future__ import annotations

import re
import sys
import tomllib
from pathlib import Path

import pytest

from tagcast.features.core.errors import MachineError
from tagcast.features.core.home.extras import EXTRAS, require_extra
from tagcast.pipelines.evaluation.evaluate import evaluate_tag
from tagcast.pipelines.server import prepare
from tagcast.pipelines.snapshots import materialize_snapshot
from tagcast.pipelines.training.train import train_tags

ROOT = Path(__file__).parents[4]


@pytest.mark.parametrize("extra", EXTRAS)
def test_an_extra_brings_what_is_looked_for(extra) -> None:
    declared = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    brought = {re.split(r"[\[<>=]", one)[0] for one in declared["optional-dependencies"][extra]}
    # A part of mlflow is there in any case, under the same name.
    assert set(EXTRAS[extra]) == brought - {"mlflow"}
    required = {re.split(r"[\[<>=]", one)[0] for one in declared["dependencies"]}
    assert not brought & required
    require_extra(extra)


@pytest.mark.parametrize(
    ("package", "extra", "work"),
    [
        ("optuna", "train", lambda: train_tags(None, None, as_of=None, now=None)),
        ("feast", "train", lambda: evaluate_tag(None, "churn_risk")),
        ("feast", "train", lambda: materialize_snapshot(None, None)),
        ("nicegui", "console", lambda: prepare(None, "127.0.0.1", 0, None)),
    ],
)
def test_what_is_missing_is_said_before_anything_is_opened(monkeypatch, package, extra, work) -> None:
    monkeypatch.setitem(sys.modules, package, None)  # as Python marks a module that cannot be imported
    with pytest.raises(MachineError) as caught:
        work()
    assert str(caught.value).startswith(f"this needs {package}, which is not installed")
    assert f"pip install 'tagcast[{extra}]'" in str(caught.value.rendered("zh"))

"""A stored model alone says what the store publishes: here, and in an environment made of its own requirements.

The second takes packages from an index: ``make model-environment`` asks for it (TAGCAST_MODEL_ENVIRONMENT=1).
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import urllib.request
import venv
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from tagcast.features.catalog.feature_set import FeatureSet
from tagcast.models.artifacts.wheel import write_wheel
from tagcast.models.inference.membership import eligible
from tagcast.pipelines.project.project import open_project
from tagcast.registry.versions.tracking import tracking_of
from tagcast.registry.versions.versions import load_bundle
from tests.support.command_line import Project
from tests.support.company.servers import free_port, running, wait_until_it_answers
from tests.support.shop import AMOUNT, FIRST_DAY, write_shop

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("stored models")]
DAYS = (FIRST_DAY + timedelta(days=200), FIRST_DAY + timedelta(days=201))
TAGS = ("churn_risk", "high_value", "spend_30d")
COLUMNS = ["value", "score", "lower", "upper", "confidence", "unknown_because"]
ELSEWHERE = os.environ.get("TAGCAST_MODEL_ENVIRONMENT", "")
WORDS = {"profile_id", "previous_value"}
fresh = pytest.mark.skipif(not ELSEWHERE, reason="takes packages from an index: make model-environment")

ASK = """
import json, sys
from pathlib import Path
import mlflow.pyfunc, pandas as pd
import tagcast
assert "site-packages" in tagcast.__path__[0], tagcast.__path__
for asked in json.loads(Path(sys.argv[1]).read_text()):
    model = mlflow.pyfunc.load_model(asked["model"])
    model.predict(pd.read_parquet(asked["rows"]), params=asked["params"]).to_parquet(asked["answer"])
"""


@dataclass(frozen=True)
class Case:
    """One tag on one day: its stored model, the features of its population, and what the store published of them."""

    tag: str
    model: Path
    rows: pd.DataFrame
    params: dict[str, object]
    published: pd.DataFrame


@pytest.fixture(scope="module")
def cases(tmp_path_factory) -> list[Case]:
    """Three kinds of tags, trained and scored on two days: the second holds values by the margin of the first."""
    folder = tmp_path_factory.mktemp("stored")
    project = Project(write_shop(folder), folder / ".tagcast")
    (folder / "tags" / "interest.yaml").unlink()
    (folder / "tags" / "spend_30d.yaml").write_text(AMOUNT, encoding="utf-8")
    churn = folder / "tags" / "churn_risk.yaml"
    more = "hysteresis: 0.1\nmin_confidence: 0.6\n"
    churn.write_text(churn.read_text(encoding="utf-8") + more, encoding="utf-8")
    project.run("train", *TAGS, "--as-of", str(DAYS[0]), "--trials", "1", "--threads", "2")
    for tag in TAGS:
        project.run("model", "promote", tag, "1", "--force", "--reason", "too small for the gate")
    made, before = [], {}
    opened = open_project(project.config, project.home)
    for day in DAYS:
        out = folder / f"{day}.parquet"
        project.run("score", "--all", "--as-of", str(day), "--out", str(out), "--force", "--reason", "small")
        table = pd.read_parquet(out)
        for tag in TAGS:
            of_tag = table[table["tag"] == tag].set_index("profile_id").sort_index()
            made.append(_case(opened, tag, day, of_tag, before.get(tag)))
            before[tag] = of_tag["value"]
    return made


def _case(opened, tag: str, day, published: pd.DataFrame, before: pd.Series | None) -> Case:
    _, bundle = load_bundle(tracking_of(opened.settings), tag)
    definition = next(d for d in opened.definitions(day) if d.name == tag)
    feature_set = FeatureSet.parse(json.loads((bundle / "model.json").read_text())["feature_set"])
    frames = []
    for batch in opened.snapshots(feature_set).stream(day):
        frame = pd.DataFrame(batch.profile, columns=list(feature_set.of_profile))
        frame.index = pd.Index(batch.profile_id.to_pylist(), name="profile_id")
        frames.append(frame[eligible(definition, feature_set, batch)])
    rows = pd.concat(frames).sort_index()
    assert list(rows.index) == list(published.index)
    if before is not None:
        rows["previous_value"] = before.reindex(rows.index).to_numpy(object)
    params: dict[str, object] = {"as_of": str(day)}
    if tag == "high_value":
        with opened.store.reader() as reader:
            params["threshold"] = reader.manifest.tags[tag].threshold
    return Case(tag, bundle.parents[1], rows, params, published[COLUMNS])


def same(answer: pd.DataFrame, case: Case) -> None:
    """Compare to the bit: all six columns."""
    assert list(answer.columns) == COLUMNS
    for column in ("score", "lower", "upper", "confidence"):
        np.testing.assert_array_equal(answer[column], case.published[column], err_msg=f"{case.tag} {column}")
    for column in ("value", "unknown_because"):
        words = [None if pd.isna(word) else word for word in answer[column]]
        assert words == [None if pd.isna(w) else w for w in case.published[column]], (case.tag, column)


def test_a_stored_model_says_what_the_store_publishes(cases) -> None:
    import mlflow.pyfunc

    assert {case.tag for case in cases} == set(TAGS)
    for case in cases:
        same(mlflow.pyfunc.load_model(str(case.model)).predict(case.rows, params=case.params), case)
    values = pd.concat([case.published["value"] for case in cases])
    assert {"yes", "no", "unknown", "low", "high"} <= set(values)


def test_one_row_cannot_know_a_threshold_that_depends_on_all(cases) -> None:
    import mlflow.pyfunc

    case = next(case for case in cases if case.tag == "high_value")
    answer = mlflow.pyfunc.load_model(str(case.model)).predict(
        case.rows, params={"as_of": case.params["as_of"]}
    )
    np.testing.assert_array_equal(answer["score"], case.published["score"])
    assert answer["value"].isna().all()
    assert answer["confidence"].isna().all()


def test_the_wheel_beside_a_model_is_all_of_tagcast_and_always_the_same(cases, tmp_path) -> None:
    for case in cases:
        (wheel,) = (case.model / "wheels").iterdir()
        named = (case.model / "requirements.txt").read_text(encoding="utf-8").split()
        assert f"wheels/{wheel.name}" in named
        assert all("==" in line for line in named if not line.startswith("wheels/"))
    with zipfile.ZipFile(wheel) as archive:
        names = set(archive.namelist())
        assert archive.testzip() is None
    assert {"tagcast/__init__.py", "tagcast/models/artifacts/loader.py", "tagcast/py.typed"} <= names
    assert "tagcast/features/core/locale/zh/LC_MESSAGES/features.po" in names
    assert not [n for n in names if "__pycache__" in n or n.endswith((".pyc", ".db"))]
    assert write_wheel(tmp_path).read_bytes() == wheel.read_bytes()


@pytest.fixture(scope="module")
def environment(cases, tmp_path_factory) -> Iterator[Path]:
    """A fresh virtual environment with what the model asks for, and nothing of this one."""
    folder = tmp_path_factory.mktemp("environment") / "venv"
    venv.create(folder, with_pip=True)
    clean = {k: v for k, v in os.environ.items() if k != "PYTHONPATH"}
    command = [folder / "bin" / "python", "-m", "pip", "install", "--quiet", "-r", "requirements.txt"]
    done = subprocess.run(command, cwd=cases[0].model, env=clean, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-3000:]
    yield folder / "bin"
    shutil.rmtree(folder)


@fresh
def test_an_environment_of_its_own_requirements_predicts_the_same(cases, environment, tmp_path) -> None:
    asked = []
    for k, case in enumerate(cases):
        case.rows.to_parquet(tmp_path / f"{k}.rows")
        asked.append(
            {
                "model": str(case.model),
                "rows": str(tmp_path / f"{k}.rows"),
                "params": case.params,
                "answer": str(tmp_path / f"{k}.answer"),
            }
        )
    (tmp_path / "asked.json").write_text(json.dumps(asked), encoding="utf-8")
    (tmp_path / "ask.py").write_text(ASK, encoding="utf-8")
    clean = {k: v for k, v in os.environ.items() if k != "PYTHONPATH"}
    command = [environment / "python", "ask.py", "asked.json"]
    done = subprocess.run(command, cwd=tmp_path, env=clean, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-3000:]
    for k, case in enumerate(cases):
        same(pd.read_parquet(tmp_path / f"{k}.answer"), case)


@fresh
def test_the_scoring_server_of_that_environment_answers_the_same(cases, environment, tmp_path) -> None:
    case, port = cases[len(TAGS)], free_port()  # a day with values before
    command = [
        *(str(environment / "python"), "-m", "mlflow", "models", "serve", "--model-uri", str(case.model)),
        *("--env-manager", "local", "--host", "127.0.0.1", "--port", str(port)),
    ]
    path = f"{environment}{os.pathsep}{os.environ['PATH']}"
    with running(command, tmp_path / "serve.log", PYTHONPATH="", PATH=path) as process:
        address = f"http://127.0.0.1:{port}"
        wait_until_it_answers(f"{address}/ping", tmp_path / "serve.log", process)
        rows = case.rows.replace({np.nan: None}).to_dict(orient="split")
        body = {"dataframe_split": {k: rows[k] for k in ("columns", "data")}, "params": case.params}
        request = urllib.request.Request(  # noqa: S310 - our own server
            f"{address}/invocations",
            json.dumps(body).encode(),
            {"Content-Type": "application/json"},
        )
        with urllib.request.urlopen(request, timeout=60) as response:  # noqa: S310
            answer = pd.DataFrame(json.load(response)["predictions"])
    same(answer.set_index(case.rows.index), case)


def test_a_column_of_spark_is_predicted_the_same(cases, monkeypatch) -> None:
    pytest.importorskip("pyspark", reason="pyspark is not among tagcast's packages")
    import mlflow.pyfunc
    from pyspark.sql import SparkSession
    from pyspark.sql.functions import struct

    monkeypatch.setenv("PYSPARK_PYTHON", sys.executable)
    case = cases[len(TAGS)]
    spark = SparkSession.builder.master("local[1]").getOrCreate()
    try:
        ask = mlflow.pyfunc.spark_udf(spark, str(case.model), env_manager="local", params=case.params)
        # Spark tells null from NaN, which features are where they are missing.
        rows = case.rows.reset_index().astype(object).where(lambda frame: frame.notna(), None)
        kinds = [f"{name} {'string' if name in WORDS else 'double'}" for name in rows.columns]
        table = spark.createDataFrame(rows.to_numpy().tolist(), ", ".join(kinds))
        table = table.withColumn("said", ask(struct(*case.rows.columns)))
        answer = table.select("profile_id", "said.*").toPandas().set_index("profile_id").sort_index()
        same(answer[COLUMNS].replace({"None": None}), case)  # MLflow makes a text of every string
    finally:
        spark.stop()

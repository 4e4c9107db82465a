"""What people write to score a base: MLflow pyfunc over pandas chunks, each chunk written by ``to_sql``.

``usual`` writes a score and a value for each tag. ``same`` writes what tagcast publishes and readers filter on, but for
percentiles: bounds, confidence and band too, from the same calibration.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.speed.made_snapshots import AS_OF, names
from benchmarks.timing import run_here
from tagcast.serving.scoring.scorer import LoadedTag

CHUNK = 100_000
RIVALS = ("usual-duckdb", "usual-postgres", "same-duckdb", "same-postgres")


def run_rival(name: str, features: Path, tags: Sequence[LoadedTag], stored: Path) -> None:
    """Score and write as ``name`` says, and print the cost; loading the models is not counted.

    Parameters
    ----------
    name : str
        One of ``RIVALS``.
    features : Path
        Parquet, a row a profile.
    tags : sequence of LoadedTag
    stored : Path
        Where the MLflow models are kept, made where they are not there yet.
    """
    models = _pyfuncs(tags, stored)
    columns = _score_and_value if name.startswith("usual") else _contract

    def chunks() -> Iterator[Any]:
        import pyarrow.parquet as pq

        for batch in pq.ParquetFile(features).iter_batches(CHUNK):
            frame = batch.to_pandas()
            X = frame[names()]
            made: dict[str, Any] = {"profile_id": frame["profile_id"]}
            for k, (model, tag) in enumerate(zip(models, tags, strict=True)):
                made |= {f"tag_{k}_{part}": x for part, x in columns(model.predict(X), tag).items()}
            yield type(frame)(made)

    home = Path(tempfile.mkdtemp(prefix="tagcast-usual-"))
    try:
        if name.endswith("duckdb"):
            run_here(lambda: _to_duckdb(chunks(), home / "usual.duckdb"))
        else:
            run_here(lambda: _to_postgres(chunks()))
    finally:
        shutil.rmtree(home, ignore_errors=True)


def _pyfuncs(tags: Sequence[LoadedTag], stored: Path) -> list[Any]:
    import lightgbm
    import mlflow.lightgbm
    import mlflow.pyfunc

    for k, tag in enumerate(tags):
        if not (stored / str(k)).is_dir():
            model = lightgbm.Booster(model_str=tag.model.scorer.parts["forest"].text)
            mlflow.lightgbm.save_model(model, str(stored / str(k)), pip_requirements=["lightgbm"])
    return [mlflow.pyfunc.load_model(str(stored / str(k))) for k in range(len(tags))]


Columns = Callable[[Any, LoadedTag], dict[str, Any]]


def _score_and_value(score: Any, _tag: LoadedTag) -> dict[str, Any]:
    return {"score": score, "value": np.where(score >= 0.5, "yes", "no")}


def _contract(probability: Any, tag: LoadedTag) -> dict[str, Any]:
    raw = np.log(probability) - np.log1p(-probability)
    score, lower, upper = tag.model.calibrator.predict(raw, AS_OF)
    yes = score >= 0.5
    confidence = np.where(yes, lower, 1 - upper)
    unknown = confidence < tag.definition.min_confidence
    levels = tag.definition.levels
    band = np.array(list(levels))[np.searchsorted(sorted(levels.values()), score, side="right") - 1]
    return {
        "score": score, "lower": lower, "upper": upper, "confidence": confidence, "band": band,
        "value": np.where(unknown, "unknown", np.where(yes, "yes", "no")),
    }  # fmt: skip


def _to_duckdb(chunks: Iterator[Any], file: Path) -> None:
    """DuckDB takes a frame as it is, which is quicker than ``to_sql`` through a driver: people write that."""
    import duckdb

    with duckdb.connect(str(file)) as connection:
        for number, out in enumerate(chunks):
            connection.register("chunk", out)
            made = "INSERT INTO tags" if number else "CREATE TABLE tags AS"
            connection.execute(f"{made} SELECT * FROM chunk")  # noqa: S608 - words of our own
            connection.unregister("chunk")


def _to_postgres(chunks: Iterator[Any]) -> None:
    import sqlalchemy

    url = os.environ["TAGCAST_BENCHMARK_POSTGRES"].replace("postgresql://", "postgresql+psycopg://", 1)
    engine = sqlalchemy.create_engine(url)
    for number, out in enumerate(chunks):
        exists = "append" if number else "replace"
        out.to_sql("usual_tags", engine, index=False, if_exists=exists, chunksize=10_000)  # type: ignore[arg-type]

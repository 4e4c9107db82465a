"""The two engines that are held against each other."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tagcast.features.core.engines.engine import ONE_MACHINE, Engine


@contextmanager
def engine_of(name: str, folder: Path) -> Iterator[Engine]:
    """Yield this machine for ``duckdb``, an open session of two tasks at a time for ``spark``; it shares ``folder``."""
    if name != "spark":
        yield ONE_MACHINE
        return
    from tagcast.features.core.engines.spark_engine import SparkEngine
    from tagcast.features.core.schema.engine import Spark

    os.environ.setdefault("SPARK_LOCAL_IP", "127.0.0.1")
    engine = SparkEngine(Spark(session="local[2]"), folder / "shared", "benchmark")
    engine.session.range(2).count()
    try:
        yield engine
    finally:
        engine.close()

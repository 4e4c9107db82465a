"""The engine that a configuration names."""

from __future__ import annotations

from tagcast.features.core.engines.engine import ONE_MACHINE, Engine
from tagcast.features.core.settings import Settings


def open_engine(settings: Settings) -> Engine:
    """Return the engine of a project; a session of Spark is opened once there is work for it."""
    if settings.engine == "duckdb":
        return ONE_MACHINE
    from tagcast.features.core.engines.spark_engine import SparkEngine

    return SparkEngine(settings.spark, settings.data, settings.name)

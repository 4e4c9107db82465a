"""Metrics of what the server stands on: whether each part works, how full the disk is, and how large the home was after the last night."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from tagcast.registry.operations.home_sizes import newest_sizes
from tagcast.serving.monitoring.disk_outlook import outlook_of
from tagcast.serving.monitoring.readiness import parts_of

if TYPE_CHECKING:
    from tagcast.serving.context import ServiceContext


class Machine:
    """A collector: what is asked is read when it is asked for.

    Parameters
    ----------
    context : ServiceContext
        Of the whole project.
    """

    def __init__(self, context: ServiceContext) -> None:
        self._context = context

    def collect(self) -> Iterator[Any]:
        """Yield each metric with its values."""
        from prometheus_client.core import GaugeMetricFamily as Gauge

        context = self._context
        works = Gauge(
            "tagcast_part_works",
            "1 where a part works: state, store, mlflow; disk and data where nobody has to look after them.",
            labels=["part"],
        )
        for part in parts_of(context):
            works.add_metric([part.part], float(part.works))
        outlook = outlook_of(context.settings, context.accounts)
        free = Gauge("tagcast_disk_free_bytes", "Of the disk that the home lies on.", value=outlook.disk.free)
        total = Gauge("tagcast_disk_size_bytes", "The disk that the home lies on.", value=outlook.disk.total)
        full = Gauge(
            "tagcast_disk_full_in_days",
            "When the disk is full at the pace of the last 30 days of nights; infinite where it does not fill.",
            value=float("inf") if outlook.full_in_days is None else outlook.full_in_days,
        )
        size = Gauge(
            "tagcast_home_bytes", "What lay in the home after the last night, by kind.", labels=["kind"]
        )
        files = Gauge(
            "tagcast_home_files", "Files in the home after the last night, by kind.", labels=["kind"]
        )
        for kind, (bytes_there, files_there) in newest_sizes(context.accounts).items():
            size.add_metric([kind], bytes_there)
            files.add_metric([kind], files_there)
        yield from (works, free, total, full, size, files)

"""`tagcast home` for people."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tagcast.features.core.messages import msg
from tagcast.pipelines.reports.terminal import say, table, tell
from tagcast.pipelines.retention.home_report import NAMES

if TYPE_CHECKING:
    from datetime import datetime

    from tagcast.features.core.messages import Message
    from tagcast.pipelines.retention.home_report import HomeReport
    from tagcast.pipelines.retention.sweep import Swept


def render_home(report: HomeReport) -> None:
    """Print what lies in a home, and how full its disk is."""
    rows = [
        (
            NAMES[one.kind.kind],
            megabytes(one.kind.bytes),
            one.kind.files,
            _day(one.kind.oldest),
            _day(one.kind.newest),
            None if one.bytes_a_night is None else megabytes(one.bytes_a_night),
            one.stays,
        )
        for one in report.kinds
    ]
    table(
        msg("Home {home}", home=report.place),
        (
            msg("what"),
            msg("MB"),
            msg("files"),
            msg("oldest"),
            msg("newest"),
            msg("MB a night"),
            msg("stays"),
        ),
        rows,
    )
    disk = report.outlook.disk
    tell(
        msg(
            "disk: {free:,.0f} MB of {total:,.0f} MB are free ({share:.0%})",
            free=disk.free / 1e6,
            total=disk.total / 1e6,
            share=disk.free_share,
        )
    )
    if report.warning is not None:
        tell(msg("warning: {problem}", problem=report.warning))


def render_swept(swept: Swept, *, dry_run: bool) -> None:
    """Print what was deleted, or would be."""
    if not swept.words:
        say(msg("nothing to delete"))
    elif dry_run:
        tell(msg("would be deleted: {what}", what=swept.words))
    else:
        tell(msg("deleted: {what}", what=swept.words))


def megabytes(size: float) -> str:
    """Return bytes as MB, with a decimal."""
    return f"{size / 1e6:,.1f}"


def _day(moment: datetime | None) -> str | Message:
    return f"{moment:%Y-%m-%d}" if moment is not None else "–"

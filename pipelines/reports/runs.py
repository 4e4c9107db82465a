"""`tagcast run`: which run was active when, and what changed between two of them."""

from __future__ import annotations

from collections.abc import Sequence

from tagcast.pipelines.reports.scoring import value_counts
from tagcast.pipelines.reports.terminal import say, table
from tagcast.pipelines.scoring.run_history import RunsCompared, StoreRow


def render_runs(rows: Sequence[StoreRow], place: str) -> None:
    """Print the log."""
    if not rows:
        say(f"nothing has been published yet in {place}")
        return
    table(
        f"Runs of {place}",
        ("", "number", "at (UTC)", "what", "run", "as of", "profiles", "tags", "kept", "why"),
        [
            (
                "active" if r.active else "",
                r.number,
                f"{r.at:%Y-%m-%d %H:%M}",
                "published" if r.action == "publish" else f"back to {r.run}",
                r.run_id,
                r.as_of,
                r.profiles,
                r.tags,
                r.kept,
                r.reason,
            )
            for r in rows
        ],
    )


def render_diff(found: RunsCompared) -> None:
    """Print how many profiles entered and left each value."""
    table(
        f"From run {found.before} ({found.before_id}) to run {found.after} ({found.after_id})",
        ("tag", "entered", "left", "changed"),
        [
            (d.tag, value_counts(d.entered, "+"), value_counts(d.left, "−"), f"{d.changed:.1%}")
            for d in found.tags
        ],
    )
    for what, tags in (("new", found.new), ("no longer there", found.gone)):
        if tags:
            say(f"{what}: {', '.join(tags)}")

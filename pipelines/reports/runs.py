"""`tagcast run` and `tagcast profile show --on`: what was active when, and what it said."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from tagcast.pipelines.reports.terminal import say, table
from tagcast.pipelines.scoring.run_history import StoreRow


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


def render_profile_on(view: dict[str, Any]) -> None:
    """Print what a profile was told on a day."""
    say(
        f"profile {view['profile_id']} on {view['on']}: run {view['run_id']}, "
        f"active since {view['put_in_force']:%Y-%m-%d %H:%M} UTC"
    )
    if not view["predictions"]:
        say("no tag spoke of it")
        return
    table(
        "Tags",
        ("tag", "value", "confidence", "score", "band", "model version", "as of", "expires"),
        [
            (
                p["tag"],
                p["value"],
                p.get("confidence"),
                p.get("score"),
                p["band"],
                p["model_version"] or "rule",
                p["as_of"],
                f"{p['expires_at']:%Y-%m-%d}",
            )
            for p in view["predictions"]
        ],
        notes=()
        if view["exact"]
        else ("the run itself is not kept any more: values and bands are from the history of changes",),
    )

"""`tagcast store` and `tagcast profile --on`: what was active when, and what it said."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

from tagcast.pipelines.project.project import Project
from tagcast.pipelines.reports.terminal import say, table


@dataclass(frozen=True)
class StoreRow:
    """One line of the store's log.

    Parameters
    ----------
    number : int
    at : datetime
    action : {"publish", "rollback"}
    run : int
        Number of the run that was activated; of a publication its own.
    run_id : str
    as_of : date
    profiles, tags : int
    kept, in_force : bool
    reason : str
    """

    number: int
    at: datetime
    action: str
    run: int
    run_id: str
    as_of: date
    profiles: int
    tags: int
    kept: bool
    active: bool
    reason: str

    def to_dict(self) -> dict[str, Any]:
        """Return the row as JSON values."""
        return asdict(self)


def runs(project: Project) -> list[StoreRow]:
    """Return the log of the store, newest first."""
    store = project.store
    log, stored = store.log(), store.stored()
    return [
        StoreRow(
            entry.number,
            entry.at,
            entry.action,
            entry.manifest.number,
            entry.manifest.run.run_id,
            entry.manifest.run.as_of,
            entry.manifest.profiles,
            len(entry.manifest.tags),
            entry.manifest.number in stored,
            entry is log[-1],
            entry.reason,
        )
        for entry in reversed(log)
    ]


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


def profile_on(project: Project, profile_id: str, day: date) -> dict[str, Any]:
    """Return what the tags of a profile said at the end of ``day`` (UTC), and which models said it."""
    from tagcast.serving.store.history import tags_at

    then = tags_at(project.store, profile_id, datetime.combine(day + timedelta(days=1), time(), UTC))
    return {
        "profile_id": profile_id,
        "on": day,
        "number": then.entry.number,
        "run_id": then.entry.manifest.run.run_id,
        "put_in_force": then.entry.at,
        "exact": then.exact,
        "predictions": then.predictions,
    }


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

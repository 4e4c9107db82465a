"""A plan as people read it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import yaml

from tagcast.pipelines.reports.terminal import say, table

if TYPE_CHECKING:
    from tagcast.pipelines.deployment.plan import Applied, Plan, TagChange


def render_plan(plan: Plan) -> None:
    """Print what would change."""
    if not plan.tags:
        say("nothing differs: what is written is active")
        return
    table(
        "Definitions against what is active",
        ("tag", "change", "key", "active", "written", "takes"),
        [row for change in plan.tags for row in _rows(change)],
    )
    moved = [change for change in plan.tags if change.will_say is not None]
    if moved:
        table(
            f"What {plan.run} would say",
            ("tag", "value", "profiles now", "then", "change"),
            [
                (change.tag, value, now, then, f"{then - now:+,}")
                for change in moved
                for value, now, then in _values(change)
            ],
        )
    if plan.audiences:
        table(
            "Saved audiences that would change",
            ("audience", "members now", "then", "change", "note"),
            [
                (
                    a.name,
                    a.members,
                    a.will_have,
                    f"{a.will_have - a.members:+,}"
                    if a.members is not None and a.will_have is not None
                    else None,
                    a.problem or None,
                )
                for a in plan.audiences
            ],
        )
    for change in plan.tags:
        if change.proposed_by:
            say(f"{change.tag}: proposed by {change.proposed_by}, waits for a second person")
    say('activate it: tagcast tag apply --reason "…"; the next tagcast score says it')


def render_applied(done: Applied) -> None:
    """Print what was activated."""
    if done.applied:
        say(f"active: {', '.join(done.applied)}; the next tagcast score says it")
    if done.proposed:
        say(f"proposed: {', '.join(done.proposed)}; somebody else activates it by tagcast tag apply")
    if done.to_train:
        say(f"only once trained: {', '.join(done.to_train)} (tagcast train)")


def _rows(change: TagChange) -> list[tuple[Any, ...]]:
    if change.change == "new":
        takes = "training" if change.train else "the next run says it"
        return [(change.tag, "new", None, None, None, takes)]
    if change.change == "removed":
        takes = "the next run says it no more" if change.kind == "rule" else "said until tagcast tag retire"
        return [(change.tag, "removed", None, None, None, takes)]
    return [
        (
            change.tag,
            "changed",
            key.key,
            _short(key.was),
            _short(key.now),
            "training" if key.retrain else "apply",
        )
        for key in change.keys
    ]


def _values(change: TagChange) -> list[tuple[str, int, int]]:
    now, then = change.says or {}, change.will_say or {}
    return [(value, now.get(value, 0), then.get(value, 0)) for value in dict.fromkeys([*now, *then])]


def _short(value: Any) -> str | None:
    if value is None:
        return None
    return (
        yaml.safe_dump(value, default_flow_style=True, allow_unicode=True, width=1_000)
        .split("\n...")[0]
        .strip()
    )

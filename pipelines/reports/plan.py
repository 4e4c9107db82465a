"""A plan as people read it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import yaml

from tagcast.features.core.messages import listed, msg
from tagcast.pipelines.reports.terminal import say, table

if TYPE_CHECKING:
    from tagcast.serving.plans.changes import Applied, Plan, TagChange


def render_plan(plan: Plan) -> None:
    """Print what would change."""
    if not plan.tags:
        say(msg("nothing differs: what is written is active"))
        return
    table(
        msg("Definitions against what is active"),
        (msg("tag"), msg("change"), msg("key"), msg("active"), msg("written"), msg("takes")),
        [row for change in plan.tags for row in _rows(change)],
    )
    moved = [change for change in plan.tags if change.will_say is not None]
    if moved:
        table(
            msg("What {run} would predict", run=plan.run),
            (msg("tag"), msg("value"), msg("profiles now"), msg("then"), msg("change")),
            [
                (change.tag, value, now, then, f"{then - now:+,}")
                for change in moved
                for value, now, then in _values(change)
            ],
        )
    for change in moved:
        if change.kind == "model" and not (change.will_say or {}).get("yes"):
            say(
                msg(
                    "{tag}: nobody would get a yes; lower its threshold or min_confidence before you apply it",
                    tag=change.tag,
                )
            )
    if plan.audiences:
        table(
            msg("Saved audiences that would change"),
            (msg("audience"), msg("members now"), msg("then"), msg("change"), msg("note")),
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
            say(
                msg(
                    "{tag}: proposed by {who}, waits for a second person",
                    tag=change.tag,
                    who=change.proposed_by,
                )
            )
    say(msg('activate it: tagcast tag apply --reason "…"; the next tagcast score uses it'))


def render_applied(done: Applied) -> None:
    """Print what was activated."""
    if done.applied:
        say(msg("active: {tags}; the next tagcast score uses it", tags=listed(done.applied)))
    if done.proposed:
        say(
            msg(
                "proposed: {tags}; somebody else activates it by tagcast tag apply",
                tags=listed(done.proposed),
            )
        )
    if done.to_train:
        say(msg("only once trained: {tags} (tagcast train)", tags=listed(done.to_train)))


def _rows(change: TagChange) -> list[tuple[Any, ...]]:
    if change.change == "new":
        takes = msg("training") if change.train else msg("the next run applies it")
        return [(change.tag, msg("new"), None, None, None, takes)]
    if change.change == "removed":
        takes = (
            msg("the next run drops it")
            if change.kind == "rule"
            else msg("predicted until tagcast tag retire")
        )
        return [(change.tag, msg("removed"), None, None, None, takes)]
    return [
        (
            change.tag,
            msg("changed"),
            key.key,
            _short(key.was),
            _short(key.now),
            msg("training") if key.retrain else msg("apply"),
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

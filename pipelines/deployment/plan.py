"""`tagcast tag plan` and `tagcast tag apply`: definitions as written against what is active, and putting them active."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import TYPE_CHECKING

from tagcast.features.core.errors import ConflictError, ModelError
from tagcast.features.core.messages import listed, msg
from tagcast.models.definitions.definition import Definition
from tagcast.models.definitions.diff import key_changes, overlaid
from tagcast.models.definitions.model_tag import TagDefinition
from tagcast.models.definitions.rule_tag import RuleDefinition
from tagcast.pipelines.deployment.plan_effects import TagSays, effects
from tagcast.pipelines.project.champions import load_champions
from tagcast.pipelines.project.project import Project
from tagcast.pipelines.scoring.run_tags import resolved_rules
from tagcast.serving.plans.changes import Applied, Plan, TagChange

if TYPE_CHECKING:
    from tagcast.serving.context import ServiceContext


def make_plan(project: Project, context: ServiceContext) -> Plan:
    """Compare what is written with what is active, and count what it would change; nothing is activated.

    Raises
    ------
    DefinitionError
        For a definition that is wrong.
    """
    written = _written(project)
    current = _active(project, written)
    resolved_rules(
        project, [d for d in written.values() if isinstance(d, RuleDefinition)], project.resolve_as_of(None)
    )
    waiting = _proposed(project, written)
    manifest = project.store.current()
    said = {tag.tag: tag for tag in manifest.run.tags} if manifest else {}
    changes = []
    for name in sorted({*written, *current}):
        now, was = written.get(name), current.get(name)
        if now is None and was is not None:
            changes.append(TagChange(name, was.kind, "removed"))
        elif now is not None and was is None:
            changes.append(
                TagChange(name, now.kind, "new", train=now.kind != "rule", proposed_by=waiting.get(name, ""))
            )
        elif now is not None and was is not None and (keys := key_changes(was, now)):
            changes.append(
                TagChange(
                    name,
                    now.kind,
                    "changed",
                    keys,
                    any(key.retrain for key in keys),
                    proposed_by=waiting.get(name, ""),
                )
            )
    if manifest is None:
        return Plan(None, tuple(changes), ())
    deciding = {
        change.tag: _as_said(current[change.tag], written[change.tag])
        for change in changes
        if change.tag in said and any(key.deciding for key in change.keys)
    }
    gone = [change.tag for change in changes if change.change == "removed"]
    says, audiences = effects(project, context, manifest, deciding, gone)
    return Plan(manifest.run.run_id, tuple(_with_sizes(change, says) for change in changes), audiences)


def _as_said(was: Definition, now: Definition) -> Definition:
    """Return what would be said without training anew."""
    both = isinstance(was, TagDefinition) and isinstance(now, TagDefinition)
    return overlaid(was, now) if both else now  # type: ignore[arg-type]


def _with_sizes(change: TagChange, says: Mapping[str, TagSays]) -> TagChange:
    found = says.get(change.tag)
    return (
        change
        if found is None
        else TagChange(**{**change.__dict__, "says": found.now, "will_say": found.then, "moved": found.moved})
    )


def apply_plan(project: Project, *, by: str, reason: str, now: datetime) -> Applied:
    """Activate what is written: the next run applies it.

    Where a second person has to agree, the first who applies it proposes it, and another who applies the same puts it in
    force.

    Raises
    ------
    ConflictError
        Where nothing differs, or only who proposed it applies it.
    ModelError
        Without a reason.
    """
    from tagcast.registry.access.audit_log import record
    from tagcast.registry.governance.applied_definitions import record_definitions

    if not reason.strip():
        raise ModelError(
            msg("no reason is given"),
            hint=msg("say why: {command}", command="tagcast tag apply --reason WHY"),
        )
    written = _written(project)
    current = _active(project, written)
    resolved_rules(
        project, [d for d in written.values() if isinstance(d, RuleDefinition)], project.resolve_as_of(None)
    )
    waiting = _proposed(project, written)
    gone = [d for name, d in current.items() if name not in written and isinstance(d, RuleDefinition)]
    changed = {
        name: now
        for name, now in written.items()
        if (now.kind == "rule" and name not in current)
        or (name in current and key_changes(current[name], now))
    }
    free = {name: d for name, d in changed.items() if _has_free(current.get(name), d)}
    to_train = tuple(
        name
        for name, d in changed.items()
        if name in current and any(k.retrain for k in key_changes(current[name], d))
    )
    if not free and not gone:
        problem = msg("nothing is to be activated")
        if to_train:
            problem = msg("nothing is to be activated; to be trained: {tags}", tags=listed(to_train))
        raise ConflictError(problem, hint=msg("{command} shows what differs", command="tagcast tag plan"))
    ready, open_ = _sorted(project, free, waiting, by)
    with project.state.writing():
        record_definitions(project.state, ready, how="applied", by=by, reason=reason, now=now)
        record_definitions(project.state, open_, how="proposed", by=by, reason=reason, now=now)
        record_definitions(project.state, gone, how="removed", by=by, reason=reason, now=now)
        for what, tags in (("apply", ready), ("propose", open_), ("remove", gone)):
            for one in tags:
                detail = {"reason": reason, "proposed_by": waiting.get(one.name, "")}
                record(
                    project.state,
                    now=now,
                    who=by,
                    action=f"definition.{what}",
                    subject=one.name,
                    detail=detail,
                )
    return Applied(tuple(d.name for d in [*ready, *gone]), tuple(d.name for d in open_), to_train)


def _sorted(
    project: Project, free: Mapping[str, Definition], waiting: Mapping[str, str], by: str
) -> tuple[list[Definition], list[Definition]]:
    """Return what may be activated by this person, and what they can only propose."""
    if not project.settings.review.second_person:
        return list(free.values()), []
    ready = [d for name, d in free.items() if waiting.get(name, by) != by]
    rest = [d for name, d in free.items() if name not in waiting]
    if not ready and not rest and free:
        raise ConflictError(
            msg("{by} proposed this already, so somebody else has to activate it", by=by),
            hint=msg("ask a colleague to run tagcast tag apply, or set second_person = false under [review]"),
        )
    return ready, rest


def _has_free(was: Definition | None, now: Definition) -> bool:
    return was is None or any(not key.retrain for key in key_changes(was, now))


def _written(project: Project) -> dict[str, Definition]:
    """Return the definitions of the files; drafts have a review of their own."""
    from tagcast.registry.governance.rule_drafts import drafted

    drafts = drafted(project.state)
    return {d.name: d for d in project.tags(project.resolve_as_of(None)) if d.name not in drafts}


def _active(project: Project, written: Mapping[str, Definition]) -> dict[str, Definition]:
    """Return what a run says today: champions with what was activated since, and rules on record."""
    from tagcast.registry.governance.applied_definitions import active
    from tagcast.registry.governance.lifecycle import status_of
    from tagcast.registry.governance.rule_drafts import drafted

    found: dict[str, Definition] = {
        tag.definition.name: tag.definition for tag in load_champions(project, None, needed=False)
    }
    for name, line in active(project.state).items():
        # A champion took over where the file does not write a rule any more.
        if isinstance(line.definition, RuleDefinition) and (
            name not in found or isinstance(written.get(name), RuleDefinition)
        ):
            found[name] = line.definition
    statuses, drafts = status_of(project.state, found), drafted(project.state)
    return {n: d for n, d in found.items() if statuses[n] != "retired" and n not in drafts}


def _proposed(project: Project, written: Mapping[str, Definition]) -> dict[str, str]:
    """Return who proposed what is written, by tag."""
    from tagcast.registry.governance.applied_definitions import proposed

    return {n: line.who for n, line in proposed(project.state).items() if written.get(n) == line.definition}

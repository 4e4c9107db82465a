"""Who activated which version, when and why: decisions, and the aliases that follow them.

A decision and its alias go together: the row of the log is committed only after the alias has moved. Where the
configuration requires a second person, what would become champion is proposed first, and waits as challenger until
somebody else approves it. So is what proved better than the champion in the shadow.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any, Literal

from tagcast.features.core.errors import ModelError, NotAllowedError
from tagcast.features.core.messages import Joined, Text, from_json, listed, msg
from tagcast.registry.gates.checks import GateReport, failed_checks, is_comparison
from tagcast.registry.versions.decision_log import Decision
from tagcast.registry.versions.names import CHALLENGER, CHAMPION, GATE, SHADOW

if TYPE_CHECKING:
    from tagcast.registry.versions.tracking import Tracking
    from tagcast.registry.versions.versions import Version


def decide_by_gate(
    tracking: Tracking, version: Version, report: GateReport, *, now: datetime, proposer: str | None = None
) -> Decision:
    """Let the gate decide: a version that passes becomes champion, another one challenger.

    Parameters
    ----------
    tracking : Tracking
        Open MLflow.
    version : Version
        As logged.
    report : GateReport
        What the checks found.
    now : datetime
        Time of the decision, with a timezone.
    proposer : str, optional
        Who trained it, where a second person has to approve: a version that passes waits as challenger then.
    """
    passed: Literal["promoted", "proposed"] = "promoted" if proposer is None else "proposed"
    decision = Decision(
        tag=version.tag,
        version=version.version,
        action=passed if report.passed else "refused",
        how="gate",
        by=proposer if proposer is not None and report.passed else GATE,
        reason=report.reason,
        figures=report.as_dict(),
        decided_at=now,
    )
    return _record(tracking, decision)


def promote(
    tracking: Tracking,
    version: Version,
    *,
    by: str,
    reason: str,
    now: datetime,
    force: bool = False,
    second_person: bool = False,
) -> Decision:
    """Make ``version`` champion by hand. The one before stays a version that can be promoted again.

    Parameters
    ----------
    tracking : Tracking
        Open MLflow.
    version : Version
        Any version of a tag.
    by, reason : str
        Who decided, and why; neither may be empty.
    now : datetime
        Time of the decision, with a timezone.
    force : bool
        Also where checks of the gate failed, or the gate never evaluated it; recorded as ``force`` then.
    second_person : bool
        Whether it is only proposed, and waits for somebody else to approve it.

    Raises
    ------
    ModelError
        Without a name or a reason, for a version that needs ``force``, or when the registry cannot be
        written; nothing has changed then.
    """
    _named(by, reason)
    figures = dict(version.decision.figures) if version.decision else {}
    failed = failed_checks(figures)
    evaluated = bool(figures.get("checks"))
    if not force and (failed or not evaluated):
        why: Text | Joined = msg("the gate has not judged it")
        if failed:
            why = listed(
                [
                    msg("{check} failed ({text})", check=check["name"], text=from_json(check["text"]))
                    for check in failed
                ],
                "sentences",
            )
        raise ModelError(
            msg("{version} may not become champion: {why}", version=version.name, why=why),
            hint=msg(
                "correct what failed and train again, or take it on yourself: {command}",
                command=f"tagcast model promote {version.tag} {version.version} --force --reason …",
            ),
        )
    against = [check["name"] for check in failed] if evaluated else ["not judged"]
    decision = Decision(
        tag=version.tag,
        version=version.version,
        action="proposed" if second_person else "promoted",
        how="force" if against else "hand",
        by=by.strip(),
        reason=reason.strip(),
        figures={**figures, "forced": against} if against else figures,
        decided_at=now,
    )
    return _record(tracking, decision)


def may_challenge(version: Version) -> bool:
    """Return whether a version may be held against the champion, run by run: one that waits, and one that the gate found no fault in itself.

    Not one that somebody turned down, nor one that the gate refused for more than how it compares on one snapshot.
    """
    decision = version.decision
    if decision is None or decision.action == "promoted":
        return False
    failed = failed_checks(decision.figures)
    compares = bool(failed) and all(is_comparison(check["name"]) for check in failed)
    return decision.action == "proposed" or (decision.how == "gate" and compares)


def propose(
    tracking: Tracking, version: Version, *, reason: Text, found: Mapping[str, Any], now: datetime
) -> Decision:
    """Let a version that the gate had refused wait for a person, since it proved better than the champion in the shadow.

    Parameters
    ----------
    tracking : Tracking
    version : Version
        One that :func:`may_challenge`.
    reason : Message or str
    found : mapping
        What was measured, as JSON values; kept beside the gate's report.
    now : datetime
        Time of the proposal, with a timezone.
    """
    figures = dict(version.decision.figures) if version.decision else {}
    decision = Decision(
        tag=version.tag,
        version=version.version,
        action="proposed",
        how="shadow",
        by=SHADOW,
        reason=reason,
        figures={**figures, "shadow": dict(found)},
        decided_at=now,
    )
    return _record(tracking, decision)


def pending(tracking: Tracking, among: Iterable[Version] | None = None) -> list[Version]:
    """Return the versions that wait for a second person: of each tag the newest that was proposed, if undecided.

    Parameters
    ----------
    tracking : Tracking
        Open MLflow.
    among : iterable of Version, optional
        Only of these; default: of all, listed anew.
    """
    from tagcast.registry.versions.versions import versions

    newest = {d.tag: d for d in tracking.decisions.history() if d.action == "proposed"}
    listed = versions(tracking) if among is None else among
    return [v for v in listed if v.tag in newest and v.decision == newest[v.tag]]


def approve(tracking: Tracking, version: Version, *, by: str, reason: str, now: datetime) -> Decision:
    """Make a proposed version champion, as the second person.

    Parameters
    ----------
    tracking : Tracking
        Open MLflow.
    version : Version
        One that :func:`pending` returns.
    by, reason : str
        Who approves, and why; neither may be empty.
    now : datetime
        Time of the decision, with a timezone.

    Raises
    ------
    ModelError
        Without a name or a reason, or when it does not wait for approval.
    NotAllowedError
        When ``by`` trained or proposed it.
    """
    proposal = _proposal(tracking, version, by, reason)
    if proposal.by.casefold() == by.strip().casefold():
        raise NotAllowedError(
            msg(
                "{by} proposed {version}, so somebody else has to approve it",
                by=proposal.by,
                version=version.name,
            ),
            hint=msg("ask a colleague who may review, or set second_person = false under [review]"),
        )
    return _record(tracking, _review(proposal, "promoted", by, reason, now))


def turn_down(tracking: Tracking, version: Version, *, by: str, reason: str, now: datetime) -> Decision:
    """Refuse a proposed version; who proposed it may do so too.

    Raises
    ------
    ModelError
        As :func:`approve`.
    """
    proposal = _proposal(tracking, version, by, reason)
    return _record(tracking, _review(proposal, "refused", by, reason, now))


def _proposal(tracking: Tracking, version: Version, by: str, reason: str) -> Decision:
    _named(by, reason)
    waiting = next((v for v in pending(tracking) if v.name == version.name), None)
    if waiting is None or waiting.decision is None:
        raise ModelError(
            msg("{version} does not wait for approval", version=version.name),
            hint=msg(
                "{command} shows which version was proposed, and what came of each",
                command=f"tagcast model list {version.tag}",
            ),
        )
    return waiting.decision


def _review(
    proposal: Decision, action: Literal["promoted", "refused"], by: str, reason: str, now: datetime
) -> Decision:
    return Decision(
        tag=proposal.tag,
        version=proposal.version,
        action=action,
        how="review",
        by=by.strip(),
        reason=reason.strip(),
        figures={**proposal.figures, "proposed_by": proposal.by},
        decided_at=now,
    )


def _named(by: str, reason: str) -> None:
    if not by.strip() or not reason.strip():
        raise ModelError(
            msg(
                "a decision by hand needs who decides and why: found by {by!r}, reason {reason!r}",
                by=by,
                reason=reason,
            ),
            hint=msg("give a reason: --reason WHY"),
        )


def _record(tracking: Tracking, decision: Decision) -> Decision:
    from tagcast.registry.versions.tracking import store_errors

    client, tag, version = tracking.client, decision.tag, str(decision.version)
    with store_errors(
        msg("{tag}: the decision on version {version} cannot be recorded", tag=tag, version=version)
    ):
        name = tracking.model_name(tag)
        aliases: dict[str, str] = dict(client.get_registered_model(name).aliases)
        with tracking.decisions.appending(decision):
            if decision.action == "promoted":
                client.set_registered_model_alias(name, CHAMPION, version)
            elif str(aliases.get(CHAMPION)) != version:
                client.set_registered_model_alias(name, CHALLENGER, version)
        if decision.action == "promoted" and str(aliases.get(CHALLENGER)) == version:
            client.delete_registered_model_alias(name, CHALLENGER)  # it challenges no longer
    return decision

"""`tagcast model list` and `tagcast model promote`: what is registered, and moving the champion by hand."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from itertools import groupby
from typing import Any

from tagcast.features.core.errors import ModelError
from tagcast.features.core.messages import Joined, Text, listed, msg
from tagcast.pipelines.project.project import Project
from tagcast.pipelines.project.versions import registered_versions
from tagcast.registry.governance.shadows import Standing, standings


@dataclass(frozen=True)
class ListedVersion:
    """One row of `tagcast model list`; ``shadow`` is how a challenger stands beside the champion."""

    tag: str
    kind: str
    version: int
    aliases: tuple[str, ...]
    created: datetime
    metrics: dict[str, float]
    decision: str
    reason: Text | Joined
    checks: tuple[dict[str, Any], ...] = ()
    reservations: tuple[str, ...] = ()
    shadow: Standing | None = None

    def to_dict(self) -> dict[str, Any]:
        """Return the row as JSON values."""
        return {
            **self.__dict__,
            "aliases": list(self.aliases),
            "checks": list(self.checks),
            "reservations": list(self.reservations),
            "shadow": self.shadow and self.shadow.to_dict(),
        }


def list_models(project: Project, tag: str | None) -> list[ListedVersion]:
    """Return the versions of ``tag`` (a family's stem: of all members), or of every tag."""
    from tagcast.serving.catalog.tag_evidence import decision_text

    registered = registered_versions(project, tag)
    of_tags = groupby(registered, key=lambda v: v.tag)
    shadows = {(s.tag, s.version): s for _, of_tag in of_tags for s in standings(project.state, list(of_tag))}
    return [
        ListedVersion(
            v.tag,
            v.kind,
            v.version,
            v.aliases,
            v.created,
            dict(v.metrics),
            decision_text(v.decision) if v.decision else "–",
            v.decision.reason if v.decision else "",
            tuple(v.decision.figures.get("checks", ())) if v.decision else (),
            v.reservations,
            shadows.get((v.tag, v.version)),
        )
        for v in registered
    ]


def promote_version(
    project: Project,
    tag: str,
    version: int,
    *,
    by: str,
    reason: str,
    now: datetime,
    force: bool = False,
) -> dict[str, Any]:
    """Make ``version`` the champion, or propose it where a second person has to agree; record who, when and why.

    Raises
    ------
    ModelError
        When there is no such version, or checks of the gate failed and ``force`` is not given.
    """
    from tagcast.registry.versions.promotion import promote
    from tagcast.registry.versions.tracking import tracking_of

    found = {v.version: v for v in registered_versions(project, tag) if v.tag == tag}
    if version not in found:
        raise ModelError(
            msg("{tag} has no version {version}", tag=tag, version=version),
            hint=msg("versions: {versions}", versions=listed(map(str, sorted(found))) or msg("none")),
        )
    tracking = tracking_of(project.settings)
    previous = next((v.version for v in found.values() if "champion" in v.aliases), None)
    decision = promote(
        tracking,
        found[version],
        by=by,
        reason=reason,
        now=now,
        force=force,
        second_person=project.settings.review.second_person,
    )
    return {
        "tag": tag,
        "version": version,
        "previous": previous,
        "reservations": list(found[version].reservations),
        "by": by,
        "reason": reason,
        "at": now,
        "action": decision.action,
        "forced": decision.figures.get("forced", []) if decision.how == "force" else [],
    }

"""`tagcast models` and `tagcast promote`: what is registered, and moving the champion by hand."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from difflib import get_close_matches
from typing import TYPE_CHECKING, Any

from tagcast.features.core.errors import DefinitionError, ModelError
from tagcast.features.core.messages import Joined, Text, listed, msg
from tagcast.pipelines.evidence.tag_kinds import EVIDENCE_KINDS
from tagcast.pipelines.project.project import Project
from tagcast.pipelines.reports.terminal import say, table

if TYPE_CHECKING:
    from tagcast.registry.versions.versions import Version


@dataclass(frozen=True)
class ListedVersion:
    """One row of `tagcast models`."""

    tag: str
    kind: str
    version: int
    aliases: tuple[str, ...]
    created: datetime
    metrics: dict[str, float]
    decision: str
    reason: Text | Joined
    checks: tuple[dict[str, Any], ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """Return the row as JSON values."""
        return {**self.__dict__, "aliases": list(self.aliases), "checks": list(self.checks)}


def registered_versions(project: Project, tag: str | None) -> list[Version]:
    """Return the versions of ``tag`` (a family's stem: of all members) or of every tag, newest first.

    Raises
    ------
    ModelError, DefinitionError
        When nothing was trained yet, or no version has this name.
    """
    from tagcast.registry.versions.tracking import open_tracking, tracking_exists
    from tagcast.registry.versions.versions import versions

    home = project.settings.home
    if not tracking_exists(home):
        raise ModelError(msg("no model has been trained yet"), hint="tagcast train --all")
    tracking = open_tracking(home, project=project.settings.name)
    every = versions(tracking)
    mine = [v for v in every if tag is None or tag in {v.tag, v.tag.split(".")[0]}]
    if tag is not None and not mine:
        known = sorted({v.tag for v in every})
        near = get_close_matches(tag, known, n=1)
        hint = msg("trained tags: {tags}", tags=listed(known) or msg("none"))
        if near:
            hint = msg("did you mean {nearest!r}? {rest}", nearest=near[0], rest=hint)
        raise DefinitionError(msg("unknown tag {tag!r}", tag=tag), hint=hint)
    return mine


def list_models(project: Project, tag: str | None) -> list[ListedVersion]:
    """Return the versions of ``tag`` (a family's stem: of all members), or of every tag."""
    from tagcast.serving.catalog.tag_evidence import decision_text

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
        )
        for v in registered_versions(project, tag)
    ]


def promote_version(
    project: Project,
    tag: str,
    version: int,
    *,
    by: str,
    reason: str,
    moment: datetime,
    force: bool = False,
) -> dict[str, Any]:
    """Make ``version`` the champion, or propose it where a second person has to agree; record who, when and why.

    Raises
    ------
    ModelError
        When there is no such version, or checks of the gate failed and ``force`` is not given.
    """
    from tagcast.registry.versions.promotion import promote
    from tagcast.registry.versions.tracking import open_tracking

    found = {v.version: v for v in registered_versions(project, tag) if v.tag == tag}
    if version not in found:
        raise ModelError(
            msg("{tag} has no version {version}", tag=tag, version=version),
            hint=msg("versions: {versions}", versions=listed(map(str, sorted(found))) or msg("none")),
        )
    tracking = open_tracking(project.settings.home, project=project.settings.name)
    previous = next((v.version for v in found.values() if "champion" in v.aliases), None)
    decision = promote(
        tracking,
        found[version],
        by=by,
        reason=reason,
        now=moment,
        force=force,
        second_person=project.settings.review.second_person,
    )
    return {
        "tag": tag,
        "version": version,
        "previous": previous,
        "by": by,
        "reason": reason,
        "at": moment,
        "action": decision.action,
        "forced": decision.figures.get("forced", []) if decision.how == "force" else [],
    }


def render_models(found: list[ListedVersion], *, checks: bool = False) -> None:
    """Print the versions as a table; with ``checks`` also those of each tag's newest version and champion."""
    for kind, adapter in EVIDENCE_KINDS.items():
        mine, listing = [v for v in found if v.kind == kind], adapter.listing
        if mine:
            table(
                listing.versions_title,
                ("tag", "version", "alias", "trained", *listing.versions, "decision", "why"),
                [
                    (*_name(v), *listing.figures(listing.versions, v.metrics), v.decision, v.reason)
                    for v in mine
                ],
            )
    if not found:
        say("no model has been trained yet: tagcast train --all")
    if checks:
        _render_checks(found)


def _name(v: ListedVersion) -> tuple[str, int, str, str]:
    return v.tag, v.version, ", ".join(v.aliases), f"{v.created:%Y-%m-%d %H:%M}"


def _render_checks(found: list[ListedVersion]) -> None:
    newest: dict[str, int] = {}
    for v in found:  # newest first
        shown = newest.setdefault(v.tag, v.version) == v.version or "champion" in v.aliases
        if shown and v.checks:
            table(
                f"Checks of {v.tag} version {v.version}",
                ("check", "outcome", "figure", "bar", "in words"),
                [(c["name"], c["outcome"], c["figure"], c["bar"], c["text"]) for c in v.checks],
            )

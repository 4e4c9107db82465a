"""`tagcast model list` and `tagcast model card`: versions with their figures, and the card of one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from tagcast.features.core.messages import Joined, Text, from_json, listed, msg
from tagcast.pipelines.cards.card_files import FoundCard
from tagcast.pipelines.deployment.model_versions import ListedVersion
from tagcast.pipelines.evidence.tag_kinds import EVIDENCE_KINDS
from tagcast.pipelines.reports.terminal import metric_cells, say, table, with_reservations


def render_models(found: list[ListedVersion], *, checks: bool = False) -> None:
    """Print the versions, a table for each kind; with ``checks`` also those of each tag's newest version and champion."""
    for kind, adapter in EVIDENCE_KINDS.items():
        of_kind, listing = [v for v in found if v.kind == kind], adapter.listing
        if of_kind:
            table(
                listing.versions_title,
                (
                    msg("tag"),
                    msg("version"),
                    msg("alias"),
                    msg("trained"),
                    *listing.versions.values(),
                    msg("decision"),
                    msg("why"),
                ),
                [
                    (
                        *_name(v),
                        *metric_cells(listing.versions, v.metrics, listing.amounts),
                        v.decision,
                        v.reason,
                    )
                    for v in of_kind
                ],
            )
    for v in found:
        if v.shadow is not None:
            say(msg("{tag}: {problem}", tag=v.tag, problem=v.shadow.message))
    if not found:
        say(msg("no model has been trained yet: {command}", command="tagcast train --all"))
    if checks:
        _render_checks(found)


def _name(v: ListedVersion) -> tuple[str, int, Text | Joined, str]:
    called = with_reservations(", ".join(v.aliases), v.reservations)
    return v.tag, v.version, called, f"{v.created:%Y-%m-%d %H:%M}"


def _render_checks(found: list[ListedVersion]) -> None:
    newest: dict[str, int] = {}
    for v in found:  # newest first
        shown = newest.setdefault(v.tag, v.version) == v.version or "champion" in v.aliases
        if shown and v.checks:
            table(
                msg("Checks of {tag} version {version}", tag=v.tag, version=v.version),
                (msg("check"), msg("outcome"), msg("figure"), msg("bar"), msg("in words")),
                [(c["name"], c["outcome"], c["figure"], c["bar"], from_json(c["text"])) for c in v.checks],
            )


def render_card(card: FoundCard, written: Sequence[Path], *, html: bool) -> None:
    """Print the card, or where it was written."""
    if written:
        for file in written:
            say(
                msg(
                    "card of {tag} v{version} written to {file}",
                    tag=card.tag,
                    version=card.version,
                    file=file,
                )
            )
    else:
        say((card.html if html else card.markdown).rstrip("\n"))


def render_promoted(done: Mapping[str, Any]) -> None:
    """Print what :func:`tagcast.pipelines.deployment.model_versions.promote_version` did."""
    about = {"tag": done["tag"], "version": done["version"], "previous": done["previous"] or msg("none")}
    text: Text | Joined
    if done["action"] == "proposed":
        text = msg(
            "{tag}: version {version} waits for a second person to approve it (was {previous})", **about
        )
    elif done["forced"]:
        text = msg(
            "{tag}: version {version} is champion (was {previous}), against {checks}",
            checks=listed(done["forced"]),
            **about,
        )
    else:
        text = msg("{tag}: version {version} is champion (was {previous})", **about)
    if done["action"] == "promoted":
        text = with_reservations(text, done["reservations"])
    say(text)

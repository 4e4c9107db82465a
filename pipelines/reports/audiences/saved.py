"""Saved audiences as people read them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from tagcast.features.core.messages import listed, msg
from tagcast.pipelines.reports.terminal import say, table
from tagcast.serving.audiences.over_time.words import reason_words

if TYPE_CHECKING:
    from tagcast.registry.governance.audiences.membership_changes import MembershipChange
    from tagcast.registry.governance.saved_audiences import SavedAudience
    from tagcast.serving.audiences.over_time.edits import Edit
    from tagcast.serving.audiences.over_time.id_lists import SavedList
    from tagcast.serving.delivery.exports_on_record import ExportOnRecord


def render_saved(found: Sequence[SavedAudience], labels: Mapping[str, Sequence[str]] | None = None) -> None:
    """Print saved audiences."""
    words = labels or {}
    table(
        msg("Saved audiences"),
        (
            msg("name"),
            msg("kind"),
            msg("profiles"),
            msg("run"),
            msg("owner"),
            msg("labels"),
            msg("changed"),
            msg("filter"),
            msg("description"),
        ),
        [
            (
                a.name, a.kind, a.members, a.run, a.owner, ", ".join(words.get(a.name, ())),
                f"{a.changed_at:%Y-%m-%d}", a.filter, a.description,
            )
            for a in found
        ],
    )  # fmt: skip


def render_list(found: SavedList) -> None:
    """Print what became of a list of ids."""
    say(
        msg(
            "{known:,} of {given:,} ids saved as the audience {name!r}",
            known=found.given - found.unknown,
            given=found.given,
            name=found.audience.name,
        )
    )
    if found.merged:
        say(msg("  {count:,} are known under another id today: accounts were merged", count=found.merged))
    if found.unknown:
        say(
            msg(
                "  {count:,} are not known and left out, such as {examples}",
                count=found.unknown,
                examples=listed(map(repr, found.examples)),
            )
        )


def render_change(name: str, found: MembershipChange | None) -> None:
    """Print how many joined and left an audience, and why."""
    if found is None:
        say(msg("There is no run before to compare with."))
        return
    say(
        msg(
            "{name}: {was:,} members in run {before}, {members:,} in run {run}; {joined:,} joined, {left:,} left",
            name=name,
            was=found.was,
            before=found.before,
            members=found.members,
            run=found.run,
            joined=found.joined,
            left=found.left,
        )
    )
    if found.reasons:
        table(
            msg("Why"),
            (msg("reason"), msg("joined"), msg("left")),
            [(reason_words(one), one.joined, one.left) for one in found.reasons],
        )


def render_edits(found: Sequence[Edit]) -> None:
    """Print the edits of an audience."""
    table(
        msg("Edits, newest first"),
        (msg("at (UTC)"), msg("who"), msg("kind"), msg("added"), msg("removed")),
        [
            (
                f"{one.at:%Y-%m-%d %H:%M}",
                one.who,
                one.kind,
                " AND ".join(one.added),
                " AND ".join(one.removed),
            )
            for one in found
        ],
    )


def render_exports(found: Sequence[ExportOnRecord]) -> None:
    """Print exports."""
    table(
        msg("Exports, newest first"),
        (
            msg("at (UTC)"),
            msg("who"),
            msg("name"),
            msg("profiles"),
            msg("held out"),
            msg("channel"),
            msg("campaign"),
        ),
        [
            (f"{one.at:%Y-%m-%d %H:%M}", one.who, one.name, one.rows, one.held_out, one.channel, one.campaign)
            for one in found
        ],
    )

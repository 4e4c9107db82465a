"""`tagcast train`: what came of each tag."""

from __future__ import annotations

from collections.abc import Sequence

from tagcast.features.core.messages import Text, listed, msg
from tagcast.pipelines.evidence.tag_kinds import EVIDENCE_KINDS
from tagcast.pipelines.reports.terminal import metric_cells, table, tell, with_reservations
from tagcast.pipelines.training.registration import TrainedTag


def render_training(trained: Sequence[TrainedTag]) -> None:
    """Print a table for each kind of tag trained, then what the gate refused and why."""
    for kind, adapter in EVIDENCE_KINDS.items():
        of_kind, listing = [t for t in trained if t.kind == kind], adapter.listing
        if of_kind:
            table(
                listing.trained_title,
                (
                    msg("tag"),
                    msg("version"),
                    msg("alias"),
                    msg("model"),
                    msg("test"),
                    *listing.trained.values(),
                ),
                [
                    (
                        t.tag,
                        t.version,
                        with_reservations(t.alias, t.reservations),
                        t.chosen,
                        t.test,
                        *metric_cells(listing.trained, t.metrics, listing.amounts),
                    )
                    for t in of_kind
                ],
            )
    counted = [t for t in trained if t.values]
    if counted:
        table(
            msg("Who gets which value at the test snapshot, hysteresis apart"),
            (msg("tag"), msg("test"), msg("profiles"), msg("values")),
            [
                (
                    t.tag,
                    t.test,
                    sum(t.values.values()),
                    listed(msg("{value} {n:,}", value=value, n=n) for value, n in t.values.items()),
                )
                for t in counted
            ],
        )
    for t in trained:
        if t.alias != "champion":
            tell(msg("{tag}: no champion: {reason}", tag=t.tag, reason=t.reason))
    tags_of: dict[Text, list[str]] = {}
    for t in trained:
        for each in t.notes:
            tags_of.setdefault(each, []).append(t.tag)
    for note, tags in tags_of.items():
        tell(msg("{tags}: {note}", tags=listed(tags), note=note))

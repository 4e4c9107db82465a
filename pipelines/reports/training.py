"""`tagcast check` and `tagcast train`: the sources and what each tag finds in them, and what came of each tag."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from tagcast.features.core.messages import Joined, Message, Text, listed, msg
from tagcast.pipelines.evidence.tag_kinds import EVIDENCE_KINDS
from tagcast.pipelines.reports.terminal import metric_cells, say, table, tell, with_reservations
from tagcast.pipelines.training.readiness import ProjectReadiness
from tagcast.pipelines.training.registration import TrainedTag

if TYPE_CHECKING:
    from tagcast.features.ingest.source_findings import SourceReport


def render_check(report: ProjectReadiness, *, tree: bool = True) -> None:
    """Print the report; ``tree`` with what is odd in the tag tree."""
    sources = report.sources
    facts: tuple[tuple[Text, Callable[[SourceReport], Any]], ...] = (
        (msg("rows"), lambda s: s.rows),
        (msg("profiles"), lambda s: s.profiles),
        (msg("first event"), lambda s: s.first_time),
        (msg("last event"), lambda s: s.last_time),
        (msg("rows without an id"), lambda s: s.missing_ids),
        (msg("times that cannot be read"), lambda s: s.unparsable_times),
        (msg("times in the future"), lambda s: s.future_times),
        (msg("duplicates"), lambda s: s.duplicates),
        (msg("returns"), lambda s: s.returns),
        (msg("amounts of zero or less"), lambda s: s.zero_amounts + s.negative_amounts),
        (msg("categories"), lambda s: s.categories),
    )
    table(
        msg("Sources"),
        ("", *(s.name for s in sources.sources)),
        [(name, *(fact(s) for s in sources.sources)) for name, fact in facts],
    )
    if report.views:
        table(
            msg("Views, as of {as_of}", as_of=report.as_of),
            tuple(_VIEW_HEADS),
            [
                (
                    v.view,
                    _KINDS[v.kind],
                    _LEVELS[v.level],
                    v.features,
                    v.rows,
                    v.profiles,
                    v.coverage,
                    v.first_day,
                    v.last_day,
                    v.late_days,
                )
                for v in report.views
            ],
        )
    if report.tags:
        table(
            msg("Tags, trained as of {as_of}", as_of=report.as_of),
            tuple(_HEADS),
            [
                (
                    t.tag,
                    _KINDS[t.kind],
                    _LEVELS[t.level],
                    len(t.snapshots) or None,
                    t.snapshots[0] if t.snapshots else None,
                    t.snapshots[-1] if t.snapshots else None,
                    t.population or None,
                    t.positives or None,
                    t.positives / t.population if t.population else None,
                    t.yes_at_most,
                )
                for t in report.tags
            ],
        )
    for finding in sources.findings:
        _tell_finding(finding.level, finding.where, finding.message, finding.hint)
    for view in report.views:
        if view.level != "ok":
            _tell_finding(view.level, view.view, view.message, view.hint)
    for tag in report.tags:
        if tag.level != "ok":
            _tell_finding(tag.level, tag.tag, tag.message, tag.hint)
    for warning in report.tree if tree else ():
        tell(msg("{level}: {message}", level=_LEVELS["warning"], message=warning))
    if report.has_errors:
        say(msg("not ready: fix the errors first"))
    elif any(tag.kind != "rule" for tag in report.tags):
        say(msg("ready to train: {command}", command="tagcast train --all"))
    else:
        say(msg("ready to score: {command}", command="tagcast score --all"))


_HEADS = (
    msg("tag"),
    msg("kind"),
    msg("ready"),
    msg("snapshots"),
    msg("from"),
    msg("test"),
    msg("population"),
    msg("positives"),
    msg("share"),
    msg("yes at most"),
)
_VIEW_HEADS = (
    msg("view"),
    msg("kind"),
    msg("ready"),
    msg("features"),
    msg("rows"),
    msg("profiles"),
    msg("coverage"),
    msg("first day"),
    msg("last day"),
    msg("days late"),
)
_KINDS: dict[str, Message] = {
    "model": msg("yes/no"),
    "amount": msg("amount"),
    "uplift": msg("effect"),
    "rule": msg("rule"),
    "aggregates": msg("aggregates"),
    "attributes": msg("attributes"),
    "feast": msg("Feast"),
    "sql": msg("SQL"),
    "related": msg("related"),
}
_LEVELS: dict[str, Message] = {
    "ok": msg("ok"),
    "note": msg("note"),
    "warning": msg("warning"),
    "error": msg("error"),
}


def _tell_finding(level: str, where: str, message: Text | Joined, hint: Text | Joined) -> None:
    # What a source raised names its place already.
    named = where in str(message)
    line: Text = (
        msg("{level}: {message}", level=_LEVELS[level], message=message)
        if named
        else msg("{level}: {where}: {message}", level=_LEVELS[level], where=where, message=message)
    )
    tell(msg("{line}\n  hint: {hint}", line=line, hint=hint) if hint else line)


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

"""`tagcast check`: the sources and what each tag finds in them."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from tagcast.pipelines.reports.terminal import say, table, tell
from tagcast.pipelines.training.readiness import ProjectReadiness

if TYPE_CHECKING:
    from tagcast.features.ingest.data_checks import SourceReport


def render_check(report: ProjectReadiness, *, tree: bool = True) -> None:
    """Print the report; ``tree`` with what is odd in the tag tree."""
    sources = report.sources
    facts: tuple[tuple[str, Callable[[SourceReport], Any]], ...] = (
        ("rows", lambda s: s.rows),
        ("profiles", lambda s: s.profiles),
        ("first event", lambda s: s.first_time),
        ("last event", lambda s: s.last_time),
        ("rows without an id", lambda s: s.missing_ids),
        ("times that cannot be read", lambda s: s.unparsable_times),
        ("times in the future", lambda s: s.future_times),
        ("duplicates", lambda s: s.duplicates),
        ("returns", lambda s: s.returns),
        ("amounts of zero or less", lambda s: s.zero_amounts + s.negative_amounts),
        ("categories", lambda s: s.categories),
    )
    table(
        "Sources",
        ("", *(s.name for s in sources.sources)),
        [(name, *(fact(s) for s in sources.sources)) for name, fact in facts],
    )
    if report.tags:
        table(
            f"Tags, trained as of {report.as_of}",
            ("tag", "kind", "ready", "snapshots", "from", "test", "population", "positives", "share"),
            [
                (
                    t.tag,
                    t.kind,
                    t.level,
                    len(t.snapshots) or None,
                    t.snapshots[0] if t.snapshots else None,
                    t.snapshots[-1] if t.snapshots else None,
                    t.population or None,
                    t.positives or None,
                    t.positives / t.population if t.population else None,
                )
                for t in report.tags
            ],
        )
    for finding in sources.findings:
        tell(
            f"{finding.level}: {finding.where}: {finding.message}"
            + (f"\n  hint: {finding.hint}" if finding.hint else "")
        )
    for tag in report.tags:
        if tag.level != "ok":
            tell(f"{tag.level}: {tag.tag}: {tag.message}\n  hint: {tag.hint}")
    for warning in report.tree if tree else ():
        tell(f"warning: {warning}")
    ready = "to score: tagcast score --all"
    if any(tag.kind != "rule" for tag in report.tags):
        ready = "to train: tagcast train --all"
    say("not ready: fix the errors first" if report.has_errors else f"ready {ready}")

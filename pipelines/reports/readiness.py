"""`tagcast check`: the sources and what each tag finds in them."""

from __future__ import annotations

from tagcast.pipelines.reports.terminal import say, table
from tagcast.pipelines.training.readiness import ProjectReadiness


def render_check(report: ProjectReadiness) -> None:
    """Print the report."""
    sources = report.sources
    table(
        "Sources",
        ("source", "rows", "profiles", "first", "last", "no id", "bad time", "future", "duplicates", "returns", "amount ≤ 0", "categories"),
        [
            (s.name, s.rows, s.profiles, s.first_time, s.last_time, s.missing_ids, s.unparsable_times, s.future_times,
             s.duplicates, s.returns, s.zero_amounts + s.negative_amounts, s.categories)
            for s in sources.sources
        ],
    )  # fmt: skip
    if report.tags:
        table(
            f"Tags, trained as of {report.as_of}",
            ("tag", "ready", "snapshots", "from", "test", "population", "positives", "share", "note"),
            [
                (t.tag, t.level, len(t.snapshots) or None, t.snapshots[0] if t.snapshots else None, t.snapshots[-1] if t.snapshots else None,
                 t.population or None, t.positives or None, t.positives / t.population if t.population else None, t.message.split("\n")[0])
                for t in report.tags
            ],
        )  # fmt: skip
    for finding in sources.findings:
        say(
            f"{finding.level}: {finding.where}: {finding.message}"
            + (f"\n  hint: {finding.hint}" if finding.hint else "")
        )
    for tag in report.tags:
        if tag.level != "ok":
            say(f"{tag.level}: {tag.tag}: {tag.message}\n  hint: {tag.hint}")
    for warning in report.tree:
        say(f"warning: {warning}")
    ready = "to score: tagcast score --all"
    if any(tag.kind != "rule" for tag in report.tags):
        ready = "to train: tagcast train --all"
    say("not ready: fix the errors first" if report.has_errors else f"ready {ready}")

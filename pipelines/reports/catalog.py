"""`tagcast tag list` and `tagcast tag`: the catalogue and the page of one tag, as people read them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from tagcast.features.core.messages import Text
from tagcast.pipelines.reports.terminal import amount, say, table, values_text

if TYPE_CHECKING:
    from datetime import datetime

    from tagcast.registry.governance.lifecycle import LifeStep
    from tagcast.registry.governance.observed_accuracy import PromiseRow
    from tagcast.serving.catalog.catalog import TagRow
    from tagcast.serving.catalog.tag_actions import PendingChampion
    from tagcast.serving.catalog.tag_details import TagDetails

MOST_SHOWN = 10


def render_tags(rows: Sequence[TagRow], warnings: Sequence[Text]) -> None:
    """Print the catalogue, a line a tag, then what is wrong with the tree."""
    lines = []
    last: tuple[str, ...] = ()
    for row in rows:
        branch = "" if row.path == last else " › ".join(row.path)
        last = row.path
        champion = f"{row.champion} {row.grade or ''}".strip() if row.champion else None
        lines.append(
            (
                branch, row.name, row.status.replace("_", " "), row.population, row.coverage,
                values_text(_values(row), row.population or 0) if row.predicted else None,
                row.mean_confidence, champion, _quality(row), row.owner,
            )
        )  # fmt: skip
    table(
        "Tags",
        ("branch", "tag", "status", "population", "coverage", "says", "confidence", "champion, grade",
         "quality (test snapshot)", "owner"),
        lines,
    )  # fmt: skip
    for warning in warnings:
        say(f"warning: {warning}")


def render_page(page: TagDetails) -> None:
    """Print what is known of one tag."""
    row = page.row
    titles = " / ".join(dict.fromkeys(row.title.values()))
    say(f"{row.name}: {titles} ({' › '.join(row.path)})")
    sensitive = ", sensitive" if row.sensitivity == "sensitive" else ""
    say(f"  {row.status.replace('_', ' ')}, owned by {row.owner}{sensitive}")
    for words in (page.description, page.question, page.population, page.decision):
        if words:
            say(f"  {words['en']}")
    if page.refresh:
        say(f"  refreshed by cron {page.refresh}, good for {page.expires_after_days} days")
    if page.last_run is not None:
        expiry = f"expire{'d' if row.expired else 's'} {row.expires_at:%Y-%m-%d}" if row.expires_at else ""
        say(f"  scored as of {page.last_run.as_of} (run {page.last_run.number}), {expiry}")
    if page.values:
        table(
            f"Says of {row.population:,} profiles",
            ("value", "profiles", "share"),
            [(v.value, v.members, v.share) for v in page.values],
        )
    if len(page.trend) > 1:
        values = [v.value for v in page.values]
        table(
            "Shares over the published runs",
            ("run", "as of", "population", *values, "confidence"),
            [
                (p.run, p.as_of, p.population, *(p.shares.get(v, 0.0) for v in values), p.mean_confidence)
                for p in page.trend[-MOST_SHOWN:]
            ],
        )
    _render_evidence(page)
    used = page.uses
    say(
        f"used by {len(used.audiences)} saved audiences{_listed(used.audiences)}, {used.exports:,} exports, "
        f"{used.api_calls:,} API calls"
    )
    if page.feedback.count:
        say(f"rated {page.feedback.mean:.1f} of 5 by {page.feedback.count}")
        for comment in page.feedback.comments[:MOST_SHOWN]:
            say(f"  {comment.who}, {_day(comment.at)}: {comment.stars} of 5: {comment.text}")
    render_history(page.history)


def _render_evidence(page: TagDetails) -> None:
    if page.grade_reasons:
        say(f"grade {page.row.grade}: {'; '.join(page.grade_reasons)}")
    if page.drivers:
        table(
            "What the score is made of",
            ("feature", "share", "direction"),
            [(d.title["en"], d.share, d.direction) for d in page.drivers[:MOST_SHOWN]],
        )
    elif page.features:
        say(f"made of {', '.join(f.title['en'] for f in page.features)}")
    for title, rows in (("test snapshot", page.promise), ("published runs", page.observed)):
        _render_promise(title, rows)
    if page.versions:
        table(
            "Versions",
            ("version", "trained", "alias", "grade", "decision", "why"),
            [
                (v.version, _day(v.created), ", ".join(v.aliases), v.grade, v.decision, v.reason)
                for v in page.versions[:MOST_SHOWN]
            ],
        )


def _render_promise(title: str, rows: Sequence[PromiseRow]) -> None:
    said = [r for r in rows if r.predicted]
    if said:
        table(
            f"The promise beside reality ({title})",
            ("as of", "version", "confidence from", "said", "promised", "right"),
            [(r.as_of, r.version, r.at_least, r.predicted, r.promised, r.right) for r in said],
        )


def render_history(steps: Sequence[LifeStep]) -> None:
    """Print the life of a tag."""
    if not steps:
        say("no step in its life is recorded yet")
        return
    table(
        "Life",
        ("at (UTC)", "who", "from", "to", "why"),
        [
            (f"{s.at:%Y-%m-%d %H:%M}", s.who, s.was.replace("_", " "), s.to.replace("_", " "), s.reason)
            for s in steps
        ],
    )


def render_pending(found: Sequence[PendingChampion]) -> None:
    """Print which champions wait for a second person."""
    if not found:
        say("no champion waits for approval")
        return
    table(
        "Champions that wait for a second person",
        ("tag", "version", "proposed by", "at (UTC)", "grade", "in place of", "why"),
        [
            (p.tag, p.version, p.proposed_by, f"{p.proposed_at:%Y-%m-%d %H:%M}", p.grade, p.champion, p.reason)
            for p in found
        ],
    )  # fmt: skip


def _values(row: TagRow) -> dict[str, int]:
    return {value: row.predicted.get(value, 0) for value in row.values}


def _quality(row: TagRow) -> str | None:
    """Return the champion's test metrics in one cell."""
    names = {"auc": "AUC", "log_loss": "log loss", "mae": "MAE", "baseline_mae": "baseline MAE",
             "tier_accuracy": "tiers right"}  # fmt: skip
    shown = [
        f"{names[name]} {amount(figure) if name.endswith('mae') else f'{figure:.3f}'}"
        for name, figure in row.quality.items()
    ]
    return ", ".join(shown) or None


def _listed(names: Iterable[str]) -> str:
    text = ", ".join(names)
    return f" ({text})" if text else ""


def _day(moment: datetime) -> str:
    return f"{moment:%Y-%m-%d}"

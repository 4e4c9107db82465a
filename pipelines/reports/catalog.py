"""`tagcast tag list` and `tagcast tag`: the catalogue and the page of one tag, as people read them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from tagcast.features.core.messages import Text, from_json, listed, msg, pmsg
from tagcast.pipelines.reports.terminal import amount, say, table, values_text, with_reservations
from tagcast.registry.governance.observed_accuracy import by_week, kept_weeks, newest_of, not_judged
from tagcast.registry.operations.floors import FloorRow
from tagcast.serving.campaigns.words import kept_campaigns

if TYPE_CHECKING:
    from datetime import datetime

    from tagcast.models.inference.estimated_quality import EstimatedQuality
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
        called = with_reservations(champion, row.reservations) if champion else None
        lines.append(
            (
                branch, row.name, _status(row), row.population, row.coverage,
                values_text(_values(row), row.population or 0) if row.predicted else None,
                row.mean_confidence, called, _quality(row), row.owner,
            )
        )  # fmt: skip
    table(
        msg("Tags"),
        (msg("branch"), msg("tag"), msg("status"), msg("population"), msg("coverage"), msg("predicts"), msg("confidence"), msg("champion, grade"),
         msg("quality (test snapshot)"), msg("owner")),
        lines,
    )  # fmt: skip
    for warning in warnings:
        say(msg("warning: {warning}", warning=warning))


def _status(row: TagRow) -> Text:
    status = row.status.replace("_", " ")
    if row.expired and row.expires_at:
        return msg("{status}, expired {day}", status=status, day=_day(row.expires_at))
    return status


def render_page(page: TagDetails) -> None:
    """Print what is known of one tag."""
    row = page.row
    titles = " / ".join(dict.fromkeys(row.title.values()))
    say(f"{row.name}: {titles} ({' › '.join(row.path)})")
    about = {"status": row.status.replace("_", " "), "owner": row.owner}
    say(
        msg("  {status}, owned by {owner}, sensitive", **about)
        if row.sensitivity == "sensitive"
        else msg("  {status}, owned by {owner}", **about)
    )
    for words in (page.description, page.question, page.population, page.decision):
        if words:
            say(f"  {words['en']}")
    if page.refresh:
        say(
            msg(
                "  refreshed by cron {refresh}, good for {days} days",
                refresh=page.refresh,
                days=page.expires_after_days,
            )
        )
    if page.last_run is not None:
        scored = msg(
            "  scored as of {as_of} (run {number})", as_of=page.last_run.as_of, number=page.last_run.number
        )
        if row.expires_at:
            day = _day(row.expires_at)
            scored = (
                msg("{scored}, expired {day}", scored=scored, day=day)
                if row.expired
                else msg("{scored}, expires {day}", scored=scored, day=day)
            )
        say(scored)
        if page.last_run.season is not None:
            say(msg("  {note}", note=page.last_run.season.text))
    if page.advice is not None:
        say(msg("  {note}", note=page.advice))
    if page.values:
        table(
            msg("Predictions for {count:,} profiles", count=row.population or 0),
            (msg("value"), msg("profiles"), msg("share")),
            [(v.value, v.members, v.share) for v in page.values],
        )
    if len(page.trend) > 1:
        values = [v.value for v in page.values]
        table(
            msg("Shares over the published runs"),
            (msg("run"), msg("as of"), msg("population"), *values, msg("confidence")),
            [
                (p.run, p.as_of, p.population, *(p.shares.get(v, 0.0) for v in values), p.mean_confidence)
                for p in page.trend[-MOST_SHOWN:]
            ],
        )
    _render_evidence(page)
    used = page.uses
    say(
        msg(
            "used by {audiences} saved audiences{names}, {exports:,} exports, {calls:,} API calls",
            audiences=len(used.audiences),
            names=_listed(used.audiences),
            exports=used.exports,
            calls=used.api_calls,
        )
    )
    if page.feedback.count:
        say(msg("rated {mean:.1f} of 5 by {count}", mean=page.feedback.mean, count=page.feedback.count))
        for comment in page.feedback.comments[:MOST_SHOWN]:
            say(
                msg(
                    "  {who}, {day}: {stars} of 5: {text}",
                    who=comment.who,
                    day=_day(comment.at),
                    stars=comment.stars,
                    text=comment.text,
                )
            )
    render_history(page.history)


def _render_evidence(page: TagDetails) -> None:
    if page.grade_reasons:
        reasons = from_json({"joined": list(page.grade_reasons), "kind": "sentences"})
        say(msg("grade {grade}: {reasons}", grade=page.row.grade, reasons=reasons))
    if page.drivers:
        table(
            msg("What the score is made of"),
            (msg("feature"), msg("share"), msg("direction")),
            [(d.title["en"], d.share, d.direction) for d in page.drivers[:MOST_SHOWN]],
        )
    elif page.features:
        say(msg("made of {features}", features=listed(f.title["en"] for f in page.features)))
    newest = newest_of(page.observed) if page.observed else ()
    for title, rows in (
        (msg("test snapshot"), page.promise),
        (msg("newest run whose window is over"), newest),
    ):
        _render_promise(title, rows)
    floors = [row for row in page.observed if isinstance(row, FloorRow) and row.right is not None]
    if floors:
        say(msg("floors of the last year: {kept}", kept=kept_campaigns(floors)))
    elif weeks := by_week(row for row in page.observed if not row.at_least):
        say(msg("promise of the last year: {kept}", kept=kept_weeks(weeks)))
    if page.quality:
        _render_quality(page)
    if page.versions:
        table(
            msg("Versions"),
            (msg("version"), msg("trained"), msg("alias"), msg("grade"), msg("decision"), msg("why")),
            [
                (v.version, _day(v.created), ", ".join(v.aliases), v.grade, v.decision, v.reason)
                for v in page.versions[:MOST_SHOWN]
            ],
        )


def _expected(quality: EstimatedQuality | None) -> tuple[float | None, str]:
    if quality is None:
        return None, ""
    return quality.auc.value, f"{quality.auc.low:.3f} – {quality.auc.high:.3f}"


def _render_quality(page: TagDetails) -> None:
    """Print what the last runs expected of themselves beside what came, and how far features have moved."""
    drift = page.quality[-1].drift
    titles = {feature.name: feature.title["en"] for feature in page.features}
    table(
        msg("What runs expected of themselves, and what came (AUC)"),
        (
            msg("as of"),
            msg("version"),
            msg("expected"),
            msg("95 %"),
            msg("measured"),
            msg("weighted drift"),
        ),
        [
            (
                run.as_of,
                run.version,
                *_expected(run.expected),
                run.measured.get("auc"),
                run.drift and run.drift.weighted,
            )
            for run in page.quality[-MOST_SHOWN:]
        ],
        notes=[
            msg("moved since training: {feature}", feature=one.text(titles.get(one.feature, one.feature)))
            for one in (drift.features if drift is not None else ())
        ],
    )


def _render_promise(title: Text, rows: Sequence[PromiseRow]) -> None:
    said = [r for r in rows if r.predicted]
    if said:
        table(
            msg("Promised vs. actual ({title})", title=title),
            (
                msg("as of"),
                msg("version"),
                msg("confidence from"),
                msg("predicted"),
                msg("promised"),
                msg("right"),
            ),
            [(r.as_of, r.version, r.at_least, r.predicted, r.promised, r.right) for r in said],
            notes=[
                msg("{as_of}: {problem}", as_of=r.as_of, problem=problem)
                for r in rows
                if not r.at_least
                for problem in not_judged(r)
            ],
        )


def render_history(steps: Sequence[LifeStep]) -> None:
    """Print the life of a tag."""
    if not steps:
        say(msg("no step in its life is recorded yet"))
        return
    table(
        msg("Life"),
        (
            msg("at (UTC)"),
            msg("who"),
            pmsg("status of a tag", "from"),
            pmsg("status of a tag", "to"),
            msg("why"),
        ),
        [
            (f"{s.at:%Y-%m-%d %H:%M}", s.who, s.was.replace("_", " "), s.to.replace("_", " "), s.reason)
            for s in steps
        ],
    )


def render_pending(found: Sequence[PendingChampion]) -> None:
    """Print which champions wait for a second person."""
    if not found:
        say(msg("no champion waits for approval"))
        return
    table(
        msg("Champions that wait for a second person"),
        (msg("tag"), msg("version"), msg("proposed by"), msg("at (UTC)"), msg("grade"), msg("in place of"), msg("why")),
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

"""What a scoring run tells people: the table it prints, and the warnings of seasons and ranges."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from tagcast.features.catalog.feature_set import FeatureSet
from tagcast.features.core.messages import Message, language_of, msg
from tagcast.models.inference.abstention import RANGE_DRIFT
from tagcast.models.inference.feature_drift import MUCH, SOME
from tagcast.models.stats.season_coverage import UNSURE
from tagcast.pipelines.reports.terminal import say, table, tell, values_text
from tagcast.pipelines.scoring.movement import TagMovement
from tagcast.pipelines.scoring.notes import range_note, season_note

if TYPE_CHECKING:
    from tagcast.features.catalog.feature import Feature
    from tagcast.models.inference.feature_drift import FeatureDrift, MovedFeature
    from tagcast.models.stats.metrics import Estimate
    from tagcast.pipelines.scoring.run_summary import ScoringRun

AGREEMENT_NOTE = msg(
    "reasons agree: share of test profiles whose exact top reason (SHAP) is among the three of path attribution"
)


def render_scoring(run: ScoringRun) -> None:
    """Print the run as a table."""
    title = msg(
        "Published {run}: {profiles:,} profiles as of {as_of}",
        run=run.run_id,
        profiles=run.profiles,
        as_of=run.as_of,
    )
    if run.active_as_of is not None:
        title = msg(
            "Kept for the history: {run}, {profiles:,} profiles as of {as_of}",
            run=run.run_id,
            profiles=run.profiles,
            as_of=run.as_of,
        )
    table(
        title,
        (
            msg("tag"),
            msg("version"),
            msg("population"),
            msg("predicts"),
            msg("unknown"),
            msg("because"),
            msg("mean confidence"),
            msg("reasons agree"),
        ),
        [
            (
                t.tag,
                t.version or msg("rule"),
                t.population,
                values_text(t.predicted, t.population),
                t.unknown,
                ", ".join(f"{ground} {n:,}" for ground, n in t.unknown_because.items()) or None,
                t.mean_confidence,
                t.reasons_top_in_three,
            )
            for t in run.tags
        ],
        notes=(AGREEMENT_NOTE,),
    )
    expected = [(t.tag, t.expected) for t in run.tags if t.expected is not None]
    if expected:
        table(
            msg("Expected, before anybody knows"),
            (msg("tag"), msg("AUC"), msg("right of those called yes"), msg("caught of all yes")),
            [(tag, *map(_estimate, (one.auc, one.precision, one.recall))) for tag, one in expected],
            notes=(
                msg(
                    "what the scores say of themselves, with 95 % intervals; the promise is judged once the window is over"
                ),
            ),
        )
    render_drift([(t.tag, t.drift, FeatureSet.parse(t.feature_set).titles()) for t in run.tags if t.drift])
    for t in run.tags:
        if t.unseen_season >= UNSURE:
            note = season_note(t.unseen_season, run.as_of, t.horizon_days)
            tell(msg("{tag}: {note}", tag=t.tag, note=note))
        if t.season is not None:
            tell(msg("{tag}: {note}", tag=t.tag, note=t.season.text))
        if t.unlike_training >= RANGE_DRIFT:
            note = range_note(t.unlike_training, t.unlike_because)
            tell(msg("{tag}: {note}", tag=t.tag, note=note))
    render_movement(run.moved, run.last_run or "")
    if run.active_as_of is not None:
        tell(
            msg(
                "the run of {newer} stays active, since {as_of} is an older day; to activate this one: {command}",
                newer=run.active_as_of,
                as_of=run.as_of,
                command=f'tagcast score --all --as-of {run.as_of} --force --reason "…"',
            )
        )
    if run.out:
        say(msg("predictions written to {file}", file=run.out))


def render_drift(drifts: Sequence[tuple[str, FeatureDrift, Mapping[str, Feature]]]) -> None:
    """Print how far the features of each tag have moved since training, and which of them make most of it.

    Parameters
    ----------
    drifts : sequence of (tag, drift, titles by feature)
    """
    if not drifts:
        return
    table(
        msg("Moved since training"),
        (msg("tag"), msg("weighted drift"), "", msg("profiles drawn"), msg("explained")),
        [(tag, f"{one.weighted:.3f}", one.words, one.rows, one.explained) for tag, one, _ in drifts],
        notes=[
            msg(
                "weighted drift: PSI of each feature against training, weighted by its mean |contribution|; some has moved from "
                "{some}, much from {much}",
                some=SOME,
                much=MUCH,
            ),
            *(
                msg("{tag}: {note}", tag=tag, note=moved_text(feature, titles))
                for tag, one, titles in drifts
                for feature in one.features
            ),
        ],
    )


def moved_text(feature: MovedFeature, titles: Mapping[str, Feature]) -> Message:
    """Return in words how a feature has moved, by its title in the language of the terminal."""
    title = titles.get(feature.feature)
    return feature.text(feature.feature if title is None else getattr(title, language_of()))


def _estimate(one: Estimate | None) -> str:
    return "–" if one is None else f"{one.value:.3f} ({one.low:.3f}–{one.high:.3f})"


def value_counts(by_value: Mapping[str, int], sign: str) -> str:
    """Return profiles by value in one cell: ``no +3, yes +12``."""
    return ", ".join(f"{value} {sign}{n:,}" for value, n in sorted(by_value.items())) or "–"


def render_movement(rows: Sequence[TagMovement], last_run: str) -> None:
    """Print one line a tag."""
    if not rows:
        return

    def share(part: float | None) -> str:
        return "–" if part is None else f"{part:.1%}"

    table(
        msg("Moved since {run}", run=last_run),
        (
            msg("tag"),
            msg("entered"),
            msg("left"),
            msg("changed"),
            msg("by new data"),
            msg("by a new model"),
            msg("by a new threshold"),
        ),
        [
            (
                r.tag,
                value_counts(r.entered, "+"),
                value_counts(r.left, "−"),
                share(r.changed),
                share(r.by_data),
                share(r.by_model),
                share(r.by_threshold),
            )
            for r in rows
        ],
        notes=[
            msg(
                "{tag}: causes measured on {profiles:,} profiles; one that undoes another counts in both",
                tag=r.tag,
                profiles=r.sampled,
            )
            for r in rows
            if r.sampled
        ],
    )

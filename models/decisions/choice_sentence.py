"""What a decision rule chose over past cases, in plain sentences."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tagcast.features.core.messages import Joined, Text, listed, msg, nmsg
from tagcast.models.decisions.policy import NEVER
from tagcast.models.definitions.model_tag import (
    Decision,
    EffectRule,
    PrecisionRule,
    TagDefinition,
    ThresholdRule,
    TierRule,
    TopShareRule,
)

if TYPE_CHECKING:
    from tagcast.models.decisions.cases import Cases
    from tagcast.models.decisions.thresholds import ThresholdRow


def choice_sentence(definition: TagDefinition, row: ThresholdRow, cases: Cases) -> Text | Joined:
    """Return in plain sentences what the rule chose, and who of them stays unknown."""
    asked = _asked(definition.decision)
    silent = {"share": f"{row.unknown / cases.size:.1%}", "least": f"{definition.min_confidence:g}"}
    if not row.size or row.precision is None:
        if row.unknown:
            return msg(
                "{asked}: {share} of past snapshots score that high, all of them unknown below the min_confidence "
                "of {least}, so nobody gets a yes.",
                asked=asked,
                **silent,
            )
        if row.threshold == NEVER:
            return msg("{asked}: no past audience met it, so nobody gets a yes.", asked=asked)
        return msg("{asked}: nobody scored that high, so nobody gets a yes.", asked=asked)
    chosen = _chosen(asked, row, len(cases.snapshots))
    if not row.unknown:
        return chosen
    more = msg("{share} more score that high and stay unknown below the min_confidence of {least}.", **silent)
    return listed([chosen, more], "paragraph")


def _chosen(asked: Text, row: ThresholdRow, snapshots: int) -> Text:
    figures = {
        "scores": _scores(row),
        "audience": nmsg(
            "{share} of {n} past snapshot",
            "{share} of {n} past snapshots",
            snapshots,
            share=f"{row.share:.1%}",
        ),
        "precision": f"{row.precision:.1%}",
        "low": f"{row.low:.1%}",
        "high": f"{row.high:.1%}",
        "recall": f"{row.recall or 0:.1%}",
    }
    if row.profit is None:
        return msg(
            "{asked}: yes from a score of {scores}, {audience}; {precision} of them turned out true "
            "({low} to {high}), {recall} of all true outcomes.",
            asked=asked,
            **figures,
        )
    return msg(
        "{asked}: yes from a score of {scores}, {audience}; {precision} of them turned out true ({low} to {high}), "
        "{recall} of all true outcomes, {profit} of expected profit a snapshot.",
        asked=asked,
        profit=f"{row.profit:+,.0f}",
        **figures,
    )


def _scores(row: ThresholdRow) -> Text:
    if row.threshold == row.threshold_high:
        return f"{row.threshold:.3f}"
    return msg("{first} to {last}", first=f"{row.threshold:.3f}", last=f"{row.threshold_high:.3f}")


def _asked(rule: Decision) -> Text:
    if isinstance(rule, ThresholdRule):
        return msg("A score of {score} or more", score=f"{rule.threshold:g}")
    if isinstance(rule, TopShareRule):
        return msg("The top {share} by score", share=f"{rule.share:.1%}")
    if isinstance(rule, PrecisionRule):
        return msg("The widest audience with a precision of {precision}", precision=f"{rule.precision:.0%}")
    if isinstance(rule, TierRule | EffectRule):
        raise TypeError(f"a {rule.rule} rule has no cut of its own")
    figures = {"benefit": f"{rule.benefit:g}", "cost": f"{rule.cost:g}"}
    if rule.capacity:
        return msg(
            "Benefit {benefit}, cost {cost} a contact, at most {capacity:,} profiles a snapshot",
            capacity=rule.capacity,
            **figures,
        )
    return msg("Benefit {benefit}, cost {cost} a contact", **figures)

"""Checks of what a version would say of people: a yes that nobody gets is no tag."""

from __future__ import annotations

import math

from tagcast.features.core.messages import Text, listed, msg
from tagcast.models.definitions.model_tag import PrecisionRule, ProfitRule, ThresholdRule
from tagcast.models.evaluation.decided_values import DecidedValues, ValueCount
from tagcast.models.evaluation.evidence import Evidence
from tagcast.models.filters.fields import UNKNOWN
from tagcast.registry.gates.checks import Check

YES = "yes"
_TITLES = {YES: msg("yes"), "no": msg("no"), UNKNOWN: msg("unknown")}


def predicts_yes(evidence: Evidence) -> Check:
    """Fail where nobody at the test snapshot would get a yes: the tag would fill no audience."""
    name, decided = "predicts_yes", evidence.decided
    yes = decided.values[YES]
    if yes.predicted:
        return Check(name, "pass", float(yes.predicted), 1.0, _counted(decided))
    why = _silenced(decided, yes) if yes.chosen else _out_of_reach(decided)
    text = msg("nobody at the test snapshot gets a yes ({counts}): {why}", counts=_counted(decided), why=why)
    return Check(name, "fail", 0.0, 1.0, text)


def predicts_effects(evidence: Evidence) -> Check:
    """Warn where nobody gets any value: scores and bounds are there all the same."""
    name, decided = "predicts_effects", evidence.decided
    predicted = sum(one.predicted for one in decided.values.values())
    return Check(name, "pass" if predicted else "warn", float(predicted), 1.0, _counted(decided))


def predicts_tiers(evidence: Evidence) -> Check:
    """Fail where nobody gets any tier, and warn where some tiers are nobody's."""
    name, decided = "predicts_tiers", evidence.decided
    predicted = sum(one.predicted for one in decided.values.values())
    empty = [tier for tier, one in decided.values.items() if not one.predicted]
    if not predicted:
        everybody = ValueCount(
            0,
            sum(one.chosen for one in decided.values.values()),
            max(one.surest for one in decided.values.values() if one.surest is not None),
        )
        text = msg(
            "nobody at the test snapshot gets a tier ({counts}): {why}",
            counts=_counted(decided),
            why=_silenced(decided, everybody),
        )
        return Check(name, "fail", 0.0, 1.0, text)
    if empty:
        text = msg("nobody gets {tiers} ({counts})", tiers=listed(empty), counts=_counted(decided))
        return Check(name, "warn", float(predicted), 1.0, text)
    return Check(name, "pass", float(predicted), 1.0, _counted(decided))


def _counted(decided: DecidedValues) -> Text:
    counts = decided.counts
    each = [msg("{value} {n:,}", value=_TITLES.get(value, value), n=n) for value, n in counts.items()]
    return msg(
        "{values} of {profiles:,} at the test snapshot", values=listed(each), profiles=sum(counts.values())
    )


def _silenced(decided: DecidedValues, chosen: ValueCount) -> Text:
    """Return that the rule chooses people whom ``min_confidence`` leaves unknown, and what would not."""
    surest = chosen.surest or 0.0
    return msg(
        "the rule chooses {chosen:,}, all of them unknown, since the surest has a confidence of {surest} and "
        "min_confidence is {least:g}; set min_confidence: 0 (at most {most:g}) and train again",
        chosen=chosen.chosen,
        surest=f"{surest:.3f}",
        least=decided.definition.min_confidence,
        most=math.floor(surest * 100) / 100,
    )


def _out_of_reach(decided: DecidedValues) -> Text:
    """Return that no score reaches what the rule asks for, and which rule somebody would reach."""
    rule, figures = decided.definition.decision, {"highest": f"{decided.highest:.3f}"}
    instead = "decision: {rule: top_share, share: 0.1}"
    if isinstance(rule, ThresholdRule):
        return msg(
            "the highest score is {highest}, the threshold {threshold:g}; choose a lower threshold or {instead}, "
            "either with min_confidence: 0, and train again",
            threshold=rule.threshold,
            instead=instead,
            **figures,
        )
    if isinstance(rule, PrecisionRule):
        return msg(
            "no score reaches one from which past audiences were right in {precision:.0%} of their members (the highest "
            "is {highest}); ask for a lower precision or choose {instead}, either with min_confidence: 0, and train again",
            precision=rule.precision,
            instead=instead,
            **figures,
        )
    if isinstance(rule, ProfitRule) and decided.highest * rule.benefit <= rule.cost:
        return msg(
            "the highest score of {highest} times the benefit of {benefit:g} does not exceed the cost of {cost:g}; "
            "correct benefit and cost or choose {instead}, either with min_confidence: 0, and train again",
            benefit=rule.benefit,
            cost=rule.cost,
            instead=instead,
            **figures,
        )
    if isinstance(rule, ProfitRule):
        return msg(
            "more than the capacity of {capacity:,} share the highest score of {highest}; raise capacity and train again",
            capacity=rule.capacity,
            **figures,
        )
    raise TypeError(f"a {rule.rule} rule always chooses somebody")

"""Checks of a version that predicts what an approach changes: is there a difference between people, and was the experiment sound?"""

from __future__ import annotations

from tagcast.features.core.messages import Text, msg
from tagcast.features.core.signed_numbers import points
from tagcast.models.evaluation.evidence import Evidence, Measured
from tagcast.registry.gates.checks import Check, short

LEAST_OUTCOMES = 100
"""True outcomes in the smaller arm: below, no difference between people could show."""
LEAST_AREA = 0.05
"""Of twice the area over the average effect, the lower end of its interval: a ranking that may gain less than a twentieth of the whole
effect is not worth keeping a model for."""
ARMS_ALIKE, ARMS_UNLIKE = 0.5, 0.55
"""Area under the curve of telling the arms apart by features: chance, and clearly more."""
LEAST_RATIO = 0.001
"""Probability of a share of approached people as far from the one that was meant: the usual bound of sample ratio checks."""


def enough_in_arms(evidence: Evidence) -> Check:
    """Fail where the smaller arm has too few true outcomes."""
    cases = evidence.cases
    yes = {arm: cases[f"{arm}_yes"] for arm in ("approached", "control")}
    figures = {
        name: f"{count:,}"
        for arm in yes
        for name, count in ((arm, cases[f"{arm}_yes"] + cases[f"{arm}_no"]), (f"{arm}_yes", yes[arm]))
    }
    text = msg(
        "{approached} approached with {approached_yes} true outcomes, {control} left alone with {control_yes}",
        **figures,
    )
    least = min(yes.values())
    if least >= LEAST_OUTCOMES:
        return Check("arms", "pass", float(least), float(LEAST_OUTCOMES), text)
    text = msg(
        "{counts}; at least {least} true outcomes in each are needed", counts=text, least=LEAST_OUTCOMES
    )
    return Check("arms", "fail", float(least), float(LEAST_OUTCOMES), text)


def as_meant(evidence: Evidence) -> Check:
    """Fail where the share of approached people is not the one that was meant: somebody was lost on one side."""
    found = evidence.test["tagcast"].get("sample_ratio")
    if found is None:
        return Check(
            "sample_ratio", "pass", 1.0, LEAST_RATIO, msg("treatment.share names no share that was meant")
        )
    figures = {"probability": f"{found.value:.2g}"}
    if found.value >= LEAST_RATIO:
        text = msg("as many were approached as was meant (probability {probability})", **figures)
        return Check("sample_ratio", "pass", found.value, LEAST_RATIO, text)
    text = msg(
        "the share of approached people is not the one that was meant (probability {probability}): people were lost on one side; "
        "find out where, or correct treatment.share if one is given",
        **figures,
    )
    return Check("sample_ratio", "fail", found.value, LEAST_RATIO, text)


def arms_alike(evidence: Evidence) -> Check:
    """Fail where features tell the arms clearly apart though chance alone is said to have decided; warn where they do at all."""
    name, found = "arms_alike", evidence.test["tagcast"].get("arms_auc")
    if found is None:
        gone = evidence.test["tagcast"]["without_overlap"].value
        text = msg(
            "not at random: a model of who is approached makes the arms comparable; {share} have nobody to be compared with",
            share=f"{gone:.1%}",
        )
        return Check(name, "warn", gone, 0.0, text)
    figures = {"auc": short(found.value), "low": short(found.low), "high": short(found.high)}
    if found.low <= ARMS_ALIKE:
        text = msg("features do not tell the arms apart (AUC {auc}, {low} to {high})", **figures)
        return Check(name, "pass", found.value, ARMS_ALIKE, text)
    text = msg(
        "features tell the arms apart (AUC {auc}, {low} to {high}), though they were drawn at random",
        **figures,
    )
    if found.low <= ARMS_UNLIKE:
        return Check(name, "warn", found.value, ARMS_ALIKE, text)
    text = msg("{apart}: give treatment.random: false, or correct the conditions of treatment", apart=text)
    return Check(name, "fail", found.value, ARMS_UNLIKE, text)


def people_differ(evidence: Evidence) -> Check:
    """Fail where the slope of the best linear predictor may be 0: the model tells nobody apart."""
    slope = evidence.test["tagcast"]["slope"]
    figures = {"slope": f"{slope.value:.2f}", "low": f"{slope.low:.2f}", "high": f"{slope.high:.2f}"}
    if slope.low > 0:
        text = msg("people differ: slope of the best linear predictor {slope} ({low} to {high})", **figures)
        return Check("people_differ", "pass", slope.low, 0.0, text)
    text = msg(
        "no difference between people was found (slope {slope}, {low} to {high}): {instead}",
        instead=all_or_none(evidence),
        **figures,
    )
    return Check("people_differ", "fail", slope.low, 0.0, text)


def worth_ranking(evidence: Evidence) -> Check:
    """Fail where to approach the highest scores may gain next to nothing over as many drawn by lot."""
    found = evidence.test["tagcast"]["relative_area"]
    figures = {"area": f"{found.value:.0%}", "low": f"{found.low:.0%}", "high": f"{found.high:.0%}"}
    if found.low > LEAST_AREA:
        text = msg(
            "ranking people reaches {area} ({low} to {high}) of what it could beyond chance", **figures
        )
        return Check("worth_ranking", "pass", found.low, LEAST_AREA, text)
    text = msg(
        "no difference between people that is worth ranking them was found ({area} of what it could reach beyond chance, {low} to "
        "{high}; more than {least} is asked): {instead}",
        least=f"{LEAST_AREA:.0%}",
        instead=all_or_none(evidence),
        **figures,
    )
    return Check("worth_ranking", "fail", found.low, LEAST_AREA, text)


def keeps_floor(evidence: Evidence) -> Check:
    """Warn where the mean lower bound lies above the measured effect beyond chance."""
    margin = evidence.test["tagcast"]["floor_margin"]
    kept = not margin.high < 0
    figures = {"margin": points(margin.value), "low": points(margin.low), "high": points(margin.high)}
    text = msg("measured effect minus its floor {margin} points ({low} to {high})", **figures)
    if not kept:
        text = msg("{margin}: more was promised than came", margin=text)
    return Check("keeps_promise", "pass" if kept else "warn", margin.value, 0.0, text)


def all_or_none(evidence: Evidence) -> Text:
    """Return what to do where people do not differ."""
    effect: Measured = evidence.test["tagcast"]["effect"]
    figures = {
        "effect": points(effect.value),
        "low": points(effect.low).removeprefix("+"),
        "high": points(effect.high).removeprefix("+"),
    }  # fmt: skip
    return msg("approach all or none, {effect} points ({low} to {high})", **figures)

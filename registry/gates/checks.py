"""What a check of the gate answers, and the report that all of them make."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from tagcast.features.core.messages import Joined, Message, Text, listed, msg, to_json

Outcome = Literal["pass", "warn", "fail"]
CHECK_TITLES: dict[str, Message] = {
    "enough_data": msg("Enough data"),
    "single_feature": msg("No feature leaks the outcome"),
    "last_day": msg("Holds up without the last day"),
    "after_as_of": msg("No future data"),
    "beats_base_rate": msg("Beats the base rate"),
    "beats_rfm": msg("Beats the RFM ranking"),
    "beats_champion": msg("Beats the active model"),
    "beats_baseline": msg("Beats each customer’s own rate"),
    "calibrated": msg("Calibrated"),
    "predicts_yes": msg("Says yes to somebody"),
    "predicts_tiers": msg("Every tier has members"),
    "score_distribution": msg("Stable scores"),
    "covers": msg("Intervals hold"),
    "keeps_promise": msg("Keeps its promise"),
    "arms": msg("Enough outcomes in both arms"),
    "arms_alike": msg("Both arms are alike"),
    "sample_ratio": msg("Both arms are as large as drawn"),
    "people_differ": msg("People differ in the effect"),
    "worth_ranking": msg("Ranking beats chance"),
    "predicts_effects": msg("Gives somebody a value"),
}
"""What people call the checks, by name."""


@dataclass(frozen=True)
class Check:
    """One check: its name, outcome, the figure, the bar it was held against, and both in a sentence."""

    name: str
    outcome: Outcome
    figure: float
    bar: float
    text: Text


@dataclass(frozen=True)
class GateReport:
    """All checks of one version."""

    checks: tuple[Check, ...]

    @property
    def passed(self) -> bool:
        """Whether no check fails; warnings do not hold a model back."""
        return all(check.outcome != "fail" for check in self.checks)

    @property
    def reason(self) -> Text | Joined:
        """One sentence or several: why the version passes or is refused."""
        failed = [check.text for check in self.checks if check.outcome == "fail"]
        warned = [check.text for check in self.checks if check.outcome == "warn"]
        if failed:
            return listed(failed, "sentences")
        if warned:
            return msg("passes every check, with a warning: {warnings}", warnings=listed(warned, "sentences"))
        return msg("passes every check")

    def as_dict(self) -> dict[str, Any]:
        """Return the report as plain JSON values (a figure that is not finite becomes ``None``).

        A check's text is kept as a message, which :func:`tagcast.features.core.messages.from_json` reads.
        """
        return {
            "passed": self.passed,
            "checks": [
                {
                    "name": check.name,
                    "outcome": check.outcome,
                    "figure": check.figure if math.isfinite(check.figure) else None,
                    "bar": check.bar if math.isfinite(check.bar) else None,
                    "text": to_json(check.text),
                }
                for check in self.checks
            ],
        }


def failed_checks(report: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return the checks that failed in what :meth:`GateReport.as_dict` gave."""
    return [check for check in report.get("checks", ()) if check["outcome"] == "fail"]


def is_comparison(check: str) -> bool:
    """Return whether a check holds a version against something else (a reference, the champion, the last run), not against itself."""
    return check.startswith("beats_") or check == "score_distribution"


def short(value: float) -> Text:
    """Three decimals without the leading zero, as tables of this field print them: .289."""
    if not math.isfinite(value):
        return msg("unknown")
    text = f"{value:.3f}"
    text = "0" if float(text) == 0 else text
    return text.replace("0.", ".", 1) if text.startswith(("0.", "-0.")) else text


def named(names: Iterable[Text], shown: int = 3) -> Text | Joined:
    """Return the first names and how many more there are: ``a, b, c and 4 more``."""
    every = list(names)
    more = len(every) - shown
    first = listed(every[:shown])
    return msg("{first} and {more} more", first=first, more=more) if more > 0 else first


def compared(metric: Text, figure: float, bar: float, reference: Text) -> Text:
    """Return a figure beside that of what it is held against."""
    return msg(
        "{metric} {figure} against {bar} for {reference}",
        metric=metric,
        figure=short(figure),
        bar=short(bar),
        reference=reference,
    )


def with_gain(text: Text, gain: float, low: float, high: float, even: Text) -> Text:
    """Return a comparison with its gain, or below 0 its loss, and the interval of it; ``even`` where there is neither."""
    if gain > 0:
        figures = {"gain": short(gain), "low": short(low), "high": short(high)}
        return msg("{compared}: better by {gain} ({low} to {high})", compared=text, **figures)
    if gain < 0:
        figures = {"loss": short(-gain), "low": short(-high), "high": short(-low)}
        return msg("{compared}: worse by {loss} ({low} to {high})", compared=text, **figures)
    return even

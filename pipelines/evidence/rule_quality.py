"""What the decision rule of a yes or no gives on the test snapshot: who is flagged, and how many of them come true."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tagcast.models.training.result import TrainingResult


@dataclass(frozen=True)
class RuleQuality:
    """Whom the tag says yes to, hysteresis apart, held against what came.

    Parameters
    ----------
    cases, true : int
        Profiles of the test snapshot, and those whose outcome is true; of drawn rows what they stand for.
    flagged, right : int
        Profiles whose value is yes, and those of them whose outcome is true.
    precision, low, high : float or None
        Share of the flagged that is right, with Wilson's 95 % interval; None where nobody is flagged.
    """

    cases: int
    true: int
    flagged: int
    right: int
    precision: float | None
    low: float | None
    high: float | None

    @property
    def base_rate(self) -> float:
        """Share of all profiles whose outcome is true: what as many at random would give."""
        return self.true / max(1, self.cases)

    @property
    def recall(self) -> float | None:
        """Share of all true outcomes that are flagged; None where there are none."""
        return self.right / self.true if self.true else None

    @property
    def lift(self) -> float | None:
        """How many times the base rate the precision is; None where either is not known."""
        return self.precision / self.base_rate if self.precision is not None and self.true else None

    @property
    def metrics(self) -> dict[str, float]:
        """The figures that are known, by the names under which they are looked for in MLflow."""
        precision, recall = self.precision, self.recall
        f1 = None if not self.flagged + self.true else 2 * self.right / (self.flagged + self.true)
        known = {
            "precision": precision,
            "precision_low": self.low,
            "precision_high": self.high,
            "recall": recall,
            "f1_score": f1,
            "lift": self.lift,
            "base_rate": self.base_rate,
            "flagged_share": self.flagged / max(1, self.cases),
        }
        return {name: figure for name, figure in known.items() if figure is not None}

    def to_dict(self) -> dict[str, Any]:
        """Return the figures as JSON values."""
        return {**asdict(self), "base_rate": self.base_rate, "recall": self.recall, "lift": self.lift}


def rule_quality(result: TrainingResult) -> RuleQuality:
    """Return what the rule gives on the test snapshot, which nothing was chosen on."""
    from tagcast.models.evaluation.measures import MEASURES
    from tagcast.models.stats.draws import counted, part, share_of

    definition, test = result.model.definition, result.test_scores
    value, _ = MEASURES[definition.kind].decided(definition, test)
    flagged, true = value == definition.asked, test.y.astype(bool)
    low, precision, high = (
        share_of(test.y[flagged], part(test.weight, flagged)) if flagged.any() else (None, None, None)
    )
    return RuleQuality(
        round(test.size),
        counted(true, test.weight),
        counted(flagged, test.weight),
        counted(flagged & true, test.weight),
        precision,
        low,
        high,
    )

"""What the gate and the grade of a version look at: figures of its test snapshot, and the references it has to beat."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from tagcast.features.core.messages import Text, msg
from tagcast.models.stats.amount_metrics import coverage_bounds
from tagcast.models.stats.metrics import Estimate

if TYPE_CHECKING:
    from tagcast.models.evaluation.decided_values import DecidedValues


class Measured(Protocol):
    """A figure with its 95 % interval."""

    @property
    def value(self) -> float:
        """Point estimate."""

    @property
    def low(self) -> float:
        """Lower end of the interval."""

    @property
    def high(self) -> float:
        """Upper end of the interval."""


class Promised(Protocol):
    """One level of confidence: what was promised and what came (``observed_accuracy.PromiseBand``)."""

    @property
    def confidence(self) -> float:
        """Lower end."""

    @property
    def predicted(self) -> int:
        """Values beside unknown."""

    @property
    def mean_confidence(self) -> float:
        """The promise."""

    @property
    def share_right(self) -> float:
        """What came."""

    @property
    def error(self) -> float:
        """Standard error of what came, were the promise exactly right."""


@dataclass(frozen=True)
class Evidence:
    """What is known of the quality of one training, of any kind of tag; all of the test snapshot.

    Parameters
    ----------
    test : mapping of str to mapping of str to Measured
        ``tagcast`` and each of ``references``: its metrics.
    differences : mapping of str to mapping of str to Measured
        By reference: tagcast minus it, paired over the same resamples.
    references : mapping of str to Message or str
        What people call each.
    cases : mapping of str to int
        ``train_yes``, ``train_no``, ``test_yes``, ``test_no``: rows whose outcome is true, of an amount rows with any
        spend, and the others; of an uplift also ``approached_yes``, ``control_no`` and so on, of all rows.
    decided : DecidedValues
        Who gets which value.
    promise : sequence of Promised
        By level of confidence.
    out_of_time : bool
        Whether the model was chosen on snapshots after those that it learned from.
    stand_in : str
        The reference that predicts in place of a model; empty where a model does.
    """

    test: Mapping[str, Mapping[str, Measured]]
    differences: Mapping[str, Mapping[str, Measured]]
    references: Mapping[str, Text]
    cases: Mapping[str, int]
    decided: DecidedValues
    promise: Sequence[Promised] = ()
    out_of_time: bool = True
    stand_in: str = ""

    @property
    def without(self) -> float:
        """Share of the test snapshot's rows whose outcome is false, of an amount without any spend."""
        return self.cases["test_no"] / max(1, self.cases["test_yes"] + self.cases["test_no"])

    @property
    def coverage(self) -> tuple[Measured, float, float]:
        """The share of amounts that intervals held, and between which shares it is honest."""
        return self.test["tagcast"]["coverage"], *coverage_bounds(self.without)


@dataclass(frozen=True)
class Rival:
    """A reference that a model has to beat; to beat it in one metric is enough.

    Parameters
    ----------
    reference : str
        By the names of :attr:`Evidence.references`.
    metrics : mapping of str to Message or str
        By the names of :attr:`Evidence.test`, what people call each; the first speaks where several answer alike.
    less_is_better : bool
        Whether the lower figure is the better one.
    """

    reference: str
    metrics: Mapping[str, Text]
    less_is_better: bool = True

    def gains(self, evidence: Evidence) -> dict[str, Estimate]:
        """Return by how much the model is better in each metric; below 0 it is worse."""
        found = {name: evidence.differences[self.reference][name] for name in self.metrics}
        if self.less_is_better:
            return {name: Estimate(-d.value, -d.high, -d.low) for name, d in found.items()}
        return {name: Estimate(d.value, d.low, d.high) for name, d in found.items()}


@dataclass(frozen=True)
class Standard:
    """What the gate and the grade hold every version of a kind to.

    Parameters
    ----------
    rivals : tuple of Rival
        A version that does not beat the first is good for nothing.
    outcomes : tuple of {"yes", "no"}
        Of which there have to be enough cases, each.
    """

    rivals: tuple[Rival, ...]
    outcomes: tuple[str, ...]


BINARY = Standard(
    (Rival("base_rate", {"log_loss": msg("log loss")}), Rival("rfm", {"auc": "AUC"}, less_is_better=False)),
    ("yes", "no"),
)
# The score of an amount is a mean, which the squared error asks for; the absolute error asks for the median.
AMOUNT = Standard((Rival("baseline", {"rmse": "RMSE", "mae": "MAE"}),), ("yes",))
EFFECT = Standard(
    (Rival("everyone", {"area": msg("area above chance")}, less_is_better=False),), ("yes", "no")
)

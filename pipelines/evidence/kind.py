"""What the gate, cards and listings have to know of a kind of tag, and what most kinds share of it."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from tagcast.features.core.messages import Text

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt
    from matplotlib.figure import Figure

    from tagcast.models.estimators.search import Trial
    from tagcast.models.evaluation.evidence import Promised
    from tagcast.models.inference.attributions import Floats
    from tagcast.models.training.dataset import Labels, TrainingFrame
    from tagcast.models.training.result import AnyResult
    from tagcast.registry.versions.recording import TrialRecord


@dataclass(frozen=True)
class Listing:
    """The tables in which trainings and versions of a kind stand.

    Parameters
    ----------
    versions_title, trained_title : Message
    versions, trained : mapping of str to Message
        Metric to the heading of its column.
    amounts : frozenset of str
        Metrics that are amounts of money.
    """

    versions_title: Text
    versions: Mapping[str, Text]
    trained_title: Text
    trained: Mapping[str, Text]
    amounts: frozenset[str] = frozenset()


class EvidenceKind(ABC):
    """One kind of tag; ``result`` is what its training gave (:class:`tagcast.models.training.result.Trained`).

    Attributes
    ----------
    loss_name : str
        By what candidates are chosen, as a metric is called.
    listing : Listing
        Its tables.
    """

    loss_name: str
    listing: Listing

    @abstractmethod
    def stand_in(self, result: Any) -> str:
        """Return the reference that stands in, since there are too few cases for a model; empty where a model predicts."""

    @abstractmethod
    def figures(self, result: Any) -> dict[str, Figure]:
        """Return the plots that only this kind has."""

    @abstractmethod
    def thresholds(self, result: Any) -> dict[str, Any]:
        """Return what decisions give and cost over out-of-time cases, as JSON values."""

    @abstractmethod
    def facts(self, result: Any) -> dict[str, Any]:
        """Return what the card says as data beside what all cards say."""

    @abstractmethod
    def champion_losses(self, result: Any, champion: Floats) -> dict[str, Any]:
        """Return the loss of the champion's scores of the test snapshot beside that of the new recipe's."""

    def rule_metrics(self, _result: Any) -> dict[str, float]:
        """Return what the decision gives on the test snapshot, where the kind has a rule that flags some and not others."""
        return {}

    def trial_record(self, trial: Trial) -> TrialRecord:
        """Return a trial as MLflow keeps it, with its loss on each fold, the latest first."""
        from tagcast.registry.versions.recording import TrialRecord

        folds = {f"{self.loss_name}_fold_{k}": loss for k, loss in enumerate(trial.losses)}
        return TrialRecord(
            f"trial {trial.number}",
            "pruned" if trial.pruned else "complete",
            trial.params,
            {self.loss_name: trial.loss, **folds},
            trial.seconds,
        )

    def promise(self, result: Any) -> Sequence[Promised]:
        """Return what was promised and what came at each level of confidence, on the test snapshot."""
        from tagcast.models.stats.observed_accuracy import CONFIDENCE_BANDS, promise_and_reality

        value, came, confidence = decided_at_test(result)
        return promise_and_reality(came, value, confidence, CONFIDENCE_BANDS, result.test_scores.weight)

    def promise_figure(self, result: Any) -> Figure:
        """Return the plot of :meth:`promise`."""
        from tagcast.models.plots.model import confidence_plot

        value, came, confidence = decided_at_test(result)
        return confidence_plot(came, value, confidence, result.test_scores.weight)

    def psi(self, old: Floats, new: Floats) -> float:
        """Return how far scores have moved: their population stability index."""
        from tagcast.models.stats.psi import score_psi

        return score_psi(old, new)

    def two_sides(self, frame: TrainingFrame) -> Labels:
        """Return outcomes as 0 and 1, which a leak tells apart."""
        return frame.y


def decided_at_test(result: AnyResult) -> tuple[npt.NDArray[np.object_], npt.NDArray[np.object_], Floats]:
    """Return value, what would have been right, and confidence, decided by what was known before the test snapshot."""
    from tagcast.models.evaluation.measures import MEASURES

    definition, scores = result.model.definition, result.test_scores
    measures = MEASURES[definition.kind]
    value, confidence = measures.decided(definition, scores)
    return value, measures.came(definition, scores), confidence

"""What the gate, the grade, cards and listings have to know of a kind of tag."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from tagcast.features.core.messages import Text

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from tagcast.models.estimators.search import Trial
    from tagcast.models.evaluation.grade import Grade, Promised
    from tagcast.models.inference.attributions import Floats
    from tagcast.models.training.dataset import Labels, TrainingFrame
    from tagcast.registry.gates.checks import GateReport
    from tagcast.registry.gates.gate import OwnChecks
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


class EvidenceKind(Protocol):
    """One kind of tag; ``result`` is what its training gave (:class:`tagcast.models.training.result.Trained`)."""

    @property
    def loss_name(self) -> str:
        """By what candidates are chosen, as a metric is called."""

    @property
    def listing(self) -> Listing:
        """Its tables."""

    def stands_in(self, result: Any) -> bool:
        """Return whether a reference stands in, since there are too few cases for a model."""

    def figures(self, result: Any) -> dict[str, Figure]:
        """Return the plots that only this kind has."""

    def thresholds(self, result: Any) -> dict[str, Any]:
        """Return what decisions give and cost over out-of-time cases, as JSON values."""

    def facts(self, result: Any) -> dict[str, Any]:
        """Return what the card says as data beside what all cards say."""

    def trial_record(self, trial: Trial) -> TrialRecord:
        """Return a trial as MLflow keeps it."""

    def own_checks(self, result: Any) -> OwnChecks:
        """Return the gate's checks in figures of this kind."""

    def champion_losses(self, result: Any, champion: Floats) -> dict[str, Any]:
        """Return the loss of the champion's scores of the test snapshot beside that of the new recipe's."""

    def psi(self, old: Floats, new: Floats) -> float:
        """Return how far scores have moved."""

    def two_sides(self, frame: TrainingFrame) -> Labels:
        """Return outcomes as 0 and 1, which a leak tells apart."""

    def grade(self, result: Any, report: GateReport, promise: Sequence[Promised]) -> Grade:
        """Return the grade of a version."""

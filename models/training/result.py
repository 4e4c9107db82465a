"""What training one tag gives: the model and all that is known about its quality."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from tagcast.models.artifacts.binary_model import TagModel
from tagcast.models.decisions.cases import Cases
from tagcast.models.stats.metrics import Estimate
from tagcast.models.training.dataset import Floats, Labels
from tagcast.models.training.splits import Split
from tagcast.models.training.tuning import Trial


@dataclass(frozen=True)
class TestScores:
    """The test snapshot: outcomes, calibrated scores and bounds, whose they are, each of shape (n,).

    ``cut`` is the score from which the tag says yes as far as it was known before the test snapshot; None
    where the snapshot's own scores decide.
    """

    __test__ = False  # no test class, whatever pytest makes of the name

    y: Labels
    score: Floats
    lower: Floats
    upper: Floats
    profile_id: npt.NDArray[np.str_]
    cut: float | None


@dataclass(frozen=True)
class TrainingResult:
    """A trained tag and all that is known about its quality.

    Parameters
    ----------
    model : TagModel
        Fitted on all snapshots.
    split : Split
    candidates : dict of str to float
        Mean validation log loss of each candidate; empty for the RFM fallback.
    chosen : str
        The candidate with the least.
    best_params : dict
        Weights, C, bends, the forest's parameters and trees.
    trials : tuple of Trial
        What was tried for the forest, in order.
    test : dict of str to dict of str to Estimate
        ``tagcast``, ``rfm`` and ``base_rate`` (that of training): metrics on the test snapshot.
    differences : dict of str to dict of str to Estimate
        ``rfm`` and ``base_rate``: tagcast minus it in ``auc`` and ``log_loss``, over the same resamples.
    test_scores : TestScores
    held_out_scores : Cases
        The out-of-time cases behind the model's calibration, scored by its final tables.
    cases : dict of str to int
        ``train_yes``, ``train_no`` (before the test snapshot), ``test_yes``, ``test_no``.
    notes : tuple of str
        What a reader of the figures should know.
    out_of_time : bool
        Whether the parts were chosen, and the test scores calibrated, on snapshots after those learned from;
        else groups of profiles stood in.
    """

    model: TagModel
    split: Split
    candidates: Mapping[str, float]
    chosen: str
    best_params: Mapping[str, Any]
    trials: tuple[Trial, ...]
    test: Mapping[str, Mapping[str, Estimate]]
    differences: Mapping[str, Mapping[str, Estimate]]
    test_scores: TestScores
    held_out_scores: Cases
    cases: Mapping[str, int]
    notes: tuple[str, ...]
    out_of_time: bool = True

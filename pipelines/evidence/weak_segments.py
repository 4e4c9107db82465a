"""Which segments a model is weak in: scored too high or too low as a whole, ranked or bounded worse than it should be."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tagcast.features.core.messages import Joined, listed

if TYPE_CHECKING:
    import pandas as pd

    from tagcast.models.stats.segments import Segment
    from tagcast.models.training.dataset import TrainingFrame
    from tagcast.models.training.result import AnyResult
    from tagcast.pipelines.project.project import Project


@dataclass(frozen=True)
class WeakSegment:
    """A segment and why it is weak."""

    row: Segment
    why: Joined


def weak_segments(rows: Sequence[Segment], kind: str) -> list[WeakSegment]:
    """Return the weak segments of a tag of ``kind`` in the order of ``rows``, each group of the same profiles once."""
    from tagcast.models.evaluation.measures import MEASURES

    found = []
    seen = set()
    for row in rows:
        why = MEASURES[kind].weaknesses(row)
        who = (row.n, row.yes, row.mean_score)  # "not known" of several attributes is often one group
        if why and who not in seen:
            seen.add(who)
            found.append(WeakSegment(row, listed(why, "sentences")))
    return found


def profile_attributes(project: Project) -> pd.DataFrame | None:
    """Return the attributes of profiles by id, None where the configuration names none."""
    path = project.events.profiles_path
    if path is None:
        return None
    import pandas as pd

    table = pd.read_parquet(path)
    return table.assign(profile_id=table["profile_id"].astype(str)).set_index("profile_id")


def measured_segments(
    result: AnyResult, frame: TrainingFrame, attributes: pd.DataFrame | None
) -> Sequence[Segment]:
    """Return the figures of each segment of the test snapshot.

    Parameters
    ----------
    result : TrainingResult or AmountResult
    frame : TrainingFrame
        That the tag was trained on.
    attributes : DataFrame, optional
        Of profiles, by id.
    """
    import numpy as np

    from tagcast.models.evaluation.backtest import rows_at
    from tagcast.models.evaluation.measures import MEASURES
    from tagcast.models.stats.segments import segments_of

    test, model = result.test_scores, result.model
    rows = rows_at(frame, result.split.test)
    mine = None if attributes is None else attributes.reindex(test.profile_id).reset_index(drop=True)
    masks = segments_of(frame.X.iloc[rows].reset_index(drop=True), mine)
    return MEASURES[model.definition.kind].segments(test, masks, np.random.default_rng(model.seed))

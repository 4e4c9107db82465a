"""Challengers of the shadow: held against their champions once a window has closed, and proposed once they proved better."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from tagcast.features.core.errors import StoreError
from tagcast.features.core.messages import msg
from tagcast.models.stats.observed_accuracy import amount_figures, score_figures
from tagcast.pipelines.evaluation.outcomes import due_day
from tagcast.pipelines.project.progress import log
from tagcast.registry.governance.shadows import Comparison, standings
from tagcast.serving.publishing.kept_predictions import challenger_predictions, challengers_in

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt
    import pandas as pd

    from tagcast.models.definitions.model_tag import TagDefinition
    from tagcast.models.stats.observed_accuracy import Figure
    from tagcast.pipelines.project.project import Project
    from tagcast.registry.governance.shadows import Standing
    from tagcast.registry.versions.versions import Version
    from tagcast.serving.store.manifest import Manifest


def figures_of(definition: TagDefinition, outcomes: pd.DataFrame, score: str = "score") -> dict[str, Figure]:
    """Return how good scores were: AUC and log loss, of an amount the errors.

    Parameters
    ----------
    definition : TagDefinition
    outcomes : DataFrame of shape (n, ...)
        ``y``, and ``amount`` of an amount.
    score : str
        The column of scores.
    """
    import numpy as np

    predicted = outcomes[score].to_numpy(np.float64)
    if definition.outcome.levels:
        return amount_figures(outcomes["amount"].to_numpy(np.float64), predicted)
    return score_figures(outcomes["y"].to_numpy(np.int8), predicted)


def persons(outcomes: pd.DataFrame) -> npt.NDArray[np.intp]:
    """Return the number of each row's person."""
    import numpy as np

    return np.unique(outcomes["person"].to_numpy(str), return_inverse=True)[1]


def compared(
    project: Project, run: Manifest, definition: TagDefinition, champion: int, outcomes: pd.DataFrame
) -> list[Comparison]:
    """Return how the challenger of a run did beside the champion on the same people; nothing where there was none.

    Parameters
    ----------
    project : Project
    run : Manifest
    definition : TagDefinition
        Of the champion.
    champion : int
    outcomes : DataFrame of shape (n, ...)
        ``profile_id``, ``person``, ``score`` of the champion, ``y``, and ``amount`` of an amount: of whom the promise is judged.
    """
    name, home = definition.name, project.settings.home
    try:
        version = challengers_in(home, run).get(name)
        beside = None if version is None else challenger_predictions(home, run, name)
    except (OSError, StoreError) as error:
        problem = error.message if isinstance(error, StoreError) else str(error)
        log.warning(
            msg(
                "{tag}: its challenger is not judged in the run of {as_of}: {problem}",
                tag=name,
                as_of=run.run.as_of,
                problem=problem,
            )
        )
        return []
    if version is None or beside is None:
        return []
    both = outcomes.merge(
        beside[["profile_id", "score"]].rename(columns={"score": "challenger"}),
        on="profile_id",
        validate="many_to_one",
    )
    if both.empty:
        return []
    own, other, whose = (
        figures_of(definition, both),
        figures_of(definition, both, "challenger"),
        persons(both),
    )
    as_of, due = run.run.as_of, due_day(definition, run.run.as_of)
    return [
        Comparison(
            name, as_of, due, champion, version, metric, len(both), own[metric].value, figure.value,
            gap.value, gap.low, gap.high,
        )
        for metric, figure in other.items()
        for gap in [(figure - own[metric]).estimate(whose)]
    ]  # fmt: skip


def propose_better(project: Project, now: datetime) -> list[Standing]:
    """Propose what proved better than the champion in the shadow, each once, and return it: a person decides.

    What waits already, of a tag, is decided first; what was turned down is not proposed again.
    """
    from tagcast.registry.versions.promotion import propose
    from tagcast.registry.versions.tracking import tracking_exists, tracking_of
    from tagcast.registry.versions.versions import versions

    if not tracking_exists(project.settings.whole.home, project.settings.mlflow):
        return []
    tracking = tracking_of(project.settings)
    by_tag: dict[str, list[Version]] = {}
    for version in versions(tracking):
        by_tag.setdefault(version.tag, []).append(version)
    proposed = []
    for mine in by_tag.values():
        waiting = {v.version for v in mine if v.decision is not None and v.decision.action == "proposed"}
        found = standings(project.state, mine)
        better = next((one for one in found if one.is_better), None)
        if (
            better is None
            or waiting & {one.version for one in found}
            or better.version < max(waiting, default=0)
        ):
            continue
        version = next(v for v in mine if v.version == better.version)
        propose(tracking, version, reason=better.message, found=better.figures, now=now)
        proposed.append(better)
    return proposed

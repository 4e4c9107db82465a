"""Training frames: labels of every snapshot joined to the features that were known then."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import TYPE_CHECKING

from tagcast.features.catalog.feature_set import FeatureSet
from tagcast.features.core.messages import msg
from tagcast.pipelines.project.project import Project, TagPlan
from tagcast.pipelines.training.labelling.label_files import as_of_features

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt
    import pandas as pd

    from tagcast.models.definitions.model_tag import TagDefinition
    from tagcast.models.training.dataset import TrainingFrame


def training_frames(
    project: Project,
    plans: Sequence[TagPlan],
    labels: dict[str, pd.DataFrame],
    feature_set: FeatureSet,
    views: Collection[str],
) -> dict[str, TrainingFrame]:
    """Return one frame a tag; each FeatureService is asked once for all tags that use it.

    Parameters
    ----------
    project : Project
    plans : sequence of TagPlan
    labels : dict of str to DataFrame
        Rows of each tag (:meth:`tagcast.pipelines.training.labelling.label_files.Labels.drawn`).
    feature_set : FeatureSet
    views : collection of str
        Views that snapshots have to hold: those of all tags of the project (:func:`views_read`), not of ``plans`` alone, or
        the next training would build them again.
    """
    import numpy as np
    import pandas as pd

    from tagcast.models.training.dataset import TrainingFrame

    dates = sorted({d for plan in plans for d in plan.split.feature_days})
    repo = project.repo(feature_set)
    repo.check()  # before long work: what is not tagcast's in a shared registry is not overwritten
    repo.snapshots.ensure(dates, project.progress, views)

    frames: dict[str, TrainingFrame] = {}
    services = sorted({plan.definition.service for plan in plans})
    for done, service in enumerate(services):
        project.progress(msg("feature frames"), done, len(services))
        mine = [plan for plan in plans if plan.definition.service == service]
        second = feature_set.second(mine[0].definition.chosen)
        keys = ["as_of", "profile_id", *([second] if second else [])]
        known = {p.definition.name: as_of_features(p, labels[p.definition.name]) for p in mine}
        rows = repo.training_rows(service, pd.concat([known[p.definition.name][keys] for p in mine]))
        for plan in mine:
            joined = known[plan.definition.name].merge(rows, on=keys, how="left", validate="one_to_one")
            joined["as_of"] = labels[plan.definition.name]["as_of"].to_numpy()
            joined = joined.sort_values(["as_of", "profile_id"], ignore_index=True)
            X = joined[list(feature_set.names(plan.definition.chosen))]
            X = X.loc[:, X.notna().any()]
            y, as_of = joined["y"].to_numpy("int8"), joined["as_of"].to_numpy("datetime64[D]")
            before = as_of < np.datetime64(plan.split.test)
            frames[plan.definition.name] = TrainingFrame(
                X=X,
                y=y,
                as_of=as_of,
                profile_id=joined["profile_id"].to_numpy(object),
                rfm=X[_ranking(feature_set, plan.definition, X, y, before)],
                growing=feature_set.growing,
                amount=joined["amount"].to_numpy("float64") if "amount" in joined else None,
                weight=joined["weight"].to_numpy("float64") if "weight" in joined else None,
                treated=joined["treated"].to_numpy("int8") if "treated" in joined else None,
                propensity=joined["propensity"].to_numpy("float64") if "propensity" in joined else None,
                approached=joined["approached"].to_numpy(bool) if "approached" in joined else None,
            )
    project.progress(msg("feature frames"), len(services), len(services))
    return frames


def views_read(definitions: Sequence[TagDefinition]) -> frozenset[str]:
    """Return the views that models of these tags learn from."""
    return frozenset(one.partition(".")[0] for d in definitions for one in d.chosen)


def _ranking(
    feature_set: FeatureSet,
    definition: TagDefinition,
    X: pd.DataFrame,
    y: npt.NDArray[np.int8],
    known: npt.NDArray[np.bool_],
) -> list[str]:
    """Return the features of the ranking that a model has to beat: recency, frequency and value, or the best feature alone.

    Parameters
    ----------
    feature_set : FeatureSet
    definition : TagDefinition
    X : DataFrame of shape (n, p)
        Features that hold something.
    y : ndarray of shape (n,)
    known : ndarray of bool, shape (n,)
        Rows before the test snapshot: the best feature is chosen by them.
    """
    from tagcast.models.stats.leakage import powers

    for names in feature_set.rankings(definition.chosen):
        if names[0] in X:
            return [name for name in names if name in X]
    alone = powers(y[known], X.loc[known].to_numpy("float64"), list(X.columns))
    return [alone[0].feature]

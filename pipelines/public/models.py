"""Models at the public door: trained, listed, promoted, and read back from their files."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tagcast.pipelines.project.clock import clock
from tagcast.pipelines.project.local_user import caller, require_right
from tagcast.pipelines.project.project import Project
from tagcast.pipelines.public.audiences import _context

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt
    import pandas as pd

    from tagcast.models.artifacts.trained_model import TrainedModel
    from tagcast.pipelines.training.registration import TrainedTag


def train(
    project: Project,
    tags: Sequence[str] | None = None,
    *,
    as_of: date | None = None,
    trials: int = 12,
    timeout_s: float | None = None,
    threads: int = 2,
    now: datetime | None = None,
) -> list[TrainedTag]:
    """Train tags and version the models; those that pass the gate become champions.

    Parameters
    ----------
    project : Project
    tags : sequence of str, optional
        Tags or families; default: all.
    as_of : date, optional
        Nothing at or after this day is read. Default: the day after the last event.
    trials : int
        LightGBM settings to try for each tag.
    timeout_s : float, optional
        Seconds after which to stop trying.
    threads : int
        Tags trained side by side; the models are the same for any number.
    now : datetime, optional
        Moment for the records. Default: the clock.

    Returns
    -------
    list of TrainedTag
        In order of name; a tag that cannot be trained is among them with the reason.

    Raises
    ------
    TagcastError
        When no tag at all can be trained.
    NotAllowedError
        For a key in ``TAGCAST_KEY`` that does not work, or whose role may not do this.
    """
    from tagcast.pipelines.training.train import train_tags

    require_right(project, "operate", clock())
    return train_tags(
        project, tags, as_of=as_of, now=now or clock(), trials=trials, timeout_s=timeout_s, threads=threads
    )


def versions(project: Project, tag: str | None = None) -> pd.DataFrame:
    """Return the model versions, newest first within a tag.

    Parameters
    ----------
    project : Project
    tag : str, optional
        One tag, or the stem of a family.

    Returns
    -------
    DataFrame
        ``tag``, ``version``, ``aliases``, ``created``, ``metrics`` (a dict), ``decision``, ``reason``, ``checks``.
    """
    import pandas as pd

    from tagcast.pipelines.deployment.model_versions import list_models

    hidden = _hidden(project)
    return pd.DataFrame([v.to_dict() for v in list_models(project, tag) if v.tag not in hidden])


def plots(project: Project, tag: str) -> dict[str, bytes]:
    """Return the plots that training left with the champion of a tag, or with its newest version.

    Parameters
    ----------
    project : Project
    tag : str

    Returns
    -------
    dict of str to bytes
        Name (``calibration``, ``lift``, ``shap_summary`` …) to PNG.
    """
    from tagcast.pipelines.project.versions import registered_versions
    from tagcast.serving.catalog.known_tags import find_tag
    from tagcast.serving.catalog.stored_models import plot_png, plots_of

    known = registered_versions(project, tag)
    context = _context(project)
    if tag in _hidden(project):
        find_tag(context, caller(context.accounts, context.now), tag)  # raises, with what helps
    version = next((v for v in known if "champion" in v.aliases), known[0])
    return {name: plot_png(context, version, name) for name in plots_of(context, version)}


def promote(
    project: Project,
    tag: str,
    version: int,
    *,
    reason: str,
    force: bool = False,
    now: datetime | None = None,
) -> dict[str, Any]:
    """Make a version the champion of its tag by hand; who, when and why are recorded.

    Who decides is the user of the system, or whose key is in ``TAGCAST_KEY``.

    Parameters
    ----------
    project : Project
    tag : str
    version : int
    reason : str
        Why; it is kept with the decision.
    force : bool
        Although checks of the gate failed; recorded with them.
    now : datetime, optional
        Default: the clock.

    Returns
    -------
    dict
        ``action`` is ``promoted``, or ``proposed`` where a second person has to approve it.

    Raises
    ------
    ModelError
        When there is no such version, or checks of the gate failed and ``force`` is not given.
    NotAllowedError
        For a key without the right to review.
    """
    from tagcast.pipelines.deployment.model_versions import promote_version

    moment = now or clock()
    person = require_right(project, "review", moment)
    return promote_version(project, tag, version, by=person.name, reason=reason, now=moment, force=force)


def load_model_bundle(folder: str | Path) -> TrainedModel:
    """Read the model of a version from its files; stored MLflow models call this and :func:`predict`.

    Parameters
    ----------
    folder : str or Path
        The version's ``bundle``.

    Returns
    -------
    TrainedModel
        Of either kind: ``features``, ``predict``, ``contributions``.

    Raises
    ------
    ModelError
        When a file is missing, malformed or not the one that was saved; it is named.
    """
    from tagcast.models.artifacts.loader import load_bundle

    return load_bundle(Path(folder))


def predict(
    model: TrainedModel,
    X: pd.DataFrame,
    as_of: date | None = None,
    *,
    threshold: float | None = None,
    previous: npt.NDArray[np.object_] | None = None,
) -> pd.DataFrame:
    """Predict rows of features with one model, without a project; stored MLflow models call this.

    Parameters
    ----------
    model : TrainedModel
        Of :func:`load_model_bundle`.
    X : DataFrame of shape (n, p)
        The model's features, in any order, of members of the tag's population.
    as_of : date, optional
        Day of the features. Default: the day on which the last outcomes of training were known.
    threshold : float, optional
        Score from which a yes/no tag says yes. Default: what training has settled.
    previous : ndarray of str, shape (n,), optional
        The values before, for hysteresis.

    Returns
    -------
    DataFrame of shape (n, 6)
        ``value``, ``score``, ``lower``, ``upper``, ``confidence``, ``unknown_because``, as a run publishes them. Value and
        confidence are missing where the threshold depends on all scores of a run and is not given.

    Raises
    ------
    ModelError
        When a feature is missing.
    """
    from tagcast.models.inference.single_model import predictions

    return predictions(model, X, as_of, threshold=threshold, previous=previous)


def _hidden(project: Project) -> frozenset[str]:
    """Return the tags that are marked sensitive and not for whose key is given."""
    from tagcast.serving.catalog.known_tags import hidden_tags

    person = require_right(project, "see", clock())
    return frozenset() if person.may("sensitive") else hidden_tags(_context(project), person)

"""The table `[keep]` of `tagcast.toml`: for how long each kind of what lies in the home stays, and when its disk is nearly full."""

from __future__ import annotations

from pydantic import Field

from tagcast.features.core.validation import Strict


class Keep(Strict):
    """For how long each kind of what tagcast makes stays, and when somebody hears that the disk fills; runs are under `[publish]`.

    What a published run, a model that is used, or a judgement still to come needs stays in any case.
    """

    snapshots_days: int = Field(
        1, ge=1, description="feature snapshots that neither a run, a model nor the next training needs"
    )
    versions: int = Field(
        10,
        ge=1,
        description="newest model versions of each tag, beside those with an alias, of kept runs, and of judged promises",
    )
    history_days: int | None = Field(
        None,
        ge=1,
        description="changes of values, and so days that profile show --on knows. Default: for good",
    )
    predictions_days: int | None = Field(
        None, ge=1, description="predictions that wait to be judged. Default: until they are"
    )
    nights_days: int = Field(400, ge=30, description="the record of nights, and of how large the home was")
    scratch_days: int = Field(
        30, ge=1, description="what helps to continue a stopped training, and reports of evaluations"
    )
    warn_free: float = Field(
        0.1, ge=0, lt=1, description="share of the disk: with less left, a warning goes out"
    )
    warn_days: int = Field(
        14, ge=0, description="and where the disk is full within so many days at the pace of the last nights"
    )

"""What a store's log says was there: a home without a stamp still cannot begin anew over a published run."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from tagcast.features.core.errors import ModelError, StateError, StoreError
from tagcast.features.core.home.stamp import read_stamp
from tagcast.features.core.messages import msg
from tagcast.registry.state.database import DATABASE as STATE
from tagcast.registry.versions.home_database import DATABASE as MODELS

if TYPE_CHECKING:
    from tagcast.features.core.settings import Settings
    from tagcast.serving.store.base import ProfileStore


def check_databases(settings: Settings, store: ProfileStore) -> None:
    """Check that what made the published run is still there, where no stamp tells.

    Parameters
    ----------
    settings : Settings
    store : ProfileStore

    Raises
    ------
    StateError, ModelError
        When a run was published and the database that it needed is gone.
    """
    home = settings.home
    if read_stamp(home) is not None:
        return  # from then on the stamp knows better: it also tells what was begun anew on purpose
    try:
        current = store.current()
    except StoreError:
        return  # whoever needs the store says so
    if current is None:
        return
    hint = msg("restore it from a backup, or begin anew with another --home and store")
    if settings.state_place is None and not _holds(home / STATE):
        raise StateError(
            msg(
                "{file} is gone or empty, and run {run} was published with it",
                file=home / STATE,
                run=current.run.run_id,
            ),
            hint=hint,
        )
    of_models = [tag.tag for tag in current.run.tags if tag.kind != "rule"]
    elsewhere = settings.mlflow.tracking_uri or os.environ.get("MLFLOW_TRACKING_URI")
    if of_models and not elsewhere and not _holds(home / MODELS):
        raise ModelError(
            msg(
                "{file} is gone or empty, and run {run} was published with its models",
                file=home / MODELS,
                run=current.run.run_id,
            ),
            hint=hint,
        )


def _holds(file: Path) -> bool:
    try:
        return file.stat().st_size > 0
    except FileNotFoundError:
        return False

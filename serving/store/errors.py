"""What a store raises beside the errors of features.core."""

from __future__ import annotations

from tagcast.features.core.errors import StoreError


class RunGoneError(StoreError):
    """The rows of a run are not there any more."""

    code = "run_gone"

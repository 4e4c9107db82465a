"""How a run gets into a store and back: staged, published whole, rolled back.

Beside the store rather than in it: a store does not know how a run is checked and compared.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path

from tagcast.features.core.engines.engine import ONE_MACHINE, Engine
from tagcast.features.core.errors import StoreError
from tagcast.features.core.messages import listed, msg
from tagcast.serving.publishing.run_diff import changes_between
from tagcast.serving.publishing.staging import Staging
from tagcast.serving.store.base import ProfileStore
from tagcast.serving.store.manifest import Entry, Manifest


@contextmanager
def stage_run(
    store: ProfileStore,
    run_id: str,
    *,
    wait_seconds: float = 0.0,
    engine: Engine = ONE_MACHINE,
    shared: Path | None = None,
) -> Iterator[Staging]:
    """Yield a place to collect a run; nothing is active before its ``publish`` returns.

    Parameters
    ----------
    store : ProfileStore
    run_id : str
        For messages to others who wait.
    wait_seconds : float
        How long to wait for another run that is writing.
    engine : Engine
        Where what depends on everyone is worked out.
    shared : Path, optional
        A folder that the engine's tasks see; one beside the store by default.

    Raises
    ------
    StoreBusyError
        When another run is writing.
    """
    with store.lock(run_id, wait_seconds) as folder:
        staging = Staging(store, folder, engine, shared)
        try:
            yield staging
        finally:
            staging.close()


def roll_back(store: ProfileStore, number: int | None, now: datetime, reason: str = "") -> Manifest:
    """Activate an earlier run that is kept.

    Parameters
    ----------
    store : ProfileStore
    number : int or None
        Of the run; None takes the one active before.
    now : datetime
    reason : str

    Raises
    ------
    StoreError
        When there is no such run.
    """
    with store.lock(f"rollback {number or ''}".strip(), 0.0) as folder:
        current = store.current()
        kept = {m.number: m for m in store.kept() if current is None or m.number != current.number}
        if number is None and kept and current is not None:
            number = max((n for n in kept if n < current.number), default=None)
        if number not in kept or current is None:
            shown = listed(str(n) for n in sorted(kept)) or msg("none")
            problem = msg(
                "there is no earlier run to go back to; kept beside the active one: {runs}", runs=shown
            )
            if number is not None:
                problem = msg(
                    "there is no earlier run {run} to go back to; kept beside the active one: {runs}",
                    run=number,
                    runs=shown,
                )
            raise StoreError(problem, hint=msg("{command} shows what is kept", command="tagcast run list"))
        target, changes = kept[number], folder / "changes.parquet"
        with store.errors():
            changes_between(store, current, target, changes)
            store.activate(Entry(store.next_number(), "rollback", now, target, reason), changes)
        return target

"""The service context that console, API and command line work at: one project's store, state and models, and a clock.

Services are functions that take a service context and the caller; nothing here knows of the web.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from typing import TYPE_CHECKING

from tagcast.features.core.schema.entities import PROFILE
from tagcast.features.entities.entity_settings import settings_of
from tagcast.serving.cache import TTLCache
from tagcast.serving.turns import Turns

if TYPE_CHECKING:
    from tagcast.features.core.settings import Settings
    from tagcast.features.loads.former_ids import FormerIds
    from tagcast.registry.state.database import State
    from tagcast.registry.versions.tracking import Tracking
    from tagcast.serving.plans.planner import Planner
    from tagcast.serving.store.manifest import Entry
    from tagcast.serving.store.reader_pool import RunReaderPool

LOG_SECONDS = 5.0
FORMER_IDS_SECONDS = 3_600.0
"""For which former ids of an older load are kept in memory at most."""


@dataclass(frozen=True)
class ServiceContext:
    """One project, open for questions; several threads may use it at once.

    Parameters
    ----------
    settings : Settings
    store : RunReaderPool
        The published runs.
    state : State
        Accounts, saved audiences, the life of tags, the audit log.
    clock : callable
        Returns the current time, with a timezone: the only clock that serving reads.
    remembered : TTLCache
        What was read of models and definitions, for later callers.
    """

    settings: Settings
    store: RunReaderPool
    state: State
    clock: Callable[[], datetime]
    remembered: TTLCache = field(default_factory=TTLCache, repr=False, compare=False)
    whole: ServiceContext | None = field(default=None, repr=False, compare=False)
    """Of an entity: the context of the project that it is opened beside."""
    make_planner: Callable[[ServiceContext], Planner] | None = field(default=None, repr=False, compare=False)
    """Of the whole project: makes what plans changed definitions, for it and for each entity; None where nothing does."""

    @cached_property
    def turns(self) -> Turns:
        """The turns of people whose questions are worked on, in console and API together."""
        return Turns(self.settings.access.questions_at_once) if self.whole is None else self.whole.turns

    @cached_property
    def accounts(self) -> State:
        """Where accounts and keys are: those of the whole project."""
        from tagcast.registry.state.database import open_state

        whole = self.settings.whole
        return self.state if whole is self.settings else open_state(whole)

    @cached_property
    def entities(self) -> Mapping[str, ServiceContext]:
        """The context of each entity of the project, profiles first."""
        if self.whole is not None:
            return self.whole.entities
        others = {
            name: open_context(settings_of(self.settings, name), self.clock, self)
            for name in self.settings.entities
        }
        return {PROFILE: self, **others}

    @cached_property
    def planner(self) -> Planner | None:
        """What plans and applies changed definitions."""
        make = (self.whole or self).make_planner
        return None if make is None else make(self)

    @property
    def now(self) -> datetime:
        """The current time."""
        return self.clock()

    @property
    def log(self) -> list[Entry]:
        """The store's log as of a few seconds ago at most: a page asks for it many times."""
        return self.remembered.get("log", self.store.log, seconds=LOG_SECONDS)

    @property
    def former_ids(self) -> FormerIds:
        """Who former profile ids are today; read anew once a load has met others."""
        from tagcast.features.loads.former_ids import last_written, read_former_ids

        home = self.settings.home
        key = ("former ids", last_written(home))
        return self.remembered.get(key, lambda: read_former_ids(home), seconds=FORMER_IDS_SECONDS)

    @property
    def tracking(self) -> Tracking | None:
        """The model registry, opened by the first caller (some seconds); None while nothing was trained."""
        from tagcast.registry.versions.tracking import tracking_exists, tracking_of

        settings = self.settings
        if not tracking_exists(settings.whole.home, settings.mlflow):
            return None
        return self.remembered.get("tracking", lambda: tracking_of(settings))


def open_context(
    settings: Settings,
    clock: Callable[[], datetime],
    whole: ServiceContext | None = None,
    make_planner: Callable[[ServiceContext], Planner] | None = None,
) -> ServiceContext:
    """Open the service context of a project; nothing is made before the first question.

    Parameters
    ----------
    settings : Settings
    clock : callable
    whole : ServiceContext, optional
        Where the settings are of an entity: the context that it is opened beside.
    make_planner : callable, optional
        Makes what plans changed definitions.

    Raises
    ------
    StateError, ModelError
        When a database is lost that the published run needed.
    """
    from tagcast.registry.state.database import open_state
    from tagcast.serving.publishing.lost_databases import check_databases
    from tagcast.serving.store.factory import open_store
    from tagcast.serving.store.reader_pool import RunReaderPool

    store = open_store(settings.store_place, settings.data, settings.name, memory_limit=settings.memory_limit)
    check_databases(settings, store)
    return ServiceContext(
        settings, RunReaderPool(store), open_state(settings), clock, whole=whole, make_planner=make_planner
    )

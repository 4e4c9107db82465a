"""One project at work: its settings, its event log, its definitions, and the feature set they share.

What reads sources, features or models is imported where it is used: a command that only reads state does without.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tagcast.features.catalog.feature_set import PURCHASE, WINDOWS_DAYS, FeatureSet, windows_within
from tagcast.features.core.errors import DataError, DefinitionError
from tagcast.features.core.home.compiled import keep_compiled_in
from tagcast.features.core.messages import msg
from tagcast.features.core.schema.entities import PROFILE
from tagcast.pipelines.project.own_views import others, own_views, repo_contents, snapshots_in
from tagcast.pipelines.project.progress import Progress, quiet
from tagcast.pipelines.project.tag_files import Stamps, TagFiles, stamps

if TYPE_CHECKING:
    from tagcast.features.compute.snapshots import Snapshots
    from tagcast.features.core.engines.engine import Engine
    from tagcast.features.core.settings import Settings
    from tagcast.features.feast_store.feature_store import FeatureRepo
    from tagcast.features.feast_store.view_tables import ViewTables
    from tagcast.features.ingest.event_log import EventLog
    from tagcast.features.ingest.readers.places import Places
    from tagcast.features.loads.former_ids import FormerIds
    from tagcast.models.definitions.definition import Definition
    from tagcast.models.definitions.model_tag import TagDefinition
    from tagcast.models.definitions.rule_tag import RuleDefinition
    from tagcast.models.training.splits import Split
    from tagcast.registry.state.database import State
    from tagcast.serving.scoring.attribute_stream import Attributes
    from tagcast.serving.store.base import ProfileStore


@dataclass(frozen=True)
class TagPlan:
    """A tag and the snapshots it learns from."""

    definition: TagDefinition
    split: Split


class Project:
    """Everything a run needs to know of a project.

    Parameters
    ----------
    settings : Settings
    progress : callable, optional
        ``(stage, done, total)``.
    whole : Project, optional
        Where the settings are of one entity: the project that it is part of (:meth:`of`).
    now : datetime, optional
        When it is opened; a source with ``loaded_at`` is compared as a whole without it.
    """

    def __init__(
        self, settings: Settings, progress: Progress = quiet, whole: Project | None = None, now: datetime | None = None
    ) -> None:  # fmt: skip
        self.settings, self.progress, self.now = settings, progress, now
        self._whole = whole
        keep_compiled_in(settings.home)
        self._files = TagFiles(self)
        self.parts: dict[str, Project] = {}
        self.attributes_held: dict[tuple[date, Stamps], Attributes] = {}
        self._feature_sets: dict[tuple[int | None, date, Stamps], FeatureSet] = {}

    def of(self, entity: str) -> Project:
        """Return the project as one entity of it sees it: its own events, features, tags, runs and audiences."""
        from tagcast.features.entities.entity_settings import settings_of

        if entity == self.settings.entity:
            return self
        alone = self.settings.entity != PROFILE
        whole = self._whole or (Project(self.settings.whole, self.progress, now=self.now) if alone else self)
        parts = whole.parts
        if entity not in parts:
            made = settings_of(self.settings, entity)
            parts[entity] = whole if entity == PROFILE else Project(made, self.progress, whole, self.now)
        return parts[entity]

    @cached_property
    def places(self) -> Places:
        """What the sources hold, for every step that reads them."""
        from tagcast.features.ingest.readers.places import Places

        return Places(self.settings, now=self.now, engine=self.engine)

    @cached_property
    def events(self) -> EventLog:
        """The event log, read anew from the sources where they changed."""
        from tagcast.features.core.home.stamp import mark
        from tagcast.features.feast_store.moved_home import forget_old_place
        from tagcast.features.ingest.event_log import build_event_log

        self.check_databases()
        self.view_tables.repos.check()
        self.ready_sources()
        log = build_event_log(self.settings, places=self.places, progress=self.progress, engine=self.engine)
        log = log if self._whole is None else log.seen_until(self._whole.events)
        mark(self.settings.home, self.settings.name)
        forget_old_place(self.settings.home)
        return log

    def ready_sources(self) -> None:
        """Load the events of the whole project, which an entity reads."""
        if self._whole is not None:
            _ = self._whole.events

    @cached_property
    def view_tables(self) -> ViewTables:
        """The tables of declared views: of the event log, and fetched from other Feast repos."""
        from tagcast.features.feast_store.view_tables import ViewTables

        return ViewTables(self.settings, lambda: self.events)

    @cached_property
    def former_ids(self) -> FormerIds:
        """Who former profile ids are today, once the sources were looked at: a load may meet others."""
        from tagcast.features.loads.former_ids import read_former_ids

        _ = self.events
        return read_former_ids(self.settings.home)

    @cached_property
    def store(self) -> ProfileStore:
        """The profile store."""
        from tagcast.serving.store.factory import open_store

        settings = self.settings
        return open_store(
            settings.store_place, settings.data, settings.name, memory_limit=settings.memory_limit
        )

    @cached_property
    def engine(self) -> Engine:
        """Where features are computed and profiles scored; all entities share it."""
        from tagcast.features.core.engines.choice import open_engine

        return open_engine(self.settings) if self._whole is None else self._whole.engine

    @cached_property
    def duckdb(self) -> Any:
        """An ibis connection to DuckDB in this process."""
        from tagcast.features.core.duckdb import connect

        scratch = self.settings.home / "scratch"
        return connect(
            memory_limit=self.settings.memory_limit, threads=self.settings.threads, scratch=scratch
        )

    @cached_property
    def event_table(self) -> Any:
        """The event log as an ibis table."""
        return self.duckdb.read_parquet(self.events.glob)

    @property
    def observed_until(self) -> date:
        """The first day that not every source reaches."""
        return self.events.observed_until

    def resolve_as_of(self, as_of: date | None) -> date:
        """Return the day that training or scoring takes for today; None takes the first that not every source reaches.

        Raises
        ------
        DataError
            When it lies after the data, or before all of them.
        """
        return self.events.resolve_as_of(as_of)

    @cached_property
    def state(self) -> State:
        """What people made: drafts, audiences, the life of tags."""
        from tagcast.registry.state.database import open_state

        self.check_databases()
        return open_state(self.settings)

    @property
    def accounts(self) -> State:
        """Where the accounts and keys of the whole project are."""
        return self.state if self._whole is None else self._whole.state

    def check_databases(self) -> None:
        """Check that no database is lost that a published run needed."""
        from tagcast.features.core.home.stamp import read_stamp

        if read_stamp(self.settings.home) is None:  # the stamp knows better, and reads no store
            from tagcast.serving.publishing.lost_databases import check_databases

            check_databases(self.settings, self.store)

    def tags(self, as_of: date) -> list[Definition]:
        """Return every tag of the project, families expanded from what was known before ``as_of``.

        Those of the files, and drafted rules that were published.

        Raises
        ------
        DefinitionError
            Where one is wrong, or has the name of another.
        """
        from tagcast.registry.governance.rule_drafts import published_rules

        expanded = list(self._files.at(as_of))
        names = {definition.name for definition in expanded}
        for rule in published_rules(self.state):
            if rule.name in names:
                raise DefinitionError(
                    msg("{tag} is a published draft and in the files too", tag=rule.name),
                    hint=msg("retire the draft, or rename one"),
                )
            expanded.append(rule)
        return expanded

    def definitions(self, as_of: date) -> list[TagDefinition]:
        """Return the tags that models predict."""
        from tagcast.models.definitions.model_tag import TagDefinition

        return [tag for tag in self.tags(as_of) if isinstance(tag, TagDefinition)]

    def rules(self, as_of: date) -> list[RuleDefinition]:
        """Return the tags that rules decide."""
        from tagcast.models.definitions.rule_tag import RuleDefinition

        return [tag for tag in self.tags(as_of) if isinstance(tag, RuleDefinition)]

    def plan(self, definition: TagDefinition, as_of: date) -> TagPlan:
        """Choose the snapshots of one tag.

        Raises
        ------
        DataError
            When a window is not observed before ``as_of``, or history is too short.
        """
        from tagcast.pipelines.project.snapshot_choice import split_of

        return TagPlan(definition, split_of(self, definition, as_of))

    def feature_set(self, definitions: Sequence[TagDefinition], as_of: date) -> FeatureSet:
        """Return the features that every snapshot of every tag can bear.

        Windows depend on all tags of the project: training one gives the model that training all of them gives.
        """
        firsts = []
        for definition in definitions:
            try:
                firsts.append(self.plan(definition, as_of).split.feature_days[0])
            except DataError:
                continue  # A tag without enough history is refused where it is trained, not here.
        return self._feature_set((min(firsts, default=as_of) - self.events.first_day).days, as_of)

    def widest_set(self, as_of: date) -> FeatureSet:
        """Return the features of every window, filled or not: what rules may speak of."""
        return self._feature_set(None, as_of)

    def _feature_set(self, history_days: int | None, as_of: date) -> FeatureSet:
        key = history_days, as_of, stamps(self.settings.features_folder)
        if key not in self._feature_sets:
            own = own_views(self, as_of, history_days)
            self._feature_sets[key] = replace(self.shipped_set(history_days, as_of), own=own)
        return self._feature_sets[key]

    def shipped_set(self, history_days: int | None, as_of: date) -> FeatureSet:
        """Return tagcast's own features, of the windows that fit into the history, or of all."""
        windows = WINDOWS_DAYS if history_days is None else windows_within(history_days)
        events = tuple(e for e in self.events.event_names_before(as_of) if e != PURCHASE)
        return FeatureSet(windows, self.events.has_before(as_of), events)

    def snapshots(self, feature_set: FeatureSet) -> Snapshots:
        """Return the snapshots of ``feature_set``, built or not; events that make features of one name are refused."""
        from tagcast.pipelines.project.data_quality import check_event_names

        check_event_names(self, feature_set)
        contents = repo_contents(self, self._files)
        return snapshots_in(self.settings.data, self, feature_set, others(self), contents)

    def repo(self, feature_set: FeatureSet) -> FeatureRepo:
        """Return the Feast repo over those snapshots."""
        from tagcast.features.feast_store.feature_store import FeatureRepo

        settings = self.settings
        feast = settings.feast.of_entity(settings.entity)
        return FeatureRepo(settings.home, self.snapshots(feature_set), feast, settings.path.name)


def open_project(config: Path | None, home: Path | None, progress: Progress = quiet) -> Project:
    """Read the configuration and return the project; nothing is built yet."""
    from tagcast.features.core.settings import load_settings

    return Project(load_settings(config, home, Path.cwd()), progress)

"""Where a project keeps what a backup holds, and what of it cannot be computed again.

Paths in a backup begin with what they are: ``home/…``, ``store/<entity>/…``, and ``data/…`` where event log and snapshots lie elsewhere. So
they can be put into places that are called otherwise.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from sqlalchemy import make_url

from tagcast.features.compute.snapshots import RELATED
from tagcast.features.core.home.stamp import RESTORING
from tagcast.features.core.schema.entities import ENTITIES, PROFILE
from tagcast.features.entities.entity_settings import settings_of
from tagcast.pipelines.backups.postgres_schemas import Schema
from tagcast.pipelines.backups.sqlite_files import BESIDE
from tagcast.registry.state.state_url import schema_of, state_schema_of
from tagcast.registry.versions.home_database import ARTIFACTS
from tagcast.serving.store.factory import POSTGRES, open_store

if TYPE_CHECKING:
    from tagcast.features.core.settings import Settings
    from tagcast.serving.store.base import ProfileStore

COMPUTED = frozenset({"events", "sources", "features", RELATED, "feast", "downloads", "optuna", "numba"})
"""Folders of a home that the next load, training or run makes again."""
UNDER_WAY = frozenset({"scratch", "staging", RESTORING})
_PASSING = (".lock", ".aside", ".tmp", ".new", *BESIDE)
HOME, DATA, STORE, STATE = "home", "data", "store", "state"


@dataclass(frozen=True)
class Places:
    """The places of a project.

    Parameters
    ----------
    home, data : Path
    stores : mapping of str to Path
        Entity to the folder of its store, where files hold it.
    schemas : mapping of str to Schema
        ``store/<entity>`` and ``state/<entity>`` to what PostgreSQL holds of them.
    """

    home: Path
    data: Path
    stores: Mapping[str, Path] = field(default_factory=dict)
    schemas: Mapping[str, Schema] = field(default_factory=dict)

    @classmethod
    def of(cls, settings: Settings) -> Places:
        """Return the places of a project as it is configured."""
        stores, schemas = {}, {}
        for entity, part in entities_of(settings).items():
            place = part.store_place
            if place is not None and place.startswith(POSTGRES):
                schemas[f"{STORE}/{entity}"] = Schema(_plain(place), schema_of(part.name))
            else:
                stores[entity] = Path(place) if place else part.data / "store"
            if part.state_place is not None and not part.state_place.startswith("sqlite"):
                schemas[f"{STATE}/{entity}"] = Schema(_plain(part.state_place), state_schema_of(part.name))
        return cls(settings.home, settings.data, stores, schemas)

    @classmethod
    def under(cls, folder: Path, entities: Mapping[str, object]) -> Places:
        """Return places of their own in ``folder``, all of them files."""
        return cls(folder / HOME, folder / DATA, {entity: folder / STORE / entity for entity in entities})

    def place_of(self, path: str) -> Path | None:
        """Return where a path of a backup belongs; None where there is no such place."""
        kind, _, rest = path.partition("/")
        if kind == HOME:
            return self.home / rest
        if kind == DATA:
            return self.data / rest
        entity, _, rest = rest.partition("/")
        return self.stores[entity] / rest if kind == STORE and entity in self.stores else None

    def roots(self) -> list[Path]:
        """Return the folders that hold everything, none within another."""
        every = sorted({self.home, self.data, *self.stores.values()}, key=lambda folder: len(folder.parts))
        roots: list[Path] = []
        for folder in every:
            if not any(folder.is_relative_to(root) for root in roots):
                roots.append(folder)
        return roots


def entities_of(settings: Settings) -> dict[str, Settings]:
    """Return the settings of each entity of a project, the profile's first."""
    return {name: settings_of(settings, name) for name in (PROFILE, *settings.entities)}


def stores_of(settings: Settings) -> dict[str, ProfileStore]:
    """Return the store of each entity."""
    return {
        entity: open_store(part.store_place, part.data, part.name, memory_limit=part.memory_limit)
        for entity, part in entities_of(settings).items()
    }


def kept_files(places: Places, *, everything: bool) -> Iterator[tuple[str, Path]]:
    """Yield the path in a backup and the place of each file that is kept, but for those of stores.

    Parameters
    ----------
    places : Places
    everything : bool
        Whether what can be computed again is kept as well.
    """
    apart = {*places.stores.values()}
    roots = [(HOME, places.home)]
    if everything and not places.data.is_relative_to(places.home):
        roots.append((DATA, places.data))
    for kind, root in roots:
        for folder, names, files in os.walk(root):
            here = Path(folder)
            within = here.relative_to(root).parts
            links = [name for name in names if (here / name).is_symlink()]
            names[:] = sorted(
                n for n in names if n not in links and here / n not in apart and _kept(within, n, everything)
            )
            for name in sorted([*files, *links]):
                if _kept(within, name, everything):
                    yield f"{kind}/{'/'.join((*within, name))}", here / name


def _kept(within: tuple[str, ...], name: str, everything: bool) -> bool:
    if ARTIFACTS in within:  # files of models have what names they like
        return True
    if name in UNDER_WAY or name.startswith(".") or name.endswith(_PASSING):
        return False
    of_a_home = not within or (len(within) == 2 and within[0] == ENTITIES)
    return everything or not (of_a_home and name in COMPUTED)


def _plain(url: str) -> str:
    return make_url(url).set(drivername="postgresql").render_as_string(hide_password=False)

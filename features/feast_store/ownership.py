"""Which objects of a Feast registry are tagcast's: no others are ever changed."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from tagcast.features.core.errors import ConflictError
from tagcast.features.core.messages import listed, msg
from tagcast.features.feast_store.place import FeastPlace


def check_names(store: Any, wanted: Sequence[Any], place: FeastPlace, project: str) -> None:
    """Check that no object of somebody else has the name of one that is about to be applied.

    Parameters
    ----------
    store : feast.FeatureStore
    wanted : sequence
        Feast objects, as ``definitions.make_objects`` gives them.
    place : FeastPlace
    project : str
        Name of the tagcast project that they are of.

    Raises
    ------
    ConflictError
        Naming every such object, and the Feast project.
    """
    from tagcast.features.definitions import is_ours

    names = {_key(o) for o in (*wanted, *_sources(wanted))}
    others = [o for o in _there(store) if _key(o) in names and not is_ours(o, project)]
    if not others:
        return
    hint = msg(
        "set feast.project in {file} to a Feast project of its own, or rename the declared view, or the tag, here",
        file=place.file,
    )
    if place.is_own:
        hint = msg(
            "delete {file}, which is made again from the definitions, or rename what you applied there",
            file=f"{place.root}/registry.db",
        )
    raise ConflictError(
        msg(
            "the Feast project {project!r} holds {objects}, which this project of tagcast did not make "
            "(the tags managed_by and tagcast_project say who did): nothing was changed",
            project=store.project,
            objects=listed(sorted(f"{type(o).__name__} {o.name!r}" for o in others)),
        ),
        hint=hint,
    )


def stale(store: Any, wanted: Sequence[Any], project: str) -> list[Any]:
    """Return the services, views and sources of tagcast's own that are no longer wanted.

    Entities stay: views of others may be of them.
    """
    from feast import Entity

    from tagcast.features.definitions import is_ours

    names = {_key(o) for o in (*wanted, *_sources(wanted))}
    found = [o for o in _there(store) if _key(o) not in names and is_ours(o, project)]
    return [o for o in found if not isinstance(o, Entity)]


def own_views(store: Any, project: str) -> list[str]:
    """Return the names of the feature views that tagcast has made."""
    from tagcast.features.definitions import is_ours

    return [view.name for view in store.list_feature_views() if is_ours(view, project)]


def _there(store: Any) -> list[Any]:
    return [
        *store.list_entities(),
        *store.list_feature_services(),
        *store.list_all_feature_views(),
        *store.list_data_sources(),
    ]


def _sources(wanted: Sequence[Any]) -> list[Any]:
    """Return the sources that come with views: applying a view applies them."""
    from feast import FeatureView

    views = [o for o in wanted if isinstance(o, FeatureView)]
    return [s for view in views for s in (view.batch_source, view.stream_source) if s is not None]


def _key(made: Any) -> tuple[str, str]:
    """Return what a registry tells objects apart by: all kinds of views share their names, and all kinds of sources."""
    from feast import Entity, FeatureService
    from feast.data_source import DataSource

    kinds = (("entity", Entity), ("service", FeatureService), ("source", DataSource))
    return next((kind for kind, cls in kinds if isinstance(made, cls)), "view"), made.name

"""All Feast objects of tagcast: entities, sources, views, one FeatureService per tag family.

Feast imports this file as a bare module from inside the folder, so it has no relative imports and no
other module defines Feast objects. It is the one module that reads something at import: which feature
set was built last, from the home folder that ``TAGCAST_HOME`` names (default ``.tagcast`` beside it),
because a Feast repo is expected to describe the data that is there.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any

from feast import Entity, FeatureService, FeatureView, Field, FileSource, PushSource, ValueType
from feast.types import Float64

from tagcast.features.catalog.feature_set import OPTIONAL, WINDOWS_DAYS, FeatureSet
from tagcast.features.catalog.repo_contents import RepoContents
from tagcast.features.core.engines.key_ranges import PART_FILES

# Snapshots are laid every 30 days by default: an older row is stale, not the profile's state.
TTL = timedelta(days=35)
EVENT_TIMESTAMP = "event_timestamp"
CREATED_TIMESTAMP = "created_timestamp"
OURS = {"managed_by": "tagcast"}
"""Tags of what tagcast makes in a registry."""
PROJECT = "tagcast_project"
"""Tag that says which project of tagcast made it: two may share a registry."""


def make_objects(folder: Path, feature_set: FeatureSet, contents: RepoContents | None = None) -> list[Any]:
    """Return every Feast object for the snapshots of ``feature_set`` under ``folder``.

    Parameters
    ----------
    folder : Path
    feature_set : FeatureSet
    contents : RepoContents
        A service whose views are not all there is left out.
    """
    contents = contents or RepoContents()
    ours = {**OURS, **({PROJECT: contents.project} if contents.project else {})}
    # The first key is that of whoever the project is of; the second of a pair is called like its entity.
    named = {"profile_id": contents.entity} | {second: second for second in feature_set.of_pairs}
    entities = {
        key: Entity(name=name, join_keys=[key], value_type=ValueType.STRING, tags=ours)
        for key, name in named.items()
    }
    views: dict[str, Any] = {}
    for view, keys in feature_set.views.items():
        declared, about = feature_set.features(view), contents.about.get(view, {})
        source = FileSource(
            name=f"{view}_snapshots",
            path=str(folder / feature_set.id / "as_of=*" / view / PART_FILES),
            timestamp_field=EVENT_TIMESTAMP,
            created_timestamp_column=CREATED_TIMESTAMP,
            tags=ours,
        )
        pushed = PushSource(name=f"{view}_push", batch_source=source, tags=ours)
        views[view] = FeatureView(
            name=view,
            entities=[entities[key] for key in keys],
            ttl=TTL,
            schema=[
                Field(name=f.name, dtype=Float64, description=f.en, tags={"title_zh": f.zh}) for f in declared
            ],
            source=pushed if view in contents.pushed else source,
            online=True,
            owner=about.get("owner", ""),
            description=about.get("description", ""),
            tags={**ours, **_titles(about)},
        )
    made = [
        _service(name, _projected(views, needed, feature_set), contents.about_services.get(name, {}), ours)
        for name, needed in contents.services.items()
        if {one.partition(".")[0] for one in needed} <= views.keys()
    ]
    used = [entities[key] for key in entities if any(key in keys for keys in feature_set.views.values())]
    return [*used, *views.values(), *made]


def _service(
    name: str, features: list[Any], about: Mapping[str, str], ours: Mapping[str, str]
) -> FeatureService:
    owner, description = about.get("owner", ""), about.get("description", "")
    tags = {**ours, **_titles(about)}
    return FeatureService(name=name, features=features, tags=tags, owner=owner, description=description)


def _titles(about: Mapping[str, str]) -> dict[str, str]:
    return {key: text for key, text in about.items() if key.startswith("title_")}


def _projected(views: Mapping[str, Any], needed: Sequence[str], feature_set: FeatureSet) -> list[Any]:
    """Return each view once: whole, or the features of it that are named."""
    named: dict[str, list[str] | None] = {}
    for one in needed:
        view, dot, _ = one.partition(".")
        known = named.setdefault(view, [])
        if not dot:
            named[view] = None
        elif known is not None:
            known.extend(feature_set.names([one]))
    return [views[view] if features is None else views[view][features] for view, features in named.items()]


def is_ours(made: Any, project: str = "") -> bool:
    """Return whether tagcast has made an object of a registry for ``project``, and may change it."""
    tags = made.tags or {}
    return tags.get("managed_by") == OURS["managed_by"] and tags.get(PROJECT, "") == project


def _built_last() -> tuple[Path, FeatureSet, RepoContents]:
    home = Path(os.environ.get("TAGCAST_HOME") or Path(__file__).resolve().parent.parent / ".tagcast")
    current = home / "features" / "current.json"
    if current.is_file():
        built = json.loads(current.read_text(encoding="utf-8"))
        return current.parent, FeatureSet.parse(built["spec"]), RepoContents.from_json(built)
    return current.parent, FeatureSet(WINDOWS_DAYS, OPTIONAL), RepoContents()


# Feast collects what it finds among the module's names, lists included no deeper than one level.
for _object in make_objects(*_built_last()):
    globals()[f"{_object.name}_{type(_object).__name__.lower()}"] = _object

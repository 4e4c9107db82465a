"""All Feast objects of tagcast: entities, sources, views, one FeatureService per tag family.

Feast imports this file as a bare module from inside the folder, so it has no relative imports and no
other module defines Feast objects. It is the one module that reads something at import: which feature
set was built last, from the home folder that ``TAGCAST_HOME`` names (default ``.tagcast`` beside it),
because a Feast repo is expected to describe the data that is there.
"""

from __future__ import annotations

import json
import os
from datetime import timedelta
from pathlib import Path
from typing import Any

from feast import Entity, FeatureService, FeatureView, Field, FileSource, ValueType
from feast.types import Float64

from tagcast.features.catalog.feature_set import SERVICES, VIEWS, WINDOWS_DAYS, FeatureSet, View

# Snapshots are laid every 30 days by default: an older row is stale, not the profile's state.
TTL = timedelta(days=35)
EVENT_TIMESTAMP = "event_timestamp"
CREATED_TIMESTAMP = "created_timestamp"
ENTITY_TITLES = {"profile_id": "profile", "category": "category"}


def make_objects(folder: Path, feature_set: FeatureSet) -> list[Any]:
    """Return every Feast object for the snapshots of ``feature_set`` under ``folder``."""
    entities = {
        key: Entity(name=name, join_keys=[key], value_type=ValueType.STRING)
        for key, name in ENTITY_TITLES.items()
    }
    views: dict[View, Any] = {}
    for view, keys in VIEWS.items():
        declared = feature_set.features(view)
        if not declared:
            continue
        source = FileSource(
            name=f"{view}_snapshots",
            path=str(folder / feature_set.id / "as_of=*" / f"{view}.parquet"),
            timestamp_field=EVENT_TIMESTAMP,
            created_timestamp_column=CREATED_TIMESTAMP,
        )
        views[view] = FeatureView(
            name=view,
            entities=[entities[key] for key in keys],
            ttl=TTL,
            schema=[
                Field(name=f.name, dtype=Float64, description=f.en, tags={"title_zh": f.zh}) for f in declared
            ],
            source=source,
            online=True,
        )
    services = [
        FeatureService(name=name, features=[views[view] for view in needed])
        for name, needed in SERVICES.items()
        if all(view in views for view in needed)
    ]
    used = [
        entities[key] for key in entities if any(key in keys for view, keys in VIEWS.items() if view in views)
    ]
    return [*used, *views.values(), *services]


def _built_last() -> tuple[Path, FeatureSet]:
    home = Path(os.environ.get("TAGCAST_HOME") or Path(__file__).resolve().parent.parent / ".tagcast")
    current = home / "features" / "current.json"
    if current.is_file():
        return current.parent, FeatureSet.parse(json.loads(current.read_text(encoding="utf-8"))["spec"])
    every = ("amount", "category", "channel", "discount", "is_return", "item_id", "order_id", "quantity")
    return current.parent, FeatureSet(WINDOWS_DAYS, every)


# Feast collects what it finds among the module's names, lists included no deeper than one level.
for _object in make_objects(*_built_last()):
    globals()[f"{_object.name}_{type(_object).__name__.lower()}"] = _object

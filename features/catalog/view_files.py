"""Declared views as files: read a folder of YAML, several views a file where `---` stands between them."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any, TypeVar

import yaml
from pydantic import BaseModel, ValidationError

from tagcast.features.catalog.aggregates_declaration import AggregatesDeclaration
from tagcast.features.catalog.feast_views import FeastDeclaration
from tagcast.features.catalog.feature_set import OPTIONAL, WINDOWS_DAYS, FeatureSet
from tagcast.features.catalog.related.checks import check_relations
from tagcast.features.catalog.related.declaration import RelatedDeclaration
from tagcast.features.catalog.sql_views import SqlDeclaration
from tagcast.features.catalog.view_declarations import AttributesDeclaration
from tagcast.features.core.errors import DefinitionError
from tagcast.features.core.messages import listed, msg
from tagcast.features.core.raw_errors import yaml_problem
from tagcast.features.core.settings import Settings
from tagcast.features.core.validation import placed
from tagcast.features.entities.relations import check_entity, check_pair

ViewDeclaration = (
    AttributesDeclaration | AggregatesDeclaration | SqlDeclaration | FeastDeclaration | RelatedDeclaration
)
"""Every kind of view that can be declared."""
_Declared = TypeVar("_Declared", bound=BaseModel)


def declared_views(settings: Settings) -> tuple[ViewDeclaration, ...]:
    """Return the views that a project declares of the entity of ``settings``; DefinitionError as of :func:`load_views`."""
    if settings.features_folder is None:
        return ()
    views = load_views(settings.features_folder)
    for view in views:
        check_entity(settings, view.entity[0], view.place)
        for other in view.entity[1:]:
            check_pair(settings, view.entity[0], other, f"{view.place}: entity")
    _check_keys(views)
    check_relations(views, settings)
    return tuple(view for view in views if view.entity[0] == settings.entity)


def _check_keys(views: Sequence[ViewDeclaration]) -> None:
    """Refuse features that are called like the second key of a pair: they stand side by side."""
    keys = {key: view.view for view in views for key in view.keys[1:]}
    for view in views:
        if taken := sorted({*view.column_names} & keys.keys()):
            raise DefinitionError(
                msg(
                    "{place}: {name} is the key of pairs of the view {other}, and no name of a feature",
                    place=view.place,
                    name=taken[0],
                    other=keys[taken[0]],
                ),
                hint=msg("rename one"),
            )


def attribute_views(settings: Settings) -> tuple[AttributesDeclaration, ...]:
    """Return those of them that are over tables of their own."""
    return tuple(view for view in declared_views(settings) if isinstance(view, AttributesDeclaration))


def aggregate_views(settings: Settings) -> tuple[AggregatesDeclaration, ...]:
    """Return those of them that are over the events."""
    return tuple(view for view in declared_views(settings) if isinstance(view, AggregatesDeclaration))


def sql_views(settings: Settings) -> tuple[SqlDeclaration, ...]:
    """Return those of them that a query over the events makes."""
    return tuple(view for view in declared_views(settings) if isinstance(view, SqlDeclaration))


def load_views(folder: Path) -> tuple[ViewDeclaration, ...]:
    """Read every ``*.yaml`` of ``folder``, in order of file name.

    Raises
    ------
    DefinitionError
        Naming the file, the key, what was found and what would be right.
    """
    if not folder.is_dir():
        raise DefinitionError(
            msg("no views: there is no folder {folder}", folder=folder),
            hint=msg('set features = "…" in the configuration to a folder of views, or leave it out'),
        )
    return _views(tuple((file, file.read_bytes()) for file in sorted(folder.glob("*.yaml"))))


@lru_cache(maxsize=16)
def _views(files: tuple[tuple[Path, bytes], ...]) -> tuple[ViewDeclaration, ...]:
    """Return the views of files with these contents: one command asks for them a dozen times."""
    views: dict[str, tuple[Path, ViewDeclaration]] = {}
    shipped = {name: f.view for name, f in FeatureSet(WINDOWS_DAYS, OPTIONAL).titles().items()}
    owners: dict[str, dict[str, str]] = {}
    for file, content in files:
        for raw in documents(file, content):
            if isinstance(raw, dict) and "service" in raw and "view" not in raw:
                continue  # a feature service over the views
            view = _validated(raw, file)
            if view.view in views:
                raise DefinitionError(
                    msg(
                        "{file}: a second view {view!r}, the first is in {other}",
                        file=file,
                        view=view.view,
                        other=views[view.view][0].name,
                    ),
                    hint=msg("rename one"),
                )
            owned = owners.setdefault(view.entity[0], dict(shipped))
            for name in view.column_names:
                if (other := owned.setdefault(name, view.view)) != view.view:
                    raise DefinitionError(
                        msg(
                            "{file}: {view} and {other} both have a feature {name!r}",
                            file=file,
                            view=view.view,
                            other=other,
                            name=name,
                        ),
                        hint=msg("rename one"),
                    )
            views[view.view] = file, view
    return tuple(view for _, view in views.values())


def documents(file: Path, content: bytes) -> list[Any]:
    """Return what a file holds between its ``---``; DefinitionError where it is no YAML."""
    try:
        return [raw for raw in yaml.safe_load_all(content.decode("utf-8")) if raw is not None]
    except (yaml.YAMLError, RecursionError, UnicodeDecodeError) as error:
        raise DefinitionError(
            msg("{where}: {problem}", where=file, problem=yaml_problem(error)),
            hint=msg("correct the place it names"),
        ) from error


def _validated(raw: Any, file: Path) -> ViewDeclaration:
    if not isinstance(raw, dict):
        raise DefinitionError(
            msg(
                "{where}: expected keys such as view and features, found {type}",
                where=file,
                type=type(raw).__name__,
            ),
            hint=_HINT,
        )
    kind: type[ViewDeclaration] = AggregatesDeclaration
    if "sql" in raw:
        kind = SqlDeclaration
    elif "related" in raw:
        kind = RelatedDeclaration
    elif isinstance(raw.get("from"), dict) and "feast" in raw["from"]:
        kind = FeastDeclaration
    elif "from" in raw or "columns" in raw:
        kind = AttributesDeclaration
    view = model_of(kind, raw, f"{file}: {raw.get('view', '?')}")
    view.read_from(file)
    return view


def model_of(kind: type[_Declared], raw: dict[str, Any], where: str) -> _Declared:
    """Return a declaration as written, validated; DefinitionError names ``where`` and the key."""
    try:
        return kind.model_validate(raw)
    except ValidationError as error:
        problems = listed(map(placed, error.errors(include_url=False)), "sentences")
        raise DefinitionError(msg("{where}: {problem}", where=where, problem=problems), hint=_HINT) from error


_HINT = msg("docs/how-to/views.md shows every key")

"""Declared views as files: read a folder of YAML, several views a file where `---` stands between them."""

from __future__ import annotations

from pathlib import Path
from reprlib import Repr
from typing import Any

import yaml
from pydantic import ValidationError

from tagcast.features.catalog.view_declarations import AttributesDeclaration, ViewDeclaration
from tagcast.features.core.errors import DefinitionError
from tagcast.features.core.messages import Text, listed, msg
from tagcast.features.core.raw_errors import yaml_problem
from tagcast.features.core.settings import Settings
from tagcast.features.core.validation import at, explained

_SHORT = Repr()
_SHORT.maxstring = _SHORT.maxother = 200


def declared_views(settings: Settings) -> tuple[ViewDeclaration, ...]:
    """Return the views that a project declares; DefinitionError as of :func:`load_views`."""
    return () if settings.features_folder is None else load_views(settings.features_folder)


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
    views: dict[str, tuple[Path, ViewDeclaration]] = {}
    owners: dict[str, str] = {}
    for file in sorted(folder.glob("*.yaml")):
        for raw in _documents(file):
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
            for name in view.columns:
                if (other := owners.setdefault(name, view.view)) != view.view:
                    raise DefinitionError(
                        msg(
                            "{file}: {view} and {other} both have a feature {name!r}",
                            file=file,
                            view=view.view,
                            other=other,
                            name=name,
                        ),
                        hint=msg("rename one, and say column: with its name in the table"),
                    )
            views[view.view] = file, view
    return tuple(view for _, view in views.values())


def _documents(file: Path) -> list[Any]:
    try:
        return [raw for raw in yaml.safe_load_all(file.read_text(encoding="utf-8")) if raw is not None]
    except (yaml.YAMLError, RecursionError, UnicodeDecodeError) as error:
        raise DefinitionError(
            msg("{where}: {problem}", where=file, problem=yaml_problem(error)),
            hint=msg("correct the place it names"),
        ) from error


def _validated(raw: Any, file: Path) -> ViewDeclaration:
    if not isinstance(raw, dict):
        raise DefinitionError(
            msg(
                "{where}: expected keys such as view and columns, found {type}",
                where=file,
                type=type(raw).__name__,
            ),
            hint=_HINT,
        )
    where = msg("{file}: view {view}", file=file, view=str(raw.get("view", "?")))
    try:
        return AttributesDeclaration.model_validate(raw)
    except ValidationError as error:
        problems = listed(map(_explain, error.errors(include_url=False)), "sentences")
        raise DefinitionError(msg("{where}: {problem}", where=where, problem=problems), hint=_HINT) from error


_HINT = msg("docs/how-to/views.md shows every key")


def _explain(error: Any) -> Text:
    place = ".".join(str(part) for part in error["loc"])
    shown = error["type"] != "missing" and not isinstance(error["input"], dict)
    return at(place, explained(error), _SHORT.repr(error["input"]) if shown else "")

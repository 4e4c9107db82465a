"""Tag definitions as files: read a folder of YAML, choose tags by name, publish the JSON schema."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

import yaml
from pydantic import ValidationError
from pydantic.json_schema import models_json_schema

from tagcast.features.core.errors import DefinitionError
from tagcast.features.core.messages import Text, listed, msg
from tagcast.features.core.raw_errors import yaml_problem
from tagcast.features.core.settings import Settings
from tagcast.features.core.validation import InvalidValueError, explained, placed, suggested
from tagcast.features.entities.relations import check_entity, check_pair
from tagcast.models.definitions.base import TagBase
from tagcast.models.definitions.definition import Definition
from tagcast.models.definitions.model_tag import TagDefinition
from tagcast.models.definitions.rule_tag import RuleDefinition

_Chosen = TypeVar("_Chosen", bound=TagBase)

_Events: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
MAX_NODES, MAX_YAML_DEPTH = 5_000, 20
"""Of the YAML of one definition; the reader's time grows with the square of its depth."""
SCHEMA_FILE = Path(__file__).parents[1] / "tags" / "tag.schema.json"


def schema_text() -> str:
    """Return the JSON schema of a definition, as published in ``models/tags/tag.schema.json``."""
    _, definitions = models_json_schema([(TagDefinition, "validation"), (RuleDefinition, "validation")])
    schema = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "tagcast tag definition",
        "if": {"properties": {"kind": {"const": "rule"}}, "required": ["kind"]},
        "then": {"$ref": "#/$defs/RuleDefinition"},
        "else": {"$ref": "#/$defs/TagDefinition"},
        **definitions,
    }
    return json.dumps(schema, indent=2, ensure_ascii=False) + "\n"


def load_definitions(folder: Path) -> list[Definition]:
    """Read every ``*.yaml`` of ``folder``, in order of file name.

    Raises
    ------
    DefinitionError
        Naming the file, the key, what was found and what would be right.
    """
    files = sorted(folder.glob("*.yaml")) if folder.is_dir() else []
    if not files:
        raise DefinitionError(
            msg("no tag definitions: {folder} holds no *.yaml file", folder=folder),
            hint=msg('set tags = "…" in the configuration to a folder of definitions'),
        )
    definitions: dict[str, Definition] = {}
    for file in files:
        definition = parse_definition(file.read_text(encoding="utf-8"), str(file))
        if definition.name in definitions:
            raise DefinitionError(
                msg("{file}: a second definition of {tag!r}", file=file, tag=definition.name),
                hint=msg("rename one"),
            )
        definitions[definition.name] = definition
    return list(definitions.values())


def with_services(settings: Settings) -> list[Definition]:
    """Return the definitions of a project: those of the entity of ``settings`` with the features of the services that they name.

    Raises
    ------
    DefinitionError
        As of :func:`load_definitions`, or where a service is not there, has the name of a tag, or does not fit.
    """
    from tagcast.features.catalog.services import declared_services

    definitions = load_definitions(settings.tags_folder)
    for one in definitions:
        check_entity(settings, one.entity, one.name)
        if one.pair is not None:
            key = "of" if isinstance(one, RuleDefinition) else "outcome.of"
            check_pair(settings, one.entity, one.pair.entity, f"{one.name}: {key}")
    services = declared_services(settings)
    tags = {definition.name.partition(".")[0] for definition in definitions}
    for service in services:
        if service.service in tags:
            raise DefinitionError(
                msg("{place}: a tag has this name too, and is a service of its own", place=service.place),
                hint=msg("rename one"),
            )
    lists = {service.service: service.features for service in services}
    own = settings.entity
    return [_settled(one, lists) if one.entity == own else one for one in definitions]


def _settled(definition: Definition, services: Mapping[str, Sequence[str]]) -> Definition:
    if isinstance(definition, RuleDefinition):
        return definition
    try:
        return definition.settled(services)
    except InvalidValueError as error:
        raise DefinitionError(
            msg("{tag}: {problem}", tag=definition.name, problem=error.message),
            hint=msg(
                "docs/how-to/views.md shows how a service is declared beside the views; views stand in a list: features: [{name}]",
                name=definition.feature_service or "",
            ),
        ) from error


def parse_definition(text: str, where: Text, *, kind: str | None = None) -> Definition:
    """Return the definition written in ``text``.

    Parameters
    ----------
    text : str
        YAML.
    where : Message or str
        Names it in errors.
    kind : str, optional
        What it is of where the text does not name it.

    Raises
    ------
    DefinitionError
        Naming the key, what was found and what would be right.
    """
    _check_extent(text, where)
    try:
        raw: Any = yaml.safe_load(text)
    except (yaml.YAMLError, RecursionError) as error:
        raise DefinitionError(
            msg("{where}: {problem}", where=where, problem=yaml_problem(error)),
            hint=msg("correct the place it names"),
        ) from error
    if not isinstance(raw, dict):
        raise DefinitionError(
            msg(
                "{where}: expected keys such as name and outcome, found {type}",
                where=where,
                type=type(raw).__name__,
            ),
            hint=msg("models/tags/tag.schema.json lists every key with its meaning"),
        )
    return validated(raw if kind is None else {"kind": kind, **raw}, where)


def _check_extent(text: str, where: Text) -> None:
    """Refuse YAML that takes long to read, before it is read: an event after the other, no further than the limit."""
    depth = 0
    try:
        for nodes, event in enumerate(yaml.parse(text, Loader=_Events)):
            depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
            if nodes > MAX_NODES or depth > MAX_YAML_DEPTH:
                raise DefinitionError(
                    msg(
                        "{where}: a definition has at most {nodes:,} parts, nested {depth} deep",
                        where=where,
                        nodes=MAX_NODES,
                        depth=MAX_YAML_DEPTH,
                    ),
                    hint=msg("make it shorter, or split it into several tags"),
                )
    except yaml.YAMLError:
        return  # read again below, where the error is reported with its place


def validated(raw: dict[str, Any], where: Text) -> Definition:
    """Return the definition whose keys are ``raw``; ``where`` names it in errors."""
    try:
        kind = RuleDefinition if raw.get("kind") == "rule" else TagDefinition
        return kind.model_validate(raw)
    except ValidationError as error:
        found = error.errors(include_url=False)
        problems = listed(map(placed, found), "sentences")
        raise DefinitionError(
            msg("{where}: {problem}", where=where, problem=problems),
            hint=msg("models/tags/tag.schema.json lists every key with its meaning"),
            problems={".".join(map(str, one["loc"])): explained(one) for one in reversed(found)},
        ) from error


def select(definitions: Iterable[_Chosen], names: Sequence[str]) -> list[_Chosen]:
    """Return the expanded definitions called ``names``; a family's stem chooses all its members.

    Raises
    ------
    DefinitionError
        For a name that is none of them, with the nearest ones.
    """
    every = list(definitions)
    chosen: dict[str, _Chosen] = {}
    for name in names:
        found = [d for d in every if d.name == name or d.name.split(".")[0] == name]
        if not found:
            known = sorted({d.name for d in every} | {d.name.split(".")[0] for d in every})
            raise DefinitionError(msg("unknown tag {tag!r}", tag=name), hint=suggested(name, known))
        chosen.update((d.name, d) for d in found)
    return list(chosen.values())


if __name__ == "__main__":  # renews the published schema
    SCHEMA_FILE.write_text(schema_text(), encoding="utf-8")

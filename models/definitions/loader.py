"""Tag definitions as files: read a folder of YAML, choose tags by name, publish the JSON schema."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from pathlib import Path
from reprlib import Repr
from typing import Any, TypeVar

import yaml
from pydantic import ValidationError
from pydantic.json_schema import models_json_schema

from tagcast.features.core.errors import DefinitionError
from tagcast.models.definitions.base import TagBase
from tagcast.models.definitions.definition import Definition
from tagcast.models.definitions.model_tag import TagDefinition
from tagcast.models.definitions.rule_tag import RuleDefinition

_Chosen = TypeVar("_Chosen", bound=TagBase)

_SHORT = Repr()
_SHORT.maxstring = _SHORT.maxother = 200
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
            f"no tag definitions: {folder} holds no *.yaml file",
            hint='set tags = "…" in the configuration to a folder of definitions',
        )
    definitions: dict[str, Definition] = {}
    for file in files:
        definition = parse_definition(file.read_text(encoding="utf-8"), str(file))
        if definition.name in definitions:
            raise DefinitionError(f"{file}: a second definition of {definition.name!r}", hint="rename one")
        definitions[definition.name] = definition
    return list(definitions.values())


def parse_definition(text: str, where: str, *, kind: str | None = None) -> Definition:
    """Return the definition written in ``text``.

    Parameters
    ----------
    text : str
        YAML.
    where : str
        Names it in errors.
    kind : str, optional
        What it is of where the text does not name it.

    Raises
    ------
    DefinitionError
        Naming the key, what was found and what would be right.
    """
    try:
        raw: Any = yaml.safe_load(text)
    except (yaml.YAMLError, RecursionError) as error:
        raise DefinitionError(f"{where}: not valid YAML: {error}", hint="hint the line it names") from error
    if not isinstance(raw, dict):
        raise DefinitionError(f"{where}: expected keys such as name and outcome, found {type(raw).__name__}")
    return validated(raw if kind is None else {"kind": kind, **raw}, where)


def validated(raw: dict[str, Any], where: str) -> Definition:
    """Return the definition whose keys are ``raw``; ``where`` names it in errors."""
    try:
        kind = RuleDefinition if raw.get("kind") == "rule" else TagDefinition
        return kind.model_validate(raw)
    except ValidationError as error:
        lines = [
            f"{'.'.join(str(p) for p in e['loc']) or 'definition'}: {e['msg']}"
            + (
                ""
                if e["type"] == "missing" or isinstance(e["input"], dict)
                else f" (found {_SHORT.repr(e['input'])})"
            )
            for e in error.errors()
        ]
        raise DefinitionError(
            f"{where}: " + "; ".join(lines),
            hint="models/tags/tag.schema.json lists every key with its meaning",
        ) from error


def select(definitions: Iterable[_Chosen], names: Sequence[str]) -> list[_Chosen]:
    """Return the expanded definitions called ``names``; a family's stem chooses all its members.

    Raises
    ------
    DefinitionError
        For a name that is none of them, with the nearest ones.
    """
    from difflib import get_close_matches

    every = list(definitions)
    chosen: dict[str, _Chosen] = {}
    for name in names:
        found = [d for d in every if d.name == name or d.name.split(".")[0] == name]
        if not found:
            known = sorted({d.name for d in every} | {d.name.split(".")[0] for d in every})
            near = get_close_matches(name, known, n=1)
            hint = f"did you mean {near[0]!r}? " if near else ""
            raise DefinitionError(f"unknown tag {name!r}", hint=f"{hint}known: {', '.join(known)}")
        chosen.update((d.name, d) for d in found)
    return list(chosen.values())


if __name__ == "__main__":  # renews the published schema
    SCHEMA_FILE.write_text(schema_text(), encoding="utf-8")

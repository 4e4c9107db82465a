"""Reference pages that are written from the code at each build: HTTP API, settings, tag definitions, Python."""

from __future__ import annotations

import inspect
import json
from pathlib import Path
from typing import Any

from schema_tables import Link, Schema, fields, kind, table, text
from sphinx.application import Sphinx


def linker(page: str) -> Link:
    """Return how schemas of ``page`` are linked: each has a section there."""
    return lambda name: f"[{name}](#{page}-{name.lower()})"


def section(page: str, name: str, schema: Schema, level: int) -> str:
    """Return the section of one schema."""
    content = fields(schema, linker(page)) if "properties" in schema else kind(schema, linker(page))
    head = f"({page}-{name.lower()})=\n\n{'#' * level} {name}"
    return f"{head}\n\n{text(schema.get('description', ''))}\n\n{content}"


def tag_page() -> str:
    """Return the keys of a tag definition, from its JSON schema."""
    from tagcast.models.definitions.loader import schema_text

    definitions = dict(json.loads(schema_text())["$defs"])
    first = [section("tag", name, definitions.pop(name), 2) for name in ("TagDefinition", "RuleDefinition")]
    rest = [section("tag", name, schema, 3) for name, schema in sorted(definitions.items())]
    about = (
        "# Tag definition\n\nOne YAML file in the folder named by `tags` in `tagcast.toml`. Editors that know JSON schemas can use "
        "`models/tags/tag.schema.json`. Unknown keys are errors. A file with `kind: rule` is a "
        "[rule tag](#tag-ruledefinition), every other a [model tag](#tag-tagdefinition).\n\n"
    )
    return about + "\n\n".join([*first, "## Parts\n", *rest])


def view_page() -> str:
    """Return the keys of all kinds of views, from their JSON schemas."""
    from tagcast.features.catalog.aggregates_declaration import AggregatesDeclaration
    from tagcast.features.catalog.feast_views import FeastDeclaration
    from tagcast.features.catalog.related.declaration import RelatedDeclaration
    from tagcast.features.catalog.services import ServiceDeclaration
    from tagcast.features.catalog.sql_views import SqlDeclaration
    from tagcast.features.catalog.view_declarations import AttributesDeclaration

    parts: dict[str, dict[str, Any]] = {}
    text = (
        "# View\n\nYAML files in the folder named by `features` in `tagcast.toml`; several views stand in one file with `---` "
        "between them. Unknown keys are errors. A view with `sql` is a query, one with `related` is of figures of another entity, one with "
        "`from` is of attributes (with `feast` in it: of another Feast repo), every other of aggregates. "
        "`service` in place of `view` is a list of features that tags share.\n\n"
    )
    kinds = (
        ("Aggregates", AggregatesDeclaration),
        ("Attributes", AttributesDeclaration),
        ("SQL", SqlDeclaration),
        ("Feast", FeastDeclaration),
        ("Related", RelatedDeclaration),
        ("Feature service", ServiceDeclaration),
    )
    for title, model in kinds:
        schema = model.model_json_schema()
        parts |= schema.pop("$defs")
        text += f"## {title}\n\n{fields(schema, linker('view'))}\n"
    return text + "\n".join(section("view", name, part, 3) for name, part in sorted(parts.items()))


def settings_page() -> str:
    """Return the keys of `tagcast.toml`, from the models that read it."""
    from tagcast.features.core.settings import ENVIRONMENT, Settings

    schema = Settings.model_json_schema()
    parts = [section("settings", name, part, 2) for name, part in sorted(schema["$defs"].items())]
    schema["properties"] = {n: f for n, f in schema["properties"].items() if n not in {"path", "home"}}
    environment = table(
        ("variable", "sets"), [(f"`{variable}`", f"`{key}`") for variable, key in ENVIRONMENT.items()]
    )
    about = (
        "# Settings: tagcast.toml\n\nOne file for a project. `${VARIABLE}` is read from the environment, which is where passwords "
        "belong. Relative paths start at the folder of the file. Unknown keys are errors.\n\n"
    )
    return (
        about
        + "## Top level\n\n"
        + fields(schema, linker("settings"))
        + "\nThese environment variables win over the file:\n\n"
        + environment
        + "\n"
        + "\n\n".join(parts)
    )


def api_page() -> str:
    """Return the routes of the API, from its OpenAPI description."""
    from tagcast.serving.api.app import PREFIX, create_api

    nothing: Any = None  # routes are described without a project
    openapi = create_api(nothing).openapi()
    groups: dict[str, list[str]] = {}
    for path, verbs in openapi["paths"].items():
        for verb, route in verbs.items():
            groups.setdefault((route.get("tags") or ["other"])[0], []).append(
                _route(verb.upper(), PREFIX + path, route)
            )
    hidden = {"HTTPValidationError", "ValidationError"}
    schemas = [
        section("api", name, schema, 3)
        for name, schema in sorted(openapi["components"]["schemas"].items())
        if name not in hidden
    ]
    body = "\n\n".join(f"## {name[:1].upper()}{name[1:]}\n\n" + "\n\n".join(r) for name, r in groups.items())
    return f"# HTTP API\n\n{text(openapi['info']['description'])}\n\n{body}\n\n## Objects\n\n" + "\n\n".join(
        schemas
    )


def _route(verb: str, path: str, route: dict[str, Any]) -> str:
    parameters = table(
        ("parameter", "in", "type", "default", "description"),
        [
            (
                f"`{p['name']}`",
                p["in"],
                kind(p.get("schema", {}), linker("api")),
                "required" if p.get("required") else "",
                text(p.get("description", "")),
            )
            for p in route.get("parameters", [])
        ],
    )
    sent = _body(route.get("requestBody", {}))
    answers = [
        f"{code}: {_body(answer) or text(answer.get('description', ''))}"
        for code, answer in route["responses"].items()
        if code.startswith("2")
    ]
    lines = [
        f"### {verb} `{path}`",
        text(route.get("description") or route.get("summary", "")),
        parameters,
        f"Body: {sent}" if sent else "",
        "Response " + "; ".join(answers),
    ]
    return "\n\n".join(filter(None, lines))


def _body(holder: dict[str, Any]) -> str:
    schema = holder.get("content", {}).get("application/json", {}).get("schema")
    return kind(schema, linker("api")) if schema else ""


def python_page() -> str:
    """Return what `import tagcast` offers, as its docstrings say it."""
    import tagcast

    names = [n for n in getattr(tagcast, "__all__", ()) if not n.startswith("__")]
    blocks = [_python(name, getattr(tagcast, name)) for name in names]
    about = "# Python\n\n```{eval-rst}\n.. automodule:: tagcast\n```\n\n"
    return about + "\n\n".join(blocks)


def _python(name: str, value: Any) -> str:
    if inspect.isclass(value):
        directive, options = "autoclass", ["   :members:", "   :inherited-members: Mapping"]
    elif callable(value):
        directive, options = "autofunction", []
    else:
        directive, options = "autodata", ["   :no-value:"]
    lines = [f".. {directive}:: tagcast.{name}", *options]
    return f"## {name}\n\n```{{eval-rst}}\n" + "\n".join(lines) + "\n```"


PAGES = {
    "http-api": api_page,
    "settings": settings_page,
    "tag-definition": tag_page,
    "view": view_page,
    "python": python_page,
}


def write(app: Sphinx) -> None:
    """Write the pages; one that did not change keeps its time, so that it is not built again."""
    folder = Path(app.srcdir) / "reference" / "generated"
    folder.mkdir(parents=True, exist_ok=True)
    for name, page in PAGES.items():
        file, content = folder / f"{name}.md", page().rstrip() + "\n"
        if not file.exists() or file.read_text(encoding="utf-8") != content:
            file.write_text(content, encoding="utf-8")


def setup(app: Sphinx) -> dict[str, Any]:
    """Register the writer."""
    app.connect("builder-inited", write)
    return {"parallel_read_safe": True}

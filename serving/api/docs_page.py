"""The API's routes on one page that needs no script and nothing from elsewhere."""

from __future__ import annotations

import json
from typing import Any

from markupsafe import Markup
from starlette.responses import HTMLResponse

from tagcast.features.core.templates import templates

_PAGES = templates("tagcast.serving.api")


def docs_page(openapi: dict[str, Any], prefix: str) -> HTMLResponse:
    """Return every route with what it takes and answers.

    Parameters
    ----------
    openapi : dict
        The API's own description.
    prefix : str
        Where the API is mounted.
    """
    groups: dict[str, list[dict[str, Any]]] = {}
    for path, verbs in openapi["paths"].items():
        for verb, route in verbs.items():
            group = (route.get("tags") or ["other"])[0]
            groups.setdefault(group, []).append(_route(verb.upper(), prefix + path, route, openapi))
    page = _PAGES.get_template("docs.html")
    return HTMLResponse(
        page.render(description=_words(openapi["info"]["description"]), prefix=prefix, groups=groups)
    )


def _route(verb: str, path: str, route: dict[str, Any], openapi: dict[str, Any]) -> dict[str, Any]:
    """Return what the page shows of a route."""
    sent = route.get("requestBody", {}).get("content", {}).get("application/json", {}).get("schema")
    answered = (
        route.get("responses", {}).get("200", {}).get("content", {}).get("application/json", {}).get("schema")
    )
    return {
        "verb": verb,
        "path": path,
        "words": _words(route.get("description") or route.get("summary", "")),
        "parameters": [
            (p["name"], p["in"], bool(p.get("required")), _words(p.get("description", "")))
            for p in route.get("parameters", [])
        ],
        "shapes": [(name, _shape(s, openapi)) for name, s in (("takes", sent), ("answers", answered)) if s],
    }


def _shape(schema: dict[str, Any], openapi: dict[str, Any]) -> str:
    return json.dumps(_outline(schema, openapi, ()), indent=2, ensure_ascii=False)


def _outline(schema: dict[str, Any], openapi: dict[str, Any], within: tuple[str, ...]) -> Any:
    """Return an example-like outline: names of fields and kinds of values."""
    if "$ref" in schema:
        name = schema["$ref"].rsplit("/", 1)[-1]
        if name in within:
            return f"{name} …"
        return _outline(openapi["components"]["schemas"][name], openapi, (*within, name))
    for several in ("anyOf", "oneOf"):
        if several in schema:
            kinds = [_outline(s, openapi, within) for s in schema[several]]
            plain = all(isinstance(k, str) for k in kinds)
            return " | ".join(kinds) if plain else next(k for k in kinds if not isinstance(k, str))
    if "enum" in schema:
        return " | ".join(map(str, schema["enum"]))
    if "properties" in schema:
        return {key: _outline(value, openapi, within) for key, value in schema["properties"].items()}
    if schema.get("type") == "array":
        return [_outline(schema.get("items", {}), openapi, within)]
    return str(schema.get("const", schema.get("type", "any")))


def _words(text: str) -> Markup:
    """Return a description, what stands between backticks as code."""
    parts = text.strip().split("`")
    return Markup().join(Markup("<code>{}</code>").format(p) if at % 2 else p for at, p in enumerate(parts))

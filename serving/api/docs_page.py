"""The API's routes on one page that needs no script and nothing from elsewhere."""

from __future__ import annotations

import json
from html import escape
from typing import Any

from starlette.responses import HTMLResponse

_STYLE = """
:root{color-scheme:light dark}body{font:15px/1.55 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem}
code,pre{font-family:ui-monospace,monospace;font-size:.9em}pre{overflow-x:auto;padding:.75rem;border:1px solid #8885;border-radius:8px}
section{border-top:1px solid #8885;padding:.75rem 0}h2{font-size:1.05rem;margin:.25rem 0}h3{font-size:1.3rem;margin:2rem 0 .5rem}
table{border-collapse:collapse}td,th{text-align:left;padding:.15rem 1rem .15rem 0;vertical-align:top}
.verb{display:inline-block;min-width:4.5rem;font-weight:700}details{margin:.4rem 0}
"""


def docs_page(openapi: dict[str, Any], prefix: str) -> HTMLResponse:
    """Return every route with what it takes and answers.

    Parameters
    ----------
    openapi : dict
        The API's own description.
    prefix : str
        Where the API is mounted.
    """
    groups: dict[str, list[str]] = {}
    for path, verbs in openapi["paths"].items():
        for verb, route in verbs.items():
            group = (route.get("tags") or ["other"])[0]
            groups.setdefault(group, []).append(_route(verb.upper(), prefix + path, route, openapi))
    body = "".join(f"<h3>{escape(name)}</h3>{''.join(routes)}" for name, routes in groups.items())
    return HTMLResponse(
        f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>tagcast API</title>'
        f'<meta name="viewport" content="width=device-width, initial-scale=1"><link rel="icon" href="data:,">'
        f"<style>{_STYLE}</style></head><body><h1>tagcast API</h1><p>{_words(openapi['info']['description'])}</p>"
        f'<p>For programs: <a href="{prefix}/openapi.json">openapi.json</a></p>{body}</body></html>'
    )


def _route(verb: str, path: str, route: dict[str, Any], openapi: dict[str, Any]) -> str:
    parameters = "".join(
        f"<tr><td><code>{escape(p['name'])}</code></td><td>in {p['in']}{'' if p.get('required') else ', optional'}</td>"
        f"<td>{_words(p.get('description', ''))}</td></tr>"
        for p in route.get("parameters", [])
    )
    sent = route.get("requestBody", {}).get("content", {}).get("application/json", {}).get("schema")
    answered = (
        route.get("responses", {}).get("200", {}).get("content", {}).get("application/json", {}).get("schema")
    )
    return (
        f'<section><h2><span class="verb">{verb}</span> <code>{escape(path)}</code></h2>'
        f"<p>{_words(route.get('description') or route.get('summary', ''))}</p>"
        + (f"<table>{parameters}</table>" if parameters else "")
        + (f"<details><summary>takes</summary>{_shape(sent, openapi)}</details>" if sent else "")
        + (f"<details><summary>answers</summary>{_shape(answered, openapi)}</details>" if answered else "")
        + "</section>"
    )


def _shape(schema: dict[str, Any], openapi: dict[str, Any]) -> str:
    return f"<pre>{escape(json.dumps(_outline(schema, openapi, ()), indent=2, ensure_ascii=False))}</pre>"


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


def _words(text: str) -> str:
    parts = escape(text.strip()).split("`")
    return "".join(f"<code>{part}</code>" if at % 2 else part for at, part in enumerate(parts))

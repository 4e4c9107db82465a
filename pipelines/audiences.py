"""Questions about audiences, as the command line and `import tagcast` ask them."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tagcast.registry.access.roles import Person
    from tagcast.serving.audiences.service import Language
    from tagcast.serving.context import ServiceContext


def count_audience(
    context: ServiceContext, person: Person, text: str, *, estimate: bool = False
) -> dict[str, Any]:
    """Count the profiles that the filter ``text`` finds, or estimate how many they are."""
    from tagcast.serving.audiences.service import count, parse_for

    tree = parse_for(context, person, text)
    return {"filter": text, **asdict(count(context, person, tree, estimate=estimate))}


def explain_audience(
    context: ServiceContext, person: Person, text: str, language: Language
) -> dict[str, Any]:
    """Return what a filter means, what it finds, what each condition takes away and how many turn out as said."""
    from tagcast.serving.audiences.service import count, effects, expected, parse_for, sentence

    tree = parse_for(context, person, text)
    return {
        "filter": text,
        "sentence": sentence(context, person, tree, language),
        **asdict(count(context, person, tree)),
        "effects": [asdict(effect) for effect in effects(context, person, tree)],
        "expected": [asdict(one) for one in expected(context, person, tree)],
    }


def show_audience(
    context: ServiceContext, person: Person, text: str, limit: int, seed: int | None
) -> tuple[list[dict[str, Any]], frozenset[str]]:
    """Return up to ``limit`` of the profiles that a filter finds, and which columns hold amounts."""
    from tagcast.serving.audiences.service import members, parse_for, sample

    tree = parse_for(context, person, text)
    if seed is None:
        rows = list(members(context, person, tree, limit=limit).rows)
    else:
        rows = sample(context, person, tree, limit, seed)
    with context.store.reader() as reader:
        return rows, frozenset(f"{tag}.score" for tag in reader.manifest.run.amounts)

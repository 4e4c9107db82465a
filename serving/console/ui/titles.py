"""Titles of tags and of entities in the language of a visit."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tagcast.features.core.messages import msg
from tagcast.features.core.schema.entities import PROFILE
from tagcast.serving.catalog.known_tags import hidden_tags
from tagcast.serving.filters.row_rights import reader_for

if TYPE_CHECKING:
    from tagcast.registry.access.roles import Person
    from tagcast.serving.console.ui.page_context import PageContext
    from tagcast.serving.context import ServiceContext

CUSTOMERS = msg("Customers")
"""What profiles are called where the configuration says nothing else."""


def both_titles(context: ServiceContext, person: Person) -> dict[str, dict[str, str]]:
    """Return the titles of the tags of the active run that ``person`` may see, by name and language."""
    hidden = hidden_tags(context, person)
    with reader_for(context, person) as reader:
        tags = [t for t in reader.manifest.run.tags if t.tag not in hidden]
    return {t.tag: {"en": t.title_en, "zh": t.title_zh} for t in tags}


def entity_title(page: PageContext, entity: str | None = None) -> str:
    """Return what people call an entity; default: the one that the page shows."""
    settings = page.context.settings.whole
    entity = entity or page.context.settings.entity
    if entity == PROFILE:
        return page.say(CUSTOMERS)
    title = settings.entities[entity].title
    return entity.replace("_", " ").capitalize() if title is None else page.say.of(title.model_dump())

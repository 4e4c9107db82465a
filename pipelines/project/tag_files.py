"""The tags of a project's files: read again where a file changed, families expanded to their members."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING

from tagcast.features.catalog.feature_set import PURCHASE
from tagcast.features.core.errors import DefinitionError, StoreError
from tagcast.features.core.messages import msg

if TYPE_CHECKING:
    from tagcast.models.definitions.definition import Definition
    from tagcast.pipelines.project.project import Project

Stamps = tuple[tuple[str, int, int], ...]
"""Name, time of change and size of files: as long as they are the same, nothing is read again."""


def stamps(folder: Path | None) -> Stamps:
    """Return those of the YAML files of a folder; of none where there is no folder."""
    files = sorted(folder.glob("*.y*ml")) if folder is not None else []
    return tuple((file.name, file.stat().st_mtime_ns, file.stat().st_size) for file in files)


class TagFiles:
    """Reads the definitions of one project.

    Parameters
    ----------
    project : Project
    """

    def __init__(self, project: Project) -> None:
        self._project = project
        self._read: dict[tuple[date, Stamps, frozenset[str]], tuple[Definition, ...]] = {}
        self._written: dict[Stamps, list[Definition]] = {}

    def at(self, as_of: date) -> tuple[Definition, ...]:
        """Return the tags at ``as_of``, families expanded from what was known before it."""
        written = (*self._stamps(), *stamps(self._project.settings.features_folder))
        key = as_of, written, self._published()
        if key not in self._read:
            expanded: list[Definition] = []
            for definition in self.written():
                for tag in definition.expand(self._values(definition, as_of, key[2])):
                    if any(other.name == tag.name for other in expanded):
                        raise DefinitionError(
                            msg("{tag} is a tag of its own and a member of a family too", tag=tag.name),
                            hint=msg("rename one"),
                        )
                    expanded.append(tag)
            self._read[key] = tuple(expanded)
        return self._read[key]

    def written(self) -> list[Definition]:
        """Return the definitions of the project's entity as they stand in the files, families as one."""
        from tagcast.models.definitions.loader import with_services

        settings = self._project.settings
        changed = (*self._stamps(), *stamps(settings.features_folder))
        if changed not in self._written:
            every = with_services(settings)
            self._written[changed] = [one for one in every if one.entity == settings.entity]
        return self._written[changed]

    @property
    def any(self) -> bool:
        """Whether there is a file."""
        return bool(self._stamps())

    def _stamps(self) -> Stamps:
        return stamps(self._project.settings.tags_folder)

    def _values(self, definition: Definition, as_of: date, published: frozenset[str]) -> Sequence[str]:
        """Return the values of a family: those listed, or the top ones and those that are published already."""
        from tagcast.features.compute.labels import top_values, values_before

        family = definition.family
        if family is None:
            return ()
        if family.values is not None:
            return family.values
        events = self._project.event_table
        # Where nothing is called a purchase, whatever happens with a value counts.
        bought = PURCHASE if PURCHASE in self._project.events.event_names_before(as_of) else None
        top = top_values(events, family.over, as_of, family.top or 0, bought)
        names = {definition.member(value)["name"] for value in top}
        if not published - names:
            return top
        # A tag that people use does not end because another value overtook it: it stays until somebody retires it.
        held = [
            value
            for value in values_before(events, family.over, as_of)
            if definition.member(value)["name"] in published - names
        ]
        return [*top, *held]

    def _published(self) -> frozenset[str]:
        """Return the tags that people use: of the active run and of the record, unless they are retired."""
        from tagcast.registry.governance.applied_definitions import active
        from tagcast.registry.governance.lifecycle import status_of

        project = self._project
        names = set(active(project.state))
        try:
            current = project.store.current()
        except StoreError:
            current = None  # what is on record has to do; whoever needs the store says what is wrong with it
        if current is not None:
            names |= {tag.tag for tag in current.run.tags}
        status = status_of(project.state, names)
        return frozenset(name for name in names if status[name] != "retired")

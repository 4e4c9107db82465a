"""What a tag's ``candidates`` name, opened and checked before anything is labelled."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from tagcast.models.candidates.answers import Method
from tagcast.models.candidates.frozen import FrozenCandidate
from tagcast.models.candidates.made import MadeCandidate
from tagcast.models.candidates.names import MlflowName, PythonName, parse
from tagcast.models.candidates.raised import placed

if TYPE_CHECKING:
    from tagcast.models.definitions.model_tag import TagDefinition
    from tagcast.models.estimators.foreign import Candidate
    from tagcast.pipelines.project.project import Project


def candidates_of(project: Project, definition: TagDefinition) -> tuple[Candidate, ...]:
    """Return the models of others that compete for a tag, each checked as far as that goes without data.

    Raises
    ------
    DefinitionError
        Naming file, key, what was found and how to fix it.
    """
    named = [name for text in definition.candidates if (name := parse(text)) is not None]
    if not named:
        return ()
    from tagcast.models.training.tag_kind import kind_of

    place = f"{_file_of(project, definition)}: candidates"
    found: list[Candidate] = []
    for name in named:
        if isinstance(name, PythonName):
            made = MadeCandidate(
                name,
                place,
                str(project.settings.folder),
                definition.trusted,
                project.settings.seed,
                kind_of(definition).asks,
            )
            made.check()
            found.append(made)
        else:
            found.append(_pinned(project, name, place, kind_of(definition).asks))
    return tuple(found)


def _pinned(project: Project, name: MlflowName, place: str, method: Method) -> FrozenCandidate:
    from tagcast.registry.foreign.frozen_models import pin
    from tagcast.registry.versions.tracking import tracking_of

    settings = project.settings
    with placed(place):
        reference = pin(tracking_of(settings), name)
    return FrozenCandidate(reference, place, settings.whole.home, settings.name, settings.mlflow, method)


def open_for(foreign: Sequence[Candidate]) -> None:
    """Open the registered models among candidates, in a process that was given them."""
    for one in foreign:
        if isinstance(one, FrozenCandidate):
            from tagcast.registry.foreign.frozen_models import open_frozen
            from tagcast.registry.versions.tracking import open_tracking

            open_frozen(open_tracking(one.home, project=one.project, given=one.mlflow), one.reference)


def _file_of(project: Project, definition: TagDefinition) -> str:
    """Return the file that defines a tag, or the family it belongs to."""
    from tagcast.models.definitions.loader import parse_definition

    stem = definition.name.partition(".")[0]
    for file in sorted(project.settings.tags_folder.glob("*.yaml")):
        written = parse_definition(file.read_text(encoding="utf-8"), str(file))
        if written.name.partition(".")[0] == stem:
            return str(file)
    return definition.name

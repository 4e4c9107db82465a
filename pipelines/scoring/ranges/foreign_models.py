"""Models of others where a run is scored: a process that did not load them sees neither MLflow nor the folder of the project."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tagcast.models.candidates.storage import StoredEstimator

if TYPE_CHECKING:
    from tagcast.models.candidates.frozen import FrozenReference
    from tagcast.pipelines.project.project import Project
    from tagcast.serving.scoring.loaded_tag import LoadedTag


@dataclass(frozen=True)
class ForeignModels:
    """What has to be at hand before the models of others can be asked.

    Parameters
    ----------
    frozen : tuple of (FrozenReference, Path)
        Versions of registered models, each with a folder of its files.
    modules : Path or None
        Folder of the modules that types of stored estimators come from.
    loaded : bool
        Whether this process has opened the models already, from where they lie.
    """

    frozen: tuple[tuple[FrozenReference, Path], ...] = ()
    modules: Path | None = None
    loaded: bool = False

    def __getstate__(self) -> dict[str, Any]:
        """Return what another process needs, which has loaded nothing."""
        return {**self.__dict__, "loaded": False}

    @classmethod
    def brought(cls, project: Project, tags: Sequence[LoadedTag], folder: Path) -> ForeignModels:
        """Copy what ``tags`` need from the home and from the folder of the project.

        Parameters
        ----------
        project : Project
        tags : sequence of LoadedTag
        folder : Path
            Seen by whoever scores.
        """
        foreign = [one for tag in tags for one in tag.model.foreign]
        frozen = dict.fromkeys(one.frozen for one in foreign if one.frozen is not None)
        places = tuple((reference, folder / f"frozen-{place}") for place, reference in enumerate(frozen))
        if places:
            from tagcast.registry.foreign.frozen_models import copy_frozen
            from tagcast.registry.versions.tracking import tracking_of

            for reference, place in places:
                copy_frozen(tracking_of(project.settings), reference, place)
        if not any(isinstance(one.model, StoredEstimator) for one in foreign):
            return cls(places, loaded=True)
        modules = folder / "modules"
        _copy_modules(project.settings.folder, modules)
        return cls(places, modules, loaded=True)

    def open(self) -> None:
        """Open the models, in any process: what is open stays."""
        if self.loaded:
            return
        if self.modules is not None:
            from tagcast.models.candidates.maker import importable

            importable(str(self.modules))
        for reference, folder in self.frozen:
            from tagcast.registry.foreign.frozen_models import open_copy

            open_copy(reference, folder)


def _copy_modules(folder: Path, target: Path) -> None:
    """Copy the modules and packages that lie in a folder: which of them import which nobody knows."""
    target.mkdir()
    for entry in folder.iterdir():
        if entry.suffix == ".py":
            shutil.copyfile(entry, target / entry.name)
        elif (entry / "__init__.py").is_file():
            shutil.copytree(entry, target / entry.name, ignore=shutil.ignore_patterns("__pycache__", "*.pyc"))

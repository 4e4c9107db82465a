"""The project at the public door, and how it is opened."""

from __future__ import annotations

from html import escape
from pathlib import Path
from typing import TYPE_CHECKING

from tagcast.features.core.messages import language_of, listed, msg, render
from tagcast.features.core.schema.entities import PROFILE
from tagcast.pipelines.project.clock import clock
from tagcast.pipelines.project.progress import Progress
from tagcast.pipelines.project.project import Project as OpenedProject
from tagcast.pipelines.public.data_methods import DataMethods
from tagcast.pipelines.public.run_methods import RunMethods
from tagcast.pipelines.public.training_methods import TrainingMethods
from tagcast.pipelines.public.version_methods import VersionMethods

if TYPE_CHECKING:
    from tagcast.features.core.settings import Settings


class Project(DataMethods, TrainingMethods, VersionMethods, RunMethods):
    """A project: its data, models and runs as frames, figures and results.

    :func:`tagcast.open` opens it. Each method does what the command of its name does.

    Notes
    -----
    Sources are read once: open the project again to see events that have come since.

    Where ``TAGCAST_KEY`` holds a key, the rights are those of its role; without one they are the owner's.

    Examples
    --------
    >>> import tagcast
    >>> project = tagcast.open("tagcast.toml")
    >>> project.name
    'completejourney'
    >>> project.check().has_errors  # doctest: +SKIP
    False
    """

    def of(self, entity: str) -> Project:
        """Return the project as one entity of it sees it: its own events, features, tags, runs and audiences.

        Parameters
        ----------
        entity : str
            One of :attr:`entities`.

        Returns
        -------
        Project
            The same one where it is of this entity already.

        Raises
        ------
        ConfigError
            Where there is no such entity.

        Examples
        --------
        >>> project.of("fund").features()  # doctest: +SKIP
        """
        inner = self._project.of(entity)
        return self if inner is self._project else Project(inner, self._progress, self._purpose)

    @property
    def name(self) -> str:
        """Its name, of an entity behind a slash."""
        return self.settings.name

    @property
    def entity(self) -> str:
        """What a row of its frames is: ``profile``, or an entity that the configuration declares."""
        return self.settings.entity

    @property
    def entities(self) -> tuple[str, ...]:
        """The entities of the whole project, profiles first."""
        return (PROFILE, *self.settings.whole.entities)

    @property
    def home(self) -> Path:
        """Folder that keeps everything made."""
        return self.settings.home

    @property
    def settings(self) -> Settings:
        """What the configuration says."""
        return self._project.settings

    def __repr__(self) -> str:
        return f"<Project {self.name!r} at {self.home}>"

    def _repr_html_(self) -> str:
        rows = {
            msg("Home"): str(self.home),
            msg("Tags"): str(self.settings.tags_folder),
            msg("Entities"): render(listed(self.entities), language_of()),
        }
        cells = "".join(
            f"<tr><th style='text-align:left'>{escape(render(title, language_of()))}</th>"
            f"<td style='text-align:left'>{escape(value)}</td></tr>"
            for title, value in rows.items()
        )
        return f"<b>{escape(self.name)}</b><table>{cells}</table>"


def open(  # noqa: A001 - as gzip.open and others of the standard library, it is called with its module's name
    config: str | Path | None = None,
    home: str | Path | None = None,
    *,
    progress: Progress | None = None,
    purpose: str | None = None,
) -> Project:
    """Open a project; nothing is read or built yet.

    Parameters
    ----------
    config : str or Path, optional
        Its ``tagcast.toml``. Default: the one in the working directory or above.
    home : str or Path, optional
        Folder that keeps everything made. Default: ``TAGCAST_HOME``, else ``.tagcast`` beside the configuration.
    progress : callable, optional
        Called as ``progress(stage, done, total)`` while something takes long. Default: bars in a notebook and on a
        terminal, nothing elsewhere.
    purpose : str, optional
        What profiles are looked at for; kept in the access log, and needed where ``[access] ask_purpose`` says so.

    Returns
    -------
    Project

    Raises
    ------
    ConfigError
        When there is no configuration, or it is wrong.

    Examples
    --------
    >>> import tagcast
    >>> project = tagcast.open("tagcast.toml")
    >>> project.name
    'completejourney'
    """
    from tagcast.features.core.settings import load_settings
    from tagcast.features.core.system import warn_of_open_home

    where, kept = (None if path is None else Path(path) for path in (config, home))
    settings = load_settings(where, kept, Path.cwd())
    warn_of_open_home(settings.home)
    return Project(OpenedProject(settings, now=clock()), progress, purpose)

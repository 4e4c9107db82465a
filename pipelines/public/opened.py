"""What all methods of the public project share: the project behind it, the rights of the caller, time, and progress."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date, datetime, time
from functools import partial
from typing import TYPE_CHECKING

from tagcast.features.core.errors import DefinitionError, TagcastError
from tagcast.features.core.messages import msg
from tagcast.pipelines.entities import with_tags
from tagcast.pipelines.project import project as behind
from tagcast.pipelines.project.clock import clock
from tagcast.pipelines.project.local_user import local_origin, require_right
from tagcast.pipelines.project.progress import Progress
from tagcast.pipelines.public.progress_bars import shown_progress
from tagcast.registry.access.origin import asked_from

if TYPE_CHECKING:
    from tagcast.registry.access.roles import Person, Right
    from tagcast.serving.context import ServiceContext
    from tagcast.serving.store.reader_pool import Seen

Day = date | str
"""A date, or one as text: ``"2017-12-02"``."""


class Opened:
    """A project that is open: the base of all methods.

    Parameters
    ----------
    project : tagcast.pipelines.project.project.Project
    progress : callable, optional
        ``(stage, done, total)``; by default bars in a notebook and on a terminal.
    purpose : str, optional
        What profiles are looked at for, for the access log.
    """

    def __init__(
        self, project: behind.Project, progress: Progress | None = None, purpose: str | None = None
    ) -> None:
        self._project = project
        self._progress = progress
        self._purpose = purpose

    @contextmanager
    def _working(
        self, right: Right, now: datetime | None
    ) -> Iterator[tuple[behind.Project, datetime, Person]]:
        """Yield the project behind, the moment, and who works, once they have ``right``; progress is shown meanwhile."""
        moment = moment_of(now)
        person = require_right(self._project, right, valid_at(moment))
        self._project.now = moment
        before = self._project.progress
        with shown_progress(self._progress) as show, asked_from(local_origin("python", self._purpose)):
            self._project.progress = show
            try:
                yield self._project, moment, person
            finally:
                self._project.progress = before

    def _context(self, moment: datetime) -> ServiceContext:
        return context_at(self._project, moment)

    def _seen(self, person: Person, moment: datetime) -> Seen:
        """Return what of a run ``person`` may see."""
        from tagcast.serving.filters.row_rights import seen_by
        from tagcast.serving.store.reader_pool import whole

        return partial(seen_by, self._context(moment), person) if person.limits else whole

    def _check_entity(self, tag: str) -> None:
        """Refuse a tag of another entity, and say where it is."""
        for project, names in with_tags(self._project, [tag]):
            entity = project.settings.entity
            if names and entity != self._project.settings.entity:
                raise DefinitionError(
                    msg("{tag} is a tag of the entity {entity}", tag=tag, entity=entity),
                    hint=msg("take {call}", call=f"project.of({entity!r})"),
                )


def context_at(project: behind.Project, moment: datetime) -> ServiceContext:
    """Return what questions about the published run are asked of, at one moment."""
    from tagcast.serving.context import open_context

    return open_context(project.settings, lambda: moment)


def valid_at(moment: datetime) -> datetime:
    """Return when a key has to be valid: an expired one does not come alive by an earlier moment."""
    return max(moment, clock())


def moment_of(now: datetime | None) -> datetime:
    """Return the moment that was given, else that of the clock.

    Raises
    ------
    TagcastError
        For one without a timezone: it could be any of twenty-four.
    """
    if now is None:
        return clock()
    if not isinstance(now, datetime) or now.tzinfo is None:
        raise TagcastError(
            msg("now has to be a datetime with a timezone, found {now!r}", now=now),
            hint=msg("give one such as {example}", example="datetime(2026, 1, 31, 6, 0, tzinfo=UTC)"),
        )
    return now


def day_of(as_of: Day | None) -> date | None:
    """Return the day that was given: as a date, as text, or as the midnight with which it begins (a pandas Timestamp).

    Raises
    ------
    TagcastError
        For anything else.
    """
    if isinstance(as_of, str):
        try:
            return date.fromisoformat(as_of)
        except ValueError as error:
            raise _no_day(as_of) from error
    if isinstance(as_of, datetime):
        if as_of.time() != time():
            raise _no_day(as_of)
        return as_of.date()
    if as_of is not None and not isinstance(as_of, date):
        raise _no_day(as_of)
    return as_of


def _no_day(found: object) -> TagcastError:
    return TagcastError(
        msg("as_of has to be a day, found {found!r}", found=str(found)),
        hint=msg("give a date, or text such as {example}", example="'2026-01-31'"),
    )

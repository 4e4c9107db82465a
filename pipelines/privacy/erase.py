"""Profiles are erased from everything that a project keeps, in one pass; called again it finishes what was killed, and changes nothing else.

First of all they are put on the list of whom loads leave out: whatever breaks off after that, no load brings them back.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import ExitStack
from datetime import date, datetime
from typing import TYPE_CHECKING

from tagcast.features.core.errors import ConfigError, NotFoundError
from tagcast.features.core.messages import Message, language_of, msg, render
from tagcast.features.core.schema.entities import PROFILE
from tagcast.pipelines.entities import every
from tagcast.pipelines.privacy.home_files import (
    erase_from_exports,
    erase_from_kept,
    forget_copies,
    ids_kept,
)
from tagcast.pipelines.privacy.receipt import Receipt, TrainedModel, keep_receipt, receipt_file

if TYPE_CHECKING:
    from tagcast.features.ingest.suppression.erased_log import RewrittenLog
    from tagcast.pipelines.project.project import Project
    from tagcast.registry.access.roles import Person

WAIT_SECONDS = 60.0
"""For a run that is being written."""


def erase(project: Project, ids: Collection[str], *, by: Person, reason: str, now: datetime) -> Receipt:
    """Erase profiles under every id of theirs, and keep a receipt.

    Parameters
    ----------
    project : Project
        Of profiles.
    ids : collection of str
    by : Person
    reason : str
        Kept with the receipt; it should name nobody.
    now : datetime

    Raises
    ------
    NotAllowedError
        Where the person has no right to it.
    ConfigError
        Of another entity than the profile.
    TagcastError
        What cannot be read or written, by place; called again it goes on from there.
    """
    from tagcast.features.ingest.suppression.erased_log import source_ids
    from tagcast.features.ingest.suppression.suppressed import suppress, with_key
    from tagcast.features.loads.former_ids import read_former_ids
    from tagcast.registry.access.accessed_profiles import forget_profiles
    from tagcast.registry.access.audit_log import record
    from tagcast.registry.access.roles import require

    require(by, "erase")
    check_people(project)
    settings = project.settings
    wanted = sorted({one for one in read_former_ids(settings.home).same_person(ids) if one})
    if not wanted:
        raise NotFoundError(
            msg("no profile was named"), hint=msg("give ids, or --from a file with one a line")
        )
    there = frozenset(wanted).intersection(every_id(project))
    key = with_key(settings.home)
    digests = tuple(key.digest(one) for one in wanted)
    detail = {"profiles": len(wanted), "digests": list(digests), "reason": reason}
    record(project.state, now=now, who=by.name, action="profile.erase", detail=detail)
    listed = suppress(
        settings.home, [*digests, *(key.digest(one, name) for name, one in source_ids(settings, wanted))]
    )
    forgotten = forget_profiles(project.state, wanted, by=by.name, now=now)
    taken, left = _erased(project, wanted, listed.version)
    taken["access log"] = forgotten
    models = tuple(_models(project))
    last = {}
    for model in sorted(models, key=lambda one: one.trained_at):
        last[model.tag] = model.trained_at
    file = receipt_file(settings.home, now)
    receipt = Receipt(
        now, by.name, reason, len(set(ids)), len(there), digests, dict(taken), models, last, tuple(left), str(file)
    )  # fmt: skip
    keep_receipt(
        file, {**receipt.to_json(), "left": [render(one, language_of()) for one in left], "file": file.name}
    )
    return receipt


def erase_listed(project: Project, *, by: Person, now: datetime) -> Receipt | None:
    """Erase again whomever the list of a home names: what a restored backup has brought back.

    Returns
    -------
    Receipt or None
        None where nobody of them is there.
    """
    from tagcast.features.ingest.suppression.suppressed import read_suppression

    listed = read_suppression(project.settings.home)
    back = [one for one in {*every_id(project)} if listed.names(one)] if listed else []
    if not back:
        return None
    return erase(project, back, by=by, reason="a backup was restored", now=now)


def check_people(project: Project) -> None:
    """Pass only the project of profiles: who is behind another entity is said by its events' profiles.

    Raises
    ------
    ConfigError
    """
    if project.settings.entity != PROFILE:
        raise ConfigError(
            msg("only profiles are exported and erased, not each {entity}", entity=project.settings.entity),
            hint=msg("leave --entity out: what other entities hold of a profile is found as well"),
        )


def every_id(project: Project) -> Iterator[str]:
    """Yield every id of a profile that is kept anywhere, some again: today's, former ones, and those of stored runs and lists."""
    from tagcast.features.ingest.suppression.erased_log import ids_of_log
    from tagcast.registry.state.id_lists import every_listed_id

    yield from ids_of_log(project.settings)
    yield from project.store.every_id()
    yield from every_listed_id(project.state)
    yield from ids_kept(project.settings)


def _erased(project: Project, ids: Sequence[str], suppressed: str) -> tuple[Counter[str], list[Message]]:
    """Take profiles out of everything; return what was taken out where, and what could not be."""
    from tagcast.features.feast_store.online_profiles import OnlineProfiles
    from tagcast.registry.operations.erased_ids import erase_from_lists
    from tagcast.serving.store.erased import erase_profiles

    settings, taken = project.settings, Counter[str]()
    left: list[Message] = []
    taken.update(_erased_from_logs(project, ids, suppressed))
    stored = erase_profiles(project.store, ids, WAIT_SECONDS)
    taken.update({"store": stored.rows, "history": stored.changes})
    if stored.waiting:
        left.append(
            msg("readers hold {tables} tables of the store: erase again in a while", tables=stored.waiting)
        )
    taken.update(erase_from_kept(settings.home, ids))
    lists, whole = erase_from_lists(project.state, ids)
    taken.update({"lists": lists.total()})
    if not whole:
        left.append(
            msg(
                "the state is in use, and its file holds deleted rows until it is written anew: erase again in a while"
            )
        )
    for part in every(project):
        own = part is project
        online = OnlineProfiles(part.settings, "profile_id" if own else PROFILE)
        taken.update({"online store": online.erase(ids)})
        if not online.is_known and own:
            left.append(
                msg(
                    "the online store ({kind}) was not looked into: empty it and materialize again",
                    kind=online.kind,
                )
            )
        forget_copies(part.settings)
    taken.update({"exports": erase_from_exports(settings, ids)})
    return taken, left


def _erased_from_logs(project: Project, ids: Sequence[str], suppressed: str) -> Counter[str]:
    """Take profiles out of the event logs of all entities and of the snapshots that were built from them.

    All logs are written before any takes its place, while no load begins: a snapshot is on record under what its log will be.
    """
    from tagcast.features.compute.building.erased_rows import erase_from_snapshots
    from tagcast.features.ingest.suppression.erased_log import log_without

    taken = Counter[str]()
    with ExitStack() as stack:
        logs: list[RewrittenLog] = []
        for part in every(project):
            own = part is project
            column, version = ("profile_id", suppressed) if own else (PROFILE, "")
            log = stack.enter_context(log_without(part.settings, ids, version, column))
            if log is not None:
                logs.append(log)
                taken.update({"events": log.lines, "attributes": log.rows})
        for part in every(project):
            column = "profile_id" if part is project else PROFILE

            def renamed(as_of: date) -> Mapping[str, str]:
                return dict(_renamed(logs, as_of))

            taken.update({"features": erase_from_snapshots(part.settings.data, ids, column, renamed)})
    return taken


def _renamed(logs: Sequence[RewrittenLog], as_of: date) -> Iterator[tuple[str, str]]:
    """Yield the content ids of logs and their views before a day: as they were, and as they will be."""
    for log in logs:
        yield log.before.id_before(as_of), log.after.id_before(as_of)
        for view in log.before.views:
            yield log.before.view_id_before(view, as_of), log.after.view_id_before(view, as_of)


def _models(project: Project) -> Iterator[TrainedModel]:
    """Yield every version of every tag that is there: each may have learned from anybody."""
    from tagcast.registry.versions.tracking import tracking_exists, tracking_of
    from tagcast.registry.versions.versions import versions

    settings = project.settings
    if tracking_exists(settings.whole.home, settings.mlflow):
        for one in versions(tracking_of(settings)):
            yield TrainedModel(one.tag, one.version, one.created, one.aliases)

"""A saved audience in the active run and in the one before, each as it was defined and as the caller may see it."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime
from hashlib import sha256
from typing import TYPE_CHECKING

from sqlglot import exp

from tagcast.features.core.errors import NotFoundError, StoreError
from tagcast.features.core.messages import msg
from tagcast.models.filters.conditions import Filter, InAudience
from tagcast.registry.governance.audiences.versions import version_at, versions_of
from tagcast.registry.governance.saved_audiences import FIXED, get
from tagcast.serving.audiences.filter_resolution import hidden_attributes, names_for, visible_audiences
from tagcast.serving.catalog.known_tags import hidden_tags
from tagcast.serving.filters.filter_sql import condition
from tagcast.serving.filters.inlining import Inlining
from tagcast.serving.filters.row_rights import reader_for, seen_by

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tagcast.registry.access.roles import Person
    from tagcast.registry.governance.saved_audiences import SavedAudience
    from tagcast.serving.context import ServiceContext
    from tagcast.serving.filters.inlining import ResolvedFilter
    from tagcast.serving.store.base import StoreReader
    from tagcast.serving.store.manifest import Entry, Manifest


@dataclass(frozen=True)
class Side:
    """An audience in one of the two runs.

    Parameters
    ----------
    manifest : Manifest
    resolved : ResolvedFilter
        Its filter as it was, or is.
    moment : datetime
        Tags that have expired by then say nothing.
    """

    manifest: Manifest
    resolved: ResolvedFilter
    moment: datetime

    @property
    def expired(self) -> frozenset[str]:
        """Tags of the run that have expired."""
        return frozenset(tag.tag for tag in self.manifest.run.tags if tag.expires_at <= self.moment)

    @property
    def members(self) -> exp.Expr:
        """The condition for its members, in its run."""
        return self.condition(self.resolved.whole, self.resolved.frozen, self.expired)

    def condition(
        self, tree: Filter, frozen: Mapping[str, Collection[str]], expired: Collection[str]
    ) -> exp.Expr:
        """Return the condition for the members of a tree where these tags have expired."""
        return condition(tree, expires_at=dict.fromkeys(expired, self.moment), now=self.moment, frozen=frozen)


@dataclass(frozen=True)
class TwoRuns:
    """An audience in the run before and in the active one."""

    before: Side
    now: Side

    @property
    def key(self) -> str:
        """Names what is compared: the rows of both runs, and who is a member in each."""
        text = "\0".join(f"{side.manifest.rows_in} {side.members.sql()}" for side in (self.before, self.now))
        return sha256(text.encode()).hexdigest()


def run_before(log: Sequence[Entry]) -> tuple[Entry, Entry] | None:
    """Return the line by which the run before the active one was activated, and that of the active one; None where there is none."""
    since = None
    for entry in reversed(log):
        if since is not None and entry.manifest.number != since.manifest.number:
            return entry, since
        since = entry
    return None


def two_runs(context: ServiceContext, person: Person, name: str) -> TwoRuns | None:
    """Return a saved audience in the run before and in the active one; None where there is no run before.

    Before it is what it was when the active run came, or what it was first where it was saved later; tags that had expired
    when the run before came said nothing then.

    Raises
    ------
    NotFoundError
        When there is no such audience, or none that ``person`` may know of.
    FilterError
        Where its filter, now or then, names what is not known, or not theirs to see.
    StoreError
        Where its members of then are not on record.
    """
    audience = next((one for one in visible_audiences(context, person) if one.name == name), None)
    if audience is None:
        raise NotFoundError(msg("there is no saved audience {name!r}", name=name))
    lines = run_before(context.store.log())
    if lines is None:
        return None
    earlier, active = lines
    before = Side(
        earlier.manifest, _resolved(context, person, audience, earlier.manifest, active.at), earlier.at
    )
    return TwoRuns(
        before,
        Side(active.manifest, _resolved(context, person, audience, active.manifest, None), context.now),
    )


@contextmanager
def readers_of(
    context: ServiceContext, person: Person, runs: TwoRuns
) -> Iterator[tuple[StoreReader, StoreReader]]:
    """Yield readers of the run before and of the active one, as ``person`` may see them.

    Raises
    ------
    RunGoneError
        Where the rows of the run before are not kept any more.
    StoreError
        Where another run has been activated meanwhile.
    """
    with (
        context.store.store.open(runs.before.manifest) as reader,
        reader_for(context, person) as active,
    ):
        if active.manifest.rows_in != runs.now.manifest.rows_in:
            raise StoreError(
                msg("another run was published meanwhile"), hint=msg("a newer run was published: ask again")
            )
        yield seen_by(context, person, reader), active


def _resolved(
    context: ServiceContext, person: Person, audience: SavedAudience, run: Manifest, then: datetime | None
) -> ResolvedFilter:
    """Return the filter of an audience in a run, as of a moment or as it is."""
    names = names_for(context, person)
    if then is not None:
        secret = hidden_attributes(context, person) | hidden_tags(context, person)
        tags = [tag for tag in run.run.tags if tag.tag not in secret]
        names = replace(
            names,
            tags={tag.tag: tag.bands for tag in tags},
            values={tag.tag: tag.values for tag in tags},
            attributes={one: kind for one, kind in run.attributes.items() if one not in secret},
        )

    def saved(name: str) -> SavedAudience:
        return _as_of(context, get(context.state, name), then)

    text = InAudience(name=audience.name).text()
    reading = Inlining(
        context, names, text, hides=lambda _: not person.may("sensitive"), reads_frozen=False, saved=saved
    )
    return reading.resolved()


def _as_of(context: ServiceContext, audience: SavedAudience, then: datetime | None) -> SavedAudience:
    if then is None:
        return audience
    version = version_at(versions_of(context.state, audience), then)
    if version.kind in FIXED and audience.kind not in FIXED:
        raise StoreError(
            msg(
                "the members that {audience!r} had on record are not kept: it updates with every run now",
                audience=audience.name,
            ),
            hint=msg("after the next run it can be compared again"),
        )
    return replace(audience, kind=version.kind, filter=version.filter)

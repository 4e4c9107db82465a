"""The life of a tag: draft, in review, published, suspended, retired; each step with who, when and why.

::

    draft ──> in_review ──> published ──> suspended
      ^ └────────────────────^    ^────────────┘
      └── in_review, retired      (any but retired) ──> retired

Steps are only ever added. Where a second person has to agree, a tag is published from review alone, by somebody else
than who put it there.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Literal, get_args

from sqlalchemy import Column, Connection, Index, String, Table, Text, select

from tagcast.features.core.errors import ConflictError, NotAllowedError
from tagcast.features.core.messages import Message, listed, msg, pmsg
from tagcast.registry.access.roles import Person, require
from tagcast.registry.state.database import State
from tagcast.registry.state.tables import METADATA, NAME_LENGTH, UtcDateTime, serial
from tagcast.registry.state.text_validation import checked

Status = Literal["draft", "in_review", "published", "suspended", "retired"]
STATUSES: tuple[Status, ...] = get_args(Status)
STATUS_NAMES: dict[Status, Message] = {
    "draft": pmsg("status of a tag", "draft"),
    "in_review": pmsg("status of a tag", "in review"),
    "published": pmsg("status of a tag", "published"),
    "suspended": pmsg("status of a tag", "suspended"),
    "retired": pmsg("status of a tag", "retired"),
}
"""What they are called within a sentence."""
REASON_LENGTH = 2_000

_NEXT: dict[Status, tuple[Status, ...]] = {
    "draft": ("in_review", "published", "retired"),
    "in_review": ("published", "draft", "retired"),
    "published": ("suspended", "retired"),
    "suspended": ("published", "in_review", "retired"),
    "retired": ("draft",),
}

STEPS = Table(
    "life_steps",
    METADATA,
    serial(),
    Column("tag", String(250), nullable=False),
    Column("at", UtcDateTime, nullable=False),
    Column("who", String(NAME_LENGTH), nullable=False),
    Column("was", String(20), nullable=False),
    Column("to", String(20), nullable=False),
    Column("reason", Text, nullable=False),
    Index("life_steps_by_tag", "tag", "id"),
    sqlite_autoincrement=True,
)


@dataclass(frozen=True)
class LifeStep:
    """One step in the life of a tag.

    Parameters
    ----------
    tag : str
    at : datetime
        UTC.
    who : str
    was, to : Status
    reason : str
    """

    tag: str
    at: datetime
    who: str
    was: Status
    to: Status
    reason: str


def unrecorded(*, published: bool) -> Status:
    """Return where a tag stands that nobody has taken a step with.

    What was scored while nobody had to agree counts as published, so that a project has nothing to set up. It stays so when
    a second person is asked for later; only what is first scored from then on waits.
    """
    return "published" if published else "draft"


def status_of(state: State, tags: Iterable[str], *, published: Collection[str] = ()) -> dict[str, Status]:
    """Return where each of ``tags`` stands.

    Parameters
    ----------
    state : State
    tags : iterable of str
    published : collection of str
        Tags that count as published as long as nobody has taken a step with them.
    """
    newest = select(STEPS.c.tag, STEPS.c.to).order_by(STEPS.c.id)
    with state.reading() as connection:
        recorded: dict[str, Status] = {row.tag: row.to for row in connection.execute(newest)}
    return {tag: recorded.get(tag) or unrecorded(published=tag in published) for tag in tags}


def history(state: State, tag: str) -> list[LifeStep]:
    """Return the steps of ``tag``, oldest first."""
    with state.reading() as connection:
        return _steps(connection, tag)


def last_steps(state: State) -> dict[str, LifeStep]:
    """Return the newest step of every tag that somebody took one with."""
    with state.reading() as connection:
        rows = connection.execute(select(STEPS).order_by(STEPS.c.id))
        return {r.tag: LifeStep(r.tag, r.at, r.who, r.was, r.to, r.reason) for r in rows}


def next_steps(status: Status, *, second_person: bool) -> tuple[Status, ...]:
    """Return where a tag may go from ``status``, the usual step first."""
    steps = _NEXT[status]
    return tuple(s for s in steps if s != "published" or status == "in_review") if second_person else steps


def transition(
    state: State,
    tag: str,
    to: Status,
    *,
    by: Person,
    reason: str,
    now: datetime,
    second_person: bool,
    published: bool = False,
) -> LifeStep:
    """Take a tag one step on; recorded.

    Parameters
    ----------
    state : State
    tag : str
    to : Status
    by : Person
        Drafts are put into review, and taken back, by who may draft; every other step is for who may review.
    reason : str
    now : datetime
    second_person : bool
        Whether publishing takes somebody else than who put it into review.
    published : bool
        Where it stands if nobody has taken a step with it yet: whether it counts as published.

    Raises
    ------
    NotAllowedError
        Where ``by`` has not the right, or put it into review.
    ConflictError
        Where the step does not follow from where it stands.
    TagcastError
        Without a reason.
    """
    reason = checked(reason, msg("the reason"), at_most=REASON_LENGTH, lines=True)
    with state.writing() as connection:
        steps = _steps(connection, tag)
        was = steps[-1].to if steps else unrecorded(published=published)
        own = bool(steps) and was == "in_review" and steps[-1].who.casefold() == by.name.casefold()
        require(by, "draft" if to == "in_review" or (to == "draft" and own) else "review")
        allowed = next_steps(was, second_person=second_person)
        if to not in allowed:
            raise ConflictError(
                msg(
                    "{tag} is {status} and cannot become {wanted}",
                    tag=tag,
                    status=STATUS_NAMES[was],
                    wanted=STATUS_NAMES[to],
                ),
                hint=msg(
                    "from {status} it can become {allowed}",
                    status=STATUS_NAMES[was],
                    allowed=listed(STATUS_NAMES[one] for one in allowed),
                ),
            )
        if to == "published" and second_person and own:
            raise NotAllowedError(
                msg(
                    "{who} put {tag} into review, so somebody else has to publish it",
                    who=steps[-1].who,
                    tag=tag,
                ),
                hint=msg("ask a colleague who may review, or set second_person = false under [review]"),
            )
        step = LifeStep(tag, now, by.name, was, to, reason)
        connection.execute(STEPS.insert().values(vars(step)))
    return step


def _steps(connection: Connection, tag: str) -> list[LifeStep]:
    query = select(STEPS).where(STEPS.c.tag == tag).order_by(STEPS.c.id)
    return [LifeStep(r.tag, r.at, r.who, r.was, r.to, r.reason) for r in connection.execute(query)]

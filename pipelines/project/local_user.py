"""Who works at the command line: the user of the system, or the program or person whose key is given."""

from __future__ import annotations

import os
import pwd
from typing import TYPE_CHECKING, Literal

from tagcast.features.core.errors import NotAllowedError
from tagcast.features.core.messages import msg

if TYPE_CHECKING:
    from datetime import datetime

    from tagcast.pipelines.project.project import Project
    from tagcast.registry.access.origin import Origin
    from tagcast.registry.access.roles import Person, Right
    from tagcast.registry.state.database import State

KEY = "TAGCAST_KEY"
"""Environment variable that holds a key: others on the machine do not see it, as they see the words of a command."""


def system_user() -> str:
    """Return the name of the user who runs this process, as the system knows it; ``uid N`` where it knows none.

    Variables such as LOGNAME are not asked: anybody can set them.
    """
    try:
        return pwd.getpwuid(os.getuid()).pw_name
    except KeyError:
        return f"uid {os.getuid()}"


def local_user() -> Person:
    """Return the user of the system with every right, since their files these are."""
    from tagcast.registry.access.roles import Person

    return Person(system_user(), "owner")


def key_given() -> bool:
    """Return whether a command runs with a key, so that its rights are those of the key's role."""
    return bool(os.environ.get(KEY))


def local_origin(via: Literal["cli", "python"], purpose: str | None) -> Origin:
    """Return where a question on this machine comes from, for the access log."""
    from tagcast.registry.access.origin import Origin, cleaned_purpose

    return Origin(via, purpose=cleaned_purpose(purpose), owns_files=not key_given())


def caller(state: State, now: datetime) -> Person:
    """Return who runs a command: whose key is in ``TAGCAST_KEY``, with its role, else the user of the system.

    Raises
    ------
    NotAllowedError
        For a key that does not work.
    """
    from tagcast.registry.access.api_keys import person_of_key

    if not key_given():
        return local_user()
    person = person_of_key(state, os.environ[KEY].strip(), now)
    if person is None:
        raise NotAllowedError(
            msg("the key in {variable} does not work", variable=KEY),
            hint=msg("unset it, or set one that {command} shows as valid", command="tagcast key list"),
        )
    return person


def require_right(project: Project, right: Right, now: datetime) -> Person:
    """Return who works on a project's files, where they have ``right``; nothing is looked up where no key is given.

    Raises
    ------
    NotAllowedError
        For a key that does not work, or whose role lacks the right.
    """
    from tagcast.registry.access.roles import require

    if not key_given():
        return local_user()
    person = caller(project.accounts, now)
    require(person, right)
    return person


def name_of_caller(project: Project, now: datetime) -> str:
    """Return the name of who runs a command; nothing is looked up where no key is given."""
    return caller(project.accounts, now).name if key_given() else system_user()


def proposer(project: Project, now: datetime) -> str | None:
    """Return who proposes a new champion, None where the gate's word is enough."""
    return name_of_caller(project, now) if project.settings.review.second_person else None

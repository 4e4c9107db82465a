"""The first steps of a project, and which are done: from checked data to the first audience."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from tagcast.features.ingest.event_log import active_log
from tagcast.serving.audiences.filter_resolution import visible_audiences
from tagcast.serving.catalog.known_tags import trained_versions, written_tags

if TYPE_CHECKING:
    from tagcast.registry.access.roles import Person
    from tagcast.serving.context import ServiceContext

StepName = Literal["check", "train", "score", "audience"]


@dataclass(frozen=True)
class FirstStep:
    """One step.

    Parameters
    ----------
    name : {"check", "train", "score", "audience"}
    done : bool
    next : bool
        Whether it is the first that is not done.
    """

    name: StepName
    done: bool
    next: bool


def first_steps(context: ServiceContext, person: Person) -> list[FirstStep]:
    """Return the steps in their order; nothing once all are done."""
    scored = context.store.current() is not None
    # Rules alone need no training, and what was scored was ready for it.
    models = [one for one in written_tags(context) if one.kind != "rule"]
    done: dict[StepName, bool] = {
        "check": scored or active_log(context.settings.data) is not None,
        "train": scored or bool(trained_versions(context)) or (bool(written_tags(context)) and not models),
        "score": scored,
        "audience": bool(visible_audiences(context, person)),
    }
    if all(done.values()):
        return []
    first = next(name for name, is_done in done.items() if not is_done)
    return [FirstStep(name, is_done, name == first) for name, is_done in done.items()]

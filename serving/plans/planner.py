"""Who makes plans for those who serve.

To plan is to score everybody again with the changed definitions, which is the work of a run. Who serves does not do it: it holds
a :class:`Planner`, which whoever starts the server has made, and which works aside.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, Protocol

from tagcast.features.core.messages import NOTHING, Joined, Text

if TYPE_CHECKING:
    from datetime import datetime

    from tagcast.serving.plans.changes import Applied, Plan

Stage = Literal["none", "working", "ready", "failed"]


@dataclass(frozen=True)
class PlanState:
    """The newest plan of one entity of a project.

    Parameters
    ----------
    stage : {"none", "working", "ready", "failed"}
    plan : Plan or None
        What was found; while another is worked on, the one before.
    written : str
        What identifies the definitions and the run that were planned with.
    begun, ended : datetime or None
        When the newest was begun, and when it was ready or failed.
    by : str
        Who asked for it.
    problem, hint : Message, Joined or str
        Why it failed, and how to fix that.
    current : bool
        Whether neither definitions nor run have changed since.
    hidden : int
        Changed tags that the reader may not see.
    """

    stage: Stage = "none"
    plan: Plan | None = None
    written: str = ""
    begun: datetime | None = None
    ended: datetime | None = None
    by: str = ""
    problem: Text | Joined = NOTHING
    hint: Text | Joined = NOTHING
    current: bool = True
    hidden: int = 0


class Planner(Protocol):
    """Plans and applies the changed definitions of one entity; several threads may use it at once."""

    def state(self) -> PlanState:
        """Return the newest plan, and whether it is one of what is written now."""

    def begin(self, by: str, now: datetime) -> None:
        """Have a plan made aside; where one is being made, that one counts."""

    def apply(self, by: str, reason: str, now: datetime) -> Applied:
        """Activate what is written, as :func:`tagcast.pipelines.deployment.plan.apply_plan` does."""

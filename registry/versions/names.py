"""Names that MLflow keeps: aliases of versions, who decided, and the tags that say whose a model is."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from tagcast.features.core.messages import Message, msg

CHAMPION = "champion"


CHALLENGER = "challenger"


GATE = "gate"
SHADOW = "shadow"
"""Who proposes a version that proved better than the champion, run by run."""


PROJECT = "tagcast.project"
"""Tag of an experiment and of a registered model: the project of tagcast that it is of."""
MANAGED = "managed_by"


def ownership(project: str) -> dict[str, str]:
    """Return the tags of what tagcast makes for ``project``."""
    return {MANAGED: "tagcast", PROJECT: project}


def made_by_tagcast(tags: Mapping[str, str]) -> bool:
    """Return whether tagcast has made what carries these tags."""
    return tags.get(MANAGED) == "tagcast"


@dataclass(frozen=True)
class ForeignChampion:
    """An alias ``champion`` that names a version which tagcast did not make.

    Parameters
    ----------
    tag, version : str, int
        What MLflow's alias names.
    used : int or None
        The version that is champion all the same: the last that was promoted and is still there.
    """

    tag: str
    version: int
    used: int | None

    @property
    def message(self) -> Message:
        """What is wrong, and what is done about it."""
        named = msg(
            "{tag}: the alias champion in MLflow names version {version}, which tagcast did not make",
            tag=self.tag,
            version=self.version,
        )
        if self.used is None:
            return msg(
                "{problem}; no other version was ever promoted, so the tag has no champion", problem=named
            )
        return msg(
            "{problem}; version {used}, the last that was promoted, is used: {command} sets the alias back",
            problem=named,
            used=self.used,
            command=f"tagcast model promote {self.tag} {self.used} --reason …",
        )

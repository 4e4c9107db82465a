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


EXPERIMENT = {
    "mlflow.experimentKind": "custom_model_development",
    "mlflow.note.content": "Trainings of tags by tagcast: one run for each, and one below it for each setting that was tried.",
}
"""Tags of an experiment of tagcast: MLflow 3 opens it as one of models, with runs and their charts, not as one of GenAI."""


@dataclass(frozen=True)
class Provenance:
    """How a version came to be.

    Parameters
    ----------
    by : str
        Who trained it; empty where nobody knows.
    source : str
        The command that did.
    seconds : float
        How long the training took.
    about : str
        What the tag is, as Markdown: the description of its registered model.
    """

    by: str = ""
    source: str = ""
    seconds: float = 0.0
    about: str = ""

    @property
    def tags(self) -> dict[str, str]:
        """Those of a run, by the names that MLflow's own pages read."""
        given = {
            "mlflow.user": self.by,
            "mlflow.source.name": self.source,
            "mlflow.source.type": "LOCAL" if self.source else "",
        }
        return {name: value for name, value in given.items() if value}


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

"""Names that MLflow keeps on versions: aliases and who decided."""

from __future__ import annotations

from dataclasses import dataclass

from tagcast.features.core.messages import Message, msg

CHAMPION = "champion"


CHALLENGER = "challenger"


GATE = "gate"


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

"""The table of `tagcast.toml` on Spark: which session works, and what driver and tasks both see."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, field_validator

from tagcast.features.core.messages import msg
from tagcast.features.core.validation import InvalidValueError, Strict

EngineName = Literal["duckdb", "spark"]
_MASTERS = ("local", "yarn", "spark://", "k8s://", "sc://")


class Spark(Strict):
    """Where ranges of profiles are worked on, with engine = "spark"; memory and cores are those of the session."""

    session: str | None = Field(
        None,
        description="master (local[4], spark://host:7077, yarn, k8s://…) or sc://host:15002 for Spark Connect; "
        "default: the session that is active, as in a notebook",
    )
    shared: str | None = Field(
        None,
        description="folder that driver and tasks see under the same name, for the event log, snapshots, staged runs and "
        "what is read of tables; "
        "default: the home",
    )
    python: str | None = Field(
        None,
        description="interpreter of the tasks, with tagcast's dependencies; default: that of the driver",
    )
    archives: tuple[str, ...] = Field(
        (), description="archives that Spark unpacks beside each task, such as env.tar.gz#env"
    )
    partitions: int | None = Field(
        None, ge=1, description="ranges that all profiles are parted into; default: by the size of the log"
    )

    @field_validator("session")
    @classmethod
    def _check_session(cls, value: str | None) -> str | None:
        if value is not None and not value.startswith(_MASTERS):
            raise InvalidValueError(
                msg("expected local[n], spark://…, yarn, k8s://… or sc://…, found {value!r}", value=value)
            )
        return value

    @property
    def remote(self) -> bool:
        """Whether the session is reached through Spark Connect."""
        return self.session is not None and self.session.startswith("sc://")

"""The table of `tagcast.toml` on Spark: which session works, and what driver and tasks both see."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, field_validator

from tagcast.features.core.messages import msg
from tagcast.features.core.urls import expand_url, holds_secret
from tagcast.features.core.validation import InvalidValueError, Strict

EngineName = Literal["duckdb", "spark"]
_MASTERS = ("local", "yarn", "spark://", "k8s://", "sc://")


class Spark(Strict):
    """Where ranges of profiles are worked on, with engine = "spark"; memory and cores are those of the session."""

    session: str | None = Field(
        None,
        description="master (local[4], spark://host:7077, yarn, k8s://…) or sc://host:15002 for Spark Connect, a token as "
        "sc://host/;token=${VARIABLE}; default: the session that is active, as in a notebook",
    )
    shared: str | None = Field(
        None,
        description="folder that driver and tasks see under the same name, for the event log, snapshots, staged runs and "
        "what is read of tables; files of sources that lie in it are read by tasks; "
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
        if value is None:
            return value
        place, _, parameters = value.partition(";")
        if holds_secret("", place) or holds_secret("", f";{parameters}"):
            raise InvalidValueError(
                msg("a secret is written in it: name it as ${{VARIABLE}} and set it in the environment")
            )
        if not value.startswith(_MASTERS):
            # What follows may hold what no message shows.
            raise InvalidValueError(
                msg("expected local[n], spark://…, yarn, k8s://… or sc://…, found {value!r}", value=place)
            )
        return value

    @property
    def address(self) -> str | None:
        """The session with its variables filled in, for whoever opens it: it may hold a token.

        Raises
        ------
        ConfigError
            For a variable that is not set. No value is shown.
        """
        return None if self.session is None else expand_url(self.session, "spark.session")

    @property
    def remote(self) -> bool:
        """Whether the session is reached through Spark Connect."""
        return self.session is not None and self.session.startswith("sc://")

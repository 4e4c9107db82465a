"""The tables of `tagcast.toml` on operation: training, publishing, review, state, Feast and MLflow of a company's own."""

from __future__ import annotations

import re
from typing import Any, Literal, Self, get_args

from pydantic import Field, ValidationInfo, field_validator, model_validator

from tagcast.features.core.messages import msg
from tagcast.features.core.schema.entities import PROFILE
from tagcast.features.core.urls import expand_url, holds_password, holds_secret, password_in_url
from tagcast.features.core.validation import InvalidValueError, Strict

_TRACKING = r"(https?|sqlite|postgresql|postgres|mysql|mssql)(\+\w+)?://|databricks(://|$)|\$\{\w+\}$"


class Train(Strict):
    """How much models learn from: what the machine that trains can hold."""

    most_rows_per_snapshot: int | None = Field(
        None,
        ge=1_000,
        description="rows of each snapshot that a model learns from, at most; of more so many are drawn, and weighed. Default: of "
        "more than 300,000 rows of all snapshots 240,000 are drawn",
    )


class Publish(Strict):
    """How many runs the store keeps, and how far a run may differ from earlier ones before it is refused."""

    keep: int = Field(5, ge=1, description="published runs kept, the active one among them")
    base_change: float = Field(0.4, gt=0, description="of the number of profiles")
    population_change: float = Field(0.5, gt=0, description="of the population of a tag")
    share_change: float = Field(0.25, gt=0, le=1, description="of the share of any value of a tag")
    psi: float = Field(0.5, gt=0, description="population stability index of the scores of a tag")
    reference_days: int = Field(
        30, ge=1, description="also held against the oldest run of so many days before"
    )


class Review(Strict):
    """Who has to agree before something is active."""

    second_person: bool = Field(
        False, description="whether somebody else approves what is published, and each new champion"
    )


Occasion = Literal[
    "refused", "failed", "stale", "promise_broken", "review_needed", "disk", "audience_changed"
]


class Notify(Strict):
    """Who hears of what happened in a night of `tagcast run due`."""

    webhook: str | None = Field(
        None, description="https://… that takes a POST of JSON, with secrets as ${VARIABLE}"
    )
    mail: tuple[str, ...] = Field((), description="addresses that get a mail")
    smtp: str | None = Field(
        None,
        description="server of the mail: smtp://user:${PASSWORD}@host:587, smtps:// for TLS from the start",
    )
    sender: str | None = Field(None, description="address that the mail comes from")
    on: tuple[Occasion, ...] = Field(
        get_args(Occasion),
        description="refused: a run was refused; failed: a step failed; stale: a tag has expired; promise_broken; review_needed: a "
        "version waits for a person; disk: the home's disk is nearly full, or soon will be; audience_changed: the size of a saved audience changed suddenly",
    )
    audience_change: float | None = Field(
        None,
        gt=0,
        description="change of a saved audience's size from one run to the next that is sudden, as a share: 0.3. Default: beyond what "
        "each usually changes by",
    )

    @field_validator("webhook", "smtp")
    @classmethod
    def _check_no_password(cls, value: str | None) -> str | None:
        if value is not None and holds_password(value):
            raise InvalidValueError(password_in_url())
        return value

    @model_validator(mode="after")
    def _check_mail(self) -> Self:
        if self.mail and not (self.smtp and self.sender):
            raise InvalidValueError(msg("mail needs smtp, the server, and sender, whom it comes from"))
        return self


class StateDatabase(Strict):
    """Where accounts, audit log, saved audiences and the like are stored."""

    url: str | None = Field(
        None, description="postgresql://… with secrets as ${VARIABLE}; default: registry.db in the home"
    )

    @field_validator("url")
    @classmethod
    def _check_url(cls, value: str | None) -> str | None:
        if value is not None and not value.startswith(
            ("postgresql://", "postgresql+psycopg://", "postgres://")
        ):
            raise InvalidValueError(msg("expected postgresql://…, or no url for registry.db in the home"))
        if value is not None and holds_password(value):
            raise InvalidValueError(password_in_url())
        return value


class Feast(Strict):
    """A Feast of the company's own, where tagcast's objects lie beside others."""

    project: str = Field(
        "tagcast",
        pattern=r"^[A-Za-z0-9][A-Za-z0-9_]*$",
        description="Feast project that holds tagcast's entities, sources, views and services",
    )
    registry: str | dict[str, Any] | None = Field(
        None,
        description="as in feature_store.yaml, handed on: a path on s3:// or gs://, or {registry_type, path, …}; "
        "secrets as ${VARIABLE}. Default: a SQLite file in the home",
    )
    online_store: dict[str, Any] | None = Field(
        None,
        description="as in feature_store.yaml, handed on: {type, connection_string, …}; secrets as ${VARIABLE}. "
        "Default: a SQLite file in the home",
    )

    @field_validator("registry", "online_store", mode="before")
    @classmethod
    def _check_handed_on(cls, value: Any, info: ValidationInfo) -> Any:
        fits = isinstance(value, dict) or (info.field_name == "registry" and isinstance(value, str))
        if value is not None and not fits:
            raise InvalidValueError(
                msg("expected what feature_store.yaml has under {key}", key=info.field_name)
            )
        # The message must not repeat what was found.
        if holds_secret("", value):
            raise InvalidValueError(
                msg("a password is written in it: name it as ${{VARIABLE}} and set it in the environment")
            )
        return value

    def of_entity(self, entity: str) -> Feast:
        """Return it with a Feast project for each entity beside the profile: all have keys and services of the same names."""
        return self if entity == PROFILE else self.model_copy(update={"project": f"{self.project}_{entity}"})


class Mlflow(Strict):
    """An MLflow of the company's own, where tagcast's experiment and models lie beside others."""

    tracking_uri: str | None = Field(
        None,
        description="https://… of an MLflow server, or a database; user and password as MLflow's own "
        "MLFLOW_TRACKING_USERNAME and MLFLOW_TRACKING_PASSWORD. Default: MLFLOW_TRACKING_URI, else mlflow.db in the home",
    )
    experiment: str | None = Field(
        None,
        min_length=1,
        description="experiment of the runs; one that ends in / or . is put before the project's name. Default: the project's name",
    )
    prefix: str = Field(
        "", pattern=r"^[^/:\s]*$", description="put before names of tags in the model registry: tagcast."
    )

    @field_validator("tracking_uri")
    @classmethod
    def _check_uri(cls, value: str | None) -> str | None:
        # The message must not repeat what was found: a password may be written in it.
        if value is not None and not re.match(_TRACKING, value):
            raise InvalidValueError(msg("expected https://… of an MLflow server, or the URL of a database"))
        if value is not None and holds_password(value):
            raise InvalidValueError(password_in_url())
        return value

    def experiment_of(self, project: str) -> str:
        """Return the name of the experiment of ``project``."""
        if self.experiment is None:
            return project
        return f"{self.experiment}{project}" if self.experiment.endswith(("/", ".")) else self.experiment

    def place(self, file: str) -> str | None:
        """Return the tracking URI with its variables filled in, for errors that name ``file``; None where none is set."""
        if self.tracking_uri is None:
            return None
        return expand_url(self.tracking_uri, f"{file}: mlflow.tracking_uri")

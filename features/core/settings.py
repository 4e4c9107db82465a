"""`tagcast.toml`: where the events are, what their columns mean, where things are stored.

A path may be a file or a glob, may start with ``package:NAME/`` for a file inside an installed package, and
may hold ``${VARIABLE}`` from the environment. Relative paths start at the configuration's folder.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any, Self

from pydantic import BaseModel, Field, PrivateAttr, ValidationError, field_validator, model_validator

from tagcast.features.core.configuration_file import find_configuration, read_configuration
from tagcast.features.core.errors import ConfigError
from tagcast.features.core.home.stamp import check_owner
from tagcast.features.core.messages import Text, listed, msg
from tagcast.features.core.schema import operation
from tagcast.features.core.schema.access import Access
from tagcast.features.core.schema.campaigns import Campaigns, Contact, check_campaigns, check_consent
from tagcast.features.core.schema.engine import EngineName, Spark
from tagcast.features.core.schema.entities import ENTITIES, PROFILE, Entity, check_entities
from tagcast.features.core.schema.identity_provider import Oidc
from tagcast.features.core.schema.keep import Keep
from tagcast.features.core.schema.profiles import Facts, Profiles
from tagcast.features.core.schema.sources import Identity, Join, Source
from tagcast.features.core.urls import NEVER_SHOWN, expand_url, holds_password, located
from tagcast.features.core.validation import InvalidValueError, Strict, at, explained, with_near, zone

ENVIRONMENT = {
    "TAGCAST_MEMORY_LIMIT": "memory_limit",
    "TAGCAST_THREADS": "threads",
    "TAGCAST_SEED": "seed",
    "TAGCAST_STORE": "store",
    "TAGCAST_STATE": "state",
}


class Settings(Strict):
    """A configuration, read and checked."""

    name: str = Field(min_length=1)
    timezone: str = Field("UTC", description="whose calendar days count")
    tags: str = Field("models/tags", description="folder of tag definitions")
    features: str | None = Field(None, description="folder of views of your own; tagcast's are always there")
    currency: str = Field("", max_length=12, description="of the amounts in the data, such as EUR")
    sources: tuple[Source, ...] = Field(min_length=1)
    profiles: Profiles | None = None
    facts: Facts = Facts()
    identity: Identity | None = None
    entities: dict[str, Entity] = Field(
        default_factory=dict, description="what events are about beside the profile: name = entity"
    )
    store: str | None = Field(
        None, description="folder, or postgresql://… with secrets as ${VARIABLE}; default: store in the home"
    )
    train: operation.Train = operation.Train()
    publish: operation.Publish = operation.Publish()
    keep: Keep = Keep()
    review: operation.Review = operation.Review()
    notify: operation.Notify = operation.Notify()
    consent: dict[str, str] = Field(
        default_factory=dict, description='channel = attribute that says yes: email = "email_ok"'
    )
    campaigns: Campaigns = Campaigns()
    contact: Contact = Contact()
    access: Access = Access()
    state: operation.StateDatabase = operation.StateDatabase()
    feast: operation.Feast = operation.Feast()
    mlflow: operation.Mlflow = operation.Mlflow()
    engine: EngineName = Field("duckdb", description="where features are computed and profiles are scored")
    spark: Spark = Spark()
    seed: int = 0
    memory_limit: str = Field("2GB", pattern=r"^\d+(\.\d+)?\s?([KMGT]i?B|%)$")
    threads: int | None = Field(None, gt=0)
    path: Path = Field(exclude=True)
    home: Path = Field(exclude=True)
    _entity: str = PrivateAttr(PROFILE)
    _whole: Settings | None = PrivateAttr(None)

    @field_validator("timezone")
    @classmethod
    def _check_zone(cls, value: str) -> str:
        return zone(value)

    @field_validator("store")
    @classmethod
    def _check_store(cls, value: str | None) -> str | None:
        scheme, mark, _ = (value or "").partition("://")
        if mark and scheme not in {"postgresql", "postgres"}:
            raise InvalidValueError(
                msg("a store is a folder or postgresql://…, found {scheme}://", scheme=scheme)
            )
        return value

    @model_validator(mode="after")
    def _check_names(self) -> Self:
        names = [s.name for s in self.sources]
        if len(set(names)) != len(names):
            raise InvalidValueError(msg("two sources have one name: {names}", names=listed(names)))
        if mixed := sorted({*self.numbers} & {*self.words}):
            raise InvalidValueError(
                msg("{columns}: numbers of one source and words of another", columns=listed(mixed))
            )
        return self

    @model_validator(mode="after")
    def _check_entities(self) -> Self:
        check_entities(self.entities, self.sources, self.profiles)
        return self

    @model_validator(mode="after")
    def _check_operation(self) -> Self:
        check_consent(self.consent, self.profiles.columns if self.profiles else ())
        check_campaigns(self.campaigns, self.words)
        return self

    @property
    def numbers(self) -> tuple[str, ...]:
        """Further columns of the event log that hold numbers, sorted."""
        return tuple(sorted({name for source in self.sources for name in source.numbers}))

    @property
    def words(self) -> tuple[str, ...]:
        """Further columns of the event log that hold words, sorted; the keys of entities are words."""
        return tuple(sorted({name for source in self.sources for name in source.named}))

    @property
    def entity(self) -> str:
        """The entity that these settings are of; :mod:`tagcast.features.entities` makes those of others."""
        return self._entity

    @property
    def whole(self) -> Settings:
        """The settings of the profiles, which are those of the project; accounts are the same for every entity."""
        return self._whole or self

    def seen_by(self, entity: str, whole: Settings) -> None:
        """Make these the settings of an entity of ``whole``."""
        self._entity, self._whole = entity, whole

    @property
    def folder(self) -> Path:
        """Where relative paths start."""
        return self.path.parent

    @property
    def data(self) -> Path:
        """Where the event log and snapshots lie: in the home, or where all machines see them."""
        if self.engine == "duckdb" or self.spark.shared is None:
            return self.home
        shared = Path(self.resolve(self.spark.shared, "spark.shared"))
        return shared if self._whole is None else shared / ENTITIES / self._entity

    @property
    def store_place(self) -> str | None:
        """The store with its variables filled in: a URL, or a folder from the configuration's own on."""
        if self.store is None:
            return None
        # A variable may hold the whole URL, as hosts hand it out.
        place = expand_url(self.store, f"{self.path.name}: store")
        if "://" not in place:  # in a database the name of the project keeps entities apart
            folder = Path(self.resolve(self.store, "store"))
            return str(folder if self._whole is None else folder / ENTITIES / self._entity)
        try:
            return self._check_store(place)
        except InvalidValueError as error:
            raise ConfigError(
                msg("{file}: store: {problem}", file=self.path.name, problem=error.message),
                hint=msg("as in postgresql://user:${{PASSWORD}}@host/database"),
            ) from None

    @property
    def state_place(self) -> str | None:
        """The URL of the state with its variables filled in; None is ``registry.db`` in the home."""
        return None if self.state.url is None else expand_url(self.state.url, f"{self.path.name}: state.url")

    @property
    def rate_limit_place(self) -> str:
        """The storage of rate limits with its variables filled in."""
        return expand_url(self.access.rate_limit_storage, f"{self.path.name}: access.rate_limit_storage")

    @property
    def sensitive(self) -> tuple[str, ...]:
        """The attributes that are marked sensitive."""
        return self.profiles.sensitive if self.profiles else ()

    @property
    def features_folder(self) -> Path | None:
        """The folder of declared views."""
        return None if self.features is None else self.folder / self.features

    @property
    def tags_folder(self) -> Path:
        """The folder of tag definitions."""
        return self.folder / self.tags

    def resolve(self, path: str, where: str) -> str:
        """Return ``path`` as an absolute file name or glob, or as the address that it is.

        Raises
        ------
        ConfigError
            For a variable that is not set or a package that is not installed.
        """
        return located(path, self.folder, f"{self.path.name}: {where}")


def load_settings(path: Path | None, home: Path | None, start: Path, *, ready: bool = True) -> Settings:
    """Read and check a configuration.

    Parameters
    ----------
    path : Path or None
        The file; None looks for ``tagcast.toml`` in ``start`` and the folders above.
    home : Path or None
        Where things are stored; None takes ``TAGCAST_HOME``, else ``.tagcast`` beside the file.
    start, ready : Path and bool
        ``ready``: the home has to be one to work in, not half restored and of the layout of this version.

    Raises
    ------
    ConfigError
        Naming the file, the key, what was found and what would be right; or when the home is another project's.
    """
    file = (path or find_configuration(start)).absolute()
    raw = read_configuration(file)
    if isinstance(raw.get("store"), str) and holds_password(raw["store"]):
        raise ConfigError(
            msg("{file}: store: a password is written in it", file=file),
            hint=msg("name it as ${{VARIABLE}} and set it in the environment, or set TAGCAST_STORE there"),
        )
    for variable, key in ENVIRONMENT.items():
        if variable in os.environ:
            raw[key] = {"url": os.environ[variable]} if key == "state" else os.environ[variable]
    kept = home or Path(os.environ.get("TAGCAST_HOME") or file.parent / ".tagcast")
    try:
        settings = Settings.model_validate({**raw, "path": file, "home": kept.absolute()})
    except ValidationError as error:
        found = error.errors(include_url=False)
        # One wrong source also makes the list of sources too short: one error is enough.
        inner = [e for e in found if e["type"] != "too_short"] or found
        raise ConfigError(
            msg("{file}: {problem}", file=file, problem=listed(map(_explain, inner), "sentences")),
            hint=msg("README, 'Your own data', shows every part"),
        ) from error
    check_owner(settings.home, settings.name, ready=ready)
    return settings


_DEFAULTS = {name: one.default for name, one in Settings.model_fields.items()}
_MODELS: dict[str, type[BaseModel]] = {
    **{name: type(table) for name, table in _DEFAULTS.items() if isinstance(table, Strict)},
    "sources": Source, "joins": Join, "profiles": Profiles, "table": Profiles, "entities": Entity, "identity": Identity,
    "oidc": Oidc,
}  # fmt: skip


def _explain(error: Any) -> Text:
    place = ".".join(str(part) for part in error["loc"])
    if error["type"] == "missing":
        return msg("{key} is missing", key=place)
    if error["type"] == "extra_forbidden":
        owner = next((_MODELS[p] for p in reversed(error["loc"][:-1]) if p in _MODELS), Settings)
        known = [name for name in owner.model_fields if name not in {"path", "home"} or owner is not Settings]
        return at(place, with_near(explained(error), str(error["loc"][-1]), known))
    # A whole table is not shown, and never a URL: it may hold what belongs into the environment.
    plain = isinstance(error["input"], str | int | float) and not NEVER_SHOWN & set(error["loc"])
    return at(place, explained(error), repr(error["input"]) if plain else "")

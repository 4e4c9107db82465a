"""`tagcast.toml`: where the events are, what their columns mean, where things are kept.

A path may be a file or a glob, may start with ``package:NAME/`` for a file inside an installed package, and
may hold ``${VARIABLE}`` from the environment. Relative paths start at the configuration's folder.
"""

from __future__ import annotations

import os
import re
import tomllib
from difflib import get_close_matches
from pathlib import Path
from typing import Any, Literal, Self
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from features.errors import ConfigError

FILE_NAME = "tagcast.toml"
EVENT_COLUMNS = (
    "profile_id",
    "event_time",
    "amount",
    "quantity",
    "discount",
    "category",
    "item_id",
    "order_id",
    "channel",
)
REQUIRED_COLUMNS = ("profile_id", "event_time")
_VARIABLE = re.compile(r"\$\{(\w+)\}")
_PASSWORD = re.compile(r"://[^/@\s:]+:(?!\$\{)[^/@\s]+@")
ENVIRONMENT = {
    "TAGCAST_MEMORY_LIMIT": "memory_limit",
    "TAGCAST_THREADS": "threads",
    "TAGCAST_SEED": "seed",
    "TAGCAST_STORE": "store",
}


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Place(_Strict):
    """Where a table is: a file, a glob, or a table or query of a database."""

    path: str | None = Field(None, description="file or glob; package:NAME/… inside an installed package")
    url: str | None = Field(None, description="SQLAlchemy URL; secrets as ${VARIABLE}")
    table: str | None = None
    query: str | None = None
    format: Literal["parquet", "csv"] | None = Field(None, description="by suffix where not given")

    @model_validator(mode="after")
    def _check_place(self) -> Self:
        if (self.path is None) == (self.url is None):
            raise ValueError("give either path (a file or glob) or url (a database)")
        if self.url is not None and (self.table is None) == (self.query is None):
            raise ValueError("a url needs either table or query")
        if self.url is not None and _PASSWORD.search(self.url):
            raise ValueError(
                "a password is written in url: name it as ${VARIABLE} and set it in the environment"
            )
        return self


class Join(Place):
    """A dimension table: its ``columns`` become columns of the source."""

    on: str | dict[str, str] = Field(
        description="the column both share, or {source column = dimension column}"
    )
    columns: tuple[str, ...] = Field(min_length=1)

    @property
    def keys(self) -> dict[str, str]:
        """Source column to dimension column."""
        return {self.on: self.on} if isinstance(self.on, str) else dict(self.on)


class Source(Place):
    """One table of events and how it maps onto the event log."""

    name: str = Field(pattern=r"^[a-z][a-z0-9_]*$")
    timezone: str = Field("UTC", description="how times without a zone are read")
    event: str = Field(
        "purchase", pattern=r"^[a-z][a-z0-9_]*$", description="name of every event of this source"
    )
    event_column: str | None = Field(None, description="or the column that holds the name")
    time_format: str | None = Field(None, description="strptime format where the time is text or a number")
    where: str | None = Field(None, description="SQL condition; other rows are left out")
    returns: str | None = Field(None, description="SQL condition; these rows give money back")
    deduplicate: bool = Field(False, description="exact duplicate lines count once")
    columns: dict[str, str] = Field(description="event-log column = source column")
    derive: dict[str, str] = Field(default_factory=dict, description="event-log column = SQL expression")
    joins: tuple[Join, ...] = ()

    @model_validator(mode="after")
    def _check_columns(self) -> Self:
        for column in (*self.columns, *self.derive):
            if column not in EVENT_COLUMNS:
                raise ValueError(f"{column!r} is no column of the event log{_near(column, EVENT_COLUMNS)}")
        both = set(self.columns) & set(self.derive)
        if both:
            raise ValueError(f"{', '.join(sorted(both))}: both in columns and in derive")
        for column in REQUIRED_COLUMNS:
            if column not in self.columns and column not in self.derive:
                raise ValueError(f"columns has to say where {column} comes from")
        return self

    @field_validator("timezone")
    @classmethod
    def _check_zone(cls, value: str) -> str:
        return _zone(value)


class Profiles(Place):
    """Attributes of profiles, to filter on."""

    key: str
    columns: tuple[str, ...] = Field(min_length=1)


class Identity(Place):
    """Which ids of which source belong to which profile."""

    source: str = Field("source", description="column that holds the source's name")
    source_id: str = Field("source_id", description="column that holds the source's id")
    profile_id: str = Field("profile_id", description="column that holds the profile")


class Publish(_Strict):
    """How many runs the store keeps, and how far a run may differ from the last one before it is refused."""

    keep: int = Field(5, ge=1, description="published runs kept, the one in force among them")
    base_change: float = Field(0.4, gt=0, description="of the number of profiles")
    population_change: float = Field(0.5, gt=0, description="of the population of a tag")
    share_change: float = Field(0.25, gt=0, le=1, description="of the share of any value of a tag")
    psi: float = Field(0.5, gt=0, description="population stability index of the scores of a tag")


class Settings(_Strict):
    """A configuration, read and checked."""

    name: str = Field(min_length=1)
    timezone: str = Field("UTC", description="whose calendar days count")
    tags: str = Field("models/tags", description="folder of tag definitions")
    sources: tuple[Source, ...] = Field(min_length=1)
    profiles: Profiles | None = None
    identity: Identity | None = None
    store: str | None = Field(
        None, description="folder, or postgresql://… with secrets as ${VARIABLE}; default: store in the home"
    )
    publish: Publish = Publish()
    seed: int = 0
    memory_limit: str = Field("2GB", pattern=r"^\d+(\.\d+)?\s?([KMGT]i?B|%)$")
    threads: int | None = Field(None, gt=0)
    path: Path = Field(exclude=True)
    home: Path = Field(exclude=True)

    @field_validator("timezone")
    @classmethod
    def _check_zone(cls, value: str) -> str:
        return _zone(value)

    @field_validator("store")
    @classmethod
    def _check_store(cls, value: str | None) -> str | None:
        scheme, mark, _ = (value or "").partition("://")
        if mark and scheme not in {"postgresql", "postgres"}:
            raise ValueError(f"a store is a folder or postgresql://…, found {scheme}://")
        return value

    @model_validator(mode="after")
    def _check_names(self) -> Self:
        names = [s.name for s in self.sources]
        if len(set(names)) != len(names):
            raise ValueError(f"two sources have one name: {', '.join(names)}")
        return self

    @property
    def folder(self) -> Path:
        """Where relative paths start."""
        return self.path.parent

    @property
    def store_place(self) -> str | None:
        """The store with its variables filled in: a URL, or a folder from the configuration's own on."""
        if self.store is None or "://" in self.store:
            return None if self.store is None else expand(self.store, f"{self.path.name}: store")
        return self.resolve(self.store, "store")

    @property
    def tags_folder(self) -> Path:
        """The folder of tag definitions."""
        return self.folder / self.tags

    def resolve(self, path: str, where: str) -> str:
        """Return ``path`` as an absolute file name or glob.

        Raises
        ------
        ConfigError
            For a variable that is not set or a package that is not installed.
        """
        text = expand(path, f"{self.path.name}: {where}")
        if text.startswith("package:"):
            package, _, inside = text.removeprefix("package:").partition("/")
            return str(_package_folder(package, f"{self.path.name}: {where}") / inside)
        return str(self.folder / Path(text).expanduser())


def expand(text: str, where: str) -> str:
    """Fill in ``${VARIABLE}`` from the environment.

    Raises
    ------
    ConfigError
        For one that is not set.
    """
    for variable in _VARIABLE.findall(text):
        if variable not in os.environ:
            raise ConfigError(
                f"{where} names the variable {variable}, which is not set", mend=f"export {variable}=…"
            )
    return _VARIABLE.sub(lambda m: os.environ[m.group(1)], text)


def load_settings(path: Path | None, home: Path | None, start: Path) -> Settings:
    """Read and check a configuration.

    Parameters
    ----------
    path : Path or None
        The file; None looks for ``tagcast.toml`` in ``start`` and the folders above.
    home : Path or None
        Where things are kept; None takes ``TAGCAST_HOME``, else ``.tagcast`` beside the file.
    start : Path

    Raises
    ------
    ConfigError
        Naming the file, the key, what was found and what would be right.
    """
    file = (path or _find(start)).absolute()
    try:
        raw = tomllib.loads(file.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise ConfigError(
            f"there is no configuration {file}", mend="give --config FILE, or copy an example"
        ) from None
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise ConfigError(
            f"{file}: cannot be read as TOML: {error}", mend="mend the line it names"
        ) from error
    if isinstance(raw.get("store"), str) and _PASSWORD.search(raw["store"]):
        raise ConfigError(
            f"{file}: store: a password is written in it",
            mend="name it as ${VARIABLE} and set it in the environment, or set TAGCAST_STORE there",
        )
    for variable, key in ENVIRONMENT.items():
        if variable in os.environ:
            raw[key] = os.environ[variable]
    kept = home or (
        Path(os.environ["TAGCAST_HOME"]) if os.environ.get("TAGCAST_HOME") else file.parent / ".tagcast"
    )
    try:
        return Settings.model_validate({**raw, "path": file, "home": kept.absolute()})
    except ValidationError as error:
        found = error.errors(include_url=False, include_context=False)
        # One wrong source also makes the list of sources too short: said once is enough.
        inner = [e for e in found if e["type"] != "too_short"] or found
        raise ConfigError(
            f"{file}: " + "; ".join(_explain(e) for e in inner),
            mend="README, 'Your own data', shows every part",
        ) from error


def _find(start: Path) -> Path:
    for folder in (start, *start.parents):
        if (folder / FILE_NAME).is_file():
            return folder / FILE_NAME
    raise ConfigError(
        f"no {FILE_NAME} in {start} or above it", mend=f"give --config FILE, or make a {FILE_NAME}"
    )


def _package_folder(package: str, where: str) -> Path:
    from importlib.util import find_spec

    spec = find_spec(package) if package.isidentifier() else None
    if spec is None or not spec.submodule_search_locations:
        raise ConfigError(
            f"{where}: the Python package {package!r} is not installed", mend=f"pip install {package}"
        )
    return Path(next(iter(spec.submodule_search_locations)))


def _zone(value: str) -> str:
    try:
        ZoneInfo(value)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise ValueError(f"expected a time zone such as Europe/Oslo, found {value!r}") from None
    return value


def _near(word: str, known: Any) -> str:
    near = get_close_matches(word, list(known), n=1)
    return f"; did you mean {near[0]!r}?" if near else f"; known: {', '.join(known)}"


_MODELS: dict[str, type[BaseModel]] = {
    "sources": Source,
    "joins": Join,
    "profiles": Profiles,
    "identity": Identity,
    "publish": Publish,
}


def _explain(error: Any) -> str:
    place = ".".join(str(part) for part in error["loc"])
    if error["type"] == "missing":
        return f"{place} is missing"
    if error["type"] == "extra_forbidden":
        owner = next((_MODELS[p] for p in reversed(error["loc"][:-1]) if p in _MODELS), Settings)
        known = [name for name in owner.model_fields if name not in {"path", "home"} or owner is not Settings]
        return f"{place}: unknown key{_near(str(error['loc'][-1]), known)}"
    message = error["msg"].removeprefix("Value error, ")
    # A whole table is not shown, and never a URL: it may hold what belongs into the environment.
    plain = isinstance(error["input"], str | int | float) and "url" not in error["loc"]
    found = f" (found {error['input']!r})" if plain else ""
    return f"{place}: {message}{found}" if place else message

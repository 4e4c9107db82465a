"""What every tag definition holds, model or rule: its names, its place, for whom, how long it is valid."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, ClassVar, Literal

from pydantic import (
    Field,
    SerializerFunctionWrapHandler,
    field_validator,
    model_serializer,
    model_validator,
)

from tagcast.features.core.errors import DefinitionError, FilterError
from tagcast.features.core.messages import listed, msg
from tagcast.features.core.schema.entities import PROFILE
from tagcast.features.core.titles import Text
from tagcast.features.core.validation import InvalidValueError, Strict
from tagcast.models.definitions.cron import Cron
from tagcast.models.filters.conditions import Names
from tagcast.models.filters.parser import parse

PLACEHOLDER = "{category}"
_NAME = re.compile(r"^[a-z][a-z0-9_]*(\.(\{category\}|[\w]+))?$")


class _EveryNumber(Mapping[str, str]):
    """Names of features, whichever there are: a rule is read before the data are known, and all features are numbers."""

    def __getitem__(self, name: str) -> str:
        return "number"

    def __iter__(self) -> Iterator[str]:
        return iter(())

    def __len__(self) -> int:
        return 0

    def __contains__(self, name: object) -> bool:
        return True


class Population(Strict):
    """Who is eligible at ``as_of``; with nothing set, everyone who had an event before it."""

    rule: str | None = Field(
        None,
        min_length=1,
        description="where this holds, in the language of filters over the features at as_of; population may also be the "
        "text alone",
    )
    active_within_days: int | None = Field(None, gt=0, description="a purchase in the last N days")
    not_bought_within_days: int | None = Field(
        None, gt=0, description="no purchase of the outcome's category in the last N days (discovery)"
    )

    @model_validator(mode="before")
    @classmethod
    def _short_form(cls, value: Any) -> Any:
        return {"rule": value} if isinstance(value, str) else value

    @field_validator("rule")
    @classmethod
    def _check_rule(cls, value: str | None) -> str | None:
        try:
            if value is not None:
                parse(value, Names({}, _EveryNumber()))
        except FilterError as error:
            raise InvalidValueError(
                msg("{problem}; {meant}", problem=error.message, meant=error.hint)
            ) from error
        return value

    @model_serializer(mode="wrap")
    def _without_rule(self, handler: SerializerFunctionWrapHandler) -> dict[str, Any]:
        """Leave out a rule that is not there: what a question without one is called does not change."""
        written: dict[str, Any] = handler(self)
        return {name: value for name, value in written.items() if name != "rule" or value is not None}


class Family(Strict):
    """One definition for many categories: a list, or the ``top`` K by distinct profiles in the last year."""

    values: tuple[str, ...] | None = None
    top: int | None = Field(None, gt=0, le=1000)

    @model_validator(mode="after")
    def _one_of(self) -> Family:
        if (self.values is None) == (self.top is None):
            raise InvalidValueError(
                msg("give either values (a list of categories) or top (how many), not both")
            )
        if self.values is not None and len({slug(v) for v in self.values}) != len(self.values):
            raise InvalidValueError(
                msg("two of these categories get the same tag name: {values}", values=listed(self.values))
            )
        return self


def _or_text(schema: dict[str, Any]) -> None:
    """Let the JSON schema take a rule as a text, too."""
    schema["anyOf"] = [{"$ref": schema.pop("$ref")}, {"type": "string", "minLength": 1}]


class TagBase(Strict):
    """The part that definitions of models and of rules share."""

    name: str
    title: Text
    description: Text
    path: tuple[str, ...] = Field(min_length=2, max_length=3, description="where it hangs in the tag tree")
    owner: str = Field(min_length=1)
    entity: str = Field(PROFILE, description="whom it is about: profile, or an entity of the configuration")
    population: Population = Field(Population(), json_schema_extra=_or_text)
    family: Family | None = None
    refresh: str = Field(
        "0 3 * * *",
        description="cron, five fields in the project's time zone; months and days of the week also as names: mon-fri",
    )
    expires_after_days: int = Field(
        30, gt=0, description="days from that of the data after which its values are no longer good"
    )
    sensitivity: Literal["normal", "sensitive"] = "normal"

    @field_validator("name")
    @classmethod
    def _check_name(cls, value: str) -> str:
        if not _NAME.match(value):
            raise InvalidValueError(
                msg(
                    "a name is lower-case letters, digits and _, as in churn_risk; found {found!r}",
                    found=value,
                )
            )
        return value

    unwritten: ClassVar[dict[str, Any]] = {"entity": PROFILE}
    """Keys that came later, and the value at which they are left out: what was written before does not change."""

    @model_serializer(mode="wrap")
    def _without_unwritten(self, handler: SerializerFunctionWrapHandler) -> dict[str, Any]:
        """Leave out what every tag has unless it says otherwise: the entity that every project has, tagcast's own candidates."""
        written: dict[str, Any] = handler(self)
        absent = {name for name, value in self.unwritten.items() if getattr(self, name) == value}
        return {name: value for name, value in written.items() if name not in absent}

    @field_validator("refresh")
    @classmethod
    def _check_cron(cls, value: str) -> str:
        Cron.parse(value)
        return value

    def member(self, category: str) -> dict[str, Any]:
        """Return where a family's member for ``category`` differs from the family."""
        return {
            "name": self.name.replace(PLACEHOLDER, slug(category)),
            "title": self.title.with_filled(PLACEHOLDER, category),
            "description": self.description.with_filled(PLACEHOLDER, category),
            "path": tuple(part.replace(PLACEHOLDER, category) for part in self.path),
            "family": None,
        }


def check_names(tag: str, categories: Sequence[str]) -> None:
    """Refuse categories of a family that become one tag name.

    Raises
    ------
    DefinitionError
        Naming the tag and the categories.
    """
    by_name: dict[str, list[str]] = {}
    for category in categories:
        by_name.setdefault(slug(category), []).append(category)
    for name, some in by_name.items():
        if len(some) > 1:
            raise DefinitionError(
                msg(
                    "{tag}: the categories {categories} become one tag name, {name}",
                    tag=tag,
                    categories=listed(map(repr, some)),
                    name=tag.replace(PLACEHOLDER, name),
                ),
                hint=msg(
                    "give them one name in the source (derive category), or name the categories: family: {{values: […]}}"
                ),
            )


def slug(category: str) -> str:
    """Return the part of a tag name that represents ``category``.

    Examples
    --------
    >>> slug("FRZN ICE CREAM/NOVELTIES")
    'frzn_ice_cream_novelties'
    """
    return re.sub(r"\W+", "_", category.strip().lower()).strip("_") or "none"

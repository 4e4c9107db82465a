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
from tagcast.features.entities.pair import CATEGORY, Pair
from tagcast.models.definitions.cron import Cron
from tagcast.models.filters.names import Names
from tagcast.models.filters.parser import parse

_NAME = re.compile(r"^[a-z][a-z0-9_]*(\.(\{[a-z][a-z0-9_]*\}|[\w]+))?$")
_HOLE = re.compile(r"\{([a-z][a-z0-9_]*)\}")

OF = (
    "only of this one of an entity that events name, as in {fund: F001}; {fund: '{fund}'} in a family over it"
)
"""What the key ``of`` is, for the schema."""


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
    """One definition for many categories, or for many of an entity: a list, or the ``top`` K by distinct profiles in the last year."""

    over: str = Field(
        CATEGORY, min_length=1, description="category, or an entity that events name: {fund} stands for each"
    )
    values: tuple[str, ...] | None = None
    top: int | None = Field(None, gt=0, le=1000)

    @model_validator(mode="after")
    def _one_of(self) -> Family:
        if (self.values is None) == (self.top is None):
            raise InvalidValueError(msg("give either values (a list) or top (how many), not both"))
        if self.values is not None and len({slug(v) for v in self.values}) != len(self.values):
            raise InvalidValueError(
                msg("two of these get the same tag name: {values}", values=listed(self.values))
            )
        return self

    @property
    def placeholder(self) -> str:
        """What stands for each value in names and texts."""
        return f"{{{self.over}}}"


def pair_of(category: str | None, of: Mapping[str, str] | None) -> Pair | None:
    """Return whom a tag is about beside the profile, as its keys ``category`` and ``of`` say."""
    if category is not None:
        return Pair(CATEGORY, category)
    return next((Pair(entity, value) for entity, value in (of or {}).items()), None)


def with_short_form(raw: Any) -> Any:
    """Return a mapping as written in which ``of: {category: …}`` is written in short, as ``category``.

    Raises
    ------
    InvalidValueError
        Where both are given, or ``of`` names not just one.
    """
    of = raw.get("of") if isinstance(raw, Mapping) else None
    if not isinstance(of, Mapping):
        return raw
    if len(of) != 1 or raw.get("category") is not None:
        raise InvalidValueError(
            msg(
                "of names one, as in of: {example}, and category is short for of: {short}",
                example="{fund: F001}",
                short="{category: …}",
            )
        )
    return {**raw, "category": of[CATEGORY], "of": None} if CATEGORY in of else raw


def check_family(tag: str, family: Family | None, pair: Pair | None, key: str) -> None:
    """Refuse a family without a placeholder for each of its values, and a placeholder without a family.

    Parameters
    ----------
    tag : str
        Its name.
    family : Family or None
    pair : Pair or None
        Whom the tag is about beside the profile.
    key : str
        Of the definition, that says so where nothing does.
    """
    of = key if pair is None or pair.entity == CATEGORY else key.replace(CATEGORY, f"of.{pair.entity}")
    holes = set(_HOLE.findall(tag))
    if pair is not None and pair.value == f"{{{pair.entity}}}":
        holes.add(pair.entity)
    if family is None and holes:
        raise InvalidValueError(
            msg(
                "family and {placeholder} in name and {key} go together",
                placeholder=f"{{{min(holes)}}}",
                key=of,
            )
        )
    if family is None:
        return
    if holes and holes != {family.over}:
        other = min(holes - {family.over})
        raise InvalidValueError(
            msg(
                "the family is over {over}, and {placeholder} stands for one of {other}: give family.over: {other}",
                over=family.over,
                placeholder=f"{{{other}}}",
                other=other,
            )
        )
    if family.placeholder not in tag or pair != Pair(family.over, family.placeholder):
        wanted = key if family.over == CATEGORY else key.replace(CATEGORY, f"of.{family.over}")
        raise InvalidValueError(
            msg(
                "a family needs {placeholder} both in name and as {key}",
                placeholder=family.placeholder,
                key=wanted,
            )
        )


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

    def member(self, value: str) -> dict[str, Any]:
        """Return where a family's member for ``value`` differs from the family."""
        hole = self.family.placeholder if self.family else ""
        return {
            "name": self.name.replace(hole, slug(value)),
            "title": self.title.with_filled(hole, value),
            "description": self.description.with_filled(hole, value),
            "path": tuple(part.replace(hole, value) for part in self.path),
            "family": None,
        }


def check_names(tag: str, values: Sequence[str]) -> None:
    """Refuse values of a family that become one tag name.

    Raises
    ------
    DefinitionError
        Naming the tag and the values.
    """
    by_name: dict[str, list[str]] = {}
    for value in values:
        by_name.setdefault(slug(value), []).append(value)
    for name, some in by_name.items():
        if len(some) > 1:
            raise DefinitionError(
                msg(
                    "{tag}: {values} become one tag name, {name}",
                    tag=tag,
                    values=listed(map(repr, some)),
                    name=_HOLE.sub(name, tag),
                ),
                hint=msg(
                    "give them one name in the source (derive), or name those that are wanted: family: {{values: […]}}"
                ),
            )


def slug(value: str) -> str:
    """Return the part of a tag name that represents ``value``, such as a category.

    Examples
    --------
    >>> slug("FRZN ICE CREAM/NOVELTIES")
    'frzn_ice_cream_novelties'
    """
    return re.sub(r"\W+", "_", value.strip().lower()).strip("_") or "none"

"""What every tag definition holds, model or rule: its names, its place, for whom, how long it is valid."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any, Literal

from pydantic import Field, field_validator, model_validator

from tagcast.features.catalog.titles import Text
from tagcast.features.core.errors import DefinitionError
from tagcast.features.core.messages import listed, msg
from tagcast.features.core.validation import InvalidValueError, Strict
from tagcast.models.definitions.cron import Cron

PLACEHOLDER = "{category}"
_NAME = re.compile(r"^[a-z][a-z0-9_]*(\.(\{category\}|[\w]+))?$")


class Population(Strict):
    """Who is eligible at ``as_of``; with nothing set, everyone who had an event before it."""

    active_within_days: int | None = Field(None, gt=0, description="a purchase in the last N days")
    not_bought_within_days: int | None = Field(
        None, gt=0, description="no purchase of the outcome's category in the last N days (discovery)"
    )


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


class TagBase(Strict):
    """The part that definitions of models and of rules share."""

    name: str
    title: Text
    description: Text
    path: tuple[str, ...] = Field(min_length=2, max_length=3, description="where it hangs in the tag tree")
    owner: str = Field(min_length=1)
    population: Population = Population()
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

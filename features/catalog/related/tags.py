"""Tags of what an entity is related to, as attributes: parsed, and never features, since no past day has its run."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any, Literal, Self

from pydantic import Field, model_validator

from tagcast.features.core.messages import listed, msg
from tagcast.features.core.validation import InvalidValueError, Strict

_CONDITION = re.compile(r"\s*([a-z][\w.]*)\s*(=|<>|!=)\s*'([^']*)'\s*", re.ASCII)
_PARTS = ("score", "value")
_FUNCTIONS = ("value", "count", "mean", "share")


@dataclass(frozen=True)
class TagCondition:
    """Whether a tag has a value, as in ``churn_risk = 'yes'``."""

    tag: str
    equal: bool
    value: str


class RelatedTag(Strict):
    """An attribute made of a tag of the other entity: of the one that is most related (value), or over all."""

    value: str | None = Field(
        None,
        description="of the one that is most related: tag.value or tag.score; the short form of it is the text alone",
    )
    count: str | Literal[True] | None = Field(
        None,
        description="true: how many are related; a condition such as churn_risk = 'yes': how many meet it",
    )
    mean: str | None = Field(None, description="tag.score: its mean over those that have one")
    share: str | None = Field(
        None,
        description="condition such as churn_risk = 'yes': of those with a value, the share that meets it",
    )

    @model_validator(mode="before")
    @classmethod
    def _short_form(cls, value: Any) -> Any:
        return {"value": value} if isinstance(value, str) else value

    @model_validator(mode="after")
    def _check_function(self) -> Self:
        said = [name for name in _FUNCTIONS if getattr(self, name) is not None]
        if len(said) != 1:
            raise InvalidValueError(
                msg(
                    "expected one of {functions}, found {found}",
                    functions=listed(_FUNCTIONS),
                    found=listed(said) or msg("none"),
                )
            )
        if isinstance(text := self.count or self.share, str):
            tag_condition(text)
        elif text is None and (self.part not in _PARTS or (self.mean is not None and self.part != "score")):
            raise InvalidValueError(
                msg(
                    "expected {example}, found {found!r}",
                    example="churn_risk.score",
                    found=self.mean or self.value,
                )
            )
        return self

    @property
    def function(self) -> str:
        """``value``, ``count``, ``mean`` or ``share``."""
        return next(name for name in _FUNCTIONS if getattr(self, name) is not None)

    @property
    def condition(self) -> TagCondition | None:
        """Of a share, or of a count that has one: what has to hold."""
        text = self.count or self.share
        return tag_condition(text) if isinstance(text, str) else None

    @property
    def part(self) -> str:
        """The part of the tag that is read: ``value`` or ``score``; empty where everybody is counted."""
        if self.count is True:
            return ""
        return "value" if self.condition else (self.value or self.mean or "").rpartition(".")[2]

    @property
    def tag(self) -> str:
        """The tag that is read; empty where everybody is counted."""
        if (condition := self.condition) is not None:
            return condition.tag
        return (self.value or self.mean or "").rpartition(".")[0]

    @property
    def kind(self) -> str:
        """The attribute's kind: ``text`` or ``number``."""
        return "text" if self.value is not None and self.part == "value" else "number"


def tag_condition(text: str) -> TagCondition:
    """Read a condition on the value of one tag.

    Raises
    ------
    InvalidValueError
        For everything else.
    """
    found = _CONDITION.fullmatch(text)
    if found is None:
        raise InvalidValueError(
            msg(
                "expected a condition on a tag, as in {example}, found {found!r}",
                example="churn_risk = 'yes'",
                found=text,
            )
        )
    tag, sign, value = found.groups()
    return TagCondition(tag, sign == "=", value)

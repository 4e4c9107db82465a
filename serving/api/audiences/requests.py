"""Audiences as they are asked for: a filter as text, or as a tree of conditions."""

from __future__ import annotations

from typing import Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from tagcast.features.core.messages import msg
from tagcast.models.filters.conditions import Filter
from tagcast.registry.access.audit_log import count_use
from tagcast.registry.access.roles import Person, require
from tagcast.serving.audiences.service import parse_for
from tagcast.serving.context import ServiceContext
from tagcast.serving.filters.where import tags_of

_LONGEST = 500_000


class Question(BaseModel):
    """An audience: `filter` as text (`churn_risk = 'yes' AND age > 30`), or `tree` as JSON; one of both."""

    model_config = ConfigDict(extra="forbid")

    filter: str | None = Field(None, max_length=_LONGEST, description="in the audience language")
    tree: Filter | None = Field(None, description="the same as a tree of conditions")

    @model_validator(mode="after")
    def _check_one(self) -> Self:
        if (self.filter is None) == (self.tree is None):
            raise ValueError(msg("give either filter or tree"))
        return self

    def read(self, context: ServiceContext, person: Person) -> Filter:
        """Return the filter, checked against what ``person`` may see; its tags count as used.

        Raises
        ------
        FilterError
            With the position in the text, which of a tree is the text that it stands for.
        """
        require(person, "filter")
        text = self.filter if self.tree is None else self.tree.text()
        tree = parse_for(context, person, text or "")
        for tag in tags_of(tree):
            count_use(context.state, tag, "api", context.now)
        return tree


class CountQuestion(Question):
    """How many."""

    estimate: bool = Field(False, description="whether a sample will do: quicker on millions of profiles")


class PageQuestion(Question):
    """Who, page by page."""

    after: str | None = Field(None, max_length=1_000, description="`next` of the page before")
    limit: int = Field(100, ge=1, le=1_000)


class SampleQuestion(Question):
    """Some of them, drawn at random."""

    limit: int = Field(20, ge=1, le=1_000)
    seed: int = Field(0, ge=0, le=2**31 - 1, description="the same one draws the same members of a run")


class PortraitQuestion(Question):
    """What sets them apart."""

    against: Question | None = Field(None, description="another audience; without it everyone")


class CompareQuestion(BaseModel):
    """How two audiences overlap."""

    model_config = ConfigDict(extra="forbid")

    a: Question
    b: Question


class CutQuestion(Question):
    """How far down the scores of `tag` it pays to approach them."""

    tag: str = Field(max_length=300)
    benefit: float = Field(ge=0, le=1e12, description="earned where the outcome comes")
    cost: float = Field(ge=0, le=1e12, description="of approaching one profile")
    capacity: int | None = Field(None, ge=1, le=10**12, description="most that can be approached")
    saved_share: float | None = Field(
        None,
        gt=0,
        le=1,
        description="needed where the outcome is a loss: share of them that an approach keeps",
    )

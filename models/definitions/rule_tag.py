"""A tag decided by a rule: one YAML file in the language of audiences, over features and attributes.

::

    kind: rule
    name: lifecycle_stage
    …
    cases:
      new: "tenure_days <= 30"
      lapsed: "recency_days > 90"
    otherwise: returning

``rule`` instead of ``cases`` gives yes where it holds and no elsewhere. A condition on something unknown never holds.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Any, ClassVar, Literal

from pydantic import ConfigDict, Field, model_validator

from tagcast.features.catalog.feature_set import FeatureSet
from tagcast.features.core.errors import DefinitionError, FilterError
from tagcast.features.core.messages import Message, listed, msg
from tagcast.features.core.validation import InvalidValueError
from tagcast.features.entities.pair import Pair
from tagcast.models.definitions.base import TagBase, check_family, check_names, pair_of, with_short_form
from tagcast.models.definitions.outcomes import TIER_NAME
from tagcast.models.filters.conditions import FieldCondition, Filter, InAudience, walk
from tagcast.models.filters.fields import UNKNOWN, YES_NO
from tagcast.models.filters.names import Names
from tagcast.models.filters.parser import caret, parse
from tagcast.models.filters.tokenizer import tokens

MAX_CASES = 100
"""The most values of a rule: stores hold the words of a tag as small numbers."""


def _one_of_the_two(schema: dict[str, Any]) -> None:
    """Require in the JSON schema that a rule is either a rule or cases."""
    schema["oneOf"] = [
        {"required": ["rule"], "not": {"required": ["otherwise"]}},
        {"required": ["cases"]},
    ]


class RuleDefinition(TagBase):
    """A tag decided by a rule, or one family of such tags before expansion."""

    model_config = ConfigDict(json_schema_extra=_one_of_the_two)

    unwritten: ClassVar[dict[str, Any]] = {**TagBase.unwritten, "of": None}

    kind: Literal["rule"]
    category: str | None = Field(
        None, description="whose features category_… the rule may use; {category} in a family"
    )
    of: dict[str, str] | None = Field(
        None, description="whose features the rule may use, of an entity that events name: {fund: F001}"
    )
    rule: str | None = Field(None, min_length=1, description="yes where it holds, no elsewhere")
    cases: dict[str, str] | None = Field(
        None,
        min_length=1,
        max_length=MAX_CASES,
        description="value to its rule; the first that holds counts",
    )
    otherwise: str | None = Field(
        None, description="the value where no case holds; without it the tag has no value there"
    )

    @model_validator(mode="before")
    @classmethod
    def _short_form(cls, raw: Any) -> Any:
        return with_short_form(raw)

    @model_validator(mode="after")
    def _check_whole(self) -> RuleDefinition:
        if (self.rule is None) == (self.cases is None):
            raise InvalidValueError(
                msg("give either rule (yes or no) or cases (value to its rule), not both")
            )
        if self.rule is not None and self.otherwise is not None:
            raise InvalidValueError(msg("otherwise goes with cases: a rule says no where it does not hold"))
        wrong = [v for v in self.values if self.cases and (not TIER_NAME.match(v) or v in {*YES_NO, UNKNOWN})]
        if wrong:
            raise InvalidValueError(
                msg(
                    "a case's name is lower-case letters, digits and _, and none of yes, no, unknown; found {found}",
                    found=listed(map(repr, wrong)),
                )
            )
        check_family(self.name, self.family, self.pair, "category")
        if self.population.not_bought_within_days and not self.category:
            raise InvalidValueError(msg("population.not_bought_within_days needs category"))
        return self

    @property
    def pair(self) -> Pair | None:
        """Whose features beside those of the profile it may use."""
        return pair_of(self.category, self.of)

    @property
    def branches(self) -> dict[str, str]:
        """Value to the rule that gives it, in order."""
        return {"yes": self.rule} if self.rule is not None else dict(self.cases or {})

    @property
    def fallback(self) -> str | None:
        """The value where no rule holds; None for none."""
        return "no" if self.rule is not None else self.otherwise

    @property
    def values(self) -> tuple[str, ...]:
        """The tag's values."""
        rest = [self.fallback] if self.fallback is not None else []
        return tuple(dict.fromkeys([*self.branches, *rest]))

    @property
    def question(self) -> str:
        """What its values mean, as a short id: it changes with the rule."""
        meaning = {
            "population": self.population.model_dump(mode="json"),
            "category": self.category,
            "branches": self.branches,
            "otherwise": self.fallback,
            **({"of": self.of} if self.of else {}),
        }
        return sha256(json.dumps(meaning).encode()).hexdigest()[:12]

    def expand(self, values: Sequence[str]) -> list[RuleDefinition]:
        """Return the family's members for ``values`` (a tag that is no family: itself).

        Raises
        ------
        DefinitionError
            Where two values become one tag name.
        """
        if self.family is None:
            return [self]
        check_names(self.name, values)
        return [self.model_copy(update={**self.member(value), **self._about(value)}) for value in values]

    def _about(self, value: str) -> dict[str, Any]:
        return (
            {"category": value} if self.category is not None else {"of": dict.fromkeys(self.of or {}, value)}
        )


@dataclass(frozen=True)
class Rule:
    """A rule whose names are resolved.

    Parameters
    ----------
    definition : RuleDefinition
    cases : dict of str to Filter
        Value to its condition, in order.
    """

    definition: RuleDefinition
    cases: dict[str, Filter]

    @property
    def fields(self) -> list[str]:
        """The features and attributes it uses, in order."""
        names = [leaf.field.name for tree in self.cases.values() for leaf in terms(tree)]
        return list(dict.fromkeys(names))


def rule_names(
    feature_set: FeatureSet,
    attributes: Mapping[str, str],
    *,
    entity: str | None,
    digests: Collection[str] = (),
) -> Names:
    """Return what a rule may use.

    Parameters
    ----------
    feature_set : FeatureSet
    attributes : mapping of str to str
        Attribute to ``text``, ``number`` or ``boolean``; one that is called like a feature is left out.
    entity : str or None
        Whose features with the profile are among them.
    digests : collection of str
        Attributes that hold keyed digests.
    """
    features = dict.fromkeys(feature_set.columns_with(entity), "number")
    return Names({}, {**attributes, **features}, digests=digests)


def resolve(definition: RuleDefinition, names: Names) -> Rule:
    """Return the rule with every name resolved.

    Raises
    ------
    DefinitionError
        Naming the tag, the key and the character where the trouble starts.
    """
    cases = {}
    for value, text in definition.branches.items():
        key = "rule" if definition.rule is not None else f"cases.{value}"
        cases[value] = parse_rule(definition.name, key, text, names, _about_names(definition))
    return Rule(definition, cases)


def parse_rule(tag: str, key: str, text: str, names: Names, about: Message) -> Filter:
    """Return the tree of a rule that a definition holds under ``key``.

    Raises
    ------
    DefinitionError
        Naming the tag, the key and the character where the trouble starts; ``about`` says what may be named.
    """
    try:
        return parse(text, names)
    except FilterError as error:
        raise DefinitionError(
            msg(
                "{tag}: {key}: {problem}\n{caret}",
                tag=tag,
                key=key,
                problem=error.message,
                caret=caret(text, error),
            ),
            hint=msg("{hint} ({names})", hint=error.hint, names=about),
            problems={key: error.message},
        ) from error


def sensitivity_of(definition: TagBase, sensitive: Collection[str]) -> Literal["normal", "sensitive"]:
    """Return how a tag is marked, by its definition or by what its rule names: a rule tells what it is made of.

    Parameters
    ----------
    definition : TagBase
        A model's has no rule: it learns from features alone.
    sensitive : collection of str
        Attributes that are marked so.
    """
    named = isinstance(definition, RuleDefinition) and _names_any(definition, sensitive)
    return "sensitive" if named else definition.sensitivity


def _names_any(definition: RuleDefinition, names: Collection[str]) -> bool:
    """Read rules word by word: that works where other names of theirs are known no more, too."""
    for text in definition.branches.values():
        try:
            words = tokens(text)
        except FilterError:
            return bool(names)  # who knows what it names
        for word in words:
            name = (
                word.text[1 : word.text.rindex('"')].replace('""', '"')
                if word.kind == "quoted"
                else word.text
            )
            if word.kind in {"word", "quoted"} and name in names:
                return True
    return False


def _about_names(definition: RuleDefinition) -> Message:
    if definition.pair:
        return msg("a rule speaks of features and attributes")
    return msg(
        "a rule speaks of features and attributes; those of a pair need a category, or of: {{fund: …}}"
    )


def terms(tree: Filter) -> list[FieldCondition]:
    """Return the conditions that a rule's ``tree`` is made of, in reading order.

    Raises
    ------
    DefinitionError
        For a saved audience: rules run where nobody's audiences are known.
    """
    found: list[FieldCondition] = []
    for leaf in walk(tree):
        if isinstance(leaf, InAudience):
            raise DefinitionError(msg("a rule cannot speak of an audience, found {found}", found=leaf.text()))
        found.append(leaf)
    return found

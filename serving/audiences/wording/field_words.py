"""What people call the fields of filters and their values: tags, facts and attributes, in both languages."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

from tagcast.serving.audiences.outcome.paired_tags import VALUE_AT_RISK

if TYPE_CHECKING:
    from tagcast.features.core.schema.profiles import Profiles
    from tagcast.models.filters.conditions import Scalar
    from tagcast.registry.access.roles import Person
    from tagcast.serving.context import ServiceContext
    from tagcast.serving.store.manifest import Manifest
    from tagcast.serving.store.schema import FactRun

Language = Literal["en", "zh"]
FieldOf = Literal["tag", "fact", "attribute", "product"]
"""What a field is of: a product is that of the scores of two tags."""
Titles = Mapping[str, str]
"""A text by language."""


@dataclass(frozen=True)
class FieldWords:
    """The words of one run.

    Parameters
    ----------
    titles : mapping of str to mapping of str to str
        Of tags, facts and attributes, by language; names stand for what has none.
    labels : mapping of str to mapping of str to mapping of str to str
        Of values of attributes: by attribute, by the value as a text, by language.
    facts : mapping of str to FactRun
    amounts : frozenset of str
        Tags whose scores are amounts.
    currency : str
        Of the amounts in the data; empty where nobody said.
    """

    titles: Mapping[str, Titles] = field(default_factory=dict)
    labels: Mapping[str, Mapping[str, Titles]] = field(default_factory=dict)
    facts: Mapping[str, FactRun] = field(default_factory=dict)
    amounts: frozenset[str] = frozenset()
    currency: str = ""

    def title(self, name: str, language: Language) -> str:
        """Return what a field is called."""
        given = self.titles.get(name, {})
        return given.get(language) or given.get("en") or name.replace("_", " ")

    def label(self, name: str, value: Scalar | None, language: Language) -> str | None:
        """Return what a value of an attribute is called; None where nobody gave it a name."""
        given = self.labels.get(name, {}).get(as_text(value))
        return None if given is None else given[language]


def as_text(value: Scalar | None) -> str:
    """Return a value as labels name it: ``true``, ``1``, ``basic``."""
    if isinstance(value, bool):
        return "true" if value else "false"
    return f"{value:.15g}" if isinstance(value, float | int) else str(value)


def field_words(context: ServiceContext, person: Person) -> FieldWords:
    """Return the words for what ``person`` may see of the active run; of a project without a run nothing."""
    from tagcast.serving.audiences.filter_resolution import hidden_attributes
    from tagcast.serving.catalog.known_tags import hidden_tags

    manifest = context.store.current()
    if manifest is None:
        return FieldWords()
    hidden = hidden_attributes(context, person) | hidden_tags(context, person)
    settings = context.settings
    return words_of(manifest, settings.profiles, settings.currency, hidden)


@dataclass(frozen=True)
class FilterField:
    """A field that a filter may use.

    Parameters
    ----------
    name : str
    of : {"tag", "fact", "attribute", "product"}
    kind : str
        ``text``, ``number``, ``boolean`` or ``date``; of a tag ``text``, as its value is.
    title : mapping of str to str
        By language.
    view : mapping of str to str, optional
        Of a fact, what its view is called.
    unit : str
        Of a fact (:class:`tagcast.serving.store.schema.FactRun`).
    window_days : int, optional
        Of a fact.
    """

    name: str
    of: FieldOf
    kind: str
    title: Titles
    view: Titles | None = None
    unit: str = ""
    window_days: int | None = None


def fields_for(context: ServiceContext, person: Person) -> list[FilterField]:
    """Return what a filter of ``person`` may use: tags, facts view by view, attributes.

    Raises
    ------
    StoreError
        When nothing was published yet.
    """
    from tagcast.serving.audiences.filter_resolution import columns_of

    names, words = columns_of(context, person), field_words(context, person)

    def both(name: str) -> Titles:
        return {"en": words.title(name, "en"), "zh": words.title(name, "zh")}

    found = [FilterField(tag, "tag", "text", both(tag)) for tag in names.tags]
    found += [FilterField(name, "product", "number", both(name)) for name in names.products]
    for name, kind in names.facts.items():
        fact = words.facts[name]
        view = {"en": fact.view_en, "zh": fact.view_zh}
        found.append(FilterField(name, "fact", kind, both(name), view, fact.unit, fact.window_days))
    return found + [
        FilterField(name, "attribute", kind, both(name)) for name, kind in names.attributes.items()
    ]


def words_of(
    manifest: Manifest, profiles: Profiles | None, currency: str = "", hidden: frozenset[str] = frozenset()
) -> FieldWords:
    """Return the words for a run.

    Parameters
    ----------
    manifest : Manifest
    profiles : Profiles, optional
        Where attributes have their titles and labels.
    currency : str
    hidden : frozenset of str
        Fields that are left out.
    """
    run = manifest.run
    titles: dict[str, Titles] = {VALUE_AT_RISK: {"en": "Value at risk", "zh": "风险金额"}}
    labels: dict[str, Mapping[str, Titles]] = {}
    if profiles is not None:
        titles |= {name: text.model_dump() for name, text in profiles.titles.items()}
        labels |= {n: {v: text.model_dump() for v, text in of.items()} for n, of in profiles.labels.items()}
    titles |= {fact.name: {"en": fact.title_en, "zh": fact.title_zh} for fact in run.facts}
    titles |= {tag.tag: {"en": tag.title_en, "zh": tag.title_zh} for tag in run.tags}
    return FieldWords(
        {name: both for name, both in titles.items() if name not in hidden},
        {name: of for name, of in labels.items() if name not in hidden},
        {fact.name: fact for fact in run.facts if fact.name not in hidden},
        run.amounts,
        currency,
    )

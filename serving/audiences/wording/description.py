"""A filter as a sentence in plain words, in English and Chinese."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, assert_never

from tagcast.features.core.messages import render
from tagcast.models.filters.conditions import (
    And,
    Compare,
    FieldRef,
    Filter,
    InAudience,
    IsNull,
    Leaf,
    Not,
    OneOf,
    Or,
    Scalar,
    fold,
)
from tagcast.serving.audiences.wording.values import VALUE_TITLES
from tagcast.serving.audiences.wording.vocabulary import WORDS

if TYPE_CHECKING:
    from tagcast.serving.audiences.wording.field_words import FieldWords, Language
    from tagcast.serving.store.schema import FactRun

_LISTED = 8
_SHARES = {"confidence", "score", "lower", "upper"}
_OPPOSITE = {
    "is": "not_is",
    "in": "not_in",
    "null": "not_null",
    "never": "ever",
    "unknown_fact": "known_fact",
    "ago =": "ago not =",
    "outside": "not_outside",
    "audience": "not_audience",
}


def describe(tree: Filter, words: FieldWords, language: Language) -> str:
    """Return what ``tree`` means as one sentence.

    Parameters
    ----------
    tree : Filter
    words : FieldWords
        What fields and values are called.
    language : {"en", "zh"}
    """
    return _Translator(words, language).sentence(tree)


def describe_condition(condition: Leaf | Not, words: FieldWords, language: Language) -> str:
    """Return what one condition, or its opposite, means: a part of a sentence."""
    translator = _Translator(words, language)
    tree = Filter(root=condition)
    return translator.phrase(tree).inner


def phrase(tree: Filter, words: FieldWords, language: Language) -> str:
    """Return what ``tree`` means as part of a sentence; parameters as of :func:`describe`."""
    return _Translator(words, language).phrase(tree).whole


@dataclass(frozen=True)
class _Phrase:
    """A condition in words: ``inner`` within another one, ``whole`` where it is the filter itself."""

    inner: str
    whole: str


class _Translator:
    """Puts conditions into the words of one language."""

    def __init__(self, named: FieldWords, language: Language) -> None:
        self._named = named
        self._language = language
        self._words = WORDS[language]

    def sentence(self, tree: Filter) -> str:
        return self._words["all"].format(self.phrase(tree).whole)

    def phrase(self, tree: Filter) -> _Phrase:
        return fold(tree.root, leaf=self._phrase, negated=self._negated, joined=self._joined)

    def _phrase(self, leaf: Leaf) -> _Phrase:
        key, parts = self._leaf(leaf)
        text = self._words[key].format(*parts)
        return _Phrase(text, text)

    def _negated(self, node: Not, phrase: _Phrase) -> _Phrase:
        text = self._words["not"].format(phrase.inner)
        if not isinstance(node.item, And | Or | Not):
            key, parts = self._leaf(node.item)
            if key in _OPPOSITE:
                text = self._words[_OPPOSITE[key]].format(*parts)
        return _Phrase(text, text)

    def _joined(self, node: And | Or, phrases: list[_Phrase]) -> _Phrase:
        items = self._ranges(node, phrases) if isinstance(node, And) else [p.inner for p in phrases]
        if len(items) == 1:
            return _Phrase(items[0], items[0])
        if isinstance(node, And):
            text = whole = self._words["and"].join(items)
        else:
            text = self._words["or"].join(items)
            whole = self._words["either"].format(text)
        return _Phrase(self._words["group"].format(text), whole)

    def _ranges(self, node: And, phrases: list[_Phrase]) -> list[str]:
        """Return the items' texts; a floor and a ceiling of one field that follow each other are one range."""
        texts: list[str] = []
        rest = list(zip(node.items, phrases, strict=True))
        while rest:
            first, second = rest[0][0], rest[1][0] if len(rest) > 1 else None
            if (
                isinstance(first, Compare)
                and isinstance(second, Compare)
                and (first.field, first.op, second.op) == (second.field, ">=", "<=")
            ):
                texts.append(self._between(first, second))
                rest = rest[2:]
            else:
                texts.append(rest.pop(0)[1].inner)
        return texts

    def _between(self, low: Compare, high: Compare) -> str:
        if (since := self._since(low.field)) is not None:
            return self._words["ago between"].format(since, *(_plain(float(c.value)) for c in (low, high)))
        values = (self._value(low.field, c.value) for c in (low, high))
        return self._words["between"].format(self._field(low.field), *values)

    def _fact(self, field: FieldRef) -> FactRun | None:
        return self._named.facts.get(field.name) if field.part is None else None

    def _since(self, field: FieldRef) -> str | None:
        """Return what happened, of a fact that is the days since it: the last purchase."""
        fact = self._fact(field)
        if fact is None or not fact.since:
            return None
        return self._words[f"since_{fact.since}"].format(fact.measure_title(self._language))

    def _leaf(self, leaf: Leaf) -> tuple[str, list[str]]:
        """Return the key of the leaf's pattern, and what goes into it."""
        if isinstance(leaf, InAudience):
            return "audience", [leaf.name]
        field, fact, since = self._field(leaf.field), self._fact(leaf.field), self._since(leaf.field)
        match leaf:
            case IsNull():
                if fact is not None and since is not None:
                    return "never", [fact.measure_title(self._language)]
                if leaf.field.part is not None:
                    return "outside", [self._title(leaf.field)]
                return ("null" if fact is None else "unknown_fact"), [field]
            case OneOf():
                shown = self._words["list"].join(self._value(leaf.field, v) for v in leaf.values[:_LISTED])
                more = len(leaf.values) - _LISTED
                count = more if self._language == "en" else len(leaf.values)
                return "in", [field, self._words["more"].format(shown, f"{count:,}") if more > 0 else shown]
            case Compare():
                if since is not None:
                    return f"ago {leaf.op}", [since, _plain(float(leaf.value))]
                if leaf.field.part == "percentile" and leaf.op in {">=", ">", "<", "<="}:
                    above = leaf.op in {">=", ">"}
                    rank = 100 - float(leaf.value) if above else float(leaf.value)
                    return ("top" if above else "bottom"), [self._title(leaf.field), f"{_plain(rank)}%"]
                key = {"=": "is", "!=": "is_not"}.get(leaf.op, leaf.op)
                return key, [field, self._value(leaf.field, leaf.value)]
            case _:
                assert_never(leaf)

    def _title(self, field: FieldRef) -> str:
        return self._named.title(field.name, self._language)

    def _field(self, field: FieldRef) -> str:
        if field.factors is not None:
            return self._words["product"].format(
                *(self._named.title(tag, self._language) for tag in field.factors)
            )
        if field.part is None:
            return self._words["attribute"].format(self._title(field))
        part = "amount" if field.part == "score" and field.name in self._named.amounts else field.part
        return self._words[part].format(self._title(field))

    def _value(self, field: FieldRef, value: Scalar) -> str:
        label = self._named.label(field.name, value, self._language) if field.part is None else None
        if label is not None:
            return self._words["quote"].format(label)
        if isinstance(value, bool):
            return self._words["true" if value else "false"]
        if isinstance(value, str):
            known = VALUE_TITLES.get(value) if field.part in {"value", "band"} else None
            return self._words["quote"].format(value if known is None else render(known, self._language))
        if field.part in _SHARES and (field.part == "confidence" or field.name not in self._named.amounts):
            return f"{_plain(100 * value)}%"
        fact = self._fact(field)
        return _plain(value) if fact is None else self._of_unit(fact, value)

    def _of_unit(self, fact: FactRun, value: float) -> str:
        match fact.unit:
            case "share":
                return f"{_plain(100 * value)}%"
            case "days":
                return self._words["days"].format(_plain(value))
            case "currency" if self._named.currency:
                return self._words["money"].format(_plain(value), self._named.currency)
            case _:
                return _plain(value)


def _plain(value: float) -> str:
    """Return a number without noise of its binary form."""
    return f"{round(value, 4):,.10g}" if abs(value) < 1e9 else f"{value:,.6g}"

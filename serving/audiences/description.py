"""A filter as a sentence in plain words, in English and Chinese."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Literal, assert_never

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

Language = Literal["en", "zh"]

_WORDS: dict[Language, dict[str, str]] = {
    "en": {
        "all": "Customers where {}.",
        "and": ", and ",
        "or": ", or ",
        "either": "either {}",
        "group": "({})",
        "not": "it is not so that {}",
        "attribute": "{}",
        "value": "{}",
        "band": "the band of {}",
        "score": "the score of {}",
        "amount": "the expected amount of {}",
        "confidence": "the confidence in {}",
        "percentile": "the rank by {}",
        "lower": "the lower bound of {}",
        "upper": "the upper bound of {}",
        "unknown_because": "the reason why {} is unknown",
        "is": "{} is {}",
        "is_not": "{} is something other than {}",
        "not_is": "{} is not {} or has no value",
        "<": "{} is below {}",
        "<=": "{} is at most {}",
        ">": "{} is above {}",
        ">=": "{} is at least {}",
        "in": "{} is one of {}",
        "not_in": "{} is none of {} or has no value",
        "between": "{} is between {} and {}",
        "top": "{} ranks in the top {}",
        "bottom": "{} ranks in the bottom {}",
        "null": "{} is missing",
        "not_null": "{} is given",
        "outside": "{} has no value",
        "not_outside": "{} has a value",
        "audience": "the audience “{}” includes them",
        "not_audience": "the audience “{}” does not include them",
        "yes": "yes",
        "no": "no",
        "unknown": "unknown",
        "true": "true",
        "false": "false",
        "quote": "“{}”",
        "list": ", ",
        "more": "{} and {} more",
    },
    "zh": {
        "all": "满足以下条件的客户：{}。",
        "and": "，并且",
        "or": "，或者",
        "either": "满足其一：{}",
        "group": "（{}）",
        "not": "不满足“{}”",
        "attribute": "{}",
        "value": "{}",
        "band": "{}的等级",
        "score": "{}的得分",
        "amount": "{}的预期金额",
        "confidence": "{}的置信度",
        "percentile": "{}的排名",
        "lower": "{}的下界",
        "upper": "{}的上界",
        "unknown_because": "{}未知的原因",
        "is": "{}为{}",
        "is_not": "{}为{}以外的值",
        "not_is": "{}不为{}或没有取值",
        "<": "{}低于{}",
        "<=": "{}不高于{}",
        ">": "{}高于{}",
        ">=": "{}不低于{}",
        "in": "{}为{}之一",
        "not_in": "{}不为{}中的任何一个或没有取值",
        "between": "{}在{}到{}之间",
        "top": "{}排名前{}",
        "bottom": "{}排名后{}",
        "null": "{}未填写",
        "not_null": "{}已填写",
        "outside": "没有{}的判断",
        "not_outside": "有{}的判断",
        "audience": "属于人群“{}”",
        "not_audience": "不属于人群“{}”",
        "yes": "是",
        "no": "否",
        "unknown": "未知",
        "true": "是",
        "false": "否",
        "quote": "“{}”",
        "list": "、",
        "more": "{}等 {} 个",
    },
}
_LISTED = 8
_SHARES = {"confidence", "score", "lower", "upper"}
_OPPOSITE = {
    "is": "not_is",
    "in": "not_in",
    "null": "not_null",
    "outside": "not_outside",
    "audience": "not_audience",
}


def describe(
    tree: Filter, titles: Mapping[str, str], language: Language, *, amounts: Collection[str] = ()
) -> str:
    """Return what ``tree`` means as one sentence.

    Parameters
    ----------
    tree : Filter
    titles : mapping of str to str
        Tag, attribute or feature to its title in the language; names stand for the others.
    language : {"en", "zh"}
    amounts : collection of str
        Tags whose scores are amounts rather than chances.
    """
    return _Translator(titles, language, amounts).sentence(tree)


@dataclass(frozen=True)
class _Phrase:
    """A condition in words: ``inner`` within another one, ``whole`` where it is the filter itself."""

    inner: str
    whole: str


class _Translator:
    """Puts conditions into the words of one language."""

    def __init__(self, titles: Mapping[str, str], language: Language, amounts: Collection[str]) -> None:
        self._titles = titles
        self._words = _WORDS[language]
        self._amounts = amounts

    def sentence(self, tree: Filter) -> str:
        phrase = fold(tree.root, leaf=self._phrase, negated=self._negated, joined=self._joined)
        return self._words["all"].format(phrase.whole)

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
                low, high = (self._value(first.field, c.value) for c in (first, second))
                texts.append(self._words["between"].format(self._field(first.field), low, high))
                rest = rest[2:]
            else:
                texts.append(rest.pop(0)[1].inner)
        return texts

    def _leaf(self, leaf: Leaf) -> tuple[str, list[str]]:
        """Return the key of the leaf's pattern, and what goes into it."""
        if isinstance(leaf, InAudience):
            return "audience", [leaf.name]
        field = self._field(leaf.field)
        match leaf:
            case IsNull():
                attribute = leaf.field.part is None
                return ("null", [field]) if attribute else ("outside", [self._title(leaf.field)])
            case OneOf():
                shown = self._words["list"].join(self._value(leaf.field, v) for v in leaf.values[:_LISTED])
                more = len(leaf.values) - _LISTED
                count = more if self._words is _WORDS["en"] else len(leaf.values)
                return "in", [field, self._words["more"].format(shown, f"{count:,}") if more > 0 else shown]
            case Compare():
                if leaf.field.part == "percentile" and leaf.op in {">=", ">", "<", "<="}:
                    above = leaf.op in {">=", ">"}
                    rank = 100 - float(leaf.value) if above else float(leaf.value)
                    return ("top" if above else "bottom"), [self._title(leaf.field), f"{_plain(rank)}%"]
                key = {"=": "is", "!=": "is_not"}.get(leaf.op, leaf.op)
                return key, [field, self._value(leaf.field, leaf.value)]
            case _:
                assert_never(leaf)

    def _title(self, field: FieldRef) -> str:
        return self._titles.get(field.name, field.name)

    def _field(self, field: FieldRef) -> str:
        if field.part is None:
            return self._words["attribute"].format(self._titles.get(field.name, field.name.replace("_", " ")))
        part = "amount" if field.part == "score" and field.name in self._amounts else field.part
        return self._words[part].format(self._title(field))

    def _value(self, field: FieldRef, value: Scalar) -> str:
        if isinstance(value, bool):
            return self._words["true" if value else "false"]
        if isinstance(value, str):
            known = field.part in {"value", "band"} and value in {"yes", "no", "unknown"}
            return self._words["quote"].format(self._words[value] if known else value)
        if field.part in _SHARES and (field.part == "confidence" or field.name not in self._amounts):
            return f"{_plain(100 * value)}%"
        return _plain(value)


def _plain(value: float) -> str:
    """Return a number without noise of its binary form."""
    return f"{round(value, 4):,.10g}" if abs(value) < 1e9 else f"{value:,.6g}"

"""The audience language: text like ``churn_risk = 'yes' AND high_value.confidence >= 0.8`` to a tree.

::

    filter     := all ( OR all )*
    all        := one ( AND one )*
    one        := NOT one | ( filter ) | field test | IN AUDIENCE 'name'
    test       := op value | [NOT] IN ( value, … ) | [NOT] BETWEEN value AND value | IS [NOT] NULL
    field      := attribute | fact | tag | tag.part          part: value score confidence percentile band lower upper unknown_because
    value      := 'text' | number | TRUE | FALSE

Names are letters of any script, digits, _ and dots; others stand in double quotes. Errors give the
character where the trouble starts, and a suggestion.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import NoReturn

from tagcast.features.core.errors import FilterError
from tagcast.features.core.messages import Message, Text, msg
from tagcast.features.core.validation import near
from tagcast.models.filters.conditions import (
    MAX_CONDITIONS,
    MAX_DEPTH,
    MAX_VALUES,
    And,
    Compare,
    Condition,
    FieldRef,
    Filter,
    InAudience,
    IsNull,
    Not,
    OneOf,
    Operator,
    Or,
    Scalar,
)
from tagcast.models.filters.fields import PARTS, is_date
from tagcast.models.filters.names import Names
from tagcast.models.filters.tokenizer import Token, tokens

MAX_LENGTH = 1_000_000
_EXAMPLE = "churn_risk = 'yes' OR age IN ('25-34', '35-44')"
_OPERATORS: dict[str, Operator] = {
    "=": "=", "!=": "!=", "<>": "!=", "<": "<", "<=": "<=", ">": ">", ">=": ">=",
}  # fmt: skip
_WANTED = {
    "number": msg("a number for {field}"),
    "boolean": msg("TRUE or FALSE for {field}"),
    "date": msg("a date such as '2026-01-31' for {field}"),
    "text": msg("a text in single quotes for {field}"),
}


def parse(text: str, names: Names) -> Filter:
    """Return the tree of ``text``, every name resolved and every value of the right kind.

    Raises
    ------
    FilterError
        With the character, what was expected and found, and a suggestion.
    """
    if len(text) > MAX_LENGTH:
        raise FilterError(
            msg(
                "the filter has {length:,} characters, at most {most:,} are read",
                length=len(text),
                most=MAX_LENGTH,
            ),
            hint=msg("make it shorter"),
        )
    if not text.strip():
        raise FilterError(
            msg("the filter is empty"),
            hint=msg("write a condition, as in {example}", example="churn_risk = 'yes'"),
        )
    parser = _Parser(tokens(text), names)
    root = parser.any(0)
    parser.expect_end()
    return Filter(root=root)


def caret(text: str, error: FilterError) -> str:
    """Return the line of ``text`` where the error lies with a mark under the character."""
    start = text.rfind("\n", 0, error.position) + 1
    line = text[start:].split("\n", 1)[0]
    place = error.position - start
    shift = max(0, place - 60)
    return f"  {line[shift : shift + 100]}\n  {' ' * (place - shift)}^"


class _Parser:
    """Recursive descent over the tokens."""

    def __init__(self, tokens: list[Token], names: Names) -> None:
        self.tokens = tokens
        self.names = names
        self.place = self.conditions = 0

    @property
    def next(self) -> Token:
        return self.tokens[self.place]

    def take(self) -> Token:
        token = self.next
        self.place += 1
        return token

    def accept(self, word: str) -> bool:
        token = self.next
        if token.keyword == word or (token.kind in {"mark", "op"} and token.text == word):
            self.place += 1
            return True
        return False

    def expect(self, word: str) -> None:
        if not self.accept(word):
            self.fail(word)

    def expect_end(self) -> None:
        if self.next.kind != "end":
            self.fail(msg("AND, OR or the end"))

    def fail(self, expected: Text, hint: Text = "") -> NoReturn:
        token = self.next
        shown = msg("the end") if token.kind == "end" else repr(token.text[:40])
        raise FilterError(
            msg(
                "expected {expected}, found {found} at character {position}",
                expected=expected,
                found=shown,
                position=token.position + 1,
            ),
            hint=hint or msg("conditions look like {example}", example=_EXAMPLE),
            position=token.position,
        )

    def any(self, depth: int) -> Condition:
        return self._joined("OR", lambda: self._joined("AND", lambda: self.one(depth), And), Or)

    def _joined(self, word: str, item: Callable[[], Condition], node: type[And | Or]) -> Condition:
        items = [item()]
        while self.accept(word):
            items.append(item())
        return items[0] if len(items) == 1 else node(items=tuple(items))

    def one(self, depth: int) -> Condition:
        if depth > MAX_DEPTH:
            self.fail(msg("at most {most} nested conditions", most=MAX_DEPTH), msg("nest less"))
        if self.accept("NOT"):
            return Not(item=self.one(depth + 1))
        if self.accept("("):
            inner = self.any(depth + 1)
            self.expect(")")
            return inner
        self.conditions += 1
        if self.conditions > MAX_CONDITIONS:
            self.fail(
                msg("at most {most} conditions", most=MAX_CONDITIONS),
                msg("name many values of one field by IN (…)"),
            )
        if self.accept("IN"):
            return self.audience()
        return self.test()

    def audience(self) -> InAudience:
        if self.next.kind != "word" or self.next.text.upper() != "AUDIENCE":
            self.fail(msg("a field before IN, or AUDIENCE after it"))
        self.place += 1
        token = self.next
        if token.kind != "text":
            self.fail(
                msg("the name of an audience in single quotes"),
                msg("as in {example}", example="IN AUDIENCE 'loyal'"),
            )
        name = token.text[1:-1].replace("''", "'")
        if name not in self.names.audiences:
            known = sorted(self.names.audiences)
            self._unknown(msg("there is no audience {name!r}", name=name), name, known, token)
        self.place += 1
        return InAudience(name=name)

    def test(self) -> Condition:
        field = self.field()
        if self.accept("IS"):
            negated = self.accept("NOT")
            self.expect("NULL")
            return Not(item=IsNull(field=field)) if negated else IsNull(field=field)
        if self.next.kind == "op":
            return self.comparison(field)
        negated = self.accept("NOT")
        if self.accept("IN"):
            found: Condition = OneOf(field=field, values=self.values(field))
        elif self.accept("BETWEEN"):
            low = Compare(field=field, op=">=", value=self.value(field, ordered=True))
            self.expect("AND")
            found = And(items=(low, Compare(field=field, op="<=", value=self.value(field, ordered=True))))
        else:
            self.fail(msg("an operator such as = or IN after {field}", field=field.text()))
        return Not(item=found) if negated else found

    def comparison(self, field: FieldRef) -> Compare:
        token = self.take()
        op = _OPERATORS[token.text]
        return Compare(
            field=field, op=op, value=self.value(field, ordered=op not in {"=", "!="}, place=token)
        )

    def field(self) -> FieldRef:
        token = self.next
        if token.kind not in {"word", "quoted"} or token.keyword:
            self.fail(msg("the name of a tag, a fact or an attribute"))
        self.place += 1
        whole = token.text
        part: str | None = None
        if token.kind == "quoted":
            closing = whole.rindex('"')
            name, part = whole[1:closing].replace('""', '"'), whole[closing + 2 :] or None
        else:
            name = whole
            if name not in self.names.tags and not self.names.is_plain(name) and "." in name:
                name, _, part = name.rpartition(".")
        if name in self.names.tags:
            if part is not None and part not in PARTS:
                self._unknown(msg("{tag} has no part {part!r}", tag=name, part=part), part, PARTS, token)
            return FieldRef(name=name, part=part or "value")
        if part is None and (self.names.is_plain(name) or name in self.names.products):
            return FieldRef(name=self.names.same.get(name, name), factors=self.names.products.get(name))
        if why := self.names.unavailable(whole.strip('"')) or self.names.unavailable(name):
            self._refuse(why.problem, why.hint, token)
        known = [*self.names.tags, *self.names.plain, *self.names.products]
        if self.next.text == "(":
            self._unknown(msg("{word} is no function: there are none", word=whole), name, known, token)
        self._unknown(msg("unknown field {word!r}", word=whole), name, known, token)

    def _unknown(
        self, problem: Message, word: str, known: list[str] | tuple[str, ...], token: Token
    ) -> NoReturn:
        self._refuse(problem, near(word, known) or msg("there are none yet"), token)

    def _refuse(self, problem: Message, hint: Text, token: Token) -> NoReturn:
        message = msg("{problem}, at character {position}", problem=problem, position=token.position + 1)
        raise FilterError(message, hint=hint, position=token.position)

    def values(self, field: FieldRef) -> tuple[Scalar, ...]:
        self.expect("(")
        if self.next.text == ")":
            self.fail(msg("at least one value"))
        found = [self.value(field, ordered=False)]
        while self.accept(","):
            found.append(self.value(field, ordered=False))
            if len(found) > MAX_VALUES:
                self.fail(
                    msg("at most {most:,} values", most=MAX_VALUES),
                    msg("load a longer list as an attribute instead"),
                )
        self.expect(")")
        return tuple(found)

    def value(self, field: FieldRef, *, ordered: bool, place: Token | None = None) -> Scalar:
        token = self.next
        kind = self.names.kind(field)
        if ordered and kind not in {"number", "date"}:
            where = place or token
            raise FilterError(
                msg(
                    "{field} is no number: it can be compared with = and != only, at character {position}",
                    field=field.text(),
                    position=where.position + 1,
                ),
                hint=msg("use =, != or IN; score, confidence and percentile of a tag are numbers"),
                position=where.position,
            )
        if token.kind == "number" and kind == "number":
            number = float(token.text)
            if not math.isfinite(number):
                self.fail(msg("a finite number"))
            self.place += 1
            return number
        if token.kind == "text" and kind == "text":
            text = token.text[1:-1].replace("''", "'")
            if why := self.names.unfit(field, text):
                self._refuse(why.problem, why.hint, token)
            if (allowed := self.names.allowed(field)) is not None and text not in allowed:
                problem = msg("{field} is never {value!r}", field=field.text(), value=text)
                self._unknown(problem, text, allowed, token)
            self.place += 1
            return text
        if token.kind == "text" and kind == "date" and is_date(token.text[1:-1]):
            self.place += 1
            return token.text[1:-1]
        if token.keyword in {"TRUE", "FALSE"} and kind == "boolean":
            self.place += 1
            return token.keyword == "TRUE"
        self.fail(Message(_WANTED[kind].template, {"field": field.text()}))

"""500 random filters find the same on both stores and with pandas; 500 hostile ones find nothing they should not."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlglot import exp, parse_one

from tagcast.features.core.errors import FilterError
from tagcast.models.filters.conditions import (
    And,
    Compare,
    Condition,
    FieldRef,
    Filter,
    InAudience,
    IsNull,
    Not,
    OneOf,
    Or,
)
from tagcast.models.filters.names import Names
from tagcast.models.filters.parser import parse
from tagcast.serving.audiences.filter_resolution import resolve
from tagcast.serving.audiences.queries import member_query
from tagcast.serving.audiences.saved_audience_actions import save
from tagcast.serving.audiences.service import count, parse_for
from tagcast.serving.filters.filter_sql import condition
from tagcast.serving.store.reader_pool import whole
from tagcast.serving.store.schema import column_name
from tests.support.desks import ANALYST, CITIES, TAGS, TIERS, desk_over, frame, publish_made
from tests.support.stores import KINDS, make_store

pytestmark = [pytest.mark.postgres, pytest.mark.slow]

FRAME = frame()
FROZEN = "age >= 50 OR churn_risk = 'yes'"
RANDOM = 500
ALLOWED = (
    exp.Coalesce, exp.Column, exp.Identifier, exp.Literal, exp.Boolean, exp.And, exp.Or, exp.Not, exp.Paren, exp.EQ,
    exp.NEQ, exp.LT, exp.LTE, exp.GT, exp.GTE, exp.In, exp.Is, exp.Null, exp.Cast, exp.DataType, exp.Neg,
)  # fmt: skip
COLUMNS = {*FRAME.columns}


@pytest.fixture(scope="module")
def desks(tmp_path_factory):
    made = {}
    for kind in KINDS:
        folder = tmp_path_factory.mktemp(kind)
        store = make_store(kind, folder)
        publish_made(store)
        made[kind] = desk_over(store, folder / "project")
        save(made[kind], ANALYST, "frozen", FROZEN, kind="frozen")
        save(made[kind], ANALYST, "dynamic", "IN AUDIENCE 'frozen' AND sms = 'yes'")
    return made


class Draw:
    """Random valid filters."""

    def __init__(self, seed: int) -> None:
        self.rng = np.random.default_rng(seed)

    def of(self, *choices):
        return choices[int(self.rng.integers(len(choices)))]

    def tree(self, depth: int = 0) -> Condition:
        if depth < 3 and self.rng.random() < 0.45:
            kind = self.of(Not, And, Or)
            if kind is Not:
                return Not(item=self.tree(depth + 1))
            return kind(items=tuple(self.tree(depth + 1) for _ in range(int(self.rng.integers(2, 4)))))
        return self.leaf()

    def leaf(self) -> Condition:
        return self.of(self.number, self.number, self.word, self.text, self.flag, self.null, self.audience)()

    def number(self) -> Condition:
        tag = self.of(*TAGS, "spend")
        field = self.of(
            FieldRef(name="age"),
            FieldRef(name="income"),
            FieldRef(name=tag, part=self.of("score", "confidence", "percentile", "lower", "upper")),
        )
        column = FRAME[field.name if field.part is None else column_name(field.name, field.part)].dropna()
        if field.part == "percentile":
            return Compare(
                field=field, op=self.of("<", ">="), value=round(float(self.rng.uniform(0, 100)), 3)
            )
        values = [float(v) for v in self.rng.choice(column, 3)]
        if self.rng.random() < 0.2:
            return OneOf(field=field, values=tuple(values))
        value = self.of(*values, round(values[0], 1), -1.0, 0.1 + 0.2)
        return Compare(field=field, op=self.of("=", "!=", "<", "<=", ">", ">="), value=value)

    def word(self) -> Condition:
        tag = self.of(*TAGS, "spend")
        part = self.of("value", "band")
        words = {"value": ("yes", "no", "unknown"), "band": ("low", "high")}[part]
        if tag == "spend":
            words = TIERS
        field = FieldRef(name=tag, part=part)
        if self.rng.random() < 0.3:
            return OneOf(field=field, values=tuple({self.of(*words), self.of(*words)}))
        return Compare(field=field, op=self.of("=", "!="), value=self.of(*words))

    def text(self) -> Condition:
        texts = [c for c in CITIES if c is not None] + ["nowhere", "", "x' OR '1'='1"]
        if self.rng.random() < 0.3:
            return OneOf(field=FieldRef(name="city"), values=tuple({self.of(*texts), self.of(*texts)}))
        return Compare(field=FieldRef(name="city"), op=self.of("=", "!="), value=self.of(*texts))

    def flag(self) -> Condition:
        return Compare(field=FieldRef(name="email_ok"), op=self.of("=", "!="), value=self.of(True, False))

    def null(self) -> Condition:
        fields = (FieldRef(name="city"), FieldRef(name="age"), FieldRef(name=self.of(*TAGS), part="value"))
        return IsNull(field=self.of(*fields))

    def audience(self) -> Condition:
        return InAudience(name=self.of("frozen", "dynamic"))


NAMES = Names(
    {**dict.fromkeys(TAGS, ("low", "high")), "spend": TIERS},
    {"city": "text", "age": "number", "income": "number", "email_ok": "boolean", "sms": "text"},
    {"spend": TIERS},
    ("frozen", "dynamic"),
)


def holds(node: Condition) -> pd.Series:
    """Say for each profile whether a condition holds, by pandas alone."""
    if isinstance(node, And | Or):
        parts = [holds(item) for item in node.items]
        return np.logical_and.reduce(parts) if isinstance(node, And) else np.logical_or.reduce(parts)
    if isinstance(node, Not):
        return ~holds(node.item)
    if isinstance(node, InAudience):
        frozen = holds(parse(FROZEN, NAMES).root)
        return frozen if node.name == "frozen" else frozen & (FRAME["sms"] == "yes")
    column = FRAME[
        node.field.name if node.field.part is None else column_name(node.field.name, node.field.part)
    ]
    if isinstance(node, IsNull):
        return column.isna()
    if isinstance(node, OneOf):
        return column.isin(node.values) & column.notna()
    compare = {"=": "eq", "!=": "ne", "<": "lt", "<=": "le", ">": "gt", ">=": "ge"}[node.op]
    return (getattr(column, compare)(node.value) & column.notna()).fillna(value=False).astype(bool)


def test_random_filters_find_the_same_everywhere(desks) -> None:
    draw = Draw(1)
    sizes = []
    for _ in range(RANDOM):
        text = Filter(root=draw.tree()).text()
        mine = FRAME.loc[holds(parse(text, NAMES).root), "profile_id"].tolist()
        for kind, context in desks.items():
            question = resolve(context, ANALYST, text)
            with context.store.reader(whole) as reader:
                query = member_query(reader, question.whole, context.now, frozen=question.frozen)
                found = reader.query(query).read_all().column("profile_id").to_pylist()
            assert found == mine, (kind, text)
        sizes.append(len(mine))
    assert sum(0 < n < len(FRAME) for n in sizes) > RANDOM / 2, "most of them tell profiles apart"


HOSTILE = [
    "", " ", ";", "--", "/*", "*/", "\x00", "'", '"', "''", '""', "(", ")", "()", "age", "age =", "= 3", "age = = 3",
    "age = 3;", "age = 3; DROP TABLE profiles", "age = 3 --", "age = 3 /* x */", "age = 3 UNION SELECT 1",
    "age = (SELECT 1)", "age IN (SELECT age FROM profiles)", "EXISTS (SELECT 1)", "age = 3 OR 1=1", "1 = 1", "TRUE",
    "'a' = 'a'", "age = age", "age = income", "age + 1 = 2", "age = 1 + 1", "-age = 3", "age BETWEEN 1", "age BETWEEN 1 AND",
    "age BETWEEN 'a' AND 'b'", "age IN", "age IN ()", "age IN (1", "age IN (1,)", "age IN (,1)", "age IN 1", "age LIKE '%'",
    "city LIKE 'a'", "city ~ 'a'", "city || 'x' = 'y'", "upper(city) = 'X'", "pg_sleep(10)", "read_csv('/etc/passwd')",
    "getenv('HOME') = ''", "city = 'unterminated", 'city = "Oslo"', '"city = 3', "city = 'a' 'b'", "city = 'a''",
    "age = 1e999", "age > -1e999", "age = 1e", "age = 0x10", "age = 1.2.3", "age = .", "age = NaN", "age = inf", "age = NULL",
    "age IS", "age IS NOT", "age IS 3", "age IS TRUE", "NOT", "NOT NOT", "AND", "OR", "age > 3 AND", "AND age > 3",
    "age > 3 OR OR age < 2", "age > 3 age < 2", "((age > 3)", "(age > 3))", "city > 'a'", "city = 3", "city = TRUE",
    "email_ok = 'yes'", "email_ok = 1", "email_ok > TRUE", "age = TRUE", "age = '3'", "churn_risk = 'maybe'", "churn_risk = yes",
    "churn_risk = 3", "churn_risk > 'no'", "churn_risk.score = 'x'", "churn_risk.nothing = 1", "churn_risk.band = 'yes'",
    "churn_risk.value.score = 1", "churn_risk..score = 1", ".score = 1", "churn_risk. = 1", "nothing = 1", "profile_id = 'p1'",
    "rowid = 1", '"churn_risk:value" = \'yes\'', '"g0"."n" = 1', "profiles.age = 3", "information_schema.tables = 1",
    "IN", "IN AUDIENCE", "IN AUDIENCE frozen", "IN AUDIENCE 'nobody'", "IN AUDIENCE 'frozen' 'x'", "IN AUDIENCE ('frozen')",
    "IN AUDIENCE 'frozen'' OR ''1''=''1'", "age IN AUDIENCE 'frozen'", "AUDIENCE 'frozen'", "age NOT 3", "age NOT NULL",
    "age <> <> 3", "age => 3", "age =< 3", "age == 3", "age !== 3", "age ! 3", "age ≥ 3", "年龄 > 3", "city = ‘Oslo’", "city = `Oslo`",
    "city = $1", "city = ?", "city = :name", "city = %s", "city = {0}", "${city} = 1", "age = 1,000", "age = 1 000", "age\x00 = 3",
    "(" * 60 + "age > 3" + ")" * 60, "NOT " * 60 + "age > 3", "(" * 10_000, "NOT " * 10_000, "age > 3 AND " * 10_000,
    " OR ".join(["age = 3"] * 501), "age IN (" + ",".join(["1"] * 10_001) + ")", "x" * 1_000_001, "city = '" + "x" * 1_000_001,
]  # fmt: skip


def checked(text: str) -> bool:
    """Return whether ``text`` is a filter; its SQL is of allowed parts then, else its error says where."""
    try:
        tree = parse(text, NAMES)
    except FilterError as error:
        assert 0 <= error.position <= len(text)
        assert str(error.message)
        assert str(error.hint)
        return False
    frozen = {name: ["p1"] for name in ("frozen", "dynamic")}
    for dialect in ("duckdb", "postgres"):
        sql = condition(tree, expires_at={}, now=None, frozen=frozen).sql(dialect)
        for node in parse_one(sql, read=dialect).walk(prune=lambda n: isinstance(n, exp.Subquery)):
            if isinstance(node, exp.Subquery):  # a list of frozen members, taken apart
                inner = node.this.expressions
                assert isinstance(inner[0], exp.Explode)
                assert not node.this.args.get("from_")
                continue
            assert isinstance(node, ALLOWED), (type(node), sql)
            if isinstance(node, exp.Column):
                assert node.name in COLUMNS
    return True


@pytest.mark.parametrize("text", HOSTILE, ids=lambda text: repr(text[:30]))
def test_a_hostile_filter_is_refused_with_its_place(text) -> None:
    assert not checked(text)


words = st.sampled_from(
    ["age", "city", "churn_risk", "churn_risk.score", "'yes'", "'Oslo'", "3", "1e999", "-0.5", "=", "!=", "<=", ">", "AND", "OR",
     "NOT", "IN", "(", ")", ",", "BETWEEN", "IS", "NULL", "TRUE", "AUDIENCE", "'frozen'", ";", "--", "'", '"', "SELECT", "*",
     "UNION", "DROP TABLE profiles", "\\", "%", "北京", "\x00", "/*", "*/", "||", "::text", "$1"]
)  # fmt: skip


@settings(max_examples=RANDOM, deadline=None)
@given(parts=st.lists(st.one_of(words, st.text(max_size=4)), max_size=14), gap=st.sampled_from([" ", ""]))
def test_any_mixture_of_words_is_a_filter_or_an_error_with_its_place(parts, gap) -> None:
    checked(gap.join(parts))


def test_what_looks_hostile_and_is_a_value_finds_nobody(desks) -> None:
    for context in desks.values():
        for value in (
            "'; DROP TABLE profiles; --",
            "x' OR '1'='1",
            "%",
            "_",
            "\\",
            "\\'",
            "$$",
            "/*",
            "‘",
            "\u202e",
            "0x27",
        ):
            text = value.replace("'", "''")
            assert count(context, ANALYST, parse_for(context, ANALYST, f"city = '{text}'")).members == 0
        many = ", ".join(f"'c{k}'" for k in range(9_999))
        found = count(context, ANALYST, parse_for(context, ANALYST, f"city IN ({many}, '北京')")).members
        assert found == (FRAME["city"] == "北京").sum()

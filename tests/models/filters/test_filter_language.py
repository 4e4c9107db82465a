"""The audience language: right members, exact complements, clear errors, nothing but allow-listed SQL."""

from __future__ import annotations

import math
from datetime import UTC, datetime, timedelta

import duckdb
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
    FieldRef,
    Filter,
    InAudience,
    IsNull,
    Not,
    OneOf,
    Or,
    fields,
    fold,
    walk,
)
from tagcast.models.filters.names import Names
from tagcast.models.filters.parser import caret, parse
from tagcast.serving.filters.filter_sql import condition
from tagcast.serving.store.schema import column_name

NAMES = Names(
    tags={
        "churn_risk": ("low", "high"),
        "interest.coffee": ("low", "high"),
        "兴趣.茶": ("low", "high"),
        "spend_30d": ("little", "some", "much"),
    },
    attributes={"age": "number", "city": "text", "vip": "boolean", "Favourite colour": "text"},
    values={"spend_30d": ("little", "some", "much")},
    audiences=("loyal", "l'été 夏"),
)
NOW = datetime(2024, 5, 1, tzinfo=UTC)
LATER = {tag: NOW + timedelta(days=1) for tag in NAMES.tags}
CITIES = ["Oslo", "Tromsø", "O'Hare", "100%", "a\\b", "北京", "", "x'; DROP TABLE profiles; --"]
ALLOWED = (
    exp.Coalesce, exp.Column, exp.Identifier, exp.Literal, exp.Boolean, exp.And, exp.Or, exp.Not, exp.Paren, exp.EQ,
    exp.NEQ, exp.LT, exp.LTE, exp.GT, exp.GTE, exp.In, exp.Is, exp.Null, exp.Cast, exp.DataType, exp.Neg,
    exp.Select, exp.Subquery, exp.Explode, exp.Split, exp.StringToArray,  # a list of frozen members, taken apart
)  # fmt: skip
FROZEN = {"loyal": [f"p{i}" for i in range(0, 200, 3)], "l'été 夏": []}  # fmt: skip


def sayable(tag: str) -> tuple[str, ...]:
    return (*NAMES.values.get(tag, ("yes", "no")), "unknown")


def make_profiles(rows: int = 200) -> pd.DataFrame:
    rng = np.random.default_rng(5)
    frame = pd.DataFrame({"profile_id": [f"p{i}" for i in range(rows)]})
    frame["age"] = np.where(rng.random(rows) < 0.2, np.nan, rng.integers(18, 80, rows))
    frame["city"] = rng.choice([*CITIES, None], rows)
    frame["vip"] = pd.array(rng.choice([True, False, None], rows), dtype="boolean")
    frame["Favourite colour"] = rng.choice(["red", "blue", None], rows)
    for tag in NAMES.tags:
        missing = rng.random(rows) < 0.3
        frame[column_name(tag, "value")] = np.where(missing, None, rng.choice(sayable(tag), rows))
        frame[column_name(tag, "band")] = np.where(missing, None, rng.choice(NAMES.tags[tag], rows))
        for part in ("score", "confidence", "percentile", "lower", "upper"):
            amount = tag in NAMES.values and part in {"score", "lower", "upper"}
            scale = 100 if part == "percentile" or amount else 1
            frame[column_name(tag, part)] = np.where(missing, np.nan, np.round(rng.random(rows), 2) * scale)
    return frame


PROFILES = make_profiles()
CONNECTION = duckdb.connect()
CONNECTION.register("frame", PROFILES)
CONNECTION.execute("CREATE TABLE profiles AS SELECT * REPLACE (nullif(age, 'nan'::DOUBLE) AS age) FROM frame")
for _tag in NAMES.tags:
    for _part in ("score", "confidence", "percentile", "lower", "upper"):
        _c = column_name(_tag, _part)
        CONNECTION.execute(f'UPDATE profiles SET "{_c}" = NULL WHERE isnan("{_c}")')


def members(text: str, expires=None, now=NOW) -> set[str]:
    where = condition(
        parse(text, NAMES), expires_at=LATER if expires is None else expires, now=now, frozen=FROZEN
    )
    query = exp.select("profile_id").from_("profiles").where(where).sql("duckdb")
    return {row[0] for row in CONNECTION.execute(query).fetchall()}


def reference(node, row) -> bool:
    """The meaning of a filter, row by row in Python."""
    if isinstance(node, Filter):
        return reference(node.root, row)
    if isinstance(node, And):
        return all(reference(i, row) for i in node.items)
    if isinstance(node, Or):
        return any(reference(i, row) for i in node.items)
    if isinstance(node, Not):
        return not reference(node.item, row)
    if isinstance(node, InAudience):
        return row["profile_id"] in FROZEN[node.name]
    field = node.field
    value = row[field.name if field.part is None else column_name(field.name, field.part)]
    if isinstance(node, IsNull):
        return bool(pd.isna(value))
    if pd.isna(value):
        return False
    if isinstance(node, OneOf):
        return value in node.values
    compare = {"=": "__eq__", "!=": "__ne__", "<": "__lt__", "<=": "__le__", ">": "__gt__", ">=": "__ge__"}[
        node.op
    ]
    if isinstance(value, str | bool | np.bool_):
        return (value == node.value) == (node.op == "=")
    return bool(getattr(float(value), compare)(float(node.value)))


numbers = st.one_of(
    st.sampled_from([0.0, 0.5, 0.25, 30.0, -1.0, 50.0]),
    st.floats(-100, 100, allow_nan=False),
    st.integers(0, 100).map(lambda n: n / 100),
)
tag_numbers = st.builds(
    FieldRef,
    name=st.sampled_from(sorted(NAMES.tags)),
    part=st.sampled_from(["score", "confidence", "percentile", "lower", "upper"]),
)
number_fields = st.one_of(st.just(FieldRef(name="age")), tag_numbers)
tag_names = st.sampled_from(sorted(NAMES.tags))
value_fields = st.builds(FieldRef, name=tag_names, part=st.just("value"))
text_fields = st.sampled_from([FieldRef(name="city"), FieldRef(name="Favourite colour")])
texts = st.one_of(st.sampled_from(CITIES), st.text(max_size=8))
equality = st.sampled_from(["=", "!="])
order = st.sampled_from(["=", "!=", "<", "<=", ">", ">="])


def compared(tag: str, part: str, words: tuple[str, ...]):
    return st.builds(
        Compare, field=st.just(FieldRef(name=tag, part=part)), op=equality, value=st.sampled_from(words)
    )


leaves = st.one_of(
    st.builds(Compare, field=number_fields, op=order, value=numbers),
    tag_names.flatmap(lambda tag: compared(tag, "value", sayable(tag))),
    tag_names.flatmap(lambda tag: compared(tag, "band", NAMES.tags[tag])),
    st.builds(Compare, field=text_fields, op=equality, value=texts),
    st.builds(Compare, field=st.just(FieldRef(name="vip")), op=equality, value=st.booleans()),
    st.builds(OneOf, field=text_fields, values=st.lists(texts, min_size=1, max_size=4).map(tuple)),
    st.builds(OneOf, field=number_fields, values=st.lists(numbers, min_size=1, max_size=4).map(tuple)),
    st.builds(IsNull, field=st.one_of(number_fields, value_fields, text_fields)),
    st.builds(InAudience, name=st.sampled_from(sorted(FROZEN))),
)
trees = st.recursive(
    leaves,
    lambda inner: st.one_of(
        st.builds(Not, item=inner),
        st.builds(And, items=st.lists(inner, min_size=2, max_size=3).map(tuple)),
        st.builds(Or, items=st.lists(inner, min_size=2, max_size=3).map(tuple)),
    ),
    max_leaves=6,
).map(lambda root: Filter(root=root))


@pytest.mark.slow
@settings(max_examples=250, deadline=None)
@given(tree=trees)
def test_random_filters_find_what_a_plain_reading_finds(tree) -> None:
    text = tree.text()
    found = members(text)
    assert found == {row["profile_id"] for row in PROFILES.to_dict("records") if reference(tree, row)}
    assert members(f"NOT ({text})") == set(PROFILES["profile_id"]) - found


@pytest.mark.slow
@settings(max_examples=150, deadline=None)
@given(tree=trees)
def test_text_and_json_go_round(tree) -> None:
    again = parse(tree.text(), NAMES)
    assert members(again.text()) == members(tree.text())
    assert parse(again.text(), NAMES) == again
    assert Filter.model_validate_json(tree.model_dump_json()) == tree


@settings(max_examples=150, deadline=None)
@given(tree=trees)
def test_walk_and_fold_meet_every_condition_in_reading_order(tree) -> None:
    leaves = []

    def put_back(leaf):
        leaves.append(leaf)
        return leaf

    again = fold(
        tree.root,
        leaf=put_back,
        negated=lambda _, item: Not(item=item),
        joined=lambda node, items: type(node)(items=tuple(items)),
    )
    assert again == tree.root
    assert list(walk(tree)) == list(walk(tree.root)) == leaves
    assert [f.name for f in fields(tree)] == [x.field.name for x in leaves if not isinstance(x, InAudience)]
    places = [tree.text().find(leaf.text()) for leaf in leaves]
    assert min(places) >= 0
    assert places[0] == min(places)


def test_only_what_stands_under_a_not_is_made_false_in_a_query() -> None:
    text = "churn_risk = 'yes' AND (churn_risk.score >= 0.5 OR NOT churn_risk.confidence < 0.2)"
    where = condition(parse(text, NAMES), expires_at=LATER, now=NOW, frozen=FROZEN)
    assert [c.this.sql() for c in where.find_all(exp.Coalesce)] == [
        '("churn_risk:confidence" < CAST(0.2 AS DOUBLE))'
    ]


@settings(max_examples=150, deadline=None)
@given(tree=trees)
def test_only_allow_listed_nodes_reach_a_database(tree) -> None:
    for dialect in ("duckdb", "postgres"):
        sql = condition(tree, expires_at=LATER, now=NOW, frozen=FROZEN).sql(dialect)
        for node in parse_one(sql, read=dialect).walk():
            assert isinstance(node, ALLOWED), (type(node), sql)


@settings(max_examples=300, deadline=None)
@given(
    text=st.one_of(st.text(max_size=40), st.text(alphabet="()'\"=<>!,.;-* aANDORchurn_risk10e", max_size=60))
)
def test_any_text_is_a_filter_or_a_clear_error(text) -> None:
    try:
        parse(text, NAMES)
    except FilterError as error:
        assert 0 <= error.position <= len(text)
        assert str(error.message)
        assert str(error.hint)


@pytest.mark.parametrize(
    ("text", "said", "position"),
    [
        ("chrun_risk = 'yes'", "did you mean 'churn_risk'", 0),
        ("age > 3 AND interest.cofee = 'yes'", "did you mean 'interest.coffee'", 12),
        ("churn_risk.confidense > 1", "did you mean 'confidence'", 0),
        ("churn_risk = 'ye'", "did you mean 'yes'", 13),
        ("churn_risk.band = 'hihg'", "did you mean 'high'", 18),
        ("spend_30d = 'yes'", "known: little, some, much, unknown", 12),
        ("spend_30d = 'sone'", "did you mean 'some'", 12),
        ("age > 3 AND IN AUDIENCE 'loyol'", "did you mean 'loyal'", 24),
        ("IN AUDIENCE loyal", "in single quotes", 12),
        ("NOT IN ('a')", "AUDIENCE after it", 7),
        ("churn_risk = 'much'", "known: yes, no, unknown", 13),
        ("churn_risk = yes", "a text in single quotes", 13),
        ("churn_risk > 'no'", "= and != only", 11),
        ("age = 'old'", "expected a number", 6),
        ("age = 1e999", "finite", 6),
        ("age IN ()", "at least one value", 8),
        ("age BETWEEN 1 OR 2", "expected AND", 14),
        ("city = 'Oslo", "never closed", 7),
        ("(age > 1", "expected )", 8),
        ("age > 1)", "expected AND, OR or the end", 7),
        ("age", "expected an operator", 3),
        ("NOT", "expected the name", 3),
        ("city = 'a'; DROP TABLE profiles", "unexpected ';", 10),
        ("city = 'a' UNION SELECT 1", "expected AND, OR or the end", 11),
        ("read_csv('/etc/passwd') = 'x'", "no function", 0),
        ("1 = 1", "expected the name", 0),
        ("age > (SELECT 1)", "expected a number", 6),
        ("city = 'a' -- comment", "unexpected '--'", 11),
        ("vip = 1", "TRUE or FALSE", 6),
        ("   ", "empty", 0),
    ],
)
def test_errors_say_where_and_how(text, said, position) -> None:
    with pytest.raises(FilterError) as error:
        parse(text, NAMES)
    assert said in str(error.value)
    assert error.value.position == position
    mark = caret(text, error.value).splitlines()[1]
    assert mark.strip() == "^"


def test_nesting_is_limited_with_a_message() -> None:
    assert members("(" * 40 + "age > 1" + ")" * 40) == members("age > 1")
    with pytest.raises(FilterError, match="nested"):
        parse("(" * 500 + "age > 1" + ")" * 500, NAMES)
    with pytest.raises(FilterError, match="nested"):
        parse("NOT " * 500 + "age > 1", NAMES)


def test_many_values() -> None:
    values = ", ".join(str(n) for n in range(10_000))
    assert members(f"age IN ({values})") == members("age >= 0")
    with pytest.raises(FilterError, match="10,000"):
        parse(f"age IN ({values}, 1)", NAMES)


def test_hostile_text_is_only_text() -> None:
    hostile = CITIES[-1].replace("'", "''")
    assert members(f"city = '{hostile}'") == set(PROFILES.loc[PROFILES["city"] == CITIES[-1], "profile_id"])
    assert members("city = '100%'") == set(PROFILES.loc[PROFILES["city"] == "100%", "profile_id"])
    assert members("\"Favourite colour\" = 'red'") == set(
        PROFILES.loc[PROFILES["Favourite colour"] == "red", "profile_id"]
    )
    assert members("兴趣.茶 = 'yes'") == set(
        PROFILES.loc[PROFILES[column_name("兴趣.茶", "value")] == "yes", "profile_id"]
    )


def test_a_tag_past_its_time_matches_nothing() -> None:
    assert members("churn_risk.score >= 0")
    expired = {**LATER, "churn_risk": NOW}
    assert members("churn_risk.score >= 0", expired) == set()
    assert members("NOT churn_risk = 'yes'", expired) == set(), "unknown under NOT too"
    assert members("age > 0 OR churn_risk = 'yes'", expired) == members("age > 0")


def test_a_score_compares_as_it_was_stored() -> None:
    assert math.isclose(0.1 + 0.2, 0.3)
    with duckdb.connect() as connection:
        connection.execute(
            f'CREATE TABLE profiles AS SELECT 0.1::DOUBLE + 0.2::DOUBLE AS "{column_name("churn_risk", "score")}"'
        )
        for text, expected in (
            ("churn_risk.score = 0.3", 0),
            ("churn_risk.score > 0.3", 1),
            ("churn_risk.score = 0.30000000000000004", 1),
        ):
            where = condition(parse(text, NAMES), expires_at=LATER, now=NOW)
            assert connection.execute(
                exp.select("count(*)").from_("profiles").where(where).sql("duckdb")
            ).fetchall() == [(expected,)]

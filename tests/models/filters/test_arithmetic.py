"""Bounds computed from features: what may be written, what comes of it, and what is unknown."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tagcast.features.core.errors import DefinitionError
from tagcast.models.filters.arithmetic import read_arithmetic

A, B = np.array([1.0, 2.0, np.nan, 0.0]), np.array([4.0, 0.0, 1.0, 0.0])
TREES = st.recursive(
    st.sampled_from(["a", "b"]) | st.integers(0, 9).map(str) | st.just("0.5"),
    lambda inner: st.one_of(
        st.tuples(inner, st.sampled_from("+-*/"), inner).map(lambda t: f"({t[0]} {t[1]} {t[2]})"),
        inner.map(lambda text: f"(-{text})"),
    ),
    max_leaves=6,
)


@given(TREES)
def test_it_is_what_python_makes_of_the_same_text(text) -> None:
    found = read_arithmetic(text, ["a", "b"])({"a": A, "b": B}, len(A))
    for place in range(len(A)):
        try:
            value = eval(text, {"a": float(A[place]), "b": float(B[place])})  # noqa: S307 - written above
        except ZeroDivisionError:
            value = float("nan")
        assert found[place] == pytest.approx(value, nan_ok=True), text


def test_what_is_divided_by_a_division_by_zero_is_unknown_too() -> None:
    found = read_arithmetic("0.5 / (a / b)")({"a": A, "b": B}, len(A))
    assert found[0] == 2.0
    assert np.isnan(found[1:]).all()


def test_names_are_found_quoted_or_not() -> None:
    found = read_arithmetic('0.5 * "grade is x" + spend_90d - spend_90d')
    assert found.names == ("grade is x", "spend_90d")
    one = np.array([3.0])
    assert found({"grade is x": one, "spend_90d": one}, 1).tolist() == [1.5]


def test_a_number_alone_is_a_bound_for_all() -> None:
    assert read_arithmetic("2 + 3", ())({}, 2).tolist() == [5.0, 5.0]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("0.5 * spend_90", "there is no feature 'spend_90'\n  hint: did you mean 'spend_90d'"),
        ("", "is no arithmetic"),
        ("1; 2", "is no arithmetic"),
        ("1 +", "is no arithmetic"),
        ("'a' * 2", "is not allowed in arithmetic"),
        ("a.b + 1", "is not allowed in arithmetic"),
        ("a > 1", "is not allowed in arithmetic"),
        ("(SELECT 1)", "is not allowed in arithmetic"),
        ("abs(a)", "is not allowed in arithmetic"),
        ("(" * 1001, "is no arithmetic"),
    ],
)
def test_what_is_no_arithmetic_is_refused(text, said) -> None:
    with pytest.raises(DefinitionError) as error:
        read_arithmetic(text, ["spend_90d", "a"])
    assert said in str(error.value)

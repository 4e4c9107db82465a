"""What pydantic, parsers and the disk find wrong is said in our own words, in every language."""

from __future__ import annotations

import errno
import re
import tomllib

import pytest
import yaml
from pydantic import BaseModel, ValidationError, field_validator
from pydantic_core._pydantic_core import list_all_errors

from tagcast.features.core.messages import msg, render
from tagcast.features.core.raw_errors import raw_text, reason_of, toml_problem, yaml_problem
from tagcast.features.core.validation import InvalidValueError, at, explained, near, suggested

CHINESE = re.compile("[\u4e00-\u9fff]")


@pytest.mark.parametrize("error", list_all_errors(), ids=lambda e: e["type"])
def test_every_type_of_pydantic_has_a_sentence(error) -> None:
    said = explained({"type": error["type"], "ctx": error["example_context"], "msg": "its own words"})
    assert str(said)
    assert CHINESE.search(render(said, "zh"))


def test_what_our_validators_refuse_is_handed_on() -> None:
    class Even(BaseModel):
        number: int

        @field_validator("number")
        @classmethod
        def _check(cls, value: int) -> int:
            if value % 2:
                raise InvalidValueError(msg("expected a number"))
            return value

    with pytest.raises(ValidationError) as caught:
        Even(number=3)
    (error,) = caught.value.errors()
    assert explained(error) == msg("expected a number")
    assert str(at("number", explained(error), "3")) == "number: expected a number (found 3)"
    assert render(at("number", explained(error), "3"), "zh") == "number：应为数值（却是 3）"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('a = "x\n', "line 1, column 7: a text is not closed"),
        ("a = 1\na = 2\n", "line 2, column 6: a key is given twice"),
        ("[a]\n[a]\n", "line 2, column 3: a table is given twice"),
        ("a\n", "a key is not followed by ="),
        ("a = 1 b = 2", "something follows the value"),
        ("a = x", "no value or key of TOML"),
        ("a = ", "at its end"),
    ],
)
def test_where_a_text_is_no_toml(text, said) -> None:
    with pytest.raises(tomllib.TOMLDecodeError) as caught:
        tomllib.loads(text)
    problem = toml_problem(caught.value)
    assert said in str(problem)
    assert not re.search("[a-z]{2,} [a-z]{2,}", render(problem, "zh"))


def test_where_a_text_is_no_yaml() -> None:
    with pytest.raises(yaml.YAMLError) as caught:
        yaml.safe_load("a: [1\nb: 2")
    assert str(yaml_problem(caught.value)) == "not valid YAML at line 2, column 2"
    assert "nested" in str(yaml_problem(RecursionError()))


def test_why_the_disk_refuses() -> None:
    assert str(reason_of(PermissionError(errno.EACCES, "Permission denied"))) == "permission denied"
    odd = reason_of(OSError(errno.EXDEV, "Invalid cross-device link"))
    assert str(odd) == "Invalid cross-device link"
    assert render(odd, "zh") == "原始信息：Invalid cross-device link"
    assert str(raw_text("first\nsecond")) == "first"


def test_what_may_be_meant() -> None:
    assert str(near("chrun", ["churn", "value"])) == "did you mean 'churn'?"
    assert str(near("x", [str(n) for n in range(40)])).endswith("18, 19, …")
    assert not near("x", [])
    assert str(suggested("valu", ["churn", "value"])) == "did you mean 'value'? known: churn, value"

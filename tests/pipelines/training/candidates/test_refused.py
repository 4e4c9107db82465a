"""Candidates that cannot be trained, stored or asked: each is one sentence with file, what was found and how to fix it."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest

from tests.pipelines.training.candidates.lab import with_candidates
from tests.pipelines.training.candidates.test_made import made
from tests.support.command_line import Project
from tests.support.shop import AMOUNT, CHURN, FIRST_DAY

NOW = FIRST_DAY + timedelta(days=200)

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("candidates_refused")]


@pytest.fixture(scope="module")
def shop(tmp_path_factory) -> Project:
    return made(tmp_path_factory.mktemp("refused"), "lab_refused", {"churn_risk": CHURN})


def refusal(shop: Project, command: str, text: str) -> str:
    """Return what a command says of the tag, in one line."""
    file = shop.config.parent / "tags" / "churn_risk.yaml"
    file.write_text(text, encoding="utf-8")
    words = ["train", "churn_risk", "--trials", "1", "--threads", "1"] if command == "train" else ["check"]
    result = shop.invoke(*words, "--as-of", str(NOW))
    assert result.exit_code != 0, result.output
    return re.sub(r"\s+", " ", result.output + result.stderr)


BEFORE_DATA = {
    "python:no_such_place.models:make": ("there is no module no_such_place", "the folder of tagcast.toml"),
    "python:lab_refused.models:make": ("there is no module lab_refused.models",),
    "python:lab_refused_torn:make": ("lab_refused_torn cannot be imported", "a_package_nobody_has", "lab_refused_torn.py:2"),
    "python:lab_refused:pipelin": ("has no function pipelin", "did you mean 'pipeline'?"),
    "python:lab_refused:not_a_function": ("expected a function, found int",),
    "python:lab_refused:nothing": ("nothing returns NoneType: it is no estimator",),
    "python:lab_refused:a_class": ("returns the class LogisticRegression: it is no estimator",),
    "python:lab_refused:no_probabilities": ("returns LinearSVC: it has no predict_proba", "probability=True"),
    "python:lab_refused:broken": ("broken raises ZeroDivisionError: division by zero", "lab_refused.py:"),
}  # fmt: skip


@pytest.mark.parametrize(("candidate", "parts"), BEFORE_DATA.items())
def test_what_is_wrong_without_data_is_said_before_anything_is_labelled(shop, candidate, parts) -> None:
    said = refusal(shop, "train", with_candidates(CHURN, "default", candidate))
    for part in (*parts, "churn_risk.yaml: candidates", candidate):
        assert part in said


def test_check_says_it_too(shop) -> None:
    said = refusal(shop, "check", with_candidates(CHURN, "python:lab_refused:nothing"))
    assert "it is no estimator" in said


IN_REHEARSAL = {
    "no_imputer": ("fit raises ValueError", "NaN", "put an imputer first"),
    "hidden": ("Pipeline cannot be stored without pickle: it holds lab_refused.<lambda>", "no lambdas"),
    "roots": ("types that the tag does not trust: lab_refused.Roots", r"trusted: \[lab_refused.Roots\]"),
    "forgetful": ("trusted|predicts otherwise",),
}


@pytest.mark.parametrize(("function", "parts"), IN_REHEARSAL.items())
def test_what_fails_on_few_rows_is_refused_before_the_search(shop, function, parts) -> None:
    said = refusal(shop, "train", with_candidates(CHURN, "default", f"python:lab_refused:{function}"))
    for part in (*parts, "churn_risk.yaml: candidates"):
        assert re.search(part, said), said
    studies = shop.home / "optuna"
    assert not list(studies.glob("*.db")), "the search had begun"


def test_what_is_not_kept_by_storing_is_noticed(shop) -> None:
    said = refusal(
        shop, "train", with_candidates(CHURN, "python:lab_refused:forgetful", trusted="lab_refused.Forgetful")
    )
    assert re.search("predicts otherwise|fit raises", said), said


def test_a_classifier_predicts_no_amount(shop) -> None:
    text = with_candidates(AMOUNT.replace("spend_30d", "churn_risk"), "python:lab_refused:pipeline")
    assert "it is a classifier, and the tag predicts an amount" in refusal(shop, "train", text)


@pytest.mark.parametrize(
    ("candidates", "parts"),
    [
        (("lab:make",), "expected default, python:package.module:function or mlflow:models:/name@alias"),
        (("default", "default"), "candidates names 'default' twice"),
        ((), "needs at least 1 item"),
    ],
)
def test_keys_that_are_no_candidates(shop, candidates, parts) -> None:
    said = refusal(shop, "train", with_candidates(CHURN, *candidates))
    assert parts in said
    assert "churn_risk.yaml" in said


def test_types_are_trusted_for_python_candidates_alone(shop) -> None:
    said = refusal(shop, "train", with_candidates(CHURN, "default", trusted="lab.Type"))
    assert "trusted is about models that python: candidates make" in said

"""Where the configuration asks for it, a new champion needs a second person."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from tagcast.features.core.errors import ModelError, NotAllowedError
from tagcast.registry.gates.checks import Check, GateReport
from tagcast.registry.versions.promotion import approve, decide_by_gate, pending, promote, turn_down
from tagcast.registry.versions.recording import log_version
from tagcast.registry.versions.tracking import Tracking, open_tracking
from tagcast.registry.versions.versions import Version, find_version, versions

NOW = datetime(2026, 3, 1, 9, 30, tzinfo=UTC)
PASSED = GateReport((Check("beats_rfm", "pass", 0.86, 0.84, "AUC .860 against .840"),))
REFUSED = GateReport((Check("beats_rfm", "fail", 0.80, 0.84, "AUC .800 against .840"),))


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    home = tmp_path_factory.mktemp("home")
    open_tracking(home)
    return home


@pytest.fixture
def tracking(home, request, monkeypatch) -> Tracking:
    """A project of its own."""
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    return open_tracking(home, project=request.node.name)


@pytest.fixture
def log(tracking, tmp_path, request):
    (tmp_path / "bundle").mkdir()
    (tmp_path / "bundle" / "model.json").write_text("{}")

    def logged() -> Version:
        return log_version(
            tracking, tag=request.node.name, kind="model", bundle=tmp_path / "bundle", features=("a",), feature_set="f",
            params={}, metrics={"auc": 0.8}, dataset={}, split={}, figures={}, notes=[], run_name="r", now=NOW,
        )  # fmt: skip

    return logged


def days(n: float) -> datetime:
    return NOW + timedelta(days=n)


def test_a_winner_waits_as_challenger_until_somebody_else_approves(tracking, log) -> None:
    first = log()
    decide_by_gate(tracking, first, PASSED, now=NOW)
    second = log()
    decision = decide_by_gate(tracking, second, PASSED, now=days(1), proposer="Ann")
    assert (decision.action, decision.how, decision.by) == ("proposed", "gate", "Ann")
    assert [v.aliases for v in versions(tracking)] == [("challenger",), ("champion",)]
    assert [v.version for v in pending(tracking)] == [2]

    with pytest.raises(NotAllowedError, match=r"Ann proposed .* v2"):
        approve(tracking, second, by="Ann", reason="mine", now=days(2))
    assert find_version(tracking, second.tag).version == 1

    done = approve(tracking, second, by="Bob", reason="read the card", now=days(2))
    assert (done.action, done.how, done.by) == ("promoted", "review", "Bob")
    assert done.figures["proposed_by"] == "Ann"
    assert find_version(tracking, second.tag).version == 2
    assert pending(tracking) == []
    promoted = [d for d in tracking.decisions.history(second.tag) if d.action == "promoted"]
    assert [(d.version, d.decided_at) for d in promoted][-2:] == [(1, promoted[-2].decided_at), (2, days(2))]


def test_a_version_that_the_gate_refuses_is_never_proposed(tracking, log) -> None:
    version = log()
    assert decide_by_gate(tracking, version, REFUSED, now=NOW, proposer="Ann").action == "refused"
    assert pending(tracking) == []
    with pytest.raises(ModelError, match="v1 does not wait for approval"):
        approve(tracking, version, by="Bob", reason="why not", now=NOW)


def test_a_promotion_by_hand_waits_as_well_and_keeps_what_it_overrules(tracking, log) -> None:
    decide_by_gate(tracking, log(), REFUSED, now=NOW)
    refused = versions(tracking)[0]
    with pytest.raises(ModelError, match="beats_rfm failed"):
        promote(tracking, refused, by="Ann", reason="new shop", now=days(1), second_person=True)
    proposed = promote(
        tracking, refused, by="Ann", reason="new shop", now=days(1), force=True, second_person=True
    )
    assert (proposed.action, proposed.how) == ("proposed", "force")
    assert versions(tracking)[0].aliases == ("challenger",)
    done = approve(tracking, refused, by="Bob", reason="agreed", now=days(2))
    assert done.figures["forced"] == ["beats_rfm"]
    assert versions(tracking)[0].aliases == ("champion",)


def test_the_newest_proposal_of_a_tag_is_the_one_that_waits(tracking, log) -> None:
    first, second = log(), log()
    decide_by_gate(tracking, first, PASSED, now=NOW, proposer="Ann")
    decide_by_gate(tracking, second, PASSED, now=days(1), proposer="Ann")
    decide_by_gate(tracking, log(), REFUSED, now=days(2), proposer="Ann")
    assert [v.version for v in pending(tracking)] == [2]
    with pytest.raises(ModelError, match="v1 does not wait for approval"):
        approve(tracking, first, by="Bob", reason="the older one", now=days(3))


def test_a_proposal_can_be_turned_down(tracking, log) -> None:
    version = log()
    decide_by_gate(tracking, version, PASSED, now=NOW, proposer="Ann")
    with pytest.raises(ModelError, match="needs who decides and why"):
        turn_down(tracking, version, by="Bob", reason=" ", now=days(1))
    done = turn_down(tracking, version, by="Bob", reason="the feed was broken", now=days(1))
    assert (done.action, done.how) == ("refused", "review")
    assert pending(tracking) == []
    with pytest.raises(ModelError, match="does not wait for approval"):
        approve(tracking, version, by="Cid", reason="all the same", now=days(2))

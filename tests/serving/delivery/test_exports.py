"""What is taken away: columns, consent, holdout, sensitivity, and the line it leaves in the audit log."""

from __future__ import annotations

import io
from hashlib import sha256

import pandas as pd
import pytest

from tagcast.features.core.errors import NotAllowedError, StateError, StoreError, TagcastError
from tagcast.registry.access.audit_log import entries, uses_of
from tagcast.serving.audiences.service import parse_for
from tagcast.serving.delivery import exports
from tagcast.serving.delivery.consent import reach
from tagcast.serving.delivery.export_columns import columns_for
from tagcast.serving.delivery.exports import export
from tagcast.serving.delivery.holdouts import holdout_ids
from tests.support.desks import ANALYST, MARKETER, PROFILES, TAGS, VIEWER, desk_over, frame, publish_made
from tests.support.stores import KINDS, make_store

FRAME = frame()
YES = FRAME["churn_risk:value"] == "yes"


@pytest.fixture
def context(tmp_path):
    store = make_store("duckdb", tmp_path)
    publish_made(store)
    return desk_over(store, tmp_path / "project")


def leaving(context, person=ANALYST):
    return parse_for(context, person, "churn_risk = 'yes'")


@pytest.mark.parametrize("kind", KINDS)
def test_both_stores_hand_out_the_same_file(kind, tmp_path) -> None:
    store = make_store(kind, tmp_path)
    publish_made(store)
    context = desk_over(store, tmp_path / "project")
    file = tmp_path / "a.parquet"
    found = export(context, ANALYST, leaving(context), file, format="parquet", no_contact=True)
    rows = pd.read_parquet(file)
    mine = FRAME[YES]
    assert rows["profile_id"].tolist() == mine["profile_id"].tolist()
    assert found.rows == len(mine)
    assert found.columns == tuple(rows.columns[1:])
    assert rows["churn_risk.score"].tolist() == mine["churn_risk:score"].tolist()
    assert set(rows["churn_risk"]) == {"yes"}
    assert found.sha256 == sha256(file.read_bytes()).hexdigest()
    assert rows["city"].where(rows["city"].notna(), None).tolist() == (
        mine["city"].where(mine["city"].notna(), None).tolist()
    )


def test_a_stream_gets_the_chosen_columns_in_their_order(context) -> None:
    stream = io.BytesIO()
    columns = ["spend.band", "age", "churn_risk", f"{TAGS[1]}.percentile"]
    found = export(context, ANALYST, leaving(context), stream, columns=columns, no_contact=True)
    rows = pd.read_csv(io.BytesIO(stream.getvalue()))
    assert list(rows.columns) == ["profile_id", *columns]
    assert set(columns) <= set(columns_for(context, ANALYST))
    assert found.sha256 == sha256(stream.getvalue()).hexdigest()
    assert not stream.closed


def test_formulas_reach_no_spreadsheet(context) -> None:
    stream = io.BytesIO()
    tree = parse_for(context, ANALYST, "age > 0")
    export(context, ANALYST, tree, stream, columns=["city"], no_contact=True)
    text = stream.getvalue().decode()
    assert "'=cmd|" in text
    assert '"=cmd' not in text
    assert "\n=cmd" not in text


def test_a_holdout_is_kept_back_and_found_again(context, tmp_path) -> None:
    how = {"holdout": 0.3, "no_contact": True}
    found = export(context, ANALYST, leaving(context), tmp_path / "a.csv", seed=7, **how)
    again = export(context, ANALYST, leaving(context), tmp_path / "b.csv", seed=7, **how)
    other = export(context, ANALYST, leaving(context), tmp_path / "c.csv", seed=8, **how)
    held = set(holdout_ids(context.state, found.id))
    written = set(pd.read_csv(tmp_path / "a.csv")["profile_id"])
    assert held | written == set(FRAME.loc[YES, "profile_id"])
    assert not held & written
    assert (found.rows, found.held_out) == (len(written), len(held))
    assert abs(len(held) - 0.3 * YES.sum()) < 4 * (0.21 * YES.sum()) ** 0.5
    assert set(holdout_ids(context.state, again.id)) == held
    assert set(holdout_ids(context.state, other.id)) != held


def test_the_control_group_of_each_export_is_drawn_anew_and_its_seed_recorded(context, tmp_path) -> None:
    groups, seeds = [], []
    for k in range(3):
        found = export(
            context, ANALYST, leaving(context), tmp_path / f"{k}.csv", holdout=0.5, no_contact=True
        )
        groups.append(frozenset(holdout_ids(context.state, found.id)))
        seeds.append(found.seed)
    assert len(set(groups)) == len(set(seeds)) == 3
    assert [entry.detail["seed"] for entry in entries(context.state, action="export")] == seeds[::-1]
    again = export(
        context,
        ANALYST,
        leaving(context),
        tmp_path / "again.csv",
        holdout=0.5,
        seed=seeds[1],
        no_contact=True,
    )
    assert frozenset(holdout_ids(context.state, again.id)) == groups[1]


def test_where_consent_is_known_an_export_says_whether_it_contacts_anyone(context, tmp_path) -> None:
    with pytest.raises(TagcastError) as caught:
        export(context, ANALYST, leaving(context), tmp_path / "a.csv")
    assert "channel" in str(caught.value)
    assert "email" in str(caught.value.hint)
    assert "sms" in str(caught.value.hint)
    with pytest.raises(TagcastError, match="either"):
        export(context, ANALYST, leaving(context), tmp_path / "a.csv", channel="sms", no_contact=True)
    assert not list(tmp_path.glob("*.csv"))
    found = export(context, ANALYST, leaving(context), tmp_path / "a.csv", no_contact=True)
    assert found.rows == YES.sum()
    (entry,) = entries(context.state, action="export")
    assert entry.detail["no_contact"] is True


def test_where_consent_is_not_configured_nothing_is_asked(tmp_path) -> None:
    store = make_store("duckdb", tmp_path)
    publish_made(store)
    context = desk_over(store, tmp_path / "project", PROFILES.partition("[consent]")[0])
    assert export(context, ANALYST, leaving(context), tmp_path / "a.csv").rows == YES.sum()
    (entry,) = entries(context.state, action="export")
    assert entry.detail["no_contact"] is False


@pytest.mark.parametrize(
    ("channel", "consents", "unknown"),
    [
        ("email", FRAME["email_ok"] == True, FRAME["email_ok"].isna()),  # noqa: E712
        ("sms", FRAME["sms"] == "yes", FRAME["sms"].isna()),
    ],
)
def test_who_will_be_left_out_is_known_before_the_file(context, channel, consents, unknown) -> None:
    found = reach(context, ANALYST, leaving(context), channel)
    assert (found.members, found.written) == (YES.sum(), (YES & consents).sum())
    assert found.without_consent == YES.sum() - (YES & consents).sum()
    assert found.consent_unknown == (YES & unknown).sum()
    done = export(context, ANALYST, leaving(context), io.BytesIO(), channel=channel)
    assert (done.rows, done.without_consent) == (found.written, found.without_consent)
    assert not entries(context.state, action="export")[1:], "looking leaves no export on record"


def test_what_an_export_reaches_is_for_those_who_may_export(context) -> None:
    with pytest.raises(NotAllowedError):
        reach(context, VIEWER, leaving(context, VIEWER), "email")
    with pytest.raises(TagcastError, match="pigeon"):
        reach(context, ANALYST, leaving(context), "pigeon")
    nobody = reach(context, ANALYST, leaving(context), None)
    assert (nobody.written, nobody.without_consent) == (YES.sum(), 0)


@pytest.mark.parametrize(
    ("channel", "consents"),
    [("email", FRAME["email_ok"] == True), ("sms", FRAME["sms"] == "yes")],  # noqa: E712
)
def test_who_does_not_consent_is_left_out_and_counted(context, channel, consents) -> None:
    stream = io.BytesIO()
    found = export(context, ANALYST, leaving(context), stream, channel=channel)
    rows = pd.read_csv(io.BytesIO(stream.getvalue()))
    assert set(rows["profile_id"]) == set(FRAME.loc[YES & consents, "profile_id"])
    assert found.without_consent == (YES & ~consents.fillna(value=False)).sum()


def test_what_is_sensitive_is_hidden(context) -> None:
    stream = io.BytesIO()
    found = export(context, MARKETER, leaving(context, MARKETER), stream, no_contact=True)
    assert found.hidden == ("income",)
    assert "income" not in pd.read_csv(io.BytesIO(stream.getvalue())).columns
    asked = export(
        context, MARKETER, leaving(context, MARKETER), io.BytesIO(), columns=["age", "income", TAGS[1]], no_contact=True,
    )  # fmt: skip
    assert (asked.columns, asked.hidden) == (("age",), ("income", TAGS[1]))
    assert not {"income", TAGS[1]} & set(columns_for(context, MARKETER))
    with pytest.raises(NotAllowedError):
        export(context, VIEWER, leaving(context, VIEWER), io.BytesIO(), no_contact=True)
    with pytest.raises(NotAllowedError):
        columns_for(context, VIEWER)


def test_each_export_is_on_record(context, tmp_path) -> None:
    found = export(
        context,
        MARKETER,
        leaving(context, MARKETER),
        tmp_path / "a.csv",
        holdout=0.1,
        channel="email",
        name="spring",
    )
    (entry,) = entries(context.state, action="export")
    assert (entry.who, entry.subject, entry.at) == ("mo", "spring", context.now)
    expected = {
        "id": found.id,
        "rows": found.rows,
        "held_out": found.held_out,
        "without_consent": found.without_consent,
        "sha256": found.sha256,
        "filter": "churn_risk = 'yes'",
        "channel": "email",
        "holdout": 0.1,
        "run": 1,
    }
    assert {key: entry.detail[key] for key in expected} == expected
    assert uses_of(context.state, "churn_risk").exports == 1


def test_what_cannot_be_recorded_is_not_handed_out(context, tmp_path, monkeypatch) -> None:
    def broken(*_: object, **__: object) -> None:
        raise StateError("the audit log cannot be written", hint="make room")

    monkeypatch.setattr(exports, "record", broken)
    with pytest.raises(StateError):
        export(context, ANALYST, leaving(context), tmp_path / "a.csv", holdout=0.5, no_contact=True)
    assert not list(tmp_path.glob("*.csv*"))
    assert not list(tmp_path.glob(".*.part"))


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ({"columns": ["nothing"]}, "no column 'nothing'"),
        ({"columns": ["churn_risk.nothing"]}, "no column 'churn_risk.nothing'"),
        ({"channel": "pigeon"}, "known channels: email, sms"),
        ({"holdout": 1.0}, "from 0 to below 1"),
        ({"holdout": -0.1}, "from 0 to below 1"),
        ({"holdout": float("nan")}, "from 0 to below 1"),
        ({"format": "xlsx"}, "unknown kind of file"),
    ],
)
def test_what_makes_no_sense_is_refused(context, tmp_path, more, said) -> None:
    with pytest.raises(TagcastError) as caught:
        export(
            context,
            ANALYST,
            leaving(context),
            tmp_path / "a.csv",
            **{"no_contact": "channel" not in more, **more},
        )
    assert said in str(caught.value)
    assert not list(tmp_path.glob("*.csv"))
    assert not entries(context.state, action="export")


def test_a_folder_that_cannot_be_written_is_said(context, tmp_path) -> None:
    with pytest.raises(StoreError, match="cannot be written"):
        export(context, ANALYST, leaving(context), tmp_path / "none" / "a.csv", no_contact=True)

"""How often customers may be contacted: counted a second time with plain sets over the files that were written."""

from __future__ import annotations

import io
from collections import Counter
from dataclasses import asdict, replace
from datetime import timedelta

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tagcast.features.loads.former_ids import FOLDER, FORMER_IDS
from tagcast.registry.access.audit_log import entries
from tagcast.registry.access.roles import Person
from tagcast.registry.operations.contacts import contact_days
from tagcast.registry.operations.erased_ids import erase_from_lists
from tagcast.serving.audiences.over_time.id_lists import save_list
from tagcast.serving.audiences.service import parse_for
from tagcast.serving.delivery.consent import reach
from tagcast.serving.delivery.exports import export
from tagcast.serving.delivery.exports_on_record import exports_on_record
from tests.support.desks import ANALYST, MARKETER, PROFILES, desk_over, frame, publish_made
from tests.support.stores import KINDS, make_store

FRAME = frame().set_index("profile_id")
LIMIT = """
[contact]
at_most = 2
days = 14
beyond = "{beyond}"
"""
GOAL = {"kind": "any_event", "event": "purchase", "horizon_days": 14}
OLD, YOUNG, ALL = "age >= 40", "age < 60", "age > 0"


def limited(kind, folder, beyond="leave_out"):
    store = make_store(kind, folder)
    publish_made(store)
    return desk_over(store, folder / "project", PROFILES + LIMIT.format(beyond=beyond))


def on(context, days: int):
    return replace(context, clock=lambda: context.now + timedelta(days=days))


def written(context, text, who=ANALYST, **how):
    stream = io.BytesIO()
    record = export(context, who, parse_for(context, who, text), stream, **{"channel": "email", **how})
    return record, set(pd.read_csv(io.BytesIO(stream.getvalue()))["profile_id"])


def consenting(text: str) -> set[str]:
    age = {OLD: FRAME["age"] >= 40, YOUNG: FRAME["age"] < 60, ALL: FRAME["age"] > 0}[text]
    return set(FRAME.index[age & (FRAME["email_ok"] == True)])  # noqa: E712


@pytest.mark.parametrize("kind", KINDS)
def test_who_was_contacted_as_often_as_allowed_is_left_out(kind, tmp_path) -> None:
    context = limited(kind, tmp_path)
    times: Counter = Counter()
    for day, text, how in (
        (0, OLD, {"name": "spring", "holdout": 0.3, "goal": GOAL}),  # a campaign
        (3, YOUNG, {}),  # a plain export to a channel
        (
            5,
            ALL,
            {"channel": None, "no_contact": True},
        ),  # contacts nobody, so nobody is left out and nothing counted
        (6, ALL, {}),
        (13, ALL, {"name": "of all", "holdout": 0.2, "goal": GOAL}),
    ):
        contact = not how.get("no_contact")
        tree = parse_for(context, ANALYST, text)
        channel = how.get("channel", "email")
        known = reach(on(context, day), ANALYST, tree, channel, no_contact=not contact)
        record, given = written(on(context, day), text, **how)
        asked = consenting(text) if contact else set(FRAME.index[FRAME["age"] > 0])
        full = {one for one in asked if times[one] >= 2} if contact else set()
        assert given <= asked - full
        assert len(given) + record.held_out == len(asked - full) == known.written
        assert (record.at_limit, record.rested) == (len(full), len(full)) == (known.at_limit, known.rested)
        seen = sum(times[one] > 0 for one in asked) if contact else 0
        assert record.contacted == known.contacted == seen
        if contact:
            times.update(given)
    assert max(times.values()) == 2
    # What lies more than the days back is forgotten: the campaign of the first day, the others not yet.
    record, _ = written(on(context, 14), ALL)
    assert 0 < record.rested < sum(n >= 2 for n in times.values())
    assert entries(context.state, action="export")[0].detail["rested"] == record.rested


def test_a_limit_may_only_warn(tmp_path) -> None:
    context = limited("duckdb", tmp_path, "warn")
    for rested in (0, 0, 0):
        record, given = written(context, ALL)
        assert (len(given), record.rested) == (len(consenting(ALL)), rested)
    assert record.at_limit == record.contacted == len(given)


def test_who_became_one_person_was_contacted_as_one(tmp_path) -> None:
    context = limited("duckdb", tmp_path)
    first, second = sorted(consenting(ALL))[:2]
    lists = "IN AUDIENCE 'x'"
    for day, one in enumerate((first, second)):
        save_list(context, MARKETER, "x", [one])
        assert written(on(context, day), lists)[1] == {one}
    file = context.settings.home / FOLDER / FORMER_IDS
    file.parent.mkdir(parents=True)
    pq.write_table(pa.table({"former": [first], "profile_id": [second], "main": [True]}), file)
    record, given = written(on(context, 2), lists)
    assert record.rested == record.at_limit == record.contacted > 0
    assert second not in given


def test_without_a_limit_nothing_is_kept_and_old_contacts_go(tmp_path) -> None:
    context = limited("duckdb", tmp_path)
    record, _ = written(context, ALL)
    assert list(contact_days(context.state)) == [record.id]
    gone, _ = erase_from_lists(context.state, sorted(consenting(ALL))[:3])
    assert gone[f"given {record.id}"] == 3
    later, _ = written(on(context, 30), ALL)
    assert list(contact_days(context.state)) == [later.id]
    store = make_store("duckdb", tmp_path / "other")
    publish_made(store)
    free = desk_over(store, tmp_path / "other" / "project")
    record, _ = written(free, ALL)
    assert contact_days(free.state) == {}
    assert record.contacted == record.at_limit == record.rested == 0


def test_a_lead_sees_everybodys_exports_and_a_marketer_their_own(tmp_path) -> None:
    context = limited("duckdb", tmp_path)
    mine, _ = written(context, ALL, MARKETER, name="leaving", holdout=0.2, goal=GOAL)
    other, _ = written(on(context, 1), OLD, Person("bea", "marketer"))
    lead = Person("lea", "lead")
    found, more = exports_on_record(context, lead)
    assert [(one.who, one.id, one.name) for one in found] == [
        ("bea", other.id, ""),
        ("mo", mine.id, "leaving"),
    ]
    assert more is None
    assert asdict(found[1]) == {
        "id": mine.id, "at": context.now, "who": "mo", "name": "leaving", "rows": mine.rows, "held_out": mine.held_out,
        "without_consent": mine.without_consent, "standing": 0, "rested": 0, "channel": "email", "no_contact": False,
        "campaign": mine.id, "format": "csv",
    }  # fmt: skip
    assert [one.id for one in exports_on_record(context, MARKETER)[0]] == [mine.id]
    assert exports_on_record(context, lead, mine=True)[0] == []
    (first,), before = exports_on_record(context, lead, limit=1)
    assert [first.id, *[one.id for one in exports_on_record(context, lead, limit=1, before=before)[0]]] == [
        other.id, mine.id,
    ]  # fmt: skip
    assert [one.id for one in exports_on_record(context, lead, name="leaving")[0]] == [mine.id]

"""Views of figures of what is related, over drawn events at several dates, held to a count in plain Python."""

from __future__ import annotations

import json
import math
from collections import Counter
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from tempfile import TemporaryDirectory
from zoneinfo import ZoneInfo

import pandas as pd
import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from tagcast.pipelines.project.project import open_project
from tests.support.source_projects import source

pytestmark = pytest.mark.slow

ZONE = ZoneInfo("Asia/Kolkata")
DATES = (date(1969, 12, 20), date(1970, 2, 10))
START = datetime(1969, 9, 1, tzinfo=UTC)
PEOPLE, FUNDS = ("a", "b", "c", "ä"), ("F1", "F2", "f3")
MANAGERS = {"F1": "M1", "F2": "M2", "f3": "M1"}
SOURCE = source(
    "app",
    'event_column = "type"\nkeys = { fund = "fund" }',
    columns={"profile_id": "id", "event_time": "at", "amount": "price"},
)
ENTITIES = """
[entities.fund]
table = { path = "funds.parquet", key = "code", columns = ["risk"] }
[entities.manager]
of = "fund"
key = "run_by"
"""
DRAWN = Phase.explicit, Phase.reuse, Phase.generate
"""Every example builds event logs: making a failing one smaller would take minutes."""


@dataclass(frozen=True)
class Event:
    """A line of the source."""

    id: str
    fund: str | None
    at: datetime
    type: str
    price: Decimal | None

    @property
    def day(self) -> date:
        return self.at.astimezone(ZONE).date()

    @property
    def manager(self) -> str | None:
        return self.fund and MANAGERS[self.fund]

    def names(self, entity: str) -> str | None:
        return {"profile": self.id, "fund": self.fund, "manager": self.manager}[entity]


BASE = [
    {"view": "own", "windows": ["all", 30], "features": {"n": {"count": True}, "money": {"sum": "amount"}}},
    {"view": "logins", "where": "event = 'login'", "features": {"silent": {"since_last": True}, "usual": {"mean": "amount"}}},
    {"view": "flows", "entity": "fund", "windows": ["all", 30], "features": {"f": {"count": True}, "in": {"sum": "amount", "where": "event = 'buy'"}}},
    {"view": "led", "entity": "manager", "windows": ["all"], "features": {"m": {"sum": "amount"}}},
]  # fmt: skip
NUMBER = {
    "own.n_all": lambda rows, _: len(rows),
    "own.n_30d": lambda rows, as_of: len(within(rows, as_of, 30)),
    "own.money_30d": lambda rows, as_of: total(within(rows, as_of, 30)),
    "logins.silent": lambda rows, as_of: last_day([e for e in rows if e.type == "login"], as_of),
    "logins.usual": lambda rows, _: mean([e.price for e in rows if e.type == "login" and e.price is not None]),
    "flows.f_all": lambda rows, _: len(rows),
    "flows.in_30d": lambda rows, as_of: total([e for e in within(rows, as_of, 30) if e.type == "buy"]),
    "led.m_all": lambda rows, _: total(rows),
}  # fmt: skip


def within(rows: list[Event], as_of: date, days: int | None) -> list[Event]:
    return [e for e in rows if days is None or (as_of - e.day).days <= days]


def total(rows: list[Event]) -> Fraction:
    return Fraction(sum((e.price for e in rows if e.price is not None), Decimal(0)))


def mean(values: list) -> Fraction | None:
    return Fraction(sum(map(Fraction, values)), len(values)) if values else None


def last_day(rows: list[Event], as_of: date) -> int | None:
    return min(((as_of - e.day).days for e in rows), default=None)


@dataclass(frozen=True)
class Past:
    """What had happened before a date."""

    rows: tuple[Event, ...]
    as_of: date
    views: tuple[str, ...]

    def value(self, entity: str, key: str, feature: str):
        view, name = feature.split(".")
        declared = next((v for v in map(json.loads, self.views) if v["view"] == view), None)
        if declared is None:
            return NUMBER[feature]([e for e in self.rows if e.names(entity) == key], self.as_of)
        return self.figures(declared, key)[name]

    def figures(self, view: dict, key: str) -> dict:
        """Return what a view of figures of what is related should hold of one."""
        mine, other = view["entity"], view["related"]["entity"]
        rows = [e for e in self.rows if e.names(mine) == key and e.names(other) is not None]
        if "columns" in view:
            if not rows:
                return dict.fromkeys(view["columns"])
            if view["related"].get("by") == "most":
                counted = Counter(e.names(other) for e in rows)
                chosen = min(counted, key=lambda name: (-counted[name], name))
            else:
                newest = max(e.at for e in rows)
                chosen = min(e.names(other) for e in rows if e.at == newest)
            return {name: self.value(other, chosen, of) for name, of in view["columns"].items()}
        whom = {e.names(other) for e in within(rows, self.as_of, view["related"].get("within_days"))}
        return {name: self.over(other, whom, figure) for name, figure in view["features"].items()}

    def over(self, other: str, whom: set, figure: dict):
        ((function, of),) = figure.items()
        if function == "count":
            return len(whom)
        feature, *than = of.split(" > ")
        known = [v for v in (self.value(other, one, feature) for one in whom) if v is not None]
        if function == "share":
            return Fraction(sum(v > int(than[0]) for v in known), len(known)) if known else None
        if function == "sum":
            return sum(map(Fraction, known), Fraction(0))
        found = {"mean": mean, "min": lambda v: min(v, default=None), "max": lambda v: max(v, default=None)}
        return found[function](known)


numbers = st.sampled_from(("own.n_all", "own.n_30d", "own.money_30d", "logins.silent", "logins.usual"))
figures = st.one_of(
    st.just({"count": True}),
    st.builds(lambda f, of: {f: of}, st.sampled_from(("mean", "sum", "min", "max")), numbers),
    st.builds(lambda of, than: {"share": f"{of} > {than}"}, numbers, st.sampled_from((1, 20, 2_567_000))),
)


def holders(view: str, entity: str) -> st.SearchStrategy[dict]:
    return st.builds(
        lambda features, days: {
            "view": view,
            "entity": entity,
            "related": {"entity": "profile", **({"within_days": days} if days else {})},
            "features": {f"{view}_{n}": one for n, one in enumerate(features)},
        },
        st.lists(figures, min_size=1, max_size=5),
        st.sampled_from((None, 1, 30)),
    )


def most_related(view: str, entity: str, other: str, columns: list[str]) -> st.SearchStrategy[dict]:
    return st.builds(
        lambda by: {
            "view": view,
            "entity": entity,
            "related": {"entity": other, **({"by": by} if by else {})},
            "columns": {f"{view}_{n}": of for n, of in enumerate(columns)},
        },
        st.sampled_from((None, "last", "most")),
    )


views = st.tuples(
    holders("held", "fund"),
    holders("clients", "manager"),
    most_related("main", "profile", "fund", ["flows.f_all", "flows.in_30d", "held.held_0"]),
    most_related("guide", "profile", "manager", ["led.m_all", "clients.clients_0"]),
    most_related("run_by", "fund", "manager", ["led.m_all"]),
)
BORDERS = [
    datetime(as_of.year, as_of.month, as_of.day, tzinfo=ZONE) - timedelta(days=days) + timedelta(seconds=s)
    for as_of in DATES
    for days in (0, 1, 30, 31)
    for s in (-1, 0)
]
"""Where windows begin and end, and the second before."""
moments = st.integers(0, 200 * 24 * 4).map(lambda quarters: START + timedelta(minutes=15 * quarters))
drawn_events = st.lists(
    st.builds(
        Event,
        st.sampled_from(PEOPLE),
        st.sampled_from((*FUNDS, None)),
        st.one_of(st.sampled_from(BORDERS), moments),
        st.sampled_from(("login", "buy")),
        st.one_of(st.none(), st.integers(-50_000, 50_000).map(lambda cents: Decimal(cents) / 100)),
    ),
    min_size=1,
    max_size=40,
)
# Each has an event before the first date, and two funds are named by one: there is always a log, and a snapshot.
ALWAYS = [Event(name, None, START, "other", None) for name in PEOPLE] + [
    Event("a", fund, START, "other", Decimal(1)) for fund in FUNDS[:2]
]


def project_of(folder: Path, views: list[dict], history: list[Event]):
    frame = pd.DataFrame([vars(event) for event in history])
    frame["at"] = pd.to_datetime(frame["at"], utc=True)
    frame["price"] = frame["price"].astype("float64")
    frame.to_parquet(folder / "app.parquet")
    pd.DataFrame({"code": FUNDS, "run_by": [MANAGERS[f] for f in FUNDS], "risk": "low"}).to_parquet(
        folder / "funds.parquet"
    )
    for name in ("views", "tags"):
        (folder / name).mkdir(exist_ok=True)
    written = "\n---\n".join(json.dumps(view) for view in [*BASE, *views])
    (folder / "views" / "v.yaml").write_text(written, encoding="utf-8")
    config = folder / "tagcast.toml"
    config.write_text(
        f'name = "small"\ntimezone = "{ZONE.key}"\nfeatures = "views"\ntags = "tags"\n{SOURCE}\n{ENTITIES}',
        encoding="utf-8",
    )
    return open_project(config, folder / "home")


def snapshots(folder: Path, views: list[dict], history: list[Event], together=(DATES,)) -> dict:
    """Return each view's snapshot by view and date; the dates of each part are built from one pass."""
    whole, found = project_of(folder, views, history), {}
    for entity in ("profile", "fund", "manager"):
        project = whole.of(entity)
        built = project.snapshots(project.widest_set(max(DATES)))
        for dates in together:
            there = [day for day in dates if project.events.first_day < day]
            built.ensure(there)
            for view in built.feature_set.related:
                for day in there:
                    rows = pd.read_parquet(built.path(view.name, day)).set_index("profile_id")
                    found[view.name, day] = rows[[f.name for f in view.features()]]
    return found


def check(found: dict, views: list[dict], history: list[Event]) -> None:
    for (name, as_of), rows in found.items():
        view = next(view for view in views if view["view"] == name)
        past = Past(tuple(e for e in history if e.day < as_of), as_of, tuple(map(json.dumps, views)))
        right = {e.names(view["entity"]): None for e in past.rows if e.names(view["related"]["entity"])}
        assert {*rows.index} <= {*right} - {None}
        for key in {*right} - {None}:
            for column, value in past.figures(view, key).items():
                # Who has no row holds what the declaration gives.
                absent = (
                    0 if "features" in view and {"count", "sum"} & view["features"][column].keys() else None
                )
                held = rows[column].get(key, absent)
                if value is None:
                    assert held is None or math.isnan(held), (name, as_of, key, column)
                else:
                    assert math.isclose(held, value, rel_tol=1e-12, abs_tol=1e-9), (name, as_of, key, column)


@settings(max_examples=4, deadline=None, phases=DRAWN)
@given(views, drawn_events)
def test_every_figure_is_what_a_count_by_hand_gives(views, drawn) -> None:
    history = [*ALWAYS, *drawn]
    with TemporaryDirectory() as folder:
        found = snapshots(Path(folder), list(views), history)
    assert {name for name, _ in found} == {view["view"] for view in views}
    check(found, list(views), history)


def test_before_anybody_is_related_nothing_is_known(tmp_path) -> None:
    """The other entity's log begins after the first snapshot: there is no snapshot of it to join."""
    views = [
        {"view": "main", "related": {"entity": "fund"}, "columns": {"x": "flows.f_all", "y": "held.n"}},
        {"view": "held", "entity": "fund", "related": {"entity": "profile"}, "features": {"n": {"count": True}}},
        {"view": "funds", "related": {"entity": "fund"}, "features": {"k": {"count": True}, "s": {"sum": "flows.f_all"}}},
    ]  # fmt: skip
    views = [{"entity": "profile", **view} for view in views]
    early = [Event(name, None, START, "other", None) for name in PEOPLE]
    late = [Event("a", f, datetime(1970, 1, 5, tzinfo=UTC), "buy", Decimal(1)) for f in ("F1", "F2", "F2")]
    found = snapshots(tmp_path, views, early + late)
    check(found, views, early + late)
    first, last = DATES
    assert found["main", first].empty or found["main", first].isna().all(axis=None)
    assert found["main", last].loc["a"].tolist() == [1, 1]  # of F1 and F2 at one moment the smaller
    assert found["funds", last].loc["a"].tolist() == [2, 3]


def test_a_changed_table_of_the_other_makes_the_snapshot_stale(tmp_path) -> None:
    terms = {"view": "terms", "entity": "fund", "columns": {"fee": "number"}}
    terms["from"] = {"path": "terms.parquet", "key": "code", "constant": True}
    main = {"view": "main", "entity": "profile", "related": {"entity": "fund"}, "columns": {"x": "terms.fee"}}
    history = [*ALWAYS, Event("b", "f3", START, "buy", Decimal(1))]
    found = []
    for fee in (1.0, 1.0, 2.0):
        pd.DataFrame({"code": ["F1", "F2"], "fee": [fee, 5.0]}).to_parquet(tmp_path / "terms.parquet")
        project = project_of(tmp_path, [terms, main], history)
        built = project.snapshots(project.widest_set(DATES[0]))
        made = built.ensure(DATES[:1])
        rows = pd.read_parquet(built.path("main", DATES[0])).set_index("profile_id")["x"]
        found.append((bool(made), rows["a"], bool(pd.isna(rows["b"]))))
    assert found == [(True, 1, True), (False, 1, True), (True, 2, True)]


@settings(max_examples=2, deadline=None, phases=DRAWN)
@given(views, drawn_events, st.randoms(use_true_random=False))
def test_dates_alone_and_another_future_give_the_same_bits(views, drawn, random) -> None:
    history = [*ALWAYS, *drawn]
    last = max(DATES)
    later = [e for e in history if e.day >= last]
    moved = [replace(e, fund=random.choice(FUNDS), id=random.choice(PEOPLE), price=Decimal(7)) for e in later]
    others = [e for e in history if e.day < last] + moved
    random.shuffle(others)
    alone = tuple((day,) for day in DATES)
    with TemporaryDirectory() as one, TemporaryDirectory() as two:
        found = snapshots(Path(one), list(views), history)
        again = snapshots(Path(two), list(views), others, together=alone)
    assert found.keys() == again.keys()
    for key, rows in found.items():
        pd.testing.assert_frame_equal(rows, again[key], check_exact=True)

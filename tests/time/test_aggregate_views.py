"""Views of aggregates that are drawn at random, at two dates together, held to a count in plain Python."""

from __future__ import annotations

import json
import math
import re
import statistics
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from itertools import pairwise
from pathlib import Path
from tempfile import TemporaryDirectory
from zoneinfo import ZoneInfo

import pandas as pd
import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from tagcast.pipelines.project.project import open_project
from tests.support.source_projects import source

ZONE = ZoneInfo("Asia/Kolkata")
DATES = (date(1969, 12, 20), date(1970, 2, 10))
START = datetime(1969, 9, 1, tzinfo=UTC)
PEOPLE, CATEGORIES, SHOPS = ("a", "b", "ä"), ("x", "y"), ("north", "south")
COLUMNS = {"profile_id": "id", "event_time": "at", "amount": "price", "category": "cat"}
SOURCE = source(
    "app",
    'event_column = "type"\nreturns = "type = \'back\'"\nnumbers = ["units"]\nwords = ["method"]\nkeys = {shop = "shop"}',
    columns=COLUMNS,
)

DRAWN = Phase.explicit, Phase.reuse, Phase.generate
"""Every example builds an event log: making a failing one smaller would take minutes."""


@dataclass(frozen=True)
class Event:
    """A line of the source."""

    id: str
    at: datetime
    type: str
    price: Decimal | None
    units: Decimal | None
    method: str | None
    cat: str | None
    shop: str | None = None

    @property
    def amount(self) -> Decimal | None:
        return -abs(self.price) if self.type == "back" and self.price is not None else self.price

    @property
    def day(self) -> date:
        return self.at.astimezone(ZONE).date()

    def value(self, column: str) -> object:
        return {"amount": self.amount, "units": self.units, "method": self.method, "event": self.type}[column]


def unless_unknown(value, holds) -> bool | None:
    return None if value is None else bool(holds(value))


CONDITIONS = {
    "event = 'login'": lambda e: e.type == "login",
    "event IN ('login', 'buy')": lambda e: e.type in {"login", "buy"},
    "amount > 10": lambda e: unless_unknown(e.amount, lambda v: v > 10),
    "NOT IS_RETURN": lambda e: e.type != "back",
    "method <> 'card'": lambda e: unless_unknown(e.method, lambda v: v != "card"),
    "units < 2567000": lambda e: unless_unknown(e.units, lambda v: v < 2567000),
    "CAST(method AS INT) > 1": lambda _: None,  # no method is a number
    "event_day >= make_date(1970, 1, 1)": lambda e: e.day >= date(1970, 1, 1),
    "dayofweek(event_day) IN (0, 6)": lambda e: e.day.isoweekday() in {6, 7},
    "(dayofweek(event_day) = 1 OR event_day < make_date(1969, 12, 1)) AND event <> 'login'": lambda e: (
        (e.day.isoweekday() == 1 or e.day < date(1969, 12, 1)) and e.type != "login"
    ),
}
wheres = st.one_of(st.none(), st.sampled_from(sorted(CONDITIONS)))
numbers, words = st.sampled_from(("amount", "units")), st.sampled_from(("method", "event"))
columns = st.one_of(numbers, words)
windows = st.lists(st.sampled_from((1, 7, 30, 200, "all")), min_size=1, max_size=3, unique=True)


def aggregates(function: str, of, per: str = "") -> st.SearchStrategy[dict]:
    windowed = function in {"count", "days", "sum", "mean", "min", "max", "distinct", "share"}
    return st.builds(
        lambda of, where, windows, absent: {
            function: of,
            **({"where": where} if where else {}),
            **({"windows": windows} if windowed else {}),
            **({"absent": absent} if absent is not None else {}),
            **({"per": per} if per else {}),
        },
        of,
        wheres,
        st.one_of(windows, st.just("none")),
        st.sampled_from((None, None, 0, "unknown")),
    )


declared = st.one_of(
    *(aggregates(name, st.just(True)) for name in ("count", "days", "since_first", "since_last")),
    *(aggregates(name, numbers) for name in ("sum", "mean", "min", "max", "first", "last")),
    *(aggregates(name, columns) for name in ("distinct",)),
    aggregates("last", words),
    aggregates("share", st.sampled_from(sorted(CONDITIONS))),
    aggregates("gaps", st.sampled_from(("mean", "std", "max", "last"))),
    *(aggregates(name, numbers, "day") for name in ("mean", "min", "max", "first", "last")),
    aggregates("distinct", columns, "day"),
)
ALWAYS_DECLARED = {
    "n": {"count": True, "windows": "none"},
    "age": {"since_first": True, "absent": 0},
    "pace": {"sum": "amount", "windows": [1, 7, 30]},
    "t": {"trend": "pace"},
}
"""Features from which others are computed."""
WHOLE = "view: w\nfeatures: {w_n: {count: true}, w_age: {since_first: true}}\n"
"""A view of the profile, beside that of pairs."""


def drawn_view(features, where, second, rows, show) -> dict:
    named = {f"f{n}": given for n, given in enumerate(features)} | ALWAYS_DECLARED
    of_whole = "w.w_age" if second else "age"
    derive = {
        "per": "n / w.w_n" if second else "n / age",
        "sums": {"value": "(pace_7d - pace_30d) / (pace_1d + pace_30d)", "absent": 0},
        "more": {"expected": "n", "exposure": of_whole, "days": 30, "absent": 0},
    }
    shown = [name for name in show if name in {*named, *derive}]
    return {
        "view": "v",
        **({"entity": ["profile", second]} if second else {}),
        **({"where": where} if where else {}),
        **({"rows": rows} if rows else {}),
        "features": named,
        "derive": derive,
        **({"show": shown} if shown else {}),
    }


SHOWABLE = (*(f"f{n}" for n in range(10)), *ALWAYS_DECLARED, "per", "sums", "more")
views = st.builds(
    drawn_view,
    st.lists(declared, min_size=2, max_size=10),
    wheres,
    st.sampled_from((None, "category", "shop")),
    st.sampled_from((None, "events", "active", "everyone")),
    st.one_of(st.just([]), st.lists(st.sampled_from(SHOWABLE), unique=True)),
)
moments = st.integers(0, 200 * 24 * 4).map(lambda quarters: START + timedelta(minutes=15 * quarters))
BORDERS = [
    datetime(as_of.year, as_of.month, as_of.day, tzinfo=ZONE)
    - timedelta(days=days)
    + timedelta(seconds=seconds)
    for as_of in DATES
    for days in (0, 1, 7, 30, 31)
    for seconds in (-1, 0)
]
"""Where windows begin and end, and the second before."""
money = st.one_of(st.none(), st.integers(-50_000, 50_000).map(lambda cents: Decimal(cents) / 100))
events = st.lists(
    st.builds(
        Event,
        st.sampled_from(PEOPLE),
        st.one_of(st.sampled_from(BORDERS), moments),
        st.sampled_from(("login", "buy", "back")),
        money,
        money,
        st.sampled_from(("card", "cash", None)),
        st.sampled_from((*CATEGORIES, None)),
        st.sampled_from((*SHOPS, None)),
    ),
    min_size=1,
    max_size=40,
)
# Two profiles have an event before the first date, so that there is always a log, and a snapshot.
ALWAYS = [Event(name, START, "other", Decimal(1), Decimal(1), None, None) for name in PEOPLE]


@dataclass
class Seen:
    """What the reference knows of one entity at a date."""

    rows: list[Event]
    as_of: date
    found: dict[str, float | None] = field(default_factory=dict)

    def add(self, name: str, given: dict, of_view: str) -> None:
        if "trend" in given:
            return
        where = CONDITIONS.get(given.get("where", ""), lambda _: True)
        rows = [e for e in self.rows if where(e)]
        of_values = {"sum", "mean", "min", "max", "first", "last"} & given.keys()
        conditions = of_view, given.get("where", ""), given.get("share", "")
        given = {**given, "returns": any("is_return" in text.lower() for text in conditions)}
        if not of_values and not given["returns"]:
            rows = [e for e in rows if e.type != "back"]
        chosen = given.get("windows")
        if isinstance(chosen, list):
            for window in chosen:
                inside = rows if window == "all" else [e for e in rows if (self.as_of - e.day).days <= window]
                self.found[f"{name}_all" if window == "all" else f"{name}_{window}d"] = self.of(given, inside)
        elif "last" in given and given["last"] in {"method", "event"}:
            newest = self.of({**given, "absent": None}, rows)
            for level in ("card", "cash", "login", "buy", "back", "other"):
                said = None if newest is None else float(newest == level)
                self.found[f"{name}_is_{level}"] = 0 if said is None and given.get("absent") == 0 else said
        else:
            self.found[name] = self.of(given, rows)

    def of(self, given: dict, rows: list[Event]):
        value, absent = self.value_of(given, rows), given.get("absent")
        if value is None and absent == 0:
            return 0
        counts = {"count", "days", "distinct"} & given.keys()
        if absent == "unknown" and counts and not value:
            return None
        return 0 if value is None and absent is None and "sum" in given else value

    def value_of(self, given: dict, rows: list[Event]):
        days = sorted({e.day for e in rows})
        if "count" in given:
            return len(rows)
        if "days" in given:
            return len(days)
        if "since_first" in given:
            return (self.as_of - days[0]).days if days else None
        if "since_last" in given:
            return (self.as_of - days[-1]).days if days else None
        if "share" in given:
            answers = [CONDITIONS[given["share"]](e) for e in rows]
            answered = [a for a in answers if a is not None]
            return answered.count(True) / len(answered) if answered else None
        if "gaps" in given:
            gaps = [(b - a).days for a, b in pairwise(days)]
            if not gaps:
                return None
            kinds = {"mean": statistics.fmean, "std": statistics.pstdev, "max": max, "last": lambda g: g[-1]}
            return kinds[given["gaps"]](gaps)
        said = {"where", "windows", "per", "absent", "returns"}
        ((function, column),) = [(k, v) for k, v in given.items() if k not in said]
        known = [e for e in rows if e.value(column) is not None]
        if "per" in given and function == "distinct":
            return sum(len({e.value(column) for e in known if e.day == day}) for day in days)
        if "per" in given:
            bought = {e.day for e in rows if e.type != "back" or given["returns"]}
            values = [
                sum(e.value(column) for e in known if e.day == day)
                for day in sorted({e.day for e in known} & bought)
            ]
            order = [(n, value) for n, value in enumerate(values)]
        else:
            values = [e.value(column) for e in known]
            order = sorted((e.at, e.value(column)) for e in known)
        if function == "distinct":
            return len(set(values))
        if not values:
            return None
        if function == "sum":
            return float(sum(values))
        if function == "mean":
            return float(sum(values)) / len(values)
        if function in {"min", "max"}:
            return float(min(values) if function == "min" else max(values))
        value = (order[0] if function == "first" else order[-1])[1]
        return value if isinstance(value, str) else float(value)

    def paces(self) -> None:
        exact = {}
        for days in (1, 7, 30):
            inside = [e for e in self.rows if (self.as_of - e.day).days <= days]
            exact[days] = sum((e.amount for e in inside if e.amount is not None), Decimal(0))
        for short, long in ((1, 7), (7, 30)):
            usual = float(exact[long] * short) / long
            self.found[f"t_{short}_{long}d"] = float(exact[short]) / usual if usual else None
        above, below = float(exact[7] - exact[30]), float(exact[1] + exact[30])
        self.found["sums"] = above / below if below else 0


def expected(view: dict, history: list[Event], as_of: date) -> dict[tuple[str, ...], dict]:
    where = CONDITIONS.get(view.get("where", ""), lambda _: True)
    returns, rows = "is_return" in view.get("where", "").lower(), view.get("rows", "events")
    entities: dict[tuple[str, ...], Seen] = {}
    there: set[tuple[str, ...]] = set()
    second = view.get("entity", ["profile", None])[1]
    for event in history:
        others = {None: (), "category": (event.cat,), "shop": (event.shop,)}
        key = (event.id, *others[second])
        if event.day >= as_of or None in key:
            continue
        seen = entities.setdefault(key, Seen([], as_of))
        if where(event):
            seen.rows.append(event)
        if rows == "everyone" or (where(event) and (rows == "events" or event.type != "back" or returns)):
            there.add(key)
    entities = {key: seen for key, seen in entities.items() if key in there}
    for seen in entities.values():
        for name, declared_one in view["features"].items():
            seen.add(name, declared_one, view.get("where", ""))
        seen.paces()
    derive(entities, history, as_of, pair="entity" in view)
    return {key: seen.found for key, seen in entities.items()}


def derive(entities: dict[tuple[str, ...], Seen], history: list[Event], as_of: date, *, pair: bool) -> None:
    """Add what is computed from other features, those of the profile's own view among them."""
    exposures = {}
    for key, seen in entities.items():
        own = [e for e in history if e.id == key[0] and e.day < as_of and e.type != "back"]
        n, age = seen.found["n"], seen.found["age"]
        w_age = (as_of - min(e.day for e in own)).days if own else None
        below, exposures[key] = (len(own), w_age) if pair else (age, age)
        seen.found["per"] = n / below if below else None
    for key, seen in entities.items():
        alike = [other for other in entities if not pair or other[1] == key[1]]
        events = sum(entities[other].found["n"] for other in alike)
        known = [exposures[other] for other in alike if exposures[other] is not None]
        seen.found["more"] = 0
        if events and known and exposures[key] is not None:
            below = exposures[key] + sum(known) / events
            seen.found["more"] = 30 * float(seen.found["n"] + 1) / below if below else 0


def snapshots(folder: Path, view: dict, history: list[Event], dates=DATES) -> dict[date, pd.DataFrame]:
    """Return the view's snapshot at each of the dates, built from one pass, by entity."""
    frame = pd.DataFrame([vars(event) for event in history])
    frame["at"] = pd.to_datetime(frame["at"], utc=True)
    for column in ("price", "units"):
        frame[column] = frame[column].astype("float64")
    frame.to_parquet(folder / "app.parquet")
    for name in ("views", "tags"):
        (folder / name).mkdir()
    (folder / "views" / "v.yaml").write_text(f"{WHOLE}---\n{json.dumps(view)}", encoding="utf-8")
    config = folder / "tagcast.toml"
    config.write_text(
        f'name = "small"\ntimezone = "{ZONE.key}"\nfeatures = "views"\ntags = "tags"\n[entities.shop]\n{SOURCE}',
        encoding="utf-8",
    )
    project = open_project(config, folder / "home")
    built = project.snapshots(project.widest_set(max(dates)))
    built.ensure(dates)
    second = view.get("entity", [None])[1:]
    if not second and "category" in view.get("sql", "").partition("FROM")[0]:
        second = ["category"]
    keys = ["profile_id", *second]
    stamps = ["event_timestamp", "created_timestamp"]
    return {day: pd.read_parquet(built.path("v", day)).drop(columns=stamps).set_index(keys) for day in dates}


@settings(max_examples=10, deadline=None, phases=DRAWN)
@given(views, events)
def test_every_aggregate_is_what_a_count_by_hand_gives(view, drawn) -> None:
    history = [*ALWAYS, *drawn]
    with TemporaryDirectory() as folder:
        for as_of, found in snapshots(Path(folder), view, history).items():
            right = expected(view, history, as_of)
            assert len(found) == len(right)
            stems = list(dict.fromkeys(re.split(r"_is_|_\d+d|_\d+_|_all", name)[0] for name in found.columns))
            shown = view.get("show", [*view["features"], *sorted(view["derive"])])
            # Of a word there may be no level that anybody had before the last date.
            assert stems == [name for name in shown if name in stems]
            assert all("last" in view["features"].get(name, {}) for name in {*shown} - {*stems})
            for key, values in right.items():
                row = found.loc[key if len(key) > 1 else key[0]]
                for name, value in values.items():
                    if name not in found.columns:
                        assert "_is_" in name or name.split("_")[0] not in shown
                    elif value is None:
                        assert pd.isna(row[name]), (key, name)
                    else:
                        exact = "gaps" not in view["features"].get(name.split("_")[0], {})
                        assert row[name] == value or (not exact and math.isclose(row[name], value)), (
                            key,
                            name,
                            row[name],
                            value,
                        )


@settings(max_examples=5, deadline=None, phases=DRAWN)
@given(views, events, st.randoms(use_true_random=False))
def test_nothing_at_or_after_a_date_changes_it(view, drawn, random) -> None:
    first, history = min(DATES), [*ALWAYS, *drawn]
    other = [e for e in history if e.day < first]
    for event in history:
        if event.day >= first and random.random() < 0.7:
            later = event.at + timedelta(days=random.randrange(40))
            other.append(Event(event.id, later, "buy", Decimal(1), Decimal(99), "card", "x"))
    with TemporaryDirectory() as one, TemporaryDirectory() as two:
        left, right = (
            snapshots(Path(folder), view, lines, (first,))[first]
            for folder, lines in ((one, history), (two, other))
        )
    pd.testing.assert_frame_equal(left, right)


@settings(max_examples=3, deadline=None, phases=DRAWN)
@given(views, events)
def test_dates_together_give_what_each_gives_alone(view, drawn) -> None:
    history = [*ALWAYS, *drawn]
    with TemporaryDirectory() as one, TemporaryDirectory() as two:
        together = snapshots(Path(one), view, history)[max(DATES)]
        alone = snapshots(Path(two), view, history, (max(DATES),))[max(DATES)]
    pd.testing.assert_frame_equal(together, alone)


DERIVED = """\
view: v
windows: [7, 30, all]
features:
  logins: {count: true, where: "event = 'login'"}
  login_trend: {trend: logins}
  since: {since_last: true, where: "event = 'login'"}
derive:
  rest: "HALF_all - 1"
  half_all: "Logins_ALL / 2"
  per_recent: "logins_all / logins_7d"
  often: "logins_all > 2"
  capped: "least(greatest(since, 1 / logins_7d), 5)"
"""


def test_what_is_derived_follows_what_it_is_derived_from(tmp_path: Path) -> None:
    import yaml

    logins = [
        Event("b", START + timedelta(days=day), "login", None, None, None, None) for day in (1, 100, 109)
    ]
    found = snapshots(tmp_path, yaml.safe_load(DERIVED), [*ALWAYS, *logins], DATES)[DATES[0]]
    row = found.loc["b"]
    assert list(row[["logins_7d", "logins_30d", "logins_all"]]) == [1, 2, 3]
    assert list(row[["half_all", "rest", "per_recent", "often"]]) == [1.5, 0.5, 3.0, 1.0]
    assert row["login_trend_7_30d"] == pytest.approx(1 / (2 * 7 / 30))
    nobody = found.loc["a"]
    assert nobody["half_all"] == 0
    assert pd.isna(nobody["per_recent"])
    assert (row["capped"], pd.isna(nobody["capped"])) == (1.0, True)


def test_windows_reach_from_midnight_to_midnight(tmp_path: Path) -> None:
    midnight = datetime(1969, 12, 20, tzinfo=ZONE)
    second = timedelta(seconds=1)
    moments = [
        midnight - timedelta(days=7) - second,
        midnight - timedelta(days=7),
        midnight - second,
        midnight,
    ]
    lines = [Event("b", at, "login", Decimal(1), None, f"m{n}", None) for n, at in enumerate(moments)]
    lines.append(Event("b", midnight - timedelta(days=1), "back", Decimal(5), None, "card", None))
    view = {
        "view": "v",
        "windows": [7, "all"],
        "features": {
            "n": {"count": True, "where": "event <> 'other'"},
            "different": {"distinct": "method"},
            "spent": {"sum": "amount"},
        },
    }
    row = snapshots(tmp_path, view, [*ALWAYS, *lines])[DATES[0]].loc["b"]
    assert (row["n_7d"], row["n_all"]) == (2, 3)
    assert (row["different_7d"], row["different_all"]) == (2, 3)
    assert (row["spent_7d"], row["spent_all"]) == (-3, -1)

"""Parts of the tag pages that need no browser: yes and no apart, shares on a scale of their own, groups of the table."""

from __future__ import annotations

import re
from datetime import date, datetime
from types import SimpleNamespace

import numpy as np
import pytest

from tagcast.models.stats.observed_accuracy import value_figures
from tagcast.registry.access.audit_log import Uses
from tagcast.registry.access.roles import Person
from tagcast.serving.catalog.tag_details import TrendPoint, ValueShare
from tagcast.serving.catalog.tag_evidence import DriverRow
from tagcast.serving.console.i18n.translator import Translator
from tagcast.serving.console.tags.catalog import Catalogue
from tagcast.serving.console.tags.drivers import _driver, _typical
from tagcast.serving.console.tags.quality.value_rows import right_of_the_rest
from tagcast.serving.console.tags.values import values_card
from tagcast.serving.home.tag_table import TableRow


def page(role="marketer"):
    context = SimpleNamespace(settings=SimpleNamespace(access=SimpleNamespace(smallest_cell=10)))
    return SimpleNamespace(say=Translator("en"), context=context, person=Person("v", role))


@pytest.mark.parametrize("threshold", [0.3, 0.5, 0.9])
def test_who_was_not_called_yes_is_counted_from_what_is_on_record(threshold):
    rng = np.random.default_rng(4)
    score = rng.random(500)
    y = (rng.random(500) < score).astype(np.int8)
    yes = score >= threshold
    found = value_figures(y, yes)
    rest = right_of_the_rest(*(found[name].value for name in ("precision", "recall", "rate")))
    assert rest == pytest.approx(
        sum(1 for outcome, said in zip(y, yes, strict=True) if not said and not outcome) / sum(~yes)
    )


def test_nobody_is_left_where_all_are_called_yes():
    assert right_of_the_rest(0.2, 1.0, 0.2) is None


def test_a_share_of_a_hundredth_is_drawn_as_large_as_one_of_a_half():
    days = [date(2026, 1, k) for k in (1, 8)]
    shares = [{"yes": 0.002, "no": 0.498, "unknown": 0.5}, {"yes": 0.004, "no": 0.496, "unknown": 0.5}]
    trend = tuple(
        TrendPoint(k, day, datetime(2026, 1, 9), 1000, some, 0.9)  # noqa: DTZ001 (as it is shown)
        for k, (day, some) in enumerate(zip(days, shares, strict=True))
    )
    row = SimpleNamespace(values=("yes", "no"), population=1000)
    values = (ValueShare("yes", 4, 0.004), ValueShare("no", 496, 0.496), ValueShare("unknown", 500, 0.5))
    drawn = str(values_card(page(), SimpleNamespace(row=row, values=values, trend=trend, last_run=None)))
    rises = []
    for points in re.findall(r'points="([^"]+)"', drawn):
        first, last = [float(point.split(",")[1]) for point in points.split()]
        rises.append(first - last)
    assert rises[0] == pytest.approx(20, abs=0.5), "twice as many fill the height"
    assert -2 < rises[1] < 0
    assert rises[2] == 0
    assert "0.20%–0.40%" in drawn
    assert "50.0%" in drawn


def test_drivers_say_their_direction_and_what_is_typical():
    rows = [
        DriverRow("recency", {"en": "days since the last purchase"}, 1.0, 0.6, "rises", {}, (3.0, 41.0)),
        DriverRow("mixed", {"en": "mixed"}, 0.5, 0.3, "mixed", {}, (1.0, 2.0)),
        DriverRow("days", {"en": "purchase days"}, 0.1, 0.1, "falls", {}, (2.0, 9.0)),
    ]
    drawn = [str(_driver(page(), one, 0.6)) for one in rows]
    assert ["raises" in one for one in drawn] == [True, False, False]
    assert ["lowers" in one for one in drawn] == [False, False, True]
    typical = str(_typical(page(), SimpleNamespace(drivers=rows, row=SimpleNamespace(values=("yes", "no")))))
    assert (
        "Typical of yes: days since the last purchase 41 or more, purchase days 2 or less."
        in typical.replace(" and ", ", ")
    )


def row(name, group, *, use=0, pinned=False, grade=None) -> TableRow:
    about = SimpleNamespace(
        name=name, title={"en": name}, path=(group, "x"), grade=grade, mean_confidence=None, coverage=None
    )
    return TableRow(about, Uses(("a",) * use, 0, 0, None), pinned, (), None)


def test_the_most_used_stand_first_and_pins_before_them():
    table = object.__new__(Catalogue)
    table.say, table.query, table.order = Translator("en"), "", "use"
    rows = [
        row("a", "Interest"),
        row("b", "Retention", use=2),
        row("c", "Interest", use=3),
        row("d", "Value", pinned=True, grade="A"),
    ]
    found = [(title, [one.row.name for one in some]) for title, some in table._groups(rows)]
    assert found == [("Pinned", ["d"]), ("Interest", ["c", "a"]), ("Retention", ["b"]), ("Value", ["d"])]
    table.order = "grade"
    assert [title for title, _ in table._groups(rows)] == ["Pinned", "Value", "Interest", "Retention"]
    table.query = "near"
    assert [title for title, _ in table._groups(rows)] == [""], "what was searched for stands by nearness"

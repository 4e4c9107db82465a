"""Declared aggregates that cannot be: each an error with its file, its key and what to do, before any source is read."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tagcast.features.core.errors import ConfigError, DefinitionError
from tagcast.features.core.messages import render
from tagcast.features.core.settings import load_settings
from tagcast.features.ingest.aggregates import check_aggregates, settled
from tests.support.source_projects import source

ONE = "features: {a: {count: true}}"
PAIR = f"view: w\nfeatures: {{n: {{count: true}}}}\n---\nview: v\nentity: [profile, category]\n{ONE}"
WRONG = {
    "features: {a: {where: \"event = 'x'\"}}": ("features.a: give exactly one of", "found none"),
    "features: {a: {count: true, sum: amount}}": ("features.a: give exactly one of", "found count, sum"),
    "features: {a: {median: amount}}": ("features.a.median: unknown key", ""),
    "features: {a: {count: false}}": ("features.a.count: expected true", ""),
    "features: {a: {sum: amonut}}": ("features.a.sum: the event log has no column 'amonut'", "did you mean 'amount'?"),
    "features: {a: {mean: method}}": ("expected a column of numbers, found 'method'", "amount, quantity"),
    "features: {a: {last: metod}}": ("features.a.last: the event log has no column", "did you mean 'method'?"),
    "features: {a: {distinct: profile_id}}": ("features.a.distinct: the event log has no column", ""),
    f"windows: [0, 7]\n{ONE}": ("windows: expected a list of days from 1", ""),
    f"windows: [week]\n{ONE}": ("windows: expected a list of days from 1", "['week']"),
    f"windows: []\n{ONE}": ("windows: expected a list of days from 1", ""),
    "features: {a: {count: true, windows: [7, 7]}}": ("features.a.windows: expected a list", "[7, 7]"),
    "features: {a: {last: method, windows: [7]}}": ("features.a: last has no windows", ""),
    f"where: \"evnt = 'x'\"\n{ONE}": ("where: the event log has no column 'evnt'", "did you mean 'event'?"),
    f"where: amount + 1\n{ONE}": ("where: expected a condition, found", "as in event = 'login'"),
    'features: {a: {count: true, where: "method > 3"}}': ("features.a.where", "cannot be computed"),
    "features: {a: {share: \"amount = 'much'\"}}": ("features.a.share", "cannot be computed"),
    'features: {a: {count: true, where: "amount > (select 1)"}}': ("features.a.where", "is not allowed"),
    'features: {a: {count: true, where: "event_day > current_date"}}': ("features.a.where", "is not allowed"),
    'features: {a: {count: true, where: "sum(amount) > 1"}}': ("features.a.where", "is not allowed"),
    'features: {a: {count: true, where: "amount >"}}': ("features.a.where", "is no SQL expression"),
    f"{ONE}\nderive: {{b: 'c + 1', c: 'b + 1'}}": ("derive: each needs the next", "b → c → b"),
    f"{ONE}\nderive: {{b: b + 1}}": ("derive: each needs the next", "b → b"),
    f"{ONE}\nderive: {{b: aa + 1}}": ("derive.b: there is no column 'aa'", "did you mean 'a'?"),
    f"{ONE}\nderive: {{b: \"'x'\"}}": ("derive.b: expected a number", "spend_30d / orders_30d"),
    f"{ONE}\nderive: {{a: 2 * 3}}": ("a: both in features and in derive", ""),
    "windows: [7, 30]\nfeatures: {a: {count: true}, t: {trend: b}}": ("features.t: a trend is of", "known: a"),
    "features: {spend: {sum: amount, windows: [30]}}": ("both have a feature 'spend_30d'", "rename one"),
    "features: {Logins: {count: true}}": ("a feature's name is lower-case", "'Logins'"),
    f"{ONE}\n---\nview: v\nfeatures: {{b: {{count: true}}}}": ("a second view 'v'", "rename one"),
    f"{ONE}\n---\nview: w\n{ONE}": ("w and v both have a feature 'a'", "rename one"),
    f"entity: [fund]\n{ONE}": ("entity: there is no entity 'fund'", "known: profile"),
    f"entity: [profile, fund]\n{ONE}": ("entity: there is no entity 'fund'", "known: category"),
    f"entity: [profile, category, fund]\n{ONE}": ("entity: expected one entity, as in [profile], or two", "'category', 'fund']"),
    f"{ONE}\nroles: {{recency: b}}": ("roles.recency: the view has no feature 'b'", "known: a"),
    f"{ONE}\nroles: {{silence: a}}": ("roles.silence", "expected one of 'recency', 'frequency', 'value', 'tenure'"),
    f"{ONE}\nroles: {{tenure: [a, b]}}": ("roles.tenure: the view has no feature 'b'", "known: a"),
    "features: {a: {count: true}, b: {count: true}}\nroles: {recency: [a, b]}": ("roles.recency: expected one feature", ""),
    "features: {a: {count: true, per: day}}": ("features.a: count is not of days: leave per out", "mean, min, max, distinct, first, last"),
    "features: {a: {max: amount, per: week}}": ("features.a.per: expected one of 'day'", ""),
    "features: {a: {last: method, per: day}}": ("features.a.last: expected a column of numbers, found 'method'", "amount, quantity"),
    "features: {a: {max: amount, per: day, absent: 1}}": ("features.a.absent: expected one of 0, 'unknown'", ""),
    "rows: all\nfeatures: {a: {count: true}}": ("rows: expected one of 'events', 'active', 'everyone'", ""),
    "windows: [7]\nfeatures: {a: {count: true, full_title: A}}": ("features.a.full_title: it has windows", "windows: none"),
    "features: {a: {count: true, full_title: A, title: A}}": ("features.a: full_title takes the place of title", ""),
    f"{ONE}\nshow: [a, b]": ("show: the view has no feature 'b'", "known: a"),
    f"{ONE}\nshow: [a, [a]]": ("show: a: twice", ""),
    "features: {a: {count: true}, b: {count: true}}\nshow: [b]\nroles: {recency: a}": ("roles.recency: the view has no feature 'a'", "known: b"),
    f"{ONE}\nderive: {{b: {{expected: a}}}}": ("derive.b: give either value, or expected with exposure and days", "found expected"),
    f"{ONE}\nderive: {{b: {{value: a, days: 3}}}}": ("derive.b: give either value, or expected", "found days, value"),
    f"{ONE}\nderive: {{b: {{expected: a, exposure: a, days: 0}}}}": ("derive.b.days: has to be greater than 0", ""),
    f"{ONE}\nderive: {{b: {{expected: c, exposure: a, days: 3}}}}": ("derive.b.expected: expected a count, or days, found 'c'", "known: a"),
    "features: {a: {count: true}, s: {sum: amount}}\nderive: {b: {expected: s, exposure: a, days: 3}}": (
        "derive.b.expected: expected a count, or days, found 's'", "known: a"),
    f"{ONE}\nderive: {{b: {{expected: a, exposure: profile_activity.spend_all, days: 3}}}}": (
        "derive.b: profile_activity.spend_all is a feature of another view", "of two entities"),
    f"{ONE}\nderive: {{b: a / profile_activity.spend_all}}": ("derive.b: profile_activity.spend_all is a feature", "of two entities"),
    f"{PAIR}\nderive: {{b: {{expected: a, exposure: profile_activity.spend_all, days: 3}}}}": (
        "derive.b.exposure: expected a count, or days, found 'profile_activity.spend_all'", "profile_activity.tenure_days"),
    f"{PAIR}\nderive: {{b: a / profile_activity.spend_al}}": ("derive.b: the view profile_activity has no feature 'spend_al'", "'spend_all'"),
    f"{PAIR}\nderive: {{b: a / activity.n}}": ("derive.b: there is no view 'activity' of profile", "profile_activity, w"),
    f"{PAIR}\nderive: {{b: a / v.a}}": ("derive.b: there is no view 'v' of profile", "profile_activity, w"),
    f"{PAIR}\nderive: {{b: a / w.m}}": ("derive.b: the view w has no feature 'm'", "known: n"),
    "features: {}": ("features: needs at least 1 item", ""),
    f"{ONE}\nfrom: {{path: x.parquet, key: id, constant: true}}": ("columns: is missing", ""),
}  # fmt: skip


def settings_of(folder: Path, text: str):
    (folder / "views").mkdir()
    named = text if text.startswith("view: ") else f"view: v\n{text}"
    (folder / "views" / "mine.yaml").write_text(named, encoding="utf-8")
    shop = source(extra='numbers = ["units"]\nwords = ["method"]')
    (folder / "tagcast.toml").write_text(f'name = "small"\nfeatures = "views"\n{shop}', encoding="utf-8")
    return load_settings(folder / "tagcast.toml", folder / "home", folder)


@pytest.mark.parametrize(("text", "said"), list(WRONG.items()), ids=range(len(WRONG)))
def test_it_is_one_error_that_says_where_and_what_to_do(tmp_path, text, said) -> None:
    with pytest.raises((ConfigError, DefinitionError)) as caught:
        check_aggregates(settings_of(tmp_path, text))
    shown = f"{caught.value}"
    assert "mine.yaml" in shown
    for part in said:
        assert part in shown
    assert str(caught.value.hint)
    assert render(caught.value.message, "zh") != str(caught.value.message)


def test_windows_are_those_that_the_shortest_history_fills(tmp_path) -> None:
    text = (
        "windows: [7, 30, 365, all]\nfeatures: {a: {count: true}}\nderive: {b: a_365d / 2, c: b + 1, d: a_7d}"
    )
    settings = settings_of(tmp_path, text)
    from tagcast.features.catalog.view_files import aggregate_views

    (view,) = aggregate_views(settings)
    assert [f.name for f in settled(view, settings.numbers, 100, {}).features()] == [
        "a_7d",
        "a_30d",
        "a_all",
        "d",
    ]
    assert [f.name for f in settled(view, settings.numbers, None, {}).features()][-3:] == ["b", "d", "c"]


def test_windows_that_no_history_fills_take_what_pairs_derive_from_them_along(tmp_path) -> None:
    pair = PAIR.replace("n: {count: true}", "n: {count: true, windows: [7, 365]}")
    text = f"{pair}\nderive: {{b: a / w.n_7d, c: a / w.n_365d, d: a / profile_activity.tenure_days}}\nshow: [d, c, b]"
    settings = settings_of(tmp_path, text)
    check_aggregates(settings)
    from tagcast.features.catalog.view_files import aggregate_views

    _, view = aggregate_views(settings)
    beside = {"w.n_7d": 0.0, "profile_activity.tenure_days": None}
    made = settled(view, settings.numbers, 100, {}, beside)
    assert [f.name for f in made.features()] == ["d", "b"]
    assert dict(made.beside) == beside
    # Of events that never happened there are no features yet, however long the history.
    assert [f.name for f in settled(view, settings.numbers, None, {}, beside).features()] == ["d", "b"]
    assert made.from_json(json.loads(json.dumps(made.to_json()))) == made


def test_a_view_of_few_words_is_written_as_it_always_was(tmp_path) -> None:
    """Snapshots are found again by what is written."""
    from tagcast.features.catalog.view_files import aggregate_views

    settings = settings_of(tmp_path, f"{ONE}\nderive: {{b: a / 2}}")
    (view,) = aggregate_views(settings)
    written = settled(view, settings.numbers, None, {}).to_json()
    assert written == {
        "view": "v", "keys": ("profile_id",), "where": "", "ranking": (),
        "aggregates": [
            {"name": "a", "function": "count", "of": "", "where": "", "windows": (), "whole": "", "en": "a", "zh": "a", "word": False, "levels": ()}
        ],
        "derived": [{"name": "b", "value": "a / 2", "en": "b", "zh": "b"}],
    }  # fmt: skip

"""Columns that sources add to the event log: numbers and words of any name."""

from __future__ import annotations

import pandas as pd
import pytest

from tagcast.features.core.errors import ConfigError, DataError
from tagcast.features.core.settings import load_settings
from tagcast.features.ingest.data_checks import examine
from tagcast.features.ingest.event_log_content import LogContent
from tests.support.source_projects import build, lines, project, read, source


def numbers_and_words(extra: str = 'numbers = ["units"]\nwords = ["payment_method"]') -> str:
    return source(extra=extra)


def shop(**more: object) -> pd.DataFrame:
    return lines(units=[1.5, None, 3, 1e6], payment_method=[" card", "cash", "", None], **more)


def test_they_stand_at_the_end_of_the_log(tmp_path) -> None:
    frame = read(build(project(tmp_path, numbers_and_words(), shop_parquet=shop())))
    assert list(frame.columns)[-3:] == ["source", "payment_method", "units"]
    assert [None if pd.isna(v) else float(v) for v in frame["units"]] == [1.5, None, 3.0, 1e6]
    assert [None if pd.isna(v) else v for v in frame["payment_method"]] == ["card", "cash", None, None]


def test_a_source_without_them_has_none_there(tmp_path) -> None:
    tables = numbers_and_words(), source("web", columns={"profile_id": "id", "event_time": "at"})
    frame = read(build(project(tmp_path, *tables, shop_parquet=shop(), web_parquet=lines())))
    assert frame[frame["source"] == "web"][["units", "payment_method"]].isna().all(axis=None)


def test_they_come_from_other_names_and_from_expressions(tmp_path) -> None:
    table = source(
        extra='numbers = ["units", "tax"]\nwords = ["how"]',
        columns={"profile_id": "id", "event_time": "at", "how": "Zahlart"},
    )
    table += '[sources.derive]\ntax = "price * 0.25"\n'
    frame = read(build(project(tmp_path, table, shop_parquet=shop(Zahlart=["a", "b", "c", "d"]))))
    assert list(frame["how"]) == ["a", "b", "c", "d"]
    assert [float(v) for v in frame["tax"]] == [2.5, 1.375, 0.5625, 1.0]


@pytest.mark.parametrize("name", ["order", "select", "inner", "group", "limit", "table", "user", "union"])
def test_they_may_be_called_as_sql_calls_something(tmp_path, name) -> None:
    extra = f'numbers = ["{name}"]\nwords = ["{name}_word", "where"]'
    columns = {"profile_id": "id", "event_time": "at", f"{name}_word": "left", "where": "left"}
    folder = project(
        tmp_path,
        source(extra=extra, columns=columns),
        shop_parquet=lines(**{name: [1.0, 2.0, 3.0, 4.0], "left": list("abcd")}),
    )
    settings = load_settings(folder, tmp_path / "home", tmp_path)
    assert examine(settings)
    frame = read(build(folder))
    assert [float(v) for v in frame[name]] == [1.0, 2.0, 3.0, 4.0]
    assert list(frame["where"]) == list(frame[f"{name}_word"]) == list("abcd")


def test_a_change_of_theirs_is_a_change_of_the_past(tmp_path) -> None:
    def built(units: list[float]) -> LogContent:
        return build(project(tmp_path, numbers_and_words(), shop_parquet=shop().assign(units=units)))

    assert not built([1, 2, 3, 4]).changes
    again = built([1, 2, 3.5, 4])
    assert [change.first_day.isoformat() for change in again.changes] == ["2024-01-02"]


def test_texts_that_are_no_numbers_are_counted_and_explained(tmp_path) -> None:
    file = shop().assign(units=["1,5", "2,5", "10,5", "1,25"])
    config = project(tmp_path, numbers_and_words(), shop_csv=file)
    config.write_text(config.read_text().replace("shop.parquet", "shop.csv"))
    found = examine(load_settings(config, None, tmp_path)).findings
    (unread,) = [finding for finding in found if finding.code == "unreadable_numbers"]
    assert "units is no number in" in str(unread.message)
    assert "remove units from columns" in str(unread.hint) or "derive" in str(unread.hint)


@pytest.mark.parametrize(
    ("extra", "said"),
    [
        ('numbers = ["Units"]', "write units = 'Units' under columns"),
        ('numbers = ["amount"]', "has a column 'amount' of its own"),
        ('words = ["event_day"]', "has a column 'event_day' of its own"),
        ('numbers = ["units"]\nwords = ["units"]', "units: both in numbers and in words"),
        ('numbers = ["unit"]', "no column 'unit'"),
        ('numbers = "units"', "expected a list"),
    ],
)
def test_wrong_ones_are_errors_that_say_what_to_write(tmp_path, extra, said) -> None:
    with pytest.raises((ConfigError, DataError)) as caught:
        build(project(tmp_path, numbers_and_words(extra), shop_parquet=shop()))
    assert said in str(caught.value)


def test_a_column_is_of_one_kind_in_all_sources(tmp_path) -> None:
    tables = source(extra='numbers = ["units"]'), source("web", extra='words = ["units"]')
    with pytest.raises(ConfigError, match="units: numbers of one source and words of another"):
        build(project(tmp_path, *tables, shop_parquet=shop(), web_parquet=shop()))


def test_an_unknown_column_names_the_way(tmp_path) -> None:
    table = source(columns={"profile_id": "id", "event_time": "at", "units": "units"})
    with pytest.raises(ConfigError, match="a further one is named in numbers or words"):
        build(project(tmp_path, table, shop_parquet=shop()))

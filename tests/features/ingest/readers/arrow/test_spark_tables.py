"""A table of Spark's catalogue where the engine is not Spark: refused wherever it is named, before anything is read."""

from __future__ import annotations

from pathlib import Path

import pytest

from tagcast.features.core.errors import ConfigError
from tagcast.features.core.schema.campaigns import ApproachTable
from tagcast.features.core.schema.label_tables import LabelTable
from tagcast.features.core.schema.sources import Place
from tagcast.features.core.settings import load_settings
from tagcast.features.ingest.attributes.approaches import read_approaches
from tagcast.features.ingest.event_log import build_event_log
from tests.support.source_projects import lines, project, source

JOIN = '[[sources.joins]]\ntable = "shop.goods"\non = "id"\ncolumns = ["kind"]\n'
PROFILES = '[profiles]\ntable = "shop.people"\nkey = "id"\ncolumns = ["age"]\n'
IDENTITY = '[identity]\ntable = "shop.ids"\n'


@pytest.mark.parametrize(
    ("tables", "words"),
    [
        (source(place='table = "shop.lines"'), "sources.shop: table = 'shop.lines' alone"),
        (source() + JOIN, "sources.shop.joins.0: table = 'shop.goods' alone"),
        (source() + PROFILES, "profiles: table = 'shop.people' alone"),
        (source() + IDENTITY, "identity: table = 'shop.ids' alone"),
    ],
)
def test_a_table_alone_needs_spark(tables: str, words: str, tmp_path: Path) -> None:
    settings = load_settings(project(tmp_path, tables, shop_parquet=lines()), None, tmp_path)
    with pytest.raises(ConfigError) as raised:
        build_event_log(settings)
    assert words in str(raised.value)
    assert 'hint: set engine = "spark" and [spark]; or say beside table where it is' in str(raised.value)
    message, hint = raised.value.rendered("zh")
    assert "引擎是 DuckDB" in message
    assert "请设置" in hint
    assert not list((tmp_path / ".tagcast" / "events").glob("*/manifest.json"))


def test_a_table_of_approaches_needs_spark_too(tmp_path: Path) -> None:
    settings = load_settings(project(tmp_path, source(), shop_parquet=lines()), None, tmp_path)
    with pytest.raises(ConfigError, match=r"table = 'crm\.sent' alone is a table of Spark's catalogue"):
        read_approaches(settings, ApproachTable(table="crm.sent", key="id", starts="at", days=3))


def test_which_places_are_tables_of_the_catalogue() -> None:
    assert Place(table="shop.lines").in_session
    assert LabelTable(table="churn", key="id", as_of="month", value="left").in_session
    for place in (Place(path="a"), Place(url="sqlite:///a", table="t"), Place(catalog="prod", table="t")):
        assert not place.in_session
    for wrong in (
        {},
        {"table": "t", "query": "SELECT 1"},
        {"query": "SELECT 1"},
        {"path": "a", "url": "b", "table": "t"},
    ):
        with pytest.raises(ValueError, match="give one of path"):
            Place(**wrong)

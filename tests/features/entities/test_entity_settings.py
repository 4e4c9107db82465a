"""What may be said of entities, and the project as each of them sees it."""

from __future__ import annotations

from pathlib import Path

import pytest

from tagcast.features.core.errors import ConfigError
from tagcast.features.core.messages import render
from tagcast.features.core.settings import load_settings
from tagcast.features.entities.entity_settings import settings_of

SOURCE = """
[[sources]]
name = "orders"
path = "events.parquet"
keys = {{{keys}}}
{more}
[sources.columns]
profile_id = "customer"
event_time = "at"
amount = "amount"
"""
FUNDS = '[entities.fund]\ntable = {path = "funds.parquet", key = "code", columns = ["risk"]}\n'
CIRCLE = "".join(
    f'[entities.{one}]\nof = "{other}"\ntable = {{path = "t.csv", key = "{one}", columns = ["{other}"]}}\n'
    for one, other in ("ab", "ba")
)
MANAGER = '[entities.manager]\nof = "fund"\nkey = "run_by"\n'


def read(folder: Path, text: str, keys: str = 'fund = "fund_code"', more: str = ""):
    folder.mkdir(parents=True, exist_ok=True)
    whole = f'name = "house"\n{text}{SOURCE.format(keys=keys, more=more)}'
    (folder / "tagcast.toml").write_text(whole, encoding="utf-8")
    return load_settings(folder / "tagcast.toml", folder / "home", folder)


WRONG = {
    ("", 'fund = "fund_code"', ""): "sources.orders.keys: there is no entity 'fund'",
    ("[entities.fund]\n", "", ""): "entities.fund: say either in keys of a source",
    ('[entities.fund]\nof = "profile"\n', 'fund = "c"', ""): "entities.fund: say either in keys of a source",
    ("[entities.profile]\n", 'profile = "c"', ""): "entities.profile: an entity's name",
    ("[entities.Fund]\n", 'Fund = "c"', ""): "entities.Fund: an entity's name",
    (f'{FUNDS}[entities.team]\nof = "founds"\n', 'fund = "c"', ""): "entities.team.of: there is no entity 'founds'",
    ('[entities.fund]\n[entities.team]\nof = "fund"\n', 'fund = "c"', ""): "entities.team.of: fund has no table",
    ('[entities.fund]\nof = "profile"\n', "", ""): "entities.fund.of: profile has no table",
    (CIRCLE, "", ""): "each belongs to the next: a → b → a",
    (FUNDS, 'fund = "c"', 'words = ["fund"]'): "keys: fund: the event log has a column of this name already",
    ("[entities.amount]\n", 'amount = "c"', ""): "both in columns and in keys",
    ("[entities.event]\n", 'event = "c"', ""): "keys: event: the event log has a column of this name already",
}  # fmt: skip


@pytest.mark.parametrize(("given", "said"), WRONG.items(), ids=range(len(WRONG)))
def test_what_cannot_be_is_one_error_with_its_place(tmp_path, given, said) -> None:
    with pytest.raises(ConfigError) as caught:
        read(tmp_path, *given)
    assert said in str(caught.value)
    assert render(caught.value.message, "zh") != str(caught.value.message)


def test_near_names_are_offered(tmp_path) -> None:
    with pytest.raises(ConfigError, match="did you mean 'fund'"):
        read(tmp_path, FUNDS, 'found = "c", fund = "d"')
    with pytest.raises(ConfigError) as caught:
        settings_of(read(tmp_path, FUNDS), "fond")
    assert "did you mean 'fund'" in str(caught.value.hint)


def test_each_has_a_home_and_a_name_of_its_own_and_the_tables_of_its_kind(tmp_path) -> None:
    whole = read(tmp_path, FUNDS + MANAGER)
    fund, manager = settings_of(whole, "fund"), settings_of(whole, "manager")
    assert len({settings.home for settings in (whole, fund, manager)}) == 3
    assert len({settings.name for settings in (whole, fund, manager)}) == 3
    assert (fund.entity, manager.entity, whole.entity) == ("fund", "manager", "profile")
    assert fund.whole is manager.whole is whole.whole is whole
    assert fund.profiles is not None
    assert fund.profiles.columns == ("risk",)
    assert manager.profiles is None
    assert settings_of(fund, "profile") is whole
    assert settings_of(fund, "manager") == manager


@pytest.mark.parametrize("place", ['path = "funds.parquet"', 'catalog = "prod", table = "f"', 'table = "f"'])
def test_who_belongs_to_whom_stands_wherever_a_table_may_lie(tmp_path, place) -> None:
    whole = read(tmp_path, FUNDS.replace('path = "funds.parquet"', place) + MANAGER)
    (join,) = settings_of(whole, "manager").sources[0].joins
    table = whole.entities["fund"].table
    assert table is not None
    assert (join.path, join.catalog, join.table) == (table.path, table.catalog, table.table)


@pytest.mark.parametrize("store", ["runs", "${TAGCAST_TEST_STORE}"])
def test_no_two_share_a_folder_of_the_store(tmp_path, monkeypatch, store) -> None:
    monkeypatch.setenv("TAGCAST_TEST_STORE", str(tmp_path / "elsewhere"))
    whole = read(tmp_path, f'store = "{store}"\n{FUNDS}')
    places = {settings_of(whole, entity).store_place for entity in ("profile", "fund")}
    assert len(places) == 2


def test_a_source_that_names_none_of_an_entity_is_no_source_of_it(tmp_path) -> None:
    visits = SOURCE.replace('"orders"', '"visits"').format(keys="", more="")
    read(tmp_path, FUNDS)
    with (tmp_path / "tagcast.toml").open("a", encoding="utf-8") as file:
        file.write(visits)
    both = load_settings(tmp_path / "tagcast.toml", tmp_path / "home", tmp_path)
    assert [source.name for source in settings_of(both, "fund").sources] == ["orders"]

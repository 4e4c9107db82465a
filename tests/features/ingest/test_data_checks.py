"""What `tagcast check` says of the sources."""

from __future__ import annotations

import json
from dataclasses import asdict
from datetime import date

import pandas as pd
import pytest

from tagcast.features.core.settings import load_settings
from tagcast.features.ingest.data_checks import examine
from tests.support.command_line import Project
from tests.support.source_projects import DATA, EXAMPLES, lines, project, source


def report(config, now=None):
    return examine(load_settings(config, config.parent / "home", config.parent), now=now)


def said(found, level) -> str:
    return "\n".join(f"{f.where}: {f.message} / {f.hint}" for f in found.findings if f.level == level)


def test_clean_sources_give_no_finding(tmp_path) -> None:
    found = report(project(tmp_path, source(), shop_parquet=lines()))
    assert not found.findings
    (shop,) = found.sources
    assert (shop.rows, shop.profiles, shop.categories) == (4, 2, 0)
    json.dumps(asdict(found), default=str)


def test_every_oddity_is_counted(tmp_path) -> None:
    odd = pd.concat([lines(kind="tea")] * 50, ignore_index=True).reset_index(names="n")
    odd.loc[0, "id"] = None
    odd.loc[1, "at"] = pd.NaT
    odd.loc[2, "price"] = None
    odd.loc[3:20, "price"] = 0.0
    odd.loc[21:22, "price"] = -1.0
    odd.loc[23:60, "kind"] = None
    odd = pd.concat([odd, odd.tail(3)], ignore_index=True)
    table = source(
        columns={
            "profile_id": "id",
            "event_time": "at",
            "amount": "price",
            "category": "kind",
            "order_id": "n",
        }
    )
    found = report(project(tmp_path, table, shop_parquet=odd), date(2024, 2, 1))
    (shop,) = found.sources
    assert (shop.rows, shop.missing_ids, shop.unparsable_times, shop.duplicates) == (203, 1, 1, 3)
    assert (shop.missing_amounts, shop.zero_amounts, shop.negative_amounts, shop.returns) == (1, 18, 2, 0)
    assert (shop.categories, shop.missing_categories, shop.future_times) == (1, 38, 51)
    assert not said(found, "error")
    warnings = said(found, "warning")
    for text in ("profile_id", "event_time", "amount", "negative", "zero", "categor", "twice"):
        assert text in warnings


@pytest.mark.parametrize(
    ("frame", "text"),
    [
        (lines().head(0), "no rows"),
        (lines(id="a"), "one profile"),
        (lines(id=None), "profile_id"),
        (lines(at="never"), "event_time"),
        (lines(price="ten"), "amount"),
        (lines().rename(columns={"at": "time"}), "at"),
    ],
    ids=["empty", "one profile", "no ids", "no times", "no amounts", "wrong column"],
)
def test_what_would_spoil_a_model_is_an_error(tmp_path, frame, text) -> None:
    errors = said(report(project(tmp_path, source(), shop_parquet=frame)), "error")
    assert text in errors
    assert " / " in errors


def test_every_source_is_looked_at(tmp_path) -> None:
    found = report(project(tmp_path, source(), source("web"), source("app"), shop_parquet=lines()))
    assert said(found, "error").count("there is no file") == 2
    assert [s.name for s in found.sources] == ["shop"]


def test_unplaced_ids_and_unmatched_keys(tmp_path) -> None:
    table = source(columns={"profile_id": "id", "event_time": "at", "category": "kind"})
    table += '[[sources.joins]]\npath = "items.csv"\non = "sku"\ncolumns = ["kind"]\n'
    config = project(
        tmp_path,
        table,
        '[identity]\npath = "who.csv"\n',
        shop_parquet=lines(sku=[1, 1, 1, 2], id=["a", "b", "c", "c"]),
        items_csv=pd.DataFrame({"sku": [1], "kind": ["tea"]}),
        who_csv=pd.DataFrame({"source": "shop", "source_id": ["a", "b"], "profile_id": ["1", "2"]}),
    )
    (shop,) = report(config).sources
    assert (shop.unplaced_ids, shop.unmatched) == (1, 1)


def test_nothing_is_written_to_the_source_folder(tmp_path) -> None:
    config = project(tmp_path, source(), shop_parquet=lines())
    before = {f: f.read_bytes() for f in tmp_path.iterdir()}
    report(config)
    assert {f: f.read_bytes() for f in tmp_path.iterdir() if f.is_file()} == before


@pytest.mark.skipif(not DATA.is_dir(), reason="the shared data folder is not there")
def test_the_traps_of_online_retail(monkeypatch) -> None:
    monkeypatch.setenv("TAGCAST_DATA", str(DATA))
    found = examine(load_settings(EXAMPLES / "examples" / "online_retail" / "tagcast.toml", None, EXAMPLES))
    (shop,) = found.sources
    assert shop.missing_ids / shop.rows == pytest.approx(0.2, abs=0.02)
    assert shop.returns > 9_000
    assert (shop.negative_amounts, shop.zero_amounts) == (0, 0)
    assert not said(found, "error")


class TestWhatCannotBeConverted:
    """It is counted and shown with an example, so that a person sees what to change."""

    @staticmethod
    def csv(folder, *rows: str, columns=None, derive: str = ""):
        good = [f"c{n % 3},2024-01-{n % 27 + 1:02d} 10:00:00,{n}.5,1" for n in range(300)]
        text = "id,at,price,units\n" + "\n".join([*good, *rows]) + "\n"
        mapped = columns or {"profile_id": "id", "event_time": "at", "amount": "price", "quantity": "units"}
        return report(
            project(folder, source(place='path = "shop.csv"', columns=mapped) + derive, shop_csv=text)
        )

    def test_numbers(self, tmp_path) -> None:
        found = self.csv(
            tmp_path,
            'a,2024-01-01 10:00:00,"12,50",two',
            "a,2024-01-01 10:00:00,,",
            "a,2024-01-01 10:00:00,nan,1",
        )
        assert found.sources[0].unread == {"amount": (2, "12,50"), "quantity": (1, "two")}
        warnings = said(found, "warning")
        assert "amount is no number in 2 of 303 lines (0.7%), as in '12,50'; it is unknown there" in warnings
        assert "quantity is no number in 1 of 303 lines (0.3%), as in 'two'" in warnings
        assert "1 of 303 lines (0.3%) have no amount" in warnings
        assert "REPLACE(price, ',', '.')" in warnings

    def test_the_hint_works(self, tmp_path) -> None:
        derive = "[sources.derive]\namount = \"TRY_CAST(REPLACE(price, ',', '.') AS DOUBLE)\"\n"
        columns = {"profile_id": "id", "event_time": "at"}
        found = self.csv(tmp_path, 'a,2024-01-01 10:00:00,"12,50",1', columns=columns, derive=derive)
        assert found.sources[0].missing_amounts == 0
        assert not found.findings

    def test_what_a_derived_number_could_not_be(self, tmp_path) -> None:
        derive = "[sources.derive]\namount = \"REPLACE(price, ',', ';')\"\n"
        columns = {"profile_id": "id", "event_time": "at"}
        found = self.csv(tmp_path, 'a,2024-01-01 10:00:00,"12,50",1', columns=columns, derive=derive)
        assert found.sources[0].unread == {"amount": (1, "12;50")}

    def test_times(self, tmp_path) -> None:
        found = self.csv(tmp_path, "a,soon,1,1", "a,2024-02-30 10:00:00,1,1")
        assert found.sources[0].unparsable_times == 2
        assert found.sources[0].unread == {"event_time": (2, "2024-02-30 10:00:00")}
        assert (
            "event_time cannot be read in 2 of 302 lines (0.7%), as in '2024-02-30 10:00:00'; they are left out"
            in said(found, "warning")
        )
        many = self.csv(tmp_path / "m", *["a,soon,1,1"] * 9)
        assert "as in 'soon'" in said(many, "error")

    def test_typed_columns_too(self, tmp_path) -> None:
        odd = pd.concat([lines()] * 100, ignore_index=True)
        odd.loc[0, "price"] = 1e17
        odd.loc[1, "price"] = float("nan")
        odd.loc[2, "price"] = float("inf")
        found = report(project(tmp_path, source(), shop_parquet=odd))
        assert found.sources[0].unread["amount"][0] == 2
        assert found.sources[0].missing_amounts == 3

    def test_a_line_that_where_leaves_out_does_not_count(self, tmp_path) -> None:
        text = "id,at,price,kind\na,2024-01-01 10:00:00,5,sale\nb,2024-01-01 10:00:00,6,sale\nb,2024-01-01 10:00:00,none,note\n"
        config = project(
            tmp_path, source(place='path = "shop.csv"', extra="where = \"kind = 'sale'\""), shop_csv=text
        )
        assert not report(config).findings

    def test_an_order_of_day_and_month_is_asked_before_all_else(self, tmp_path) -> None:
        text = "id,at,price\na,05/01/2026,5\nb,06/02/2026,6\n"
        found = report(project(tmp_path, source(place='path = "shop.csv"'), shop_csv=text))
        (finding,) = found.findings
        assert (finding.level, finding.where) == ("error", "sources.shop")
        assert "'05/01/2026' can be 2026-01-05 or 2026-05-01" in str(finding.message)
        assert 'time_format = "%d/%m/%Y" reads it as 2026-01-05; time_format = "%m/%d/%Y"' in str(
            finding.hint
        )


def test_check_names_the_place_once(tmp_path) -> None:
    config = project(
        tmp_path, source(place='path = "shop.csv"'), shop_csv="id,at,price\na,05/01/2026,5\nb,06/02/2026,6\n"
    )
    (tmp_path / "models" / "tags").mkdir(parents=True)
    found = Project(config, tmp_path / "home").run("check", ok=False)
    assert found.exit_code == 4
    assert (found.output + found.stderr).count("sources.shop") == 1

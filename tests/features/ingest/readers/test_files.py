"""Files that a path names: folders, globs, types by union, and tables of a lake, which are no files."""

from __future__ import annotations

import re
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tagcast.features.core.errors import DataError
from tagcast.features.ingest import event_log_writer
from tests.support.source_projects import build, lines, project, read, source

PARTS = source(place='path = "o-*.parquet"')
DAYS = [datetime(2024, 1, 1, 10), datetime(2024, 1, 2, 10)]  # noqa: DTZ001


def write(file: Path, **columns) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(pa.table(columns), file)


class TestUnion:
    """Types are those that hold every file's values, whichever file comes first."""

    @pytest.mark.parametrize("order", [(1, 2), (2, 1)])
    @pytest.mark.parametrize(
        "fractions",
        [
            pa.array([0.6, 0.25]),
            pa.array([Decimal("0.60"), Decimal("0.25")]),
            pa.array(["0.6", "0.25"]),
            pa.array([0.6, 0.25], pa.float32()),
        ],
        ids=["double", "decimal", "text", "float"],
    )
    def test_whole_prices_in_one_month_round_nothing(self, tmp_path, order, fractions) -> None:
        config = project(tmp_path, PARTS)
        write(tmp_path / f"o-{order[0]}.parquet", id=["a", "b"], at=DAYS, price=[7, 3])
        write(tmp_path / f"o-{order[1]}.parquet", id=["c", "d"], at=DAYS, price=fractions)
        amounts = read(build(config))["amount"]
        assert [round(float(v), 6) for v in amounts] == [7, 3, 0.6, 0.25]

    @pytest.mark.parametrize("order", [(1, 2), (2, 1)])
    def test_ids_that_are_numbers_in_one_file(self, tmp_path, order) -> None:
        config = project(tmp_path, PARTS)
        exact = 2**53 + 1
        write(tmp_path / f"o-{order[0]}.parquet", id=[exact, 12], at=DAYS, price=[7, 3])
        write(tmp_path / f"o-{order[1]}.parquet", id=[12.0, None], at=DAYS, price=[7, 3])
        write(tmp_path / "o-3.parquet", id=["12", "x"], at=DAYS, price=[7, 3])
        log = build(config)
        assert sorted(set(read(log)["profile_id"])) == ["12", str(exact), "x"]
        assert log.sources[0].missing_ids == 1

    def test_dates_beside_times_stay_days(self, tmp_path) -> None:
        config = project(tmp_path, PARTS, timezone="America/Los_Angeles")
        write(tmp_path / "o-1.parquet", id=["a", "b"], at=[date(2024, 1, 1), date(2024, 1, 2)], price=[7, 3])
        write(tmp_path / "o-2.parquet", id=["c", "d"], at=DAYS, price=[7, 3])
        write(tmp_path / "o-3.parquet", id=["e"], at=["2024-01-05"], price=[7])
        frame = read(build(config))
        assert list(frame["event_day"]) == [date(2024, 1, d) for d in (1, 2, 1, 2, 5)]

    def test_a_column_without_values_takes_any_type(self, tmp_path) -> None:
        config = project(tmp_path, PARTS)
        write(tmp_path / "o-1.parquet", id=["a", "b"], at=DAYS, price=pa.nulls(2))
        write(tmp_path / "o-2.parquet", id=["c", "d"], at=DAYS, price=[1.5, 2])
        assert [float(v) for v in read(build(config))["amount"].dropna()] == [1.5, 2]

    def test_a_missing_column_is_named_with_its_file(self, tmp_path) -> None:
        config = project(tmp_path, PARTS)
        write(tmp_path / "o-1.parquet", id=["a", "b"], at=DAYS, price=[1, 2])
        write(tmp_path / "o-2.parquet", id=["c", "d"], at=DAYS, prices=[1, 2])
        with pytest.raises(DataError, match=r"no column 'price' in o-2\.parquet"):
            build(config)

    def test_a_column_that_nothing_names_may_be_missing(self, tmp_path) -> None:
        config = project(tmp_path, PARTS)
        write(tmp_path / "o-1.parquet", id=["a", "b"], at=DAYS, price=[1, 2])
        write(tmp_path / "o-2.parquet", at=DAYS, id=["c", "d"], note=[b"\xff", b"x"], price=[1, 2])
        assert build(config).rows == 4

    def test_one_broken_file_is_named(self, tmp_path) -> None:
        config = project(tmp_path, PARTS)
        write(tmp_path / "o-1.parquet", id=["a", "b"], at=DAYS, price=[1, 2])
        (tmp_path / "o-2.parquet").write_bytes(b"PAR1 is not enough")
        with pytest.raises(DataError, match=r"o-2\.parquet cannot be read as Parquet"):
            build(config)


class TestTextWithoutItsMark:
    """Parquet of old writers marks no text: bytes that are UTF-8 are text."""

    def test_ids_and_words(self, tmp_path) -> None:
        frame = {"id": [b"a", "Å".encode()], "at": DAYS, "price": [1, 2], "kind": [b"tea", b"tea "]}
        columns = {"profile_id": "id", "event_time": "at", "amount": "price", "category": "kind"}
        config = project(tmp_path, source(columns=columns))
        write(tmp_path / "shop.parquet", **frame)
        got = read(build(config))
        assert list(got["profile_id"]) == ["a", "Å"]
        assert set(got["category"]) == {"tea"}

    def test_bytes_that_are_no_text_are_an_error(self, tmp_path) -> None:
        config = project(tmp_path, source())
        write(tmp_path / "shop.parquet", id=[b"a", b"\xff\xfe"], at=DAYS, price=[1, 2])
        with pytest.raises(DataError, match=r"shop\.parquet: a column of bytes is no UTF-8 text"):
            build(config)


class TestFolders:
    """A folder is its files, without the marks that Spark leaves in it."""

    @pytest.mark.parametrize("path", ["orders", "orders/", "orders/*", "ord*"])
    def test_spark_writes_folders(self, tmp_path, path) -> None:
        config = project(tmp_path, source(place=f'path = "{path}"'))
        for n, half in enumerate((lines().head(2), lines().tail(2))):
            target = tmp_path / "orders" / f"part-0000{n}-c000.snappy.parquet"
            target.parent.mkdir(exist_ok=True)
            half.to_parquet(target, index=False)
            (target.parent / f".{target.name}.crc").write_bytes(b"crc")
        (tmp_path / "orders" / "_SUCCESS").touch()
        assert build(config).rows == 4

    def test_spark_writes_folders_of_csv(self, tmp_path) -> None:
        config = project(tmp_path, source(place='path = "orders.csv"'))
        (tmp_path / "orders.csv").mkdir()
        for n, half in enumerate((lines().head(2), lines().tail(2))):
            half.to_csv(tmp_path / "orders.csv" / f"part-0000{n}-c000.csv.gz", index=False)
        (tmp_path / "orders.csv" / "_SUCCESS").touch()
        assert build(config).rows == 4

    def test_names_of_folders_are_columns_of_text(self, tmp_path) -> None:
        config = project(
            tmp_path,
            source(extra="where = \"shop = '007' AND day >= '2024-01-02'\"", place='path = "o/**/*.parquet"'),
        )
        for shop, day in (("007", "2024-01-01"), ("007", "2024-01-02"), ("7", "2024-01-02")):
            write(tmp_path / f"o/shop={shop}/day={day}/p.parquet", id=["a", "b"], at=DAYS, price=[1, 2])
        assert build(config).rows == 2

    def test_an_empty_folder(self, tmp_path) -> None:
        config = project(tmp_path, source(place='path = "orders"'))
        (tmp_path / "orders").mkdir()
        (tmp_path / "orders" / "_SUCCESS").touch()
        with pytest.raises(DataError, match="there is no file"):
            build(config)

    @pytest.mark.parametrize("folder", ["Orders [2026]", "a*", "what?", "[object Object]"])
    @pytest.mark.parametrize("path", ["o.parquet", "o*.parquet", "[nop].parquet", "./sub [1]/../o.parquet"])
    def test_a_folder_is_no_pattern(self, tmp_path, folder, path) -> None:
        for name, price in ((folder, 1.0), ("Orders 2", 50.0), ("ab", 50.0), ("whats", 50.0), ("o", 50.0)):
            project(tmp_path / name, source(place=f'path = "{path}"'), o_parquet=lines(price=price))
            (tmp_path / name / "sub [1]").mkdir()
        log = build(project(tmp_path / folder, source(place=f'path = "{path}"')))
        assert set(read(log)["amount"]) == {1}
        assert log.rows == 4

    @pytest.mark.parametrize("name", ["o[1].csv", "o*.csv", "o?.csv"])
    def test_a_file_that_is_there_under_the_very_name_is_no_pattern(self, tmp_path, name) -> None:
        config = project(tmp_path, source(place=f'path = "{name}"'), o1_csv=lines(price=50.0))
        lines().to_csv(tmp_path / name, index=False)
        assert build(config).rows == 4
        assert 50 not in set(read(build(config))["amount"])

    def test_a_name_is_no_pattern(self, tmp_path) -> None:
        config = project(
            tmp_path, source(place='path = "o*.csv"'), **{"o[1]_csv": lines(), "o1_csv": lines(id="c")}
        )
        assert set(read(build(config))["profile_id"]) == {"a", "b", "c"}


class TestLakes:
    """The files of a Delta, Iceberg or Hudi table are not its rows."""

    @pytest.mark.parametrize(
        "path", ["orders/**/*.parquet", "orders/day=1/one.parquet", "orders/*/*", "ord*"]
    )
    @pytest.mark.parametrize(
        ("mark", "kind", "hint"),
        [
            ("_delta_log/00000000000000000000.json", "Delta", r'path = ".*/orders"'),
            ("metadata/v1.metadata.json", "Iceberg", r'path = ".*/orders"'),
            (".hoodie/hoodie.properties", "Hudi", "outside of it"),
        ],
    )
    def test_is_refused(self, tmp_path, path, mark, kind, hint) -> None:
        config = project(tmp_path, source(place=f'path = "{path}"'))
        write(tmp_path / "orders/day=1/one.parquet", id=["a", "b"], at=DAYS, price=[1, 2])
        (tmp_path / "orders" / mark).parent.mkdir()
        (tmp_path / "orders" / mark).touch()
        with pytest.raises(DataError, match=f"orders is a {kind} table") as caught:
            build(config)
        assert re.search(hint, str(caught.value.hint))

    def test_the_hint_works(self, tmp_path) -> None:
        config = project(tmp_path, source(place='path = "present/*.parquet"'))
        write(tmp_path / "orders/one.parquet", id=["a", "b"], at=DAYS, price=[1, 2])
        (tmp_path / "orders" / "_delta_log").mkdir()
        write(tmp_path / "present/now.parquet", id=["a", "b"], at=DAYS, price=[1, 2])
        assert build(config).rows == 2

    def test_a_folder_called_metadata_is_none(self, tmp_path) -> None:
        config = project(tmp_path, source(place='path = "orders/*.csv"'))
        (tmp_path / "orders" / "metadata").mkdir(parents=True)
        (tmp_path / "orders" / "metadata" / "columns.json").touch()
        pd.DataFrame(lines()).to_csv(tmp_path / "orders" / "o.csv", index=False)
        assert build(config).rows == 4


class TestWhileItIsRead:
    """A load reads what it has listed: no line is lost or counted twice over what happens meanwhile."""

    @pytest.fixture
    def meanwhile(self, monkeypatch):
        """Return a list of what is done once, after the files were listed and before they are read."""
        todo = []
        plain = event_log_writer.identity_query

        def patched(*given):
            while todo:
                todo.pop()()
            return plain(*given)

        monkeypatch.setattr(event_log_writer, "identity_query", patched)
        return todo

    def test_a_file_that_arrives_belongs_to_the_next_load(self, tmp_path, meanwhile) -> None:
        config = project(tmp_path, PARTS, **{"o-1_parquet": lines()})
        meanwhile.append(
            lambda: lines(id=["c", "c", "d", "d"]).to_parquet(tmp_path / "o-2.parquet", index=False)
        )
        assert build(config).rows == 4
        assert build(config).rows == 8
        assert build(config).rows == 8

    @pytest.mark.parametrize("change", ["longer", "gone"])
    def test_a_file_that_changes(self, tmp_path, meanwhile, change) -> None:
        config = project(tmp_path, PARTS, **{"o-1_parquet": lines(), "o-2_parquet": lines()})
        file = tmp_path / "o-2.parquet"
        meanwhile.append(
            file.unlink if change == "gone" else lambda: pd.concat([lines()] * 2).to_parquet(file)
        )
        with pytest.raises(DataError, match=r"sources\.shop: .*o-2\.parquet") as caught:
            build(config)
        if change == "longer":
            assert "was changed while it was read" in str(caught.value)
            assert "rename" in str(caught.value.hint)
            assert build(config).rows == 12


@pytest.mark.parametrize("kind", ["csv", "parquet"])
def test_a_column_that_is_gone_is_named_and_the_log_stays(tmp_path, kind) -> None:
    place = f'path = "shop.{kind}"'
    config = project(tmp_path, source(place=place), **{f"shop_{kind}": lines()})
    before = build(config)
    project(tmp_path, source(place=place), **{f"shop_{kind}": lines().drop(columns="price")})
    with pytest.raises(DataError, match=r"sources\.shop.*no column 'price'"):
        build(config)
    current = (tmp_path / ".tagcast" / "events" / "current.json").read_text(encoding="utf-8")
    assert before.id in current
    assert len(read(before)) == 4

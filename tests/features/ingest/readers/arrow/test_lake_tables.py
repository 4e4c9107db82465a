"""Tables of Delta and Iceberg, written by their own libraries: whatever happened to one, the log is that of its lines now."""

from __future__ import annotations

import json
import shutil
import struct
from datetime import date, datetime
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pytest

from tagcast.features.core.errors import DataError
from tests.support.source_projects import COLUMNS, build, project, read, source

deltalake = pytest.importorskip("deltalake")
catalogs = pytest.importorskip("pyiceberg.catalog.sql")
pyroaring = pytest.importorskip("pyroaring")
Config = pytest.importorskip("pyiceberg.utils.config").Config


def orders(day: int, who: str = "c", price: float = 10.0, **more: object) -> pa.Table:
    at = [datetime(2024, 1, day, hour, 30) for hour in (1, 12, 23)]  # noqa: DTZ001
    columns = {"id": [f"{who}{n}" for n in range(3)], "at": at, "price": [price, price, price + 1]}
    return pa.table({**columns, "dt": [date(2024, 1, day)] * 3, **more})


class Delta:
    kind, config = "delta", 'path = "lake/orders"'

    def __init__(self, folder: Path) -> None:
        self.folder = str(folder / "lake" / "orders")

    def write(self, table: pa.Table, mode: str = "append") -> None:
        deltalake.write_deltalake(
            self.folder,
            table,
            mode=mode,
            partition_by=["dt"],
            schema_mode="merge" if mode == "append" else "overwrite",
        )

    def delete(self, condition: str) -> None:
        deltalake.DeltaTable(self.folder).delete(condition)

    def lines(self) -> pd.DataFrame:
        return deltalake.DeltaTable(self.folder).to_pandas()


class Iceberg:
    kind, config = "iceberg", 'path = "lake/shop/orders"'

    def __init__(self, folder: Path) -> None:
        self.folder = str(folder / "lake" / "shop" / "orders")
        self.uri = f"sqlite:///{folder}/catalog.db"
        self.catalog = catalogs.SqlCatalog("lake", uri=self.uri, warehouse=f"file://{folder}/lake")
        self.catalog.create_namespace("shop")
        self._table = None

    def write(self, table: pa.Table, mode: str = "append") -> None:
        if not self.catalog.table_exists("shop.orders"):
            self.catalog.create_table("shop.orders", schema=table.schema)
        opened = self.catalog.load_table("shop.orders")
        if set(table.column_names) - set(opened.schema().column_names):
            with opened.update_schema() as change:
                change.union_by_name(table.schema)
        opened = self.catalog.load_table("shop.orders")
        (opened.append if mode == "append" else opened.overwrite)(table)

    def delete(self, condition: str) -> None:
        self.catalog.load_table("shop.orders").delete(condition)

    def lines(self) -> pd.DataFrame:
        return self.catalog.load_table("shop.orders").scan().to_pandas()

    def close(self) -> None:
        self.catalog.close()


@pytest.fixture(params=[Delta, Iceberg], ids=["delta", "iceberg"])
def lake(request, tmp_path):
    made = request.param(tmp_path)
    yield made
    if hasattr(made, "close"):
        made.close()


def config_of(lake, folder: Path, columns: dict[str, str] | None = None, extra: str = "") -> Path:
    return project(folder, source(place=lake.config, columns=columns, extra=extra))


def same_as_its_lines(lake, config: Path, folder: Path) -> None:
    """A log on top of the last one, and one made anew, hold what the library itself reads."""
    frame = lake.lines().sort_values(["id", "at"])
    for home in (config.parent / ".tagcast", folder / f"fresh-{len(frame)}"):
        log = read(build(config, home)).sort_values(["profile_id", "event_time"])
        assert list(log["profile_id"]) == list(frame["id"])
        assert [float(v) for v in log["amount"]] == list(frame["price"])
        assert list(log["event_time"].astype("datetime64[us]")) == list(frame["at"].astype("datetime64[us]"))


def test_appends_deletes_overwrites_and_columns_that_come_later(lake, tmp_path) -> None:
    lake.write(orders(1))
    config = config_of(lake, tmp_path)
    same_as_its_lines(lake, config, tmp_path / "a")
    lake.write(orders(2))
    same_as_its_lines(lake, config, tmp_path / "b")
    lake.delete("price > 10.5")
    same_as_its_lines(lake, config, tmp_path / "c")
    lake.write(orders(3, note=["x", "y", None]))
    same_as_its_lines(lake, config, tmp_path / "d")
    lake.write(orders(9, who="d", price=3.0), mode="overwrite")
    same_as_its_lines(lake, config, tmp_path / "e")


def test_a_column_that_older_files_lack_is_unknown_on_their_lines(lake, tmp_path) -> None:
    lake.write(orders(1))
    lake.write(orders(2, note=["x", "y", None]))
    log = read(build(config_of(lake, tmp_path, {**COLUMNS, "category": "note"})))
    assert sorted(log["category"].dropna()) == ["x", "y"]
    assert len(log) == 6


def test_where_nothing_changed_nothing_is_read_and_what_was_added_is_read_alone(
    lake, tmp_path, monkeypatch
) -> None:
    from tagcast.features.ingest.readers import table_reader

    read_rows: list[int] = []
    plain = table_reader.stage_arrow

    def counted(table, target, *rest):
        result = plain(table, target, *rest)
        read_rows.append(len(pd.read_parquet(target)))
        return result

    monkeypatch.setattr(table_reader, "stage_arrow", counted)
    for day in range(1, 6):
        lake.write(orders(day))
    config = config_of(lake, tmp_path)
    assert build(config).rows == 15
    assert build(config).rows == 15
    assert read_rows == [15]
    lake.write(orders(6))
    assert build(config).rows == 18
    assert read_rows == [15, 3]


@pytest.mark.parametrize(
    "condition", ["dt >= '2024-01-03'", "dt = '2024-01-03' OR dt = '2024-01-04'", "year(dt) = 2023"]
)
def test_where_over_a_column_of_days(lake, tmp_path, condition) -> None:
    for day in range(1, 5):
        lake.write(orders(day))
    config = config_of(lake, tmp_path, extra=f'where = "{condition}"')
    if "2023" in condition:
        with pytest.raises(DataError, match="where leaves"):
            build(config)
    else:
        assert build(config).rows == 6


def test_a_version_whose_files_are_gone(lake, tmp_path) -> None:
    lake.write(orders(1))
    for file in Path(lake.folder).rglob("*.parquet"):
        file.unlink()
    with pytest.raises(DataError, match=r"sources\.shop: .*orders cannot be read as a table of") as caught:
        build(config_of(lake, tmp_path))
    assert "is gone" in str(caught.value.hint)


def test_a_folder_that_is_no_table(lake, tmp_path) -> None:
    (tmp_path / "plain").mkdir()
    config = project(tmp_path, source(place=f'path = "plain"\nformat = "{lake.kind}"'))
    with pytest.raises(DataError, match=r"sources\.shop: .*plain .*table of (Delta|Iceberg)"):
        build(config)


def test_a_driver_that_is_not_installed(lake, tmp_path, monkeypatch) -> None:
    import sys

    lake.write(orders(1))
    for name in ("deltalake", "pyiceberg.table", "pyiceberg.catalog"):
        monkeypatch.setitem(sys.modules, name, None)
    with pytest.raises(DataError, match="which is not installed") as caught:
        build(config_of(lake, tmp_path))
    assert f"pip install 'tagcast[{lake.kind}]'" in str(caught.value.hint)


class TestIceberg:
    @pytest.fixture
    def table(self, tmp_path):
        made = Iceberg(tmp_path)
        made.write(orders(1))
        made.write(orders(2))
        yield made
        made.close()

    def test_by_catalogue(self, tmp_path, table, monkeypatch) -> None:
        monkeypatch.setenv("PYICEBERG_CATALOG__LAKE__TYPE", "sql")
        monkeypatch.setenv("PYICEBERG_CATALOG__LAKE__URI", table.uri)
        # Its own configuration is read once, when it is imported.
        monkeypatch.setattr("pyiceberg.catalog._ENV_CONFIG", Config())
        config = project(tmp_path, source(place='catalog = "lake"\ntable = "shop.orders"'))
        assert build(config).rows == 6
        config = project(tmp_path, source(place='catalog = "lake"\ntable = "shop.order"'))
        with pytest.raises(DataError, match=r"no table 'shop\.order' in the catalogue 'lake'"):
            build(config)

    def test_a_catalogue_that_nothing_describes(self, tmp_path, table) -> None:
        config = project(tmp_path, source(place='catalog = "nobody"\ntable = "shop.orders"'))
        with pytest.raises(DataError, match="no catalogue 'nobody'") as caught:
            build(config)
        assert "PYICEBERG_CATALOG__NOBODY__URI" in str(caught.value.hint)

    def test_by_metadata_file(self, tmp_path, table) -> None:
        files = sorted(Path(table.folder).glob("metadata/*.metadata.json"))
        rows = []
        for n, file in enumerate(files[1:]):
            config = project(tmp_path / str(n), source(place=f'path = "{file}"'))
            rows.append(build(config).rows)
        assert rows == [3, 6]

    def test_two_newest_metadata_files_are_nobodys_guess(self, tmp_path, table) -> None:
        newest = max(Path(table.folder).glob("metadata/*.metadata.json"))
        shutil.copy(newest, newest.with_name(f"{newest.name[:6]}other.metadata.json"))
        with pytest.raises(DataError, match="several newest metadata files") as caught:
            build(config_of(table, tmp_path))
        assert "catalog" in str(caught.value.hint)


class TestDelta:
    def test_values_of_partitions_that_are_no_names_of_folders(self, tmp_path) -> None:
        folder = str(tmp_path / "lake" / "orders")
        kinds = ["x/ö y", "a=b", None]
        table = orders(1).append_column("kind", pa.array(kinds))
        deltalake.write_deltalake(folder, table, partition_by=["kind"])
        columns = {**COLUMNS, "category": "kind"}
        log = read(build(project(tmp_path, source(place='path = "lake/orders"', columns=columns))))
        assert set(log["category"].dropna()) == {"x/ö y", "a=b"}
        extra = "where = \"kind = 'x/ö y' AND price > 1\""
        config = project(tmp_path / "b", source(place=f'path = "{folder}"', columns=columns, extra=extra))
        with pytest.raises(DataError, match="one profile only"):
            build(config)

    def test_pruned_partitions_are_not_opened(self, tmp_path) -> None:
        lake = Delta(tmp_path)
        for day in range(1, 5):
            lake.write(orders(day))
        for file in (tmp_path / "lake" / "orders" / "dt=2024-01-01").glob("*.parquet"):
            file.unlink()
        assert build(config_of(lake, tmp_path, extra="where = \"dt > '2024-01-01'\"")).rows == 9

    @pytest.mark.parametrize("deleted", [[0], [0, 2], [1]])
    def test_vectors_of_deleted_lines_written_by_others(self, tmp_path, deleted) -> None:
        """The Python library writes none: the log is as Spark leaves it."""
        lake = Delta(tmp_path)
        lake.write(orders(1))
        lake.write(orders(2, who="d"))
        config = config_of(lake, tmp_path)
        assert build(config).rows == 6
        _with_vector(Path(lake.folder), deleted)
        kept = [f"c{n}" for n in range(3) if n not in deleted]
        assert sorted(read(build(config))["profile_id"]) == [*kept, "d0", "d1", "d2"]


def _with_vector(table: Path, deleted: list[int]) -> None:
    """Mark lines of the first file as deleted, in the log alone: an inline vector of the protocol."""
    logs = sorted((table / "_delta_log").glob("*.json"))
    add = next(json.loads(line)["add"] for line in logs[0].read_text().splitlines() if '"add"' in line)
    bitmap = pyroaring.BitMap(deleted).serialize()
    data = struct.pack("<iqi", 1681511377, 1, 0) + bitmap
    data += b"\0" * (-len(data) % 4)
    vector = {
        "storageType": "i",
        "pathOrInlineDv": _z85(data),
        "sizeInBytes": len(data),
        "cardinality": len(deleted),
    }
    features = ["deletionVectors", "timestampNtz"]
    protocol = {
        "minReaderVersion": 3,
        "minWriterVersion": 7,
        "readerFeatures": features,
        "writerFeatures": features,
    }
    removed = {"path": add["path"], "deletionTimestamp": 1, "dataChange": True, "extendedFileMetadata": True,
               "partitionValues": add["partitionValues"], "size": add["size"]}  # fmt: skip
    actions = [{"protocol": protocol}, {"remove": removed}, {"add": {**add, "deletionVector": vector}}]
    new = table / "_delta_log" / f"{len(logs):020}.json"
    new.write_text("".join(json.dumps(action) + "\n" for action in actions))


def _z85(data: bytes) -> str:
    signs = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ.-:+=^!/*?&<>()[]{}@%$#"
    words = struct.unpack(f">{len(data) // 4}I", data)
    return "".join(signs[word // 85**n % 85] for word in words for n in range(4, -1, -1))


@pytest.mark.parametrize("name", ["Orders [2026]", "a b", "ü#1", "what?"])
def test_a_folder_of_any_name(tmp_path, name) -> None:
    """But for %20 and its like, which the library decodes."""
    folder = tmp_path / name
    folder.mkdir()
    lake = Delta(tmp_path)
    lake.write(orders(1))
    shutil.move(tmp_path / "lake", folder / "lake")
    assert build(config_of(lake, folder)).rows == 3


@pytest.mark.parametrize(
    ("raw", "rights"),
    [
        ("Object at location box/run-403/part-401.parquet not found", False),
        ("HTTP error: 403 Forbidden", True),
        ("request failed with status code 401.", True),
        ("status=403", True),
        ("no such file: orders.404.parquet", False),
    ],
)
def test_a_status_is_told_from_a_name(raw, rights) -> None:
    from tagcast.features.ingest.readers.arrow.lake_errors import lake_error

    hint = str(lake_error(OSError(raw), "Delta", "orders", "here").hint)
    assert ("rights" in hint) is rights
    assert ("is gone" in hint) is not rights

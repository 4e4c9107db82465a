"""Files of Arrow and ORC: the log is that of the same lines as Parquet."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pyarrow as pa
import pytest
from pyarrow import feather, orc

from tagcast.features.core.errors import DataError
from tests.support.source_projects import build, lines, project, read, source

TABLE = pa.Table.from_pandas(lines(kind=["007", "a", "a", None]), preserve_index=False)
COLUMNS = {"profile_id": "id", "event_time": "at", "amount": "price", "category": "kind"}


def as_file(table: pa.Table, file: Path, **options: object) -> None:
    with pa.ipc.new_file(file, table.schema, options=pa.ipc.IpcWriteOptions(**options)) as writer:
        writer.write_table(table, max_chunksize=2)


def as_stream(table: pa.Table, file: Path) -> None:
    with pa.ipc.new_stream(file, table.schema) as writer:
        writer.write_table(table, max_chunksize=2)


def packed(file: Path, how: str) -> None:
    plain = file.read_bytes()
    file.unlink()
    with pa.output_stream(f"{file}.{how}", compression="gzip" if how == "gz" else "zstd") as out:
        out.write(plain)


def events(folder: Path, path: str, **more: str) -> pd.DataFrame:
    return read(build(project(folder, source(place=f'path = "{path}"', columns=COLUMNS, **more))))


@pytest.fixture
def expected(tmp_path) -> pd.DataFrame:
    folder = tmp_path / "parquet"
    return read(build(project(folder, source(columns=COLUMNS), shop_parquet=TABLE.to_pandas())))


@pytest.mark.parametrize("name", ["shop.arrow", "shop.feather", "shop.ipc", "shop"])
@pytest.mark.parametrize("how", ["file", "lz4", "stream", "gz", "zst", "stream.zst"])
def test_every_way_to_write_arrow(tmp_path, expected, name, how) -> None:
    if name == "shop" and how not in {"file", "lz4"}:
        pytest.skip("nothing names it")
    file = tmp_path / name
    if how.startswith("stream"):
        as_stream(TABLE, file)
    else:
        as_file(TABLE, file, **({"compression": "lz4"} if how == "lz4" else {}))
    if how.endswith(("gz", "zst")):
        packed(file, how.rpartition(".")[2])
    pd.testing.assert_frame_equal(events(tmp_path, f"{name}*" if "." in name else name), expected)


def test_feather_and_orc(tmp_path, expected) -> None:
    feather.write_feather(TABLE, tmp_path / "shop.feather", compression="zstd")
    pd.testing.assert_frame_equal(events(tmp_path, "shop.feather"), expected)
    orc.write_table(TABLE, tmp_path / "shop.orc")
    pd.testing.assert_frame_equal(events(tmp_path, "shop.orc"), expected)


def test_columns_of_words_and_odd_types_that_nothing_names(tmp_path, expected) -> None:
    odd = TABLE.set_column(3, "kind", TABLE["kind"].dictionary_encode())
    odd = odd.append_column("span", pa.array([(1, 2, 3)] * 4, pa.month_day_nano_interval()))
    as_file(odd, tmp_path / "shop.arrow")
    pd.testing.assert_frame_equal(events(tmp_path, "shop.arrow"), expected)


def test_files_that_differ_are_united_by_name(tmp_path) -> None:
    as_file(TABLE, tmp_path / "a.arrow")
    other = pa.table({"price": [3], "kind": [9], "id": ["z"], "at": TABLE["at"].slice(0, 1)})
    as_stream(other, tmp_path / "b.arrow")
    got = events(tmp_path, "*.arrow")
    assert sorted(got["category"].dropna()) == ["007", "9", "a", "a"]
    as_file(other.drop_columns("price"), tmp_path / "c.arrow")
    with pytest.raises(DataError, match=r"no column 'price' in c\.arrow"):
        events(tmp_path, "*.arrow")


def test_fields_of_structures_and_equal_lines(tmp_path) -> None:
    at = TABLE["at"].combine_chunks().take(pa.array([0, 0, 1]))
    as_file(pa.table({"u": [{"id": "a"}, {"id": "a"}, {"id": "b"}], "at": at}), tmp_path / "shop.arrow")
    columns = {"profile_id": "u.id", "event_time": "at"}
    place = source(place='path = "shop.arrow"', columns=columns, extra="deduplicate = true")
    assert build(project(tmp_path, place)).rows == 2


@pytest.mark.parametrize("how", ["file", "stream"])
@pytest.mark.parametrize("share", [0.3, 0.6, 0.9])
def test_what_breaks_off_is_no_shorter_table(tmp_path, how, share) -> None:
    file = tmp_path / "shop.arrow"
    (as_file if how == "file" else as_stream)(TABLE, file)
    whole = file.read_bytes()
    file.write_bytes(whole[: int(len(whole) * share)])
    with pytest.raises(DataError, match=r"shop\.arrow cannot be read") as caught:
        events(tmp_path, "shop.arrow")
    assert "whole" in str(caught.value.hint)


def test_a_stream_cut_between_two_batches_is_noticed(tmp_path) -> None:
    file = tmp_path / "shop.arrow"
    sink = file.open("wb")
    writer = pa.ipc.new_stream(sink, TABLE.schema)
    writer.write_table(TABLE.slice(0, 2))
    sink.close()  # and the writer never is
    if file.read_bytes()[-4:] == b"\0\0\0\0":
        file.write_bytes(file.read_bytes()[:-4])
    with pytest.raises(DataError, match="cannot be read"):
        events(tmp_path, "shop.arrow")


@pytest.mark.parametrize("how", ["file", "stream"])
def test_a_file_of_many_batches_is_never_in_memory_as_a_whole(tmp_path, how) -> None:
    from tagcast.features.ingest.readers.arrow.arrow_files import arrow_table
    from tagcast.features.ingest.readers.arrow.arrow_stage import stage_arrow
    from tagcast.features.ingest.readers.wanted import Wanted

    batch = pa.record_batch({"id": [str(n) * 10 for n in range(50_000)], "n": list(range(50_000))})
    made = pa.ipc.new_stream if how == "stream" else pa.ipc.new_file
    with made(tmp_path / "big.arrow", batch.schema) as writer:
        for _ in range(40):
            writer.write_batch(batch)
    table = arrow_table(tmp_path / "big.arrow", "arrow", tmp_path / "x", "here")
    before = pa.total_allocated_bytes()
    most = 0

    class Watched:
        label, schema = table.label, table.schema

        def batches(self, columns):
            nonlocal most
            for one in table.batches(columns):
                most = max(most, pa.total_allocated_bytes() - before)
                yield one

    stage_arrow(Watched(), tmp_path / "out.parquet", Wanted(frozenset({"n"})), "here", {})
    assert most < 40 * batch.nbytes / 6
    assert len(pd.read_parquet(tmp_path / "out.parquet")) == 40 * 50_000

"""Folders that say something of all lines in them: what ``where`` leaves out is not opened, whatever kind the files are of."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pyarrow import orc

from tagcast.features.core.errors import DataError
from tagcast.features.ingest.readers.partitions import left_out, values_in_path
from tests.support.source_projects import COLUMNS, build, lines, project, read, source

DAYS = ["2024-01-01", "2024-01-02", "2024-01-10"]


def write(file: Path, frame: pd.DataFrame) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    table = pa.Table.from_pandas(frame, preserve_index=False)
    if file.suffix == ".parquet":
        pq.write_table(table, file)
    elif file.suffix == ".csv":
        frame.to_csv(file, index=False, encoding="utf-16" if "16" in file.name else "utf-8")
    elif file.suffix == ".jsonl":
        frame.assign(at=frame["at"].astype(str)).to_json(file, orient="records", lines=True)
    elif file.suffix == ".orc":
        orc.write_table(table, file)
    else:
        with pa.ipc.new_file(file, table.schema) as writer:
            writer.write_table(table)


@pytest.fixture(params=["p.parquet", "p.csv", "p16.csv", "p.jsonl", "p.arrow", "p.orc"])
def days(request, tmp_path) -> Path:
    for n, day in enumerate(DAYS):
        write(tmp_path / "o" / f"dt={day}" / request.param, lines(price=float(n)))
    # Whoever opens this one fails.
    broken = tmp_path / "o" / "dt=2023-12-31" / request.param
    broken.parent.mkdir()
    broken.write_bytes(b"\xff\x00 nothing that could be read {")
    return tmp_path


@pytest.mark.parametrize(
    ("where", "rows"),
    [
        ("dt >= '2024-01-01'", 12), ("dt BETWEEN '2024-01-02' AND '2024-01-09' AND price >= 0", 4), ("'2024-01-02' <= DT", 8),
        ("year(dt) = 2024 AND day(dt) > 5", 4), ("dt IN ('2024-01-02', '2024-01-10')", 8),
        ("(dt > '2024-01-01' AND (price = 1 OR dt = '2024-01-10'))", 8), ("CAST(dt AS DATE) > DATE '2024-01-02'", 4),
    ],
)  # fmt: skip
def test_what_where_leaves_out_is_not_opened(days, where, rows) -> None:
    config = project(days, source(place='path = "o"', extra=f'where = "{where}"'))
    assert build(config).rows == rows


def test_folders_are_columns_of_every_kind_of_file(days) -> None:
    columns = {**COLUMNS, "category": "dt"}
    config = project(days, source(place='path = "o"', columns=columns, extra="where = \"dt > '2023-12-31'\""))
    assert set(read(build(config))["category"]) == set(DAYS)


def test_new_files_of_what_is_left_out_are_no_change(tmp_path) -> None:
    for day in DAYS:
        write(tmp_path / f"o/dt={day}/p.parquet", lines())
    config = project(tmp_path, source(place='path = "o"', extra="where = \"dt > '2024-01-01'\""))
    first = build(config)
    when = (first.folder / "manifest.json").stat().st_mtime_ns
    write(tmp_path / "o/dt=2023-05-05/p.parquet", lines(id="x"))
    assert (build(config).folder / "manifest.json").stat().st_mtime_ns == when
    write(tmp_path / "o/dt=2024-05-05/p.parquet", lines(id="x"))
    assert build(config).rows == 12


@pytest.mark.parametrize("where", ["price > 0 OR dt > '2024-01-02'", "dt > id", "price > 0"])
def test_what_names_other_columns_too_leaves_out_no_file(tmp_path, where) -> None:
    for day in DAYS:
        write(tmp_path / f"o/dt={day}/p.parquet", lines())
    config = project(tmp_path, source(place='path = "o"', extra=f'where = "{where}"'))
    (tmp_path / "o/dt=2024-01-01/p.parquet").write_bytes(b"broken, and opened")
    with pytest.raises(DataError, match=r"p\.parquet"):
        build(config)


def test_everything_is_left_out(tmp_path) -> None:
    write(tmp_path / "o/dt=2024-01-01/p.parquet", lines())
    config = project(tmp_path, source(place='path = "o"', extra="where = \"dt > '2025-01-01'\""))
    with pytest.raises(DataError, match=r"sources\.shop: where leaves out all 1 files of .*o"):
        build(config)


def test_values() -> None:
    assert values_in_path("/a/x=1/k k=a%2Fb/y=__HIVE_DEFAULT_PARTITION__/f=2.csv") == {
        "x": "1",
        "k k": "a/b",
        "y": None,
    }
    units = {"a": {"x": "1"}, "b": {"x": None}, "c": {"x": "3"}}
    assert left_out(units, "x > 2") == {"a", "b"}
    assert left_out(units, "x IS NULL") == {"a", "c"}
    assert left_out({**units, "d": {}}, "x > 2") == frozenset()
    assert left_out(units, "x >") == left_out(units, "nobody > 2") == left_out(units, None) == frozenset()


CONDITIONS = [
    "x >= '2024-01-02'",
    "x = '7'",
    "x > 3",
    "NOT x = '7'",
    "x IS NOT NULL",
    "length(x) < 4",
    "x LIKE '2%'",
]


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    st.lists(st.sampled_from(["7", "007", "2024-01-01", "2024-01-03", "a b", None, "12"]), min_size=2, max_size=5, unique=True),
    st.sampled_from(CONDITIONS),
    st.sampled_from(CONDITIONS),
)  # fmt: skip
def test_what_is_left_out_has_no_line_that_where_takes(tmp_path_factory, values, one, other) -> None:
    """The rows are those of a table in which the value is a column as any other."""
    folder = tmp_path_factory.mktemp("hive")
    frames = []
    for n, value in enumerate(values):
        frame = lines(id=[f"{n}a", f"{n}b", f"{n}c", f"{n}d"])
        name = "__HIVE_DEFAULT_PARTITION__" if value is None else value
        write(folder / "o" / f"x={name}" / "p.parquet", frame)
        frames.append(frame.assign(x=value))
    where = f'where = "{one} AND ({other})"'
    plain = project(folder / "plain", source(extra=where), shop_parquet=pd.concat(frames))
    parts = project(folder / "parts", source(place=f'path = "{folder}/o"', extra=where))
    results = []
    for config in (plain, parts):
        try:
            results.append(sorted(read(build(config))["profile_id"]))
        except DataError:
            results.append([])
    assert results[0] == results[1]

"""Where ranges of ids begin, in files that hold rows of nobody too."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tagcast.features.core.engines.key_ranges import borders_of

IDS = [f"c{number:03d}" for number in range(90)]


def written(file: Path, ids: list[str | None], rows_of_a_group: int) -> Path:
    pq.write_table(pa.table({"placed": pa.array(ids, pa.string())}), file, row_group_size=rows_of_a_group)
    return file


@pytest.mark.parametrize("nobody", [[], [None] * 500])
@pytest.mark.parametrize("rows_of_a_group", [5, 1_000])
@pytest.mark.parametrize("last", [True, False])
def test_rows_of_nobody_make_no_range_large(nobody, rows_of_a_group: int, last: bool, tmp_path) -> None:
    ids = [*IDS, *nobody] if last else [*nobody, *IDS]
    borders = borders_of([written(tmp_path / "lines.parquet", ids, rows_of_a_group)], "placed", 3, 1_000)
    ends = zip(["", *borders], [*borders, "d"], strict=True)
    sizes = [sum(low <= one < high for one in IDS) for low, high in ends]
    assert len(sizes) == 3
    # Borders lie where blocks of rows begin: a range may hold a block more than its share.
    assert max(sizes) <= 1.5 * len(IDS) / 3


def test_where_nobody_is_known_one_range_is_enough(tmp_path) -> None:
    assert borders_of([written(tmp_path / "lines.parquet", [None] * 40, 1_000)], "placed", 3, 1_000) == []


def test_more_parts_than_were_asked_for_where_one_would_be_too_large(tmp_path) -> None:
    file = written(tmp_path / "lines.parquet", IDS, 5)
    assert len(borders_of([file], "placed", 2, 1_000, at_most=30)) == 2
    assert len(borders_of([file], "placed", 6, 1_000, at_most=30)) == 5
    assert len(borders_of([file], "placed", None, 1_000, at_most=30)) == 2

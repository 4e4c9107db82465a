"""Texts that a spreadsheet may take for formulas, as OWASP lists them: each gets a sign before it that makes it a text."""

from __future__ import annotations

import csv
import io

import pyarrow as pa
import pytest

from tagcast.serving.delivery.file_writer import written

DANGEROUS = [
    "=1+1",
    "+1+cmd",
    "-2+3+cmd",
    "@SUM(A1)",
    "\t=1+1",
    "\r=1+1",
    "\n=1+1",
    "\nharmless at first sight",
    "\uff1d1+1",
    "\uff0b1+1",
    "\uff0d1+cmd",
    "\uff20SUM(A1)",
    "\ufe66cmd",
    " =1+1",
    "\u00a0=1+1",
    "\u3000\uff1dcmd",
    "\ufeff=1+1",
    "\u200b+cmd",
    "=",
]
HARMLESS = ["-12.5", "+3", "a=b", "1-2", "茶", "", "x@example.org", "'=quoted already", "5\n=6"]


def cells(texts, kind=None, name="word"):
    batch = pa.record_batch({name: pa.array(texts, kind or pa.string())})
    stream = io.BytesIO()
    with written(batch.schema, [batch], stream, "csv"):
        pass
    return [row[0] if row else "" for row in csv.reader(io.StringIO(stream.getvalue().decode(), newline=""))]


@pytest.mark.parametrize("kind", [pa.string(), pa.large_string()])
def test_what_may_be_a_formula_becomes_a_text(kind):
    assert cells(DANGEROUS, kind)[1:] == [f"'{text}" for text in DANGEROUS]


def test_everything_else_stays():
    assert cells(HARMLESS)[1:] == HARMLESS


@pytest.mark.parametrize("name", ["=cmd", "\uff1dcmd", "@x"])
def test_the_name_of_a_column_is_a_cell_too(name):
    assert cells(["a"], name=name) == [f"'{name}", "a"]


def test_parquet_stays_as_it_is():
    import pyarrow.parquet as pq

    batch = pa.record_batch({"=word": pa.array(DANGEROUS)})
    stream = io.BytesIO()
    with written(batch.schema, [batch], stream, "parquet"):
        pass
    assert pq.read_table(io.BytesIO(stream.getvalue())).to_pydict() == {"=word": DANGEROUS}

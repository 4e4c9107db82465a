"""A run as one DuckDB file: a row a profile, a column for each part of each tag, sorted by profile."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
from sqlglot import exp

from models.vocabulary import UNKNOWN
from serving.predictions import PREDICTION_SCHEMA, STAGED, RunInfo, column_name

PARTS = ("value", "unknown_because", "score", "confidence", "percentile", "lower", "upper", "band")


def write_snapshot(
    file: Path,
    run: RunInfo,
    schema: pa.Schema,
    batches: Iterator[pa.RecordBatch],
    scratch: Path,
    memory_limit: str,
) -> None:
    """Write ``batches`` to ``file``: table ``profiles``, and the long view ``predictions`` of it.

    Parameters
    ----------
    file : Path
        Not there yet.
    run : RunInfo
    schema : Schema
        Of the staged columns; ``batches`` have the percentile of each tag beside.
    batches : iterator of RecordBatch
        By rising id.
    scratch : Path
        Where DuckDB may spill.
    memory_limit : str
    """
    import duckdb

    more = [pa.field(column_name(tag.tag, "percentile"), pa.float64()) for tag in run.tags]
    reader = pa.RecordBatchReader.from_batches(pa.schema([*schema, *more]), batches)
    config: Any = {"memory_limit": memory_limit, "temp_directory": str(scratch / "spill")}
    with duckdb.connect(str(file), config=config) as connection:
        connection.register("staged", reader)
        table = exp.Create(this=exp.to_table("profiles"), kind="TABLE", expression=_wide(run, schema))
        connection.execute(table.sql("duckdb"))
        connection.unregister("staged")
        view = exp.Create(this=exp.to_table("predictions"), kind="VIEW", expression=_long(run))
        connection.execute(view.sql("duckdb"))
        connection.execute("CHECKPOINT")


def _quoted(name: str) -> exp.Column:
    return exp.column(exp.to_identifier(name, quoted=True))


def _literal(value: str) -> exp.Literal:
    return exp.Literal.string(value)


def _wide(run: RunInfo, schema: pa.Schema) -> exp.Select:
    """Return the query for the columns of ``profiles``."""
    own = [name for name in schema.names if ":" not in name]
    query = exp.select(*[_quoted(name) for name in own]).from_("staged")
    for tag in run.tags:
        words = {"value": (*tag.values, UNKNOWN), "band": tag.bands}
        for part in (*PARTS, "reasons", "reasons_method"):
            column: exp.Expr = _quoted(column_name(tag.tag, part))
            if part in words:
                kind = exp.DataType.build("ENUM", expressions=[_literal(w) for w in words[part]])
                column = exp.TryCast(this=column, to=kind)  # a word of no tag is counted by the checks
            query = query.select(exp.alias_(column, column_name(tag.tag, part), quoted=True))
    return query


def _long(run: RunInfo) -> exp.Query:
    """Return the query for predicted tags in :data:`PREDICTION_SCHEMA`, from the table ``profiles``."""
    queries = []
    for tag in run.tags:
        said = {
            "tag": _literal(tag.tag),
            "model_version": _literal(tag.model_version),
            "as_of": exp.cast(_literal(run.as_of.isoformat()), "DATE"),
            "scored_at": exp.cast(_literal(run.scored_at.isoformat()), "TIMESTAMPTZ"),
            "expires_at": exp.cast(_literal(tag.expires_at.isoformat()), "TIMESTAMPTZ"),
        }
        query = (
            exp.Select()
            .from_("profiles")
            .where(_quoted(column_name(tag.tag, "value")).is_(exp.null()).not_())
        )
        for field in PREDICTION_SCHEMA:
            column: exp.Expr = said.get(field.name) or _quoted(
                field.name if field.name == "profile_id" else column_name(tag.tag, field.name)
            )
            if pa.types.is_dictionary(STAGED.get(field.name, pa.null())):
                column = exp.cast(column, "VARCHAR")
            query = query.select(exp.alias_(column, field.name))
        queries.append(query)
    return queries[0] if len(queries) == 1 else exp.union(*queries, distinct=False)

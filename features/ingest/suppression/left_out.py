"""Erased profiles are left out where tables are read: of lines a blank one stays to be counted, of other tables nothing."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from sqlglot import exp

from tagcast.features.core.engines.query_engine import STAGED
from tagcast.features.core.schema.entities import PROFILE
from tagcast.features.core.schema.sources import Identity, Join, Place, Source
from tagcast.features.ingest.sql_casts import as_key
from tagcast.features.ingest.suppression.suppressed import Suppression, is_listed, of_profile

if TYPE_CHECKING:
    import pyarrow as pa

    from tagcast.features.core.settings import Settings
    from tagcast.features.ingest.readers.table_reader import Reader

SUPPRESSED = "suppressed"
"""Column of mapped lines, where anybody was erased: whether the line is one of theirs, and blank."""


def blanked(lines: exp.Select, columns: Sequence[str], source: str, listed: Path) -> exp.Select:
    """Return mapped lines, of erased profiles blank: counted in one pass, and nothing of them is written anywhere.

    Parameters
    ----------
    lines : exp.Select
        With ``profile_id``, the source's own, and ``placed``.
    columns : sequence of str
        Of it.
    source : str
    listed : Path
        Of :meth:`tagcast.features.ingest.suppression.suppressed.Suppression.written`.
    """
    own = exp.Literal.string(source), exp.column("profile_id", "u")
    flag = is_listed(listed, of_profile("placed", "u"), own)
    marked = exp.select("u.*", exp.alias_(flag, SUPPRESSED)).from_(lines.subquery("u", copy=False))
    there = exp.not_(exp.column(SUPPRESSED, "b"))
    shown = [
        exp.alias_(exp.case().when(there.copy(), exp.column(name, "b", quoted=True)), name, quoted=True)
        for name in columns
    ]
    return exp.select(*shown, exp.column(SUPPRESSED, "b")).from_(marked.subquery("b", copy=False), copy=False)


def without_erased(reader: Reader, rows: exp.Select, *, by_source: bool = False) -> exp.Select:
    """Return rows by ``profile_id`` without those of erased profiles; the same query where nobody was erased.

    Parameters
    ----------
    reader : Reader
    rows : exp.Select
        Of an identity table, where ``by_source``: with ``source`` and ``source_id`` too.
    by_source : bool
        Leave out what sources knew them by as well.
    """
    suppression = reader.places.suppression
    if not suppression:
        return rows
    listed = suppression.written(reader.staging / f"{STAGED}suppressed.parquet")
    ids = [of_profile(table="k")]
    if by_source:
        ids.append((exp.column("source", "k"), exp.column("source_id", "k")))
    return exp.select("*").from_(rows.subquery("k")).where(exp.not_(is_listed(listed, *ids)))


LeaveOut = Callable[["pa.RecordBatch"], "pa.RecordBatch"]


def leave_out_of(id_columns: Sequence[tuple[str, str]], suppression: Suppression) -> LeaveOut | None:
    """Return what takes erased profiles out of lines of a database, before these are kept in the home; None where nobody was erased.

    Parameters
    ----------
    id_columns : sequence of (str, str)
        Of :func:`id_columns`.
    suppression : Suppression
    """
    if not suppression or not id_columns:
        return None
    known: dict[tuple[str, str], bool] = {}

    def left_out(batch: pa.RecordBatch) -> pa.RecordBatch:
        import pyarrow as pa
        import pyarrow.compute as pc

        spelt = {name.lower(): name for name in batch.schema.names}
        for label, name in id_columns:
            if (found := spelt.get(name.lower())) is None:
                continue
            ids = _as_keys(batch.column(found))
            different = [one for one in pc.unique(ids).to_pylist() if one is not None]
            known.update(
                {
                    (label, one): suppression.names(one, label)
                    for one in different
                    if (label, one) not in known
                }
            )
            listed = [one for one in different if known[label, one]]
            if listed:
                theirs = pc.fill_null(pc.is_in(ids, pa.array(listed, pa.string())), fill_value=False)
                batch = batch.filter(pc.invert(theirs))
        return batch

    return left_out


def id_columns(settings: Settings, place: Place, where: str) -> list[tuple[str, str]] | None:
    """Return by which columns of a place profiles are known, each with what knows them by it: empty, or the name of a source.

    Parameters
    ----------
    settings : Settings
    place : Place
    where : str
        Ends with the place's name, as in ``sources.web.joins.0``.

    Returns
    -------
    list of (str, str) or None
        None where an expression makes the id: no column is it.
    """
    if (
        settings.entity != PROFILE
    ):  # its lines are those of the log; a table on the way to it may be that of profiles
        key = place.keys.get("profile_id") if isinstance(place, Join) else None
        return [] if key is None else [("", key)]
    if isinstance(place, Source):
        column = place.columns.get("profile_id")
        return None if column is None else [("", column), (place.name, column)]
    if isinstance(place, Identity):
        return [("", place.profile_id)]
    if isinstance(place, Join):
        # Of a dimension by something else nothing says whom it is about; of one by the profile, its key.
        named = [one for one in settings.sources if f"sources.{one.name}.joins." in where]
        return [
            (label, place.keys[key])
            for source in named
            if (key := source.columns.get("profile_id")) in place.keys and key is not None
            for label in ("", source.name)
        ]
    key = getattr(place, "key", None)
    return [("", key)] if isinstance(key, str) else []


def _as_keys(values: pa.Array) -> pa.Array:
    """Return ids as a load makes keys of them."""
    import duckdb
    import pyarrow as pa

    with duckdb.connect() as connection:
        connection.register("ids", pa.table({"one": values}))
        ((kind,),) = connection.sql("SELECT column_type FROM (DESCRIBE ids)").fetchall()
        connection.execute("SET preserve_insertion_order = true")
        keys = exp.select(exp.alias_(as_key(exp.column("one"), kind), "one")).from_("ids")
        found = connection.sql(keys.sql("duckdb")).to_arrow_table().column("one").combine_chunks()
    return found.chunk(0) if isinstance(found, pa.ChunkedArray) else found

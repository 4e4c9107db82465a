"""What tags of other entities say of profiles, as attributes: joined by the relation, from the active runs of the same day."""

from __future__ import annotations

import shutil
import weakref
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from tempfile import mkdtemp
from typing import TYPE_CHECKING, Any

from sqlglot import exp

from tagcast.features.compute.aggregates.functions import ratio
from tagcast.features.compute.aggregates.parts import known
from tagcast.features.compute.aggregates.related_queries import log_table, ordered_sum, related_pairs
from tagcast.features.core.errors import StoreError
from tagcast.features.core.messages import Text, listed, msg
from tagcast.serving.store.schema import column_name

if TYPE_CHECKING:
    from tagcast.features.catalog.related.declaration import RelatedDeclaration
    from tagcast.features.catalog.related.tags import RelatedTag
    from tagcast.features.catalog.related.view import RelatedView
    from tagcast.serving.store.base import ProfileStore
    from tagcast.serving.store.manifest import Manifest

_TYPES = {"text": "VARCHAR", "number": "DOUBLE"}


@dataclass(frozen=True)
class OtherRun:
    """A view with tags, and where the run of its other entity is.

    Parameters
    ----------
    declared : RelatedDeclaration
    view : RelatedView
        How the two are related.
    log : str
        Parquet file of the log that names both.
    store : ProfileStore
        Of the other entity.
    """

    declared: RelatedDeclaration
    view: RelatedView
    log: str
    store: ProfileStore

    def active(self, as_of: date) -> Manifest | None:
        """Return the active run where it is of ``as_of``; None where it is of another day, or there is none."""
        try:
            manifest = self.store.current()
        except StoreError:
            return None
        return manifest if manifest is not None and manifest.run.as_of == as_of else None


class RelatedTags:
    """The attributes of one entity that tags of others make, as of a day.

    Parameters
    ----------
    others : sequence of OtherRun
    as_of : date
    home : Path
        Where they are written while they are read.
    memory_limit : str
    """

    def __init__(self, others: Sequence[OtherRun], as_of: date, home: Path, memory_limit: str) -> None:
        self._others = [(one, one.active(as_of)) for one in others]
        self._as_of = as_of
        self._home = home
        self._memory_limit = memory_limit
        self._file: Path | None = None

    @property
    def kinds(self) -> dict[str, str]:
        """Each attribute's kind: ``text`` or ``number``."""
        return {name: one.kind for other, _ in self._others for name, one in other.declared.tags.items()}

    @property
    def runs(self) -> list[str]:
        """The runs that they come from."""
        return [f"{other.view.name}<{run.run.run_id}" for other, run in self._others if run is not None]

    @property
    def unknown(self) -> list[Text]:
        """What nobody knows as of the day, for want of a run, and what to do."""
        return [
            msg(
                "{names}: unknown for everybody: there is no active run of {entity} as of {as_of}; score it first, then this again",
                names=listed(other.declared.tags),
                entity=other.view.entity,
                as_of=self._as_of,
            )
            for other, run in self._others
            if run is None
        ]

    def joined_to(self, file: Path | None) -> Path:
        """Return a Parquet file of the attributes of ``file`` and these, a row a profile; written once."""
        if self._file is None:
            folder = Path(mkdtemp(prefix=".attributes-", dir=self._home))
            weakref.finalize(self, shutil.rmtree, folder, ignore_errors=True)
            self._file = self._written(file, folder)
        return self._file

    def _written(self, file: Path | None, folder: Path) -> Path:
        import duckdb

        target = folder / "attributes.parquet"
        with duckdb.connect(
            config={"memory_limit": self._memory_limit, "temp_directory": str(folder)}
        ) as connection:
            parts = [] if file is None else [_rows(connection, "attributes", str(file))]
            for place, (other, manifest) in enumerate(self._others):
                parts.append(
                    _figures(connection, other, manifest, self._as_of, folder / f"{place}.parquet", place)
                )
            whole = _joined(parts)
            connection.sql(whole.sql("duckdb")).write_parquet(str(target), compression="zstd")
        return target


def _rows(connection: Any, name: str, file: str) -> exp.Expr:
    """Return a table of the rows of a Parquet file that have an id."""
    connection.read_parquet(file).filter("profile_id IS NOT NULL").create_view(name)
    return exp.table_(name, quoted=True)


def _joined(parts: Sequence[exp.Expr]) -> exp.Select:
    """Return all columns of tables by ``profile_id``, whoever is in any of them."""
    names = [f"t{place}" for place in range(len(parts))]
    whole = exp.select("*").from_(exp.alias_(parts[0].copy(), names[0], table=True))
    for part, name in zip(parts[1:], names[1:], strict=True):
        whole = whole.join(exp.alias_(part.copy(), name, table=True), using=["profile_id"], join_type="full")
    return whole.order_by("profile_id")


def _figures(
    connection: Any, other: OtherRun, manifest: Manifest | None, as_of: date, file: Path, place: int
) -> exp.Expr:
    """Make the table of the attributes of one view, and return it."""
    _rows(connection, log_table(other.view), other.log)
    made = exp.table_(f"made {place}", quoted=True)
    tags = other.declared.tags
    pairs = related_pairs(other.view, as_of).subquery("pairs")
    rows = exp.select(exp.column("profile_id", "pairs")).from_(pairs)
    if manifest is not None:
        _write_run(other, manifest, file)
        _rows(connection, f"run {place}", str(file))
        run = exp.alias_(exp.table_(f"run {place}", quoted=True), "run", table=True)
        same = exp.column("profile_id", "run").eq(exp.column("other", "pairs"))
        rows = rows.join(run, on=same, join_type="left")
    columns = [
        exp.alias_(
            exp.cast(exp.null() if manifest is None else _value(one), _TYPES[one.kind]), name, quoted=True
        )
        for name, one in tags.items()
    ]
    rows = rows.select(*columns)
    if not other.declared.of_one:
        rows = rows.group_by(exp.column("profile_id", "pairs"))
    connection.execute(exp.Create(this=made, kind="TABLE", expression=rows).sql("duckdb"))
    return made


def _value(one: RelatedTag) -> exp.Expr:
    if one.function == "count" and one.condition is None:
        return exp.Count(this=exp.Star())
    column = exp.column(column_name(one.tag, one.part), "run", quoted=True)
    if one.function == "value":
        return column
    if one.function == "mean":
        return ratio(ordered_sum(column), exp.Count(this=column.copy()))
    condition = one.condition
    assert condition is not None  # noqa: S101 - a share has one
    word = exp.Literal.string(condition.value)
    meets = column.eq(word) if condition.equal else column.neq(word)
    met = exp.Count(this=exp.case().when(meets, exp.Literal.number(1)))
    return (
        met
        if one.function == "count"
        else ratio(met, exp.Count(this=exp.case().when(known(column), exp.Literal.number(1))))
    )


def _write_run(other: OtherRun, manifest: Manifest, file: Path) -> None:
    """Write the parts of the tags that are read as Parquet."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    needed = {column_name(one.tag, one.part): one.part for one in other.declared.tags.values() if one.part}
    held = {tag.tag for tag in manifest.run.tags}
    types = {"value": pa.string(), "score": pa.float64()}
    schema = pa.schema(
        [("profile_id", pa.string()), *((name, types[part]) for name, part in sorted(needed.items()))]
    )
    names = sorted(name for name in needed if name.rpartition(":")[0] in held)
    with other.store.open(manifest) as reader, pq.ParquetWriter(file, schema) as writer:
        for batch in reader.stream(names):
            columns = {name: batch.column(name).cast(schema.field(name).type) for name in names}
            ids = batch.column("profile_id").cast(pa.string())
            arrays = [ids, *(columns.get(f.name, pa.nulls(len(ids), f.type)) for f in list(schema)[1:])]
            writer.write_batch(pa.record_batch(arrays, schema=schema))

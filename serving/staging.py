"""A run on its way into the store: collected aside, checked, laid out for filters, published whole."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa
from sqlglot import exp

from features.errors import StoreError
from serving.predictions import NUMBER_PARTS, PREDICTION_SCHEMA, UNKNOWN, RunInfo, column_name
from serving.store_files import Manifest, disk_errors, forget_old, put_in_force

if TYPE_CHECKING:
    from models.tag import TagDefinition

_KINDS = {"VARCHAR": "text", "DOUBLE": "number", "BOOLEAN": "boolean"}


def quoted(name: str, table: str | None = None) -> exp.Column:
    """Return a quoted column."""
    return exp.column(exp.to_identifier(name, quoted=True), table=table)


def literal(value: str) -> exp.Literal:
    """Return a text literal."""
    return exp.Literal.string(value)


class Staging:
    """Collects one run; made by :meth:`ProfileStore.writer`.

    Parameters
    ----------
    store, folder : Path
        The store, and the writer's own folder in it.
    memory_limit : str
        For DuckDB; beyond it data spill to ``folder``.
    """

    def __init__(self, store: Path, folder: Path, memory_limit: str) -> None:
        import duckdb

        self.store = store
        self.folder = folder
        with disk_errors(store):
            self._connection = duckdb.connect(
                str(folder / "stage.duckdb"),
                config={"memory_limit": memory_limit, "temp_directory": str(folder / "spill")},
            )
            self._connection.execute("SET preserve_insertion_order = false")
        self._tables: set[str] = set()
        self._added = 0

    def close(self) -> None:
        """Let go of the staging database."""
        self._connection.close()

    def _add(self, table: str, batch: pa.RecordBatch) -> None:
        with disk_errors(self.store):
            self._connection.register("batch", pa.Table.from_batches([batch]))
            if table in self._tables:
                self._connection.table("batch").insert_into(table)
            else:
                self._connection.table("batch").create(table)
                self._tables.add(table)
            self._connection.unregister("batch")

    def add_profiles(self, batch: pa.RecordBatch) -> None:
        """Add profiles: ``profile_id`` and attributes (text, number, boolean); the first batch fixes them."""
        self._add("base", batch)

    def add_scores(self, batch: pa.RecordBatch) -> None:
        """Add ``profile_id, tag, score`` of a first pass, for tags whose cut depends on everyone's score."""
        self._add("scores", batch)

    def cut(self, definition: TagDefinition) -> float:
        """Return the score from which ``definition`` says yes, given the scores of the first pass."""
        import numpy as np

        from models.decision import NEVER, cut_from_scores

        if "scores" not in self._tables:
            return NEVER
        with disk_errors(self.store):
            found = self._connection.execute(
                "SELECT score FROM scores WHERE tag = ?", [definition.name]
            ).fetchnumpy()
        return cut_from_scores(definition.decision, np.asarray(found["score"], dtype=np.float64))

    def add_predictions(self, batch: pa.RecordBatch) -> None:
        """Add predicted tags in :data:`PREDICTION_SCHEMA`; ``percentile`` is computed when publishing."""
        self._add("said", batch)
        self._added += batch.num_rows

    def publish(self, run: RunInfo, *, keep: int) -> Manifest:
        """Check the run, lay it out, and put it in force.

        Parameters
        ----------
        run : RunInfo
        keep : int
            Published runs kept, this one among them.

        Raises
        ------
        StoreError
            With the figures of the check that failed, or when it cannot be written. The run in force
            stays.
        """
        if "base" not in self._tables or "said" not in self._tables:
            raise StoreError(
                "the run is empty: it has no profiles or no predictions",
                mend="check the population of the tags",
            )
        final = self.folder / "final.duckdb"
        with disk_errors(self.store):
            self._check(run)
            self._connection.execute("ATTACH ? AS final", [str(final)])
            self._lay_out_predictions()
            self._lay_out_profiles(run)
            attributes = self._attributes()
            (profiles,) = self._one("SELECT count(*) FROM final.profiles")
            (predictions,) = self._one("SELECT count(*) FROM final.predictions")
            self._connection.execute("CHECKPOINT final")
            self._connection.execute("DETACH final")
            number = (
                sum(1 for _ in (self.store / "snapshots").glob("*.json"))
                if (self.store / "snapshots").is_dir()
                else 0
            )
            name = self._free_name(run.run_id, number)
            manifest = Manifest(run, name, final.stat().st_size, profiles, predictions, attributes)
            put_in_force(self.store, final, manifest)
        forget_old(self.store, keep)
        return manifest

    def _free_name(self, run_id: str, number: int) -> str:
        """Return a file name not taken: the same run published again does not touch what readers hold."""
        while (self.store / "snapshots" / f"{run_id}-{number}.duckdb").exists():
            number += 1
        return f"{run_id}-{number}.duckdb"

    def _one(self, query: str) -> tuple[Any, ...]:
        row: tuple[Any, ...] = self._connection.execute(query).fetchall()[0]
        return row

    def _check(self, run: RunInfo) -> None:
        self._connection.execute("CREATE TABLE sayable (tag VARCHAR, value VARCHAR, most DOUBLE)")
        self._connection.executemany(
            "INSERT INTO sayable VALUES (?, ?, ?)",
            [
                (tag.tag, value, sys.float_info.max if tag.is_amount else 1.0)
                for tag in run.tags
                for value in (*tag.values, UNKNOWN)
            ],
        )
        rows, distinct, strangers, outside = self._one(
            """SELECT count(*), count(DISTINCT (tag, profile_id)),
                      count(*) FILTER (profile_id NOT IN (SELECT profile_id FROM base)),
                      count(*) FILTER (most IS NULL
                                       OR NOT (score BETWEEN 0 AND most AND confidence BETWEEN 0 AND 1
                                               AND lower BETWEEN 0 AND score AND upper BETWEEN score AND most)
                                       OR (value = 'unknown') != (unknown_because IS NOT NULL)
                                       OR score IS NULL OR confidence IS NULL OR lower IS NULL OR upper IS NULL
                                       OR value IS NULL OR isnan(score) OR isnan(confidence))
               FROM said LEFT JOIN sayable USING (tag, value)"""
        )
        profiles, ids = self._one("SELECT count(*), count(DISTINCT profile_id) FROM base")
        found = dict(self._connection.execute("SELECT tag, count(*) FROM said GROUP BY tag").fetchall())
        expected = {tag.tag: tag.population for tag in run.tags if tag.population}
        failed = [
            text
            for wrong, text in (
                (rows != self._added, f"{self._added:,} predictions were added, {rows:,} are there"),
                (rows != distinct, f"{rows - distinct:,} predictions stand twice"),
                (strangers, f"{strangers:,} predictions belong to no profile"),
                (outside, f"{outside:,} predictions have values outside their range"),
                (profiles != ids, f"{profiles - ids:,} profiles stand twice"),
                (found != expected, f"rows by tag are {found}, expected {expected}"),
            )
            if wrong
        ]
        if failed:
            raise StoreError(
                "the run was not published: " + "; ".join(failed),
                mend="tagcast score again; if it stays, check the feature tables",
            )

    def _lay_out_predictions(self) -> None:
        """Write the long table, sorted for look-ups by profile.

        Percentile is the share of the tag's population scored lower, ties counted half, times 100.
        """
        columns = [exp.column(f.name) for f in PREDICTION_SCHEMA]
        same = exp.Window(
            this=exp.Count(this=exp.Star()), partition_by=[exp.column("tag"), exp.column("score")]
        )
        everyone = exp.Window(this=exp.Count(this=exp.Star()), partition_by=[exp.column("tag")])
        place = exp.Window(
            this=exp.Anonymous(this="rank"),
            partition_by=[exp.column("tag")],
            order=exp.Order(expressions=[exp.Ordered(this=exp.column("score"))]),
        )
        half = exp.Div(this=exp.paren(same - exp.Literal.number(1)), expression=exp.Literal.number("2.0"))
        lower = exp.paren(exp.paren(place - exp.Literal.number(1)) + half + exp.Literal.number("0.5"))
        share = exp.Div(this=exp.Literal.number("100.0") * lower, expression=everyone)
        chosen = [exp.alias_(share, "percentile") if c.name == "percentile" else c for c in columns]
        query = exp.select(*chosen).from_("said").order_by("profile_id", "tag")
        self._connection.execute(
            exp.Create(this=exp.to_table("final.predictions"), kind="TABLE", expression=query).sql("duckdb")
        )

    def _lay_out_profiles(self, run: RunInfo) -> None:
        """Write the wide table: one row a profile, attributes, then a column for each part of each tag."""
        self._connection.execute("USE final")
        wide = exp.select("profile_id").from_("predictions").group_by("profile_id")
        for tag in run.tags:
            mine = exp.column("tag").eq(literal(tag.tag))
            words = {"value": (*tag.values, UNKNOWN), "band": tag.bands}
            for part in ("value", "unknown_because", *NUMBER_PARTS, "band"):
                picked: exp.Expr = exp.Filter(
                    this=exp.Max(this=exp.column(part)), expression=exp.Where(this=mine.copy())
                )
                if part in words:
                    kind = exp.DataType.build("ENUM", expressions=[literal(w) for w in words[part]])
                    picked = exp.Cast(this=picked, to=kind)
                wide = wide.select(exp.alias_(picked, column_name(tag.tag, part), quoted=True))
        query = (
            exp.select("b.*", "w.* EXCLUDE (profile_id)", dialect="duckdb")
            .from_(exp.to_table("stage.base").as_("b"))
            .join(wide.subquery("w"), using="profile_id", join_type="left")
            .order_by("b.profile_id")
        )
        self._connection.execute(
            exp.Create(this=exp.to_table("profiles"), kind="TABLE", expression=query).sql("duckdb")
        )
        self._connection.execute("USE stage")

    def _attributes(self) -> dict[str, str]:
        base = self._connection.table("stage.base")
        return {n: _KINDS[str(t)] for n, t in zip(base.columns, base.types, strict=True) if n != "profile_id"}

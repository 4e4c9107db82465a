"""How a run lies in PostgreSQL: groups of columns that fit a row, words as small numbers, reasons as plain columns.

PostgreSQL takes 1,600 columns a table and 8 kB a row, and names of 63 bytes; tags are hundreds, with names of any kind.
So a run is several tables that share a row number, columns are called by number, and the layout records what each
holds. What filters read lies together, apart from what is only shown: a count reads few pages and joins nothing.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from tagcast.features.core.errors import StoreError
from tagcast.features.core.messages import msg
from tagcast.serving.store.manifest import Manifest
from tagcast.serving.store.schema import REASONS, RunInfo, column_name

Kind = Literal["number", "word", "text", "boolean", "reasons"]
TOP_REASONS = 3
ROW_BYTES, ROW_COLUMNS = 7_000, 1_500
_TIERS = (
    ("value", "confidence", "score", "percentile", "band", "unknown_because"),
    ("lower", "upper", "reasons", "reasons_method"),
)
"""Parts of a tag that filters read, and those that are read of one profile: each tier has tables of its own, since
a join costs more than a wider row."""
_WORDS = ("value", "band", "unknown_because", "reasons_method")
_SQL = {"number": "float8", "word": "smallint", "text": "text", "boolean": "boolean"}
_BYTES = {"number": 8, "word": 2, "text": 24, "boolean": 1}
_ATTRIBUTES: dict[str, Kind] = {"text": "text", "number": "number", "boolean": "boolean"}


@dataclass(frozen=True)
class Column:
    """One logical column.

    Parameters
    ----------
    name : str
        As in filters: an attribute, or ``tag:part``.
    kind : str
    group : int
        Its table.
    place : str
        Its name there; of reasons the beginning of their names.
    """

    name: str
    kind: Kind
    group: int
    place: str

    def physical(self) -> list[tuple[str, str]]:
        """Return the names and SQL types of what it is stored as."""
        if self.kind != "reasons":
            return [(self.place, _SQL[self.kind])]
        parts = [("f", "smallint"), ("v", "float8"), ("s", "float8")]
        each = [(f"{self.place}{part}{k}", kind) for part, kind in parts for k in range(TOP_REASONS)]
        return [(f"{self.place}n", "smallint"), *each]


@dataclass
class Layout:
    """The tables of one run.

    Parameters
    ----------
    columns : list of Column
    words : dict of str to list of str
        Of every column of kind ``word`` or ``reasons``, by its name: numbers stand for places in it.
    sample_rows : int
        Profiles in the sample of the run; 0 where there is none.
    """

    columns: list[Column]
    words: dict[str, list[str]] = field(default_factory=dict)
    sample_rows: int = 0

    @classmethod
    def of(cls, attributes: Mapping[str, str], run: RunInfo) -> Layout:
        """Plan the tables for a run; facts have tables of their own, so that a count by tags reads none of them, and are no attributes."""
        facts = {fact.name: fact.filter_kind for fact in run.facts}
        columns: list[Column] = []
        group, used, count = 0, 0, 0

        def add(name: str, kind: Kind) -> None:
            nonlocal group, used, count
            column = Column(name, kind, group, f"c{len(columns)}")
            kinds = [k for _, k in column.physical()]
            size = _BYTES[kind] if kind != "reasons" else sum(8 if k == "float8" else 2 for k in kinds)
            if used + size > ROW_BYTES or count + len(kinds) > ROW_COLUMNS:
                group, used, count = group + 1, 0, 0
                column = Column(name, kind, group, f"c{len(columns)}")
            used, count = used + size, count + len(kinds)
            columns.append(column)

        used = _BYTES["text"]
        for tier, parts in enumerate(_TIERS):
            if tier:
                group, used, count = group + 1, 0, 0
            for tag in run.tags:
                for part in parts:
                    add(column_name(tag.tag, part), _kind(part))
            if not tier:
                for name, kind in attributes.items():
                    if name not in facts:
                        add(name, _ATTRIBUTES[kind])
        if facts:
            group, used, count = group + 1, 0, 0
        for name, kind in facts.items():
            add(name, _ATTRIBUTES[kind])
        return cls(columns, {c.name: [] for c in columns if c.kind in {"word", "reasons"}})

    @property
    def groups(self) -> list[int]:
        """The tables, by number; the first holds the profile's id."""
        return sorted({0, *(c.group for c in self.columns)})

    def by_name(self) -> dict[str, Column]:
        """Return every column by its name."""
        return {c.name: c for c in self.columns}

    def text(self) -> str:
        """Return the layout as JSON."""
        rows = [[c.name, c.kind, c.group, c.place] for c in self.columns]
        plain = {"columns": rows, "words": self.words, "sample_rows": self.sample_rows}
        return json.dumps(plain, ensure_ascii=False)

    @classmethod
    def parse(cls, text: str) -> Layout:
        """Read what :meth:`text` wrote."""
        data = json.loads(text)
        return cls([Column(*row) for row in data["columns"]], data["words"], data["sample_rows"])

    def definition(self, group: int) -> list[tuple[str, str]]:
        """Return the columns of a table in order: wide ones first, which leaves no gaps between them."""
        physical = [pair for c in self.columns if c.group == group for pair in c.physical()]
        width = {"float8": 0, "smallint": 1, "boolean": 2, "text": 3}
        key = [("profile_id", 'text COLLATE "C"')] if group == 0 else []
        return [("n", "integer"), *sorted(physical, key=lambda pair: width[pair[1]]), *key]

    def rows(self, batch: pa.RecordBatch, first: int) -> Iterator[tuple[int, pa.RecordBatch]]:
        """Yield what each table gets of a batch whose first profile has row number ``first``."""
        stored: dict[str, pa.Array] = {}
        for column in self.columns:
            stored.update(self._stored(column, batch.column(column.name)))
        number = pa.array(np.arange(first, first + batch.num_rows, dtype=np.int32))
        for group in self.groups:
            names = [name for name, _ in self.definition(group)]
            own = {"n": number, "profile_id": batch.column("profile_id")}
            yield group, pa.record_batch([own.get(n, stored.get(n)) for n in names], names=names)

    def _stored(self, column: Column, values: pa.Array) -> Iterator[tuple[str, pa.Array]]:
        if column.kind == "word":
            yield column.place, self._codes(column.name, values)
        elif column.kind == "reasons":
            yield from self._reasons(column, values)
        elif column.kind == "text":
            yield column.place, values.cast(pa.string())
        else:
            yield column.place, values

    def _codes(self, name: str, values: pa.DictionaryArray) -> pa.Array:
        known = self.words[name]
        translate = []
        for word in values.dictionary.to_pylist():
            if word not in known:
                known.append(word)
            translate.append(known.index(word))
        if len(known) > np.iinfo(np.int16).max:
            raise StoreError(
                msg("{column} has {words:,} words", column=name, words=len(known)),
                hint=msg("at most 32,767 are kept"),
            )
        return pa.array(translate, pa.int16()).take(values.indices)

    def _reasons(self, column: Column, values: pa.ListArray) -> Iterator[tuple[str, pa.Array]]:
        count = pc.list_value_length(values)
        yield f"{column.place}n", count.cast(pa.int16())
        length = pc.fill_null(count, 0).to_numpy(zero_copy_only=False)
        flat = values.flatten()
        start = np.r_[0, np.cumsum(length)[:-1]] if len(length) else length
        feature = self._codes(column.name, flat.field("feature").dictionary_encode())
        for k in range(TOP_REASONS):
            taken = pa.array(start + k, mask=length <= k)
            yield f"{column.place}f{k}", feature.take(taken)
            yield f"{column.place}v{k}", flat.field("value").take(taken)
            yield f"{column.place}s{k}", flat.field("contribution").take(taken)

    def read(self, column: Column, stored: Sequence[Any]) -> pa.Array:
        """Return the logical values of a column from what is stored of it, in the order of :meth:`Column.physical`."""
        if column.kind == "word":
            words = pa.array(self.words[column.name], pa.string())
            return pa.DictionaryArray.from_arrays(stored[0].cast(pa.int16()), words)
        if column.kind != "reasons":
            return stored[0]
        length = pc.fill_null(stored[0], 0).to_numpy(zero_copy_only=False).astype(np.int64)
        rows, places = np.nonzero(np.arange(TOP_REASONS) < length[:, None])
        taken = pa.array(places * len(length) + rows)
        names = pa.array(self.words[column.name], pa.string())
        feature, value, size = (
            pa.concat_arrays(stored[1 + part * TOP_REASONS : 1 + (part + 1) * TOP_REASONS]).take(taken)
            for part in range(3)
        )
        entries = pa.StructArray.from_arrays(
            [names.take(feature), value, size], fields=list(REASONS.value_type)
        )
        offsets = pa.array(np.r_[0, np.cumsum(length)].astype(np.int32))
        return pa.ListArray.from_arrays(offsets, entries, type=REASONS, mask=pc.is_null(stored[0]))

    def read_one(self, column: Column, stored: Sequence[Any]) -> Any:
        """Return what :meth:`read` returns for a single profile, as a plain value: arrays of one row each cost more than the query."""
        first = stored[0]
        if first is None or column.kind not in {"word", "reasons"}:
            return first
        words = self.words[column.name]
        if column.kind == "word":
            return words[first]
        feature, value, size = (
            stored[1 + part * TOP_REASONS : 1 + (part + 1) * TOP_REASONS] for part in range(3)
        )
        return [
            {"feature": words[feature[k]], "value": value[k], "contribution": size[k]} for k in range(first)
        ]

    def kind(self, column: Column) -> pa.DataType:
        """Return the type of :meth:`read`."""
        kinds = {
            "word": pa.dictionary(pa.int16(), pa.string()),
            "number": pa.float64(),
            "text": pa.string(),
            "boolean": pa.bool_(),
            "reasons": REASONS,
        }
        return kinds[column.kind]


def table_of(run: Manifest, kind: str, group: int) -> str:
    """Return the name of a table of a run: ``g`` holds everybody, ``s`` a sample."""
    number, edition = run.rows_in
    return f"r{number}e{edition}_{kind}{group}" if edition else f"r{number}_{kind}{group}"


def _kind(part: str) -> Kind:
    return "reasons" if part == "reasons" else "word" if part in _WORDS else "number"

"""JSON files, staged as Parquet: one column of text for each value that the mapping names, whatever lines it stands in."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from tagcast.features.core.errors import DataError
from tagcast.features.core.messages import msg
from tagcast.features.ingest.readers.nested.column_problems import ColumnProblem, absent, no_plain_value
from tagcast.features.ingest.readers.nested.json_documents import documents
from tagcast.features.ingest.readers.nested.json_lists import LINE, Unnesting, line_digest
from tagcast.features.ingest.readers.nested.json_values import MOST_NAMES, as_words, getter, keys_at, shape_of
from tagcast.features.ingest.readers.nested.value_paths import path_in, path_text, spelt_as

if TYPE_CHECKING:
    import pyarrow as pa

CHUNK_ROWS = 50_000
LINE_DIGEST = "__line"


@dataclass(frozen=True)
class StagedJson:
    """What was staged of JSON files.

    Parameters
    ----------
    columns : dict of str to str
        Name or path, as the files spell it, to the column of the Parquet file.
    names : frozenset of str
        All that stands at the top of any object.
    problems : dict of str to ColumnProblem
        Why a wanted path is not among the columns.
    """

    columns: dict[str, str]
    names: frozenset[str]
    problems: dict[str, ColumnProblem]


@dataclass(frozen=True)
class _Slot:
    """A column that is to be filled: how the mapping asks for it, what it is called, and where its values stand."""

    asked: str
    name: str
    keys: tuple[str, ...]


class JsonStage:
    """Stages JSON files.

    Parameters
    ----------
    files : sequence of Path
    target : Path
        The Parquet file to write.
    where : str
        Names the place in errors.
    encoding : str or None
    unnest : str, optional
        Path of a list, of which each element is a line.
    beside : mapping of str to mapping
        By file, what its folders say of its lines.
    """

    def __init__(
        self,
        files: Sequence[Path],
        target: Path,
        where: str,
        encoding: str | None,
        *,
        unnest: str | None = None,
        beside: Mapping[str, Mapping[str, str | None]] = MappingProxyType({}),
    ) -> None:
        self._files, self._target, self._where, self._encoding = files, target, where, encoding
        self._unnest = Unnesting(unnest, where) if unnest is not None else None
        self._beside = beside

    def stage(self, needed: Collection[str], *, whole: bool) -> StagedJson:
        """Write the values that ``needed`` names, and with ``whole`` a digest of each object.

        A name at the top of the objects wins over the path that is written alike. A name that is there in other
        letters only is staged as it is spelt there.

        Raises
        ------
        DataError
            When a line is no JSON object, or when what is named is no plain value; naming file and line.
        """
        slots = [slot for name in sorted(needed) for slot in _slots(name)]
        names_of, filled = self._write(slots, whole=whole)
        names = frozenset().union(*names_of.values())
        chosen: dict[str, str] = {}
        problems: dict[str, ColumnProblem] = {}
        respelt: list[_Slot] = []
        for n, slot in enumerate(slots):
            if slot.asked in chosen or slot.name in chosen:
                continue
            if slot in filled or (len(slot.keys) == 1 and slot.keys[0] in names):
                chosen[slot.name] = f"c{n}"
                self._one_spelling(slot.keys[0], names_of)
            elif path_in(slot.asked) in {None, slot.keys}:
                keys = self._spelt(slot.keys, names)
                if isinstance(keys, ColumnProblem):
                    problems[slot.name.lower()] = keys
                elif keys == slot.keys:
                    chosen[slot.name] = f"c{n}"
                elif keys is not None:
                    respelt.append(_Slot(path_text(keys), path_text(keys), keys))
        if respelt:
            # Once more, rarely: what SQL calls the same name is another one in JSON.
            first = len(slots)
            self._write([*slots, *respelt], whole=whole)
            chosen |= {slot.name: f"c{first + n}" for n, slot in enumerate(respelt)}
        return StagedJson(chosen, names, problems)

    def _one_spelling(self, name: str, names_of: dict[Path, set[str]]) -> None:
        """A name that one file spells in other letters would be unknown on all of its lines."""
        for file, names in names_of.items():
            other = None if name in names else spelt_as(name, names)
            if other is not None:
                raise DataError(
                    msg("{where}: there is no {name!r} in {file}, but {other!r}", where=self._where, name=name,
                        file=file.name, other=other),
                    hint=msg("rename it in the file, or make a source of its own of such files"),
                )  # fmt: skip

    def _spelt(self, keys: tuple[str, ...], names: frozenset[str]) -> tuple[str, ...] | ColumnProblem | None:
        """Return ``keys`` as the files spell them, or why they lead nowhere; None where the first does."""
        spelt: tuple[str, ...] = ()
        there: Collection[str] = names
        for key in keys:
            found = spelt_as(key, there)
            if found is None:
                return absent(keys, spelt, there) if spelt else None
            spelt = (*spelt, found)
            if len(spelt) < len(keys):
                there = self._names_at(spelt)
        return spelt

    def _names_at(self, keys: tuple[str, ...]) -> frozenset[str]:
        names: set[str] = set()
        for file in self._files:
            for _, document in self._documents(file):
                names.update(keys_at(document, keys) or ())
                if len(names) > MOST_NAMES:
                    break
        return frozenset(names)

    def _documents(self, file: Path, *, whole: bool = False) -> Iterator[tuple[int, dict[str, Any]]]:
        """Return the lines of a file, with what its folders say of them, and unnested."""
        found = documents(file, self._where, self._encoding)
        beside = self._beside.get(str(file))
        if beside:
            found = ((number, {**document, **beside}) for number, document in found)
        return found if self._unnest is None else self._unnest.lines(found, file, whole=whole)

    def _write(self, slots: Sequence[_Slot], *, whole: bool) -> tuple[dict[Path, set[str]], set[_Slot]]:
        """Write every object's values; return the names at the top of each file's, and the slots that hold anything."""
        import pyarrow as pa
        import pyarrow.parquet as pq

        schema = pa.schema([(f"c{n}", pa.string()) for n in range(len(slots))] + [(LINE_DIGEST, pa.string())])
        names_of: dict[Path, set[str]] = {file: set() for file in self._files}
        filled: set[_Slot] = set()
        rows = 0
        with pq.ParquetWriter(self._target, schema) as writer:
            for file in self._files:
                for lines, values, digests in _chunks(
                    self._documents(file, whole=whole), slots, names_of[file], whole=whole
                ):
                    arrays = []
                    for slot, column in zip(slots, values, strict=True):
                        array = self._array(column, slot, slots, file, lines)
                        if array.null_count < len(array):
                            filled.add(slot)
                        arrays.append(array)
                    arrays.append(pa.array(digests, pa.string()))
                    writer.write_batch(pa.RecordBatch.from_arrays(arrays, schema=schema))
                    rows += len(lines)
        if not rows and self._unnest is not None and not self._unnest.lists:
            raise self._unnest.absent()
        if not rows:
            raise DataError(
                msg("{where}: {path} is empty: no rows", where=self._where, path=self._files[0]),
                hint=msg("bring data, or correct path"),
            )
        return names_of, filled

    def _array(
        self, values: list[Any], slot: _Slot, slots: Sequence[_Slot], file: Path, lines: list[int]
    ) -> pa.Array:
        import pyarrow as pa

        try:
            return pa.array(values, pa.string())
        except (pa.ArrowException, TypeError, ValueError):
            # Few chunks hold anything but texts: yes or no, objects, halves of letters.
            pass
        goes_on = any(other.keys[: len(slot.keys)] == slot.keys != other.keys for other in slots)
        words: list[str | None] = []
        for value, line in zip(values, lines, strict=True):
            try:
                words.append(as_words(value))
            except TypeError as error:
                if goes_on and shape_of(value) == "object":
                    words.append(None)
                    continue
                problem = no_plain_value(
                    slot.name,
                    shape_of(value),
                    keys_at(value, ()) or (),
                    differs=True,
                    at=_list_in(slot, value),
                )
                raise DataError(
                    msg("{where}: {file}, line {line}: {problem}", where=self._where, file=file.name, line=line,
                        problem=problem.text),
                    hint=problem.hint,
                ) from error  # fmt: skip
        return pa.array(words, pa.string())


def _list_in(slot: _Slot, value: Any) -> str:
    """Return the path of the list that a path has ended in: the one before the first name that its elements have."""
    elements = [one for one in value if isinstance(one, dict)] if isinstance(value, list) else []
    for n, key in enumerate(slot.keys[1:], start=1):
        if key.isdigit() or any(key in element for element in elements):
            return path_text(slot.keys[:n])
    return slot.name


def _slots(name: str) -> list[_Slot]:
    keys = path_in(name)
    return [_Slot(name, name, (name,)), *([_Slot(name, path_text(keys), keys)] if keys else [])]


def _chunks(
    lines: Iterator[tuple[int, dict[str, Any]]], slots: Sequence[_Slot], names: set[str], *, whole: bool
) -> Iterator[tuple[list[int], list[list[Any]], list[str | None]]]:
    """Yield line numbers, the values of each slot, and digests, of so many objects at a time."""
    getters = [getter(slot.keys) for slot in slots]
    numbers: list[int] = []
    columns: list[list[Any]] = [[] for _ in slots]
    digests: list[str | None] = []
    fill = list(zip([column.append for column in columns], getters, strict=True))
    for number, document in lines:
        numbers.append(number)
        for append, get in fill:
            append(get(document))
        if len(names) < MOST_NAMES:
            names.update(document)
            names.discard(LINE)
        digests.append(line_digest(document) if whole else None)
        if len(numbers) == CHUNK_ROWS:
            yield numbers, columns, digests
            numbers.clear()
            digests.clear()
            for column in columns:
                column.clear()
    if numbers:
        yield numbers, columns, digests
